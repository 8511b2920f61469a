//! The steps of an export in order: reads, tiles, and pauses.
//!
//! A step is started when it is issued and has its effect when it is finished; steps finish in the
//! order in which they were issued. Each pause falls where nothing is in flight, so that an export
//! can be resumed there. All of it follows from the plan alone: a resumed export replays the steps
//! up to its pause without doing them, and then goes on as if it had never stopped.

use std::collections::VecDeque;

use super::axes::Reduction;
use super::level_tasks::{BlockUse, LevelTasks, Task};
use super::read_order::ReadOrder;
use crate::error::Error;
use crate::geometry::Rect;
use crate::key::Digest;
use crate::pixels::PIXEL_BYTES;
use crate::plan::BaseTiles;
use crate::pyramid::{Level, PyramidPlan, TileAddress};

/// The number of bytes of pixels that are read for each byte that a checkpoint keeps. Reading and
/// encoding take some 3 ns per byte and keeping one takes less than 1 ns, so checkpoints cost well
/// below 1 % of the time.
const READ_BYTES_PER_KEPT_BYTE: u64 = 100;

/// The bytes held are summed up once per this number of chunks.
const CHUNKS_PER_CHECK: u64 = 64;

/// Something to do next.
#[derive(Debug)]
pub(crate) enum Step {
    /// Read a chunk: a block of the full size.
    Read { place: (u32, u32), rect: Rect },
    /// Write a native tile of the full size as it is, and reduce it.
    Native { entry: u64, tile: TileAddress, reduction: Option<Reduction> },
    /// Assemble a tile; write it if it has an entry number; reduce its core or a part of it.
    Tile {
        entry: Option<u64>,
        tile: TileAddress,
        reduction: Option<Reduction>,
        blocks: Vec<BlockUse>,
    },
    /// Nothing is in flight: a checkpoint can be kept.
    Pause,
}

/// A step that was issued and is not finished.
#[derive(Debug)]
struct InFlight {
    is_read: bool,
    /// The block that it makes, with the block's level.
    block: Option<(Level, (u32, u32))>,
}

/// The order of an export, and its progress.
pub(crate) struct Schedule<'a> {
    pyramid: &'a PyramidPlan,
    base_tiles: BaseTiles,
    /// Smallest level first.
    levels: Vec<LevelTasks>,
    chunks: Box<dyn Iterator<Item = (u32, u32)> + Send>,
    read_ahead: usize,
    ready: VecDeque<Step>,
    in_flight: VecDeque<InFlight>,
    reads_in_flight: usize,
    chunks_read: u64,
    entries: u64,
    pauses: Pauses,
}

/// When to pause.
#[derive(Debug, Default)]
struct Pauses {
    /// The bytes of pixels read since the last pause.
    read_bytes: u64,
    /// The bytes held at the last check.
    held_bytes: u64,
    is_due: bool,
    /// Whether the last step was a pause.
    just_paused: bool,
}

impl<'a> Schedule<'a> {
    /// The schedule of an export that reads `pyramid`'s full size in `order`.
    pub fn new(pyramid: &'a PyramidPlan, base_tiles: BaseTiles, order: &ReadOrder) -> Self {
        Self {
            pyramid,
            base_tiles,
            levels: order.level_axes(pyramid).into_iter().map(LevelTasks::new).collect(),
            chunks: Box::new(order.chunks()),
            read_ahead: order.read_ahead(),
            ready: VecDeque::new(),
            in_flight: VecDeque::new(),
            reads_in_flight: 0,
            chunks_read: 0,
            entries: 0,
            pauses: Pauses::default(),
        }
    }

    /// The number of chunks whose reads have been issued.
    pub const fn chunks_read(&self) -> u64 {
        self.chunks_read
    }

    /// The number of entry numbers that have been given to tiles.
    pub const fn entries(&self) -> u64 {
        self.entries
    }

    /// The blocks that are held, for each level, smallest first.
    pub fn levels(&self) -> &[LevelTasks] {
        &self.levels
    }

    /// Whether no block is held and no tile waits for one.
    pub fn is_complete(&self) -> bool {
        self.levels.iter().all(LevelTasks::is_empty)
    }

