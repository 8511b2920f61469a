//! The order in which an export reads chunks and writes tiles: a pure function of the plan.
//!
//! Nothing here touches a pixel. [`ReadOrder`](read_order::ReadOrder) cuts the exported area into
//! chunks and puts them in order; [`Schedule`] follows from it: which tile is complete after which
//! chunk, which entry number it gets, and where the export pauses to keep a checkpoint. The order
//! depends neither on the number of workers, nor on the pixels, nor on whether a checkpoint is
//! kept or an export is resumed.

mod axes;
mod level_tasks;
pub(crate) mod read_order;
mod steps;

pub(crate) use axes::Reduction;
pub(crate) use level_tasks::BlockUse;
pub(crate) use steps::{Schedule, Step};
