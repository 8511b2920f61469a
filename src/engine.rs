//! The engine: turns a [`Source`](crate::source::Source) and an
//! [`ExportPlan`](crate::plan::ExportPlan) into an export in a [`Sink`](crate::sink::Sink).
//!
//! 1. The source is read in *chunks*, whole native tiles if the slide has them, each pixel once, in
//!    the order of the [schedule](crate::schedule), which keeps little of the slide in memory.
//! 2. The `level_assembler` of each level holds the blocks that have arrived and are still needed.
//!    The schedule tells which tiles are complete.
//! 3. A worker (`worker`) assembles a tile from its blocks, encodes it, hands it to the sink, and
//!    downsamples its core 2×2. The result is a block of the next smaller level: back to 2, down to
//!    1×1.
//!
//! A lossless tile replaces steps 1 to 3 at full size: it goes from the slide to the sink as it is,
//! and its downsampled pixels are a block of the next smaller level.
//!
//! Reads and tiles run on all workers; their results are taken in the order in which they were
//! issued (`ordered_executor`), so that every byte written is the same for any number of workers.

mod associated;
pub(crate) mod bag;
mod checkpoint;
mod digests;
pub(crate) mod files;
pub(crate) mod identity;
mod level_assembler;
pub mod metadata;
pub(crate) mod ordered_executor;
pub mod progress;
pub(crate) mod reading;
pub(crate) mod run;
pub(crate) mod sample;
mod saved_images;
mod scheduler;
pub(crate) mod single_tile;
pub(crate) mod tiles;
mod warning;
mod worker;

pub(crate) use bag::write_tags;
pub(crate) use files::Files;
pub use run::{ExportReport, export};
pub use sample::{Sample, sample};
pub use saved_images::{SavedImage, SavedImages, save_associated_images};
pub use single_tile::{exact_region, exact_tile, nearest_tile};
pub(crate) use tiles::start_workers;
pub use warning::Warning;
