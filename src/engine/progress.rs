//! How an export tells what it is doing, and is told to stop.

use std::sync::atomic::{AtomicBool, Ordering};

/// What an export is about to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Workload {
    /// Tiles in all levels.
    pub tiles: u64,
    /// Pixels in all levels, without overlaps.
    pub pixels: u64,
}

/// One tile that was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TileWritten {
    /// Its pixels, without overlap.
    pub pixels: u64,
    /// The size of its file in bytes.
    pub bytes: u64,
}

/// Watches an export. Called from many threads at once, for every tile: an implementation is quick and never blocks.
pub trait Progress: Sync {
    /// The work begins.
    fn started(&self, _workload: Workload) {}

    /// So many of the tiles were written by an earlier run, which this one goes on from.
    fn resumed(&self, _tiles: u64) {}

    /// A tile was written.
    fn tile_written(&self, _tile: TileWritten) {}

    /// So many blank tiles with so many pixels, without overlap, were left out.
    fn tiles_skipped(&self, _tiles: u64, _pixels: u64) {}

    /// All tiles are written; what remains is to bring them to the disk and publish them.
    fn committing(&self) {}

    /// Whether the export shall end now. Asked before every read and every tile.
    fn stop_requested(&self) -> bool {
        false
    }
}

/// Watches nothing and never stops.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoProgress;

impl Progress for NoProgress {}

/// A flag that says stop, such as a signal handler sets.
impl Progress for AtomicBool {
    fn stop_requested(&self) -> bool {
        self.load(Ordering::Relaxed)
    }
}
