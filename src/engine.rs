//! The engine: from a [`Source`](crate::source::Source) and an [`ExportPlan`](crate::plan::ExportPlan) to a finished export in a [`Sink`](crate::sink::Sink).
//!
//! The only module that joins the others. How the pixels flow:
//!
//! 1. The source is read in *chunks*, whole native tiles where the slide has them, each pixel once, in an order
//!    that keeps little of the slide in memory (`read_order`).
//! 2. A level's level_assembler (`level_assembler`) holds the pieces that have come and says which tiles they complete.
//! 3. A worker puts a tile together from its pieces, encodes it, hands it to the sink, and reduces its core 2×2 (`tiles`).
//!    What comes out is a piece of the next smaller level's level_assembler: back to 2, down to 1×1.
//!
//! Lossless tiles take the place of 1 to 3 at the full size: each goes from the slide to the sink as it is stored, and what it is at half
//! size is a piece of the next smaller level.
//!
//! Reads and tiles run on all workers; their results are taken in the order in which they were issued
//! (`ordered_executor`), so that what is done, and every byte that is written, is the same for any number of workers.

pub(crate) mod bag;
pub(crate) mod checkpoint;
pub(crate) mod digests;
pub(crate) mod files;
pub(crate) mod identity;
pub(crate) mod level_assembler;
pub mod metadata;
pub(crate) mod ordered_executor;
pub mod progress;
pub(crate) mod reading;
pub(crate) mod run;
pub(crate) mod sample;
pub(crate) mod saved_images;
pub(crate) mod scheduler;
pub(crate) mod single_tile;
pub(crate) mod tiles;

pub(crate) use bag::write_tags;
pub(crate) use files::Files;
pub use run::{ExportReport, Warning, export};
pub use sample::{BlankShare, Sample, sample};
pub use saved_images::{SavedImage, SavedImages, save_associated_images};
pub use single_tile::{exact_region, exact_tile, nearest_tile};
pub(crate) use tiles::start_workers;
