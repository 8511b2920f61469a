//! Reports the progress of an export and lets it be stopped.

use std::sync::atomic::{AtomicBool, Ordering};

/// The total work of an export.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Workload {
    /// Tiles of all levels.
    pub tiles: u64,
    /// Pixels of all levels, without overlap.
    pub pixels: u64,
}

/// A tile that was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct TileWritten {
    /// Its pixels, without overlap.
    pub pixels: u64,
    /// The size of its file in bytes.
    pub bytes: u64,
}

/// Receives the progress of an export. Methods are called for every tile, from many threads at
/// once, and must not block.
pub trait Progress: Sync {
    /// The export begins.
    fn started(&self, _workload: Workload) {}

    /// The export resumes one that had written this number of tiles.
    fn resumed(&self, _tiles: u64) {}

    /// A tile was written.
    fn tile_written(&self, _tile: TileWritten) {}

    /// Blank tiles were skipped, with this number of pixels without overlap.
    fn tiles_skipped(&self, _tiles: u64, _pixels: u64) {}

    /// All files are written and are about to be synced and published.
    fn committing(&self) {}

    /// Whether the export should stop. Called before every read and every tile.
    fn stop_requested(&self) -> bool {
        false
    }
}

/// Ignores progress and never stops the export.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoProgress;

impl Progress for NoProgress {}

/// A flag that stops the export when set, for example by a signal handler.
impl Progress for AtomicBool {
    fn stop_requested(&self) -> bool {
        self.load(Ordering::Relaxed)
    }
}