    /// The next step; `None` if there is none until a step has finished, or at the end.
    pub fn issue(&mut self) -> Result<Option<Step>, Error> {
        // Tiles first: they free memory, and reads take it.
        if let Some(step) = self.ready.pop_front() {
            if let Step::Tile { tile, reduction, .. } = &step {
                self.in_flight
                    .push_back(InFlight { is_read: false, block: block_of(*tile, *reduction) });
            }
            return Ok(Some(step));
        }
        if self.reads_in_flight == self.read_ahead {
            return Ok(None);
        }
        if !std::mem::take(&mut self.pauses.just_paused) && self.pause_is_due() {
            if !self.in_flight.is_empty() {
                return Ok(None);
            }
            self.pauses = Pauses { just_paused: true, ..Pauses::default() };
            return Ok(Some(Step::Pause));
        }
        let Some(place) = self.chunks.next() else { return Ok(None) };
        self.read(place).map(Some)
    }

    /// Finishes the step that was issued first of those in flight.
    pub fn finish(&mut self) -> Result<(), Error> {
        let defect =
            || Error::Defect { message: "a step has finished that was not issued".to_owned() };
        let InFlight { is_read, block } = self.in_flight.pop_front().ok_or_else(defect)?;
        self.reads_in_flight -= usize::from(is_read);
        let Some((level, place)) = block else { return Ok(()) };
        for task in self.levels[self.pyramid.place(level)].insert(place) {
            let Task { column, row, writes, reduction, blocks } = task;
            let tile = self.tile(level, column, row)?;
            let entry = writes.then(|| self.next_entry());
            if entry.is_some() || reduction.is_some() {
                self.ready.push_back(Step::Tile { entry, tile, reduction, blocks });
            }
        }
        Ok(())
    }

    /// Replays the steps up to the pause at which `chunks` chunks have been read. Returns `false`
    /// if the schedule has no such pause.
    pub fn replay(&mut self, chunks: u64) -> Result<bool, Error> {
        while self.chunks_read <= chunks {
            match self.issue()? {
                Some(Step::Pause) if self.chunks_read == chunks => return Ok(true),
                Some(_) => {}
                None if self.in_flight.is_empty() => break,
                None => self.finish()?,
            }
        }
        Ok(false)
    }

    fn read(&mut self, place: (u32, u32)) -> Result<Step, Error> {
        let level = self.pyramid.max_level();
        let tasks = &self.levels[self.pyramid.place(level)];
        let rect = tasks.block_rect(place).ok_or_else(|| Error::Defect {
            message: format!("chunk ({}, {}) is empty", place.0, place.1),
        })?;
        let (step, block) = match self.base_tiles {
            BaseTiles::Encoded => (Step::Read { place, rect }, Some((level, place))),
            BaseTiles::Lossless => {
                let reduction = tasks.reduction(place);
                let tile = self.tile(level, place.0, place.1)?;
                (
                    Step::Native { entry: self.next_entry(), tile, reduction },
                    block_of(tile, reduction),
                )
            }
        };
        self.in_flight.push_back(InFlight { is_read: true, block });
        self.reads_in_flight += 1;
        self.chunks_read += 1;
        self.pauses.read_bytes += rect.size().area() * PIXEL_BYTES as u64;
        Ok(step)
    }

    fn tile(&self, level: Level, column: u32, row: u32) -> Result<TileAddress, Error> {
        self.pyramid.tile(level, column, row).ok_or_else(|| Error::Defect {
            message: format!("tile ({column}, {row}) of level {level} is outside the level's grid"),
        })
    }

    fn next_entry(&mut self) -> u64 {
        self.entries += 1;
        self.entries - 1
    }

    /// Whether a pause is due before the next chunk is read. Blank blocks count as if they had
    /// pixels: otherwise the order would depend on the pixels.
    fn pause_is_due(&mut self) -> bool {
        let pauses = &mut self.pauses;
        let too_early = pauses.read_bytes < READ_BYTES_PER_KEPT_BYTE * pauses.held_bytes / 2;
        if !pauses.is_due && self.chunks_read.is_multiple_of(CHUNKS_PER_CHECK) && !too_early {
            let pixels: u64 = self.levels.iter().map(LevelTasks::held_bytes).sum();
            let digests = size_of::<Digest>() as u64 * self.pyramid.tile_count();
            pauses.held_bytes = pixels + digests;
            pauses.is_due = pauses.read_bytes > READ_BYTES_PER_KEPT_BYTE * pauses.held_bytes;
        }
        pauses.is_due
    }
}

