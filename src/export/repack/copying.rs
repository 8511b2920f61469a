//! Copies tiles on all workers, in an order in which archives can write them immediately. Each tile
//! is checked before it is written.

use super::arrangement::Move;
use crate::engine::ordered_executor::Scheduler;
use crate::engine::progress::{Progress, TileWritten};
use crate::error::Error;
use crate::export::verify::{Depth, Inspection, Problem};
use crate::key::Digest;
use crate::key::EntryName;
use crate::sink::{Role, Sink};

/// The maximum number of tiles in flight: enough for some thirty workers, and few enough to hold in
/// memory.
const MAX_IN_FLIGHT: usize = 64;

/// Issues the tiles to copy and collects their digests.
#[derive(Debug)]
pub(crate) struct Copying {
    files: usize,
    issued: usize,
    /// The digests and lengths of the files copied so far, in order.
    copied: Vec<(Digest, u64)>,
    damage: Option<Problem>,
}

impl Copying {
    pub fn new(files: usize) -> Self {
        Self { files, issued: 0, copied: Vec::with_capacity(files), damage: None }
    }

    /// Returns the digest and the length of each file, or the first damage.
    pub fn into_copied(self) -> Result<Vec<(Digest, u64)>, Problem> {
        self.damage.map_or(Ok(self.copied), Err)
    }
}

impl Scheduler for Copying {
    type Job = usize;
    type Outcome = Result<(Digest, u64), Problem>;

    fn issue(&mut self) -> Result<Option<usize>, Error> {
        let in_flight = self.issued - self.copied.len();
        if self.issued == self.files || self.damage.is_some() || in_flight == MAX_IN_FLIGHT {
            return Ok(None);
        }
        self.issued += 1;
        Ok(Some(self.issued - 1))
    }

    fn take(&mut self, outcome: Self::Outcome) -> Result<(), Error> {
        match outcome {
            Ok(copied) => self.copied.push(copied),
            Err(damage) => {
                self.damage.get_or_insert(damage);
            }
        }
        Ok(())
    }
}

/// Checks and copies one tile. The inner error is damage of the tile.
pub(crate) fn copy(
    inspection: &Inspection,
    Move { from, to, pixels }: &Move,
    number: usize,
    sink: &dyn Sink,
    progress: &dyn Progress,
) -> Result<Result<(Digest, u64), Problem>, Error> {
    if progress.stop_requested() {
        return Err(Error::Interrupted);
    }
    let contents = match inspection.read_tile(from) {
        Ok(contents) => contents,
        Err(error) => return Ok(Err(Problem::unreadable(from, &error))),
    };
    let digest = match inspection.check_contents(from, &contents, Depth::Full) {
        Ok(digest) => digest.unwrap_or_else(|| Digest::of(&contents)),
        Err(damage) => return Ok(Err(damage)),
    };
    sink.write(&EntryName::new(to.clone())?, Role::Tile, number as u64, &contents)?;
    let bytes = contents.len() as u64;
    if let &Some(pixels) = pixels {
        progress.tile_written(TileWritten { pixels, bytes });
    }
    Ok(Ok((digest, bytes)))
}
