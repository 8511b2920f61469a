//! Runs the [schedule](crate::schedule) with pixels: hands out its steps with the blocks that they
//! use, takes the results, and keeps a checkpoint at its pauses.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use super::checkpoint::{SavedState, SkippedTiles};
use super::digests::TileDigests;
use super::identity::RunIdentity;
use super::level_assembler::{Block, Content, LevelAssembler};
use super::ordered_executor::Scheduler;
use crate::error::Error;
use crate::geometry::Rect;
use crate::key::Digest;
use crate::pyramid::{Level, PyramidPlan, TileAddress};
use crate::schedule::{Reduction, Schedule, Step};
use crate::sink::{Checkpoint, Resume, WriteState};

pub(crate) enum Job {
    /// Read a chunk of the full size.
    Read { place: (u32, u32), rect: Rect },
    /// Write a native tile of the full size as it is, and reduce it.
    Native { entry: u64, tile: TileAddress, reduction: Option<Reduction> },
    /// Assemble a tile; write it if it has an entry number; reduce its core or a part of it.
    Tile {
        entry: Option<u64>,
        tile: TileAddress,
        reduction: Option<Reduction>,
        blocks: Vec<Arc<Block>>,
    },
}

/// The result of writing a tile.
pub(crate) enum TileResult {
    Written(Digest),
    /// The tile is blank and was not written.
    Skipped,
}

/// A block and its place in its level.
pub(crate) struct PlacedBlock {
    pub level: Level,
    pub place: (u32, u32),
    pub block: Block,
}

impl PlacedBlock {
    /// The block that results from reducing a tile, in the next smaller level.
    pub fn reduced(
        tile: TileAddress,
        reduction: Option<Reduction>,
        content: Option<Content>,
    ) -> Result<Option<Self>, Error> {
        let (Some(reduction), Some(content), Some(level)) =
            (reduction, content, tile.level().smaller())
        else {
            return Ok(None);
        };
        let Reduction { target: rect, block: place, .. } = reduction;
        if let Content::Pixels(pixels) = &content
            && pixels.size() != rect.size()
        {
            let message =
                format!("tile {tile} was reduced to {} pixels instead of {rect}", pixels.size());
            return Err(Error::Defect { message });
        }
        Ok(Some(Self { level, place, block: Block { rect, content } }))
    }
}

/// The result of a job.
#[derive(Default)]
pub(crate) struct Outcome {
    pub unreadable: Vec<Rect>,
    pub tile: Option<(TileAddress, TileResult)>,
    pub block: Option<PlacedBlock>,
}

/// Issues the jobs of an export and collects their results.
pub(crate) struct ExportScheduler<'a> {
    pub pyramid: &'a PyramidPlan,
    pub schedule: Schedule<'a>,
    /// Smallest level first.
    pub assemblers: Vec<LevelAssembler>,
    /// The digests of the tiles written so far.
    pub digests: TileDigests,
    pub unreadable: Vec<Rect>,
    pub files_written: u64,
    pub skipped: SkippedTiles,
    pub checkpoints: Checkpoints<'a>,
}

/// What a checkpoint needs beyond the state of the scheduler.
pub(crate) struct Checkpoints<'a> {
    /// `None` if the sink keeps none.
    pub sink: Option<&'a dyn Resume>,
    pub identity: Arc<RunIdentity>,
    pub tile_bytes: &'a AtomicU64,
    pub any_opaque: &'a AtomicBool,
}

impl ExportScheduler<'_> {
    /// Hands the state to the sink. Nothing is in flight.
    fn keep_checkpoint(&self) -> Result<(), Error> {
        let Some(sink) = self.checkpoints.sink else { return Ok(()) };
        let entries = self.schedule.entries();
        let state = SavedState {
            identity: Arc::clone(&self.checkpoints.identity),
            chunks: self.schedule.chunks_read(),
            entries,
            written: self.files_written,
            tile_bytes: self.checkpoints.tile_bytes.load(Ordering::Relaxed),
            skipped: self.skipped,
            any_opaque: self.checkpoints.any_opaque.load(Ordering::Relaxed),
            unreadable: self.unreadable.clone(),
            digests: self.digests.clone(),
            blocks: self.assemblers.iter().map(LevelAssembler::saved).collect(),
        };
        let bytes = state.bytes();
        // Assumes that the remaining tiles are as large as those written.
        let remaining_tiles = u128::from(self.pyramid.tile_count() - entries);
        let remaining_bytes =
            u128::from(state.tile_bytes) * remaining_tiles / u128::from(entries.max(1));
        let remaining_bytes = u64::try_from(remaining_bytes).unwrap_or(u64::MAX);
        let files = self.files_written;
        let state: WriteState = Box::new(move |file| state.write(file));
        Ok(sink.checkpoint(Checkpoint { entries, files, bytes, remaining_bytes, state })?)
    }
}

impl Scheduler for ExportScheduler<'_> {
    type Job = Job;
    type Outcome = Outcome;

    fn issue(&mut self) -> Result<Option<Job>, Error> {
        loop {
            return Ok(Some(match self.schedule.issue()? {
                None => return Ok(None),
                Some(Step::Pause) => {
                    self.keep_checkpoint()?;
                    continue;
                }
                Some(Step::Read { place, rect }) => Job::Read { place, rect },
                Some(Step::Native { entry, tile, reduction }) => {
                    Job::Native { entry, tile, reduction }
                }
                Some(Step::Tile { entry, tile, reduction, blocks }) => {
                    let blocks = self.assemblers[self.pyramid.place(tile.level())].take(&blocks);
                    Job::Tile { entry, tile, reduction, blocks }
                }
            }));
        }
    }

    fn take(&mut self, Outcome { unreadable, tile, block }: Outcome) -> Result<(), Error> {
        self.unreadable.extend(unreadable);
        match tile {
            Some((tile, TileResult::Written(digest))) => {
                self.files_written += 1;
                self.digests.set(self.pyramid.ordinal(tile), digest);
            }
            Some((tile, TileResult::Skipped)) => {
                self.skipped.add(self.pyramid.region(tile).core.size().area());
            }
            None => {}
        }
        if let Some(PlacedBlock { level, place, block }) = block {
            self.assemblers[self.pyramid.place(level)].insert(place, block);
        }
        self.schedule.finish()
    }
}
