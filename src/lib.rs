#![doc = include_str!("../README.md")]

#[macro_use]
mod option_struct;

pub mod archive;
#[cfg(feature = "cli")]
#[doc(hidden)]
pub mod cli;
pub mod codec;
pub mod color;
pub mod engine;
pub mod error;
pub mod export;
pub mod geometry;
pub mod key;
pub mod layout;
pub mod pixels;
pub mod plan;
mod platform;
pub mod pyramid;
mod schedule;
pub mod sink;
pub mod slide_pyramid;
pub mod source;

pub use engine::{ExportReport, export};
pub use error::Error;
pub use plan::{ExportOptions, ExportPlan};
pub use pyramid::{PyramidPlan, TileAddress};
pub use slide_pyramid::{Slide, SlidePyramid};
pub use source::{SlideInfo, Source};

/// Compiles the Rust code in docs/ as doctests.
#[cfg(doctest)]
#[doc = include_str!("../docs/library.md")]
mod library_page {}
