//! Copies tiles on all workers, each checked before it is handed on, and in an order that one-file
//! containers can write at once.

use super::arrangement::Move;
use crate::engine::ordered_executor::Scheduler;
use crate::engine::progress::{Progress, TileWritten};
use crate::error::Error;
use crate::export::verify::{Depth, Inspection, Problem};
use crate::key::Digest;
use crate::key::EntryName;
use crate::sink::{Role, Sink};

/// So many files may be under way: enough for some thirty workers, and few enough to be kept in
/// memory.
const UNDER_WAY_AT_MOST: usize = 64;

/// How far the copying has come.
#[derive(Debug)]
pub(crate) struct Copying {
    files: usize,
    issued: usize,
    /// Of those that are copied, in order.
    copied: Vec<(Digest, u64)>,
    damage: Option<Problem>,
}

impl Copying {
    pub fn new(files: usize) -> Self {
        Self { files, issued: 0, copied: Vec::with_capacity(files), damage: None }
    }

    /// Each file's digest and length, or the first damage that was met.
    pub fn into_copied(self) -> Result<Vec<(Digest, u64)>, Problem> {
        self.damage.map_or(Ok(self.copied), Err)
    }
}

impl Scheduler for Copying {
    type Job = usize;
    type Outcome = Result<(Digest, u64), Problem>;

    fn issue(&mut self) -> Result<Option<usize>, Error> {
        let under_way = self.issued - self.copied.len();
        if self.issued == self.files || self.damage.is_some() || under_way == UNDER_WAY_AT_MOST {
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

/// Copies one tile, into a folder of its own where it has one; the inner error is what is wrong
/// with it.
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
        Err(error) => {
            return Ok(Err(Problem::Unreadable { name: from.clone(), message: error.to_string() }));
        }
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
