//! What is to be done next: which chunk is read, which tile has all of its pieces, and what has come of those before.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use super::checkpoint::{LeftOut, PIXEL_BYTES_A_BYTE, SavedState};
use super::digests::TileDigests;
use super::identity::Identity;
use super::level_assembler::{Block, Content, LevelAssembler, Reduction, Task};
use crate::engine::ordered_executor::Scheduler;
use crate::error::Error;
use crate::geometry::Rect;
use crate::key::Digest;
use crate::pixels::PIXEL_BYTES;
use crate::plan::BaseTiles;
use crate::pyramid::{Level, PyramidPlan, TileAddress};
use crate::sink::{Checkpoint, Sink, WriteState};

pub(crate) enum Job {
    /// Reads a chunk of the full size.
    Read { column: u32, row: u32, rect: Rect },
    /// Writes a tile of the full size as it is stored, and reduces it.
    Stored { entry: u64, tile: TileAddress, reduction: Option<Reduction> },
    /// Writes a tile where it has an entry number, and reduces it or a part of it.
    Tile { entry: Option<u64>, tile: TileAddress, reduction: Option<Reduction>, pieces: Vec<Arc<Block>> },
}

/// What became of a tile.
pub(crate) enum Written {
    File(Digest),
    /// It was blank.
    LeftOut,
}

/// A piece, and the column and row of pieces that it is of its level.
pub(crate) struct Placed {
    pub level: Level,
    pub place: (u32, u32),
    pub piece: Block,
}

pub(crate) struct Outcome {
    pub was_read: bool,
    pub unreadable: Vec<Rect>,
    pub written: Option<(TileAddress, Written)>,
    pub piece: Option<Placed>,
}

/// What is to be read and rendered next, told from what has come.
pub(crate) struct ExportScheduler<'a, Chunks> {
    pub plan: &'a PyramidPlan,
    pub base_tiles: BaseTiles,
    /// Of the tiles that are written, by ordinal.
    pub digests: TileDigests,
    pub unreadable: Vec<Rect>,
    /// By level, smallest first.
    pub mosaics: Vec<LevelAssembler>,
    pub chunks: Chunks,
    pub read_ahead: usize,
    pub reads_under_way: usize,
    pub ready: VecDeque<Job>,
    pub entries_issued: u64,
    pub files_written: u64,
    pub left_out: LeftOut,
    pub jobs_under_way: usize,
    pub checkpoints: Checkpoints<'a>,
}

/// When the state is kept, and where.
pub(crate) struct Checkpoints<'a> {
    pub sink: &'a dyn Sink,
    pub identity: Arc<Identity>,
    pub tile_bytes: &'a AtomicU64,
    pub something_seen: &'a AtomicBool,
    /// Chunks that were read, in all runs.
    pub chunks: u64,
    /// Bytes of pixels that were read since the last one.
    pub read_since: u64,
    /// What was held when that was reckoned last.
    pub held: u64,
    /// Whether nothing more is read until all that is under way has ended.
    pub is_due: bool,
}

/// What is held is reckoned up not after each chunk, but after so many.
const CHUNKS_BETWEEN: u64 = 64;

