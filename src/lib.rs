#![doc = include_str!("../README.md")]

pub mod archive;
mod conveyor;
pub mod descriptor;
pub mod encode;
pub mod error;
pub mod export;
pub mod exported;
pub mod gallery;
pub mod geometry;
pub mod layout;
pub mod manifest;
pub mod metadata;
pub mod plan;
pub mod progress;
pub mod pyramid;
pub mod render;
pub mod repack;
pub mod scan_properties;
pub mod sink;
pub mod slide;
pub mod slide_pyramid;
pub mod tile_index;
pub mod tile_layout;
pub mod tile_set;
pub mod verify;
pub mod viewer;

pub use error::Error;
pub use export::{ExportReport, export};
pub use plan::{ExportOptions, ExportPlan};
pub use pyramid::{PyramidPlan, TileAddress};
pub use slide::{SlideInfo, Source};
pub use slide_pyramid::{Slide, SlidePyramid};