/// The block that results from reducing a tile, with its level.
fn block_of(tile: TileAddress, reduction: Option<Reduction>) -> Option<(Level, (u32, u32))> {
    Some((tile.level().smaller()?, reduction?.block))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geometry::Size;
    use crate::pyramid::TileGeometry;

    fn edges(length: u32, step: u32) -> Vec<u32> {
        (0..length).step_by(step as usize).chain([length]).collect()
    }

    /// What a step does, in a form that can be compared.
    fn describe(step: &Step) -> String {
        match step {
            Step::Tile { entry: Some(entry), tile, .. } | Step::Native { entry, tile, .. } => {
                format!("{entry}: {tile}")
            }
            other => format!("{other:?}"),
        }
    }

    /// All remaining steps.
    fn steps(schedule: &mut Schedule<'_>) -> Vec<String> {
        let mut steps = Vec::new();
        loop {
            match schedule.issue().unwrap() {
                Some(step) => steps.push(describe(&step)),
                None if schedule.in_flight.is_empty() => return steps,
                None => schedule.finish().unwrap(),
            }
        }
    }

    /// Pyramids with one and several stripes, an odd tile size, and a filter with a margin.
    fn cases() -> impl Iterator<Item = (PyramidPlan, ReadOrder)> {
        let sizes = [
            (200, 400_000, 254, 1, 200, vec![], 0),
            (9_000, 9_000, 255, 2, 300, vec![4_200], 6),
            (2_000, 3_000, 256, 0, 256, vec![], 0),
        ];
        sizes.into_iter().map(|(width, height, tile_size, overlap, chunk, stripe_ends, margin)| {
            let geometry = TileGeometry::new(tile_size, overlap).unwrap();
            let pyramid = PyramidPlan::new(Size::new(width, height).unwrap(), geometry);
            (
                pyramid,
                ReadOrder::of_edges(edges(width, chunk), edges(height, chunk), stripe_ends, margin),
            )
        })
    }

    #[test]
    fn numbers_every_tile_once() {
        for (pyramid, order) in cases() {
            for base_tiles in [BaseTiles::Encoded, BaseTiles::Lossless] {
                // Lossless chunks are tiles.
                if base_tiles == BaseTiles::Lossless && pyramid.geometry().tile_size() != 256 {
                    continue;
                }
                let mut schedule = Schedule::new(&pyramid, base_tiles, &order);
                let steps = steps(&mut schedule);
                let mut numbers: Vec<u64> =
                    steps.iter().filter_map(|step| step.split_once(": ")?.0.parse().ok()).collect();
                numbers.sort_unstable();
                assert!(numbers.into_iter().eq(0..pyramid.tile_count()), "{base_tiles:?}");
                assert_eq!(schedule.entries(), pyramid.tile_count());
                assert!(schedule.is_complete());
            }
        }
    }

    #[test]
    fn goes_on_after_a_replay_as_if_never_interrupted() {
        let mut pauses = 0;
        for (pyramid, order) in cases() {
            let new = || Schedule::new(&pyramid, BaseTiles::Encoded, &order);
            let all = steps(&mut new());
            assert_eq!(all, steps(&mut new()));
            let mut chunks = 0;
            for (number, step) in all.iter().enumerate() {
                chunks += u64::from(step.starts_with("Read"));
                if step == "Pause" {
                    pauses += 1;
                    let mut resumed = new();
                    assert!(resumed.replay(chunks).unwrap());
                    assert_eq!(steps(&mut resumed), all[number + 1..]);
                    assert!(
                        !new().replay(chunks + 1).unwrap(),
                        "there is no pause after {} chunks",
                        chunks + 1
                    );
                }
            }
        }
        assert!(pauses > 0);
    }
}