impl<Chunks> ExportScheduler<'_, Chunks> {
    fn tile(&self, level: Level, column: u32, row: u32) -> Result<TileAddress, Error> {
        self.plan.tile(level, column, row).ok_or_else(|| Error::Defect {
            message: format!("a tile at column {column}, row {row} of level {level}, which is outside its grid"),
        })
    }

    fn next_entry(&mut self) -> u64 {
        self.entries_issued += 1;
        self.entries_issued - 1
    }

    /// Whether a checkpoint is due before the next chunk is read.
    fn checkpoint_is_due(&mut self) -> bool {
        let kept = &mut self.checkpoints;
        let too_early = kept.read_since < PIXEL_BYTES_A_BYTE * kept.held / 2;
        if !kept.is_due && kept.chunks.is_multiple_of(CHUNKS_BETWEEN) && !too_early {
            let pixels: u64 = self.mosaics.iter().map(LevelAssembler::saved_bytes).sum();
            kept.held = pixels + 32 * self.digests.len() as u64;
            kept.is_due = kept.read_since > PIXEL_BYTES_A_BYTE * kept.held;
        }
        kept.is_due
    }

    /// Hands the state to the sink. Nothing is under way.
    fn keep_checkpoint(&mut self) -> Result<(), Error> {
        let kept = &mut self.checkpoints;
        let state = SavedState {
            identity: Arc::clone(&kept.identity),
            chunks: kept.chunks,
            entries: self.entries_issued,
            written: self.files_written,
            tile_bytes: kept.tile_bytes.load(Ordering::Relaxed),
            left_out: self.left_out,
            something_seen: kept.something_seen.load(Ordering::Relaxed),
            unreadable: self.unreadable.clone(),
            digests: self.digests.clone(),
            mosaics: self.mosaics.iter().map(LevelAssembler::saved).collect(),
        };
        // As a run begins that goes on from here: whether it does so or not, the next checkpoint comes at the same chunk, since it has a
        // part in the order of the entries.
        kept.read_since = 0;
        kept.held = 0;
        kept.is_due = false;
        let bytes = state.bytes();
        // As if the tiles that are to come were as those that have been.
        let to_come = self.plan.tile_count() - self.entries_issued;
        let to_come = u128::from(state.tile_bytes) * u128::from(to_come) / u128::from(self.entries_issued.max(1));
        let to_come = u64::try_from(to_come).unwrap_or(u64::MAX);
        let state: WriteState = Box::new(move |file| state.write(file));
        Ok(kept.sink.checkpoint(Checkpoint {
            entries: self.entries_issued,
            files: self.files_written,
            bytes,
            to_come,
            state,
        })?)
    }

    fn insert(&mut self, Placed { level, place, piece }: Placed) -> Result<(), Error> {
        let level_assembler = &mut self.mosaics[self.plan.place(level)];
        for Task { column, row, writes, reduction, pieces } in level_assembler.insert(place.0, place.1, piece) {
            let tile = self.tile(level, column, row)?;
            let entry = writes.then(|| self.next_entry());
            if entry.is_some() || reduction.is_some() {
                self.ready.push_back(Job::Tile { entry, tile, reduction, pieces });
            }
        }
        Ok(())
    }
}

impl<Chunks: Iterator<Item = (u32, u32)>> Scheduler for ExportScheduler<'_, Chunks> {
    type Job = Job;
    type Outcome = Outcome;

    fn issue(&mut self) -> Result<Option<Job>, Error> {
        // Tiles first: they set memory free, reads take it.
        if let Some(job) = self.ready.pop_front() {
            self.jobs_under_way += 1;
            return Ok(Some(job));
        }
        if self.reads_under_way == self.read_ahead {
            return Ok(None);
        }
        if self.checkpoint_is_due() {
            if self.jobs_under_way > 0 {
                return Ok(None);
            }
            self.keep_checkpoint()?;
        }
        let Some((column, row)) = self.chunks.next() else { return Ok(None) };
        self.reads_under_way += 1;
        self.jobs_under_way += 1;
        let level = self.plan.max_level();
        let level_assembler = &self.mosaics[self.plan.place(level)];
        let pixels = level_assembler.piece_rect(column, row).map_or(0, |rect| rect.size().area());
        self.checkpoints.chunks += 1;
        self.checkpoints.read_since += pixels * PIXEL_BYTES as u64;
        match self.base_tiles {
            BaseTiles::Lossless => {
                let tile = self.tile(level, column, row)?;
                let reduction = level_assembler.task(column, row).reduction;
                Ok(Some(Job::Stored { entry: self.next_entry(), tile, reduction }))
            }
            BaseTiles::Encoded => {
                let rect = level_assembler.piece_rect(column, row).ok_or_else(|| Error::Defect {
                    message: format!("an empty chunk at column {column}, row {row}"),
                })?;
                Ok(Some(Job::Read { column, row, rect }))
            }
        }
    }

    fn take(&mut self, Outcome { was_read, unreadable, written, piece }: Outcome) -> Result<(), Error> {
        self.reads_under_way -= usize::from(was_read);
        self.jobs_under_way -= 1;
        self.unreadable.extend(unreadable);
        match written {
            Some((tile, Written::File(digest))) => {
                self.files_written += 1;
                self.digests.set(self.plan.ordinal(tile), digest);
            }
            Some((tile, Written::LeftOut)) => self.left_out.count(self.plan.region(tile).core.size().area()),
            None => {}
        }
        piece.map_or(Ok(()), |piece| self.insert(piece))
    }
}

/// Where the reduction of a tile belongs: one level below it.
pub(crate) fn place(
    tile: TileAddress,
    reduction: Option<Reduction>,
    halved: Option<Content>,
) -> Result<Option<Placed>, Error> {
    let (Some(reduction), Some(content), Some(level)) = (reduction, halved, tile.level().smaller()) else {
        return Ok(None);
    };
    let Reduction { target: rect, piece: place, .. } = reduction;
    if let Content::Pixels(pixels) = &content
        && pixels.size() != rect.size()
    {
        let message = format!("tile {tile} was halved to {} pixels, and {rect} were planned", pixels.size());
        return Err(Error::Defect { message });
    }
    Ok(Some(Placed { level, place, piece: Block { rect, content } }))
}
