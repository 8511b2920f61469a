//! Converts whole-slide images and other very large images into static Deep Zoom pyramids.
//!
//! A [`Slide`] is an open slide or image. A [`SlidePyramid`] computes single tiles or regions of
//! it, or exports all of them into a directory or an archive that any static host can serve.
//!
//! ```
//! use std::thread::available_parallelism;
//!
//! use slidezoom::options::FormatOption;
//! use slidezoom::{ExportOptions, NoProgress, OverwritePolicy, Slide};
//!
//! # let (path, directory) = (slidezoom_fixtures::real_slide()?, tempfile::tempdir()?);
//! # let destination = directory.path().join("CMU-1");
//! let slide = Slide::open(&path)?;
//! let pyramid = slide.pyramid(&ExportOptions::default().format(FormatOption::Png))?;
//!
//! // One tile, by level, column and row, as an `image::RgbImage`.
//! let tile = pyramid.tile(pyramid.address(12, 3, 4)?)?;
//! assert_eq!(tile.dimensions(), (256, 256));
//!
//! // All tiles, with a web page that shows them.
//! let jobs = available_parallelism()?;
//! let report = pyramid.export(&destination, OverwritePolicy::Refuse, jobs, &NoProgress)?;
//! println!("{} tiles", report.tiles);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Where to look
//!
//! - Choose format, tile size, crop, resolution or color: [`ExportOptions`] and [`options`].
//! - See what an export will contain before it starts: [`ExportPlan`].
//! - Check an export: [`verify`]. Copy it to another container: [`repack`].
//! - Export pixels of your own: implement [`Source`] with the types in [`sources`], and pass it to
//!   [`Slide::from_source`]. `examples/own_source.rs` is a complete program.
//! - Write somewhere else: implement [`Sink`] with the types in [`sinks`], and pass it to
//!   [`export()`].
//! - Handle errors: [`Error`] tells whose fault it was; [`errors`] has the details.
//!
//! # Features
//!
//! All are enabled by default. `cli` builds the `slidezoom` command; `jpeg2000`, `webp` and `zstd`
//! each compile a C library. With `default-features = false`, no argument parser and no progress
//! bar is compiled. OpenSlide 4.0 or newer is always required.

#[macro_use]
mod option_struct;

mod archive;
#[cfg(feature = "cli")]
#[doc(hidden)]
pub mod cli;
mod codec;
mod color;
mod engine;
mod error;
mod export;
mod geometry;
mod key;
mod layout;
mod pixels;
mod plan;
mod platform;
mod pyramid;
mod schedule;
mod sink;
mod slide_pyramid;
mod source;

pub use codec::TileFormat;
pub use engine::progress::{NoProgress, Progress};
pub use engine::{ExportReport, export};
pub use error::Error;
pub use export::repack::{RepackReport, repack};
pub use export::verify::{Verification, verify};
pub use geometry::{Point, Rect, Size};
pub use pixels::Pixels;
pub use plan::{ExportOptions, ExportPlan};
pub use pyramid::{PyramidPlan, TileAddress};
pub use sink::{OverwritePolicy, Sink};
pub use slide_pyramid::{Slide, SlidePyramid};
pub use source::{OpenOptions, SlideInfo, Source};

/// The values of [`ExportOptions`], [`OpenOptions`] and other options.
pub mod options {
    pub use crate::codec::{JpegCoding, Quality, Subsampling, WebPCompression};
    pub use crate::color::Intent;
    pub use crate::export::repack::RepackOptions;
    pub use crate::export::verify::Depth as VerifyDepth;
    pub use crate::geometry::{Flip, MicronsPerPixel, Rotation};
    pub use crate::layout::Container;
    pub use crate::layout::tile_layout::{ResourceId, TileLayout};
    pub use crate::pixels::{ReductionMethod, Rgb};
    pub use crate::plan::{
        Associated, BaseTiles, BlankTiles, Bounds, ColorOption, FormatOption, Magnification, Page,
        PublishedProperties, ReadErrorPolicy, Resolution, SubsamplingOption,
    };
    pub use crate::pyramid::{Depth, TileGeometry};
    pub use crate::source::{ReaderChoice, SampleRange, SourceIdentity};
}

/// The errors that [`Error`] wraps, those of single functions, and the faults and warnings that
/// results list.
pub mod errors {
    pub use crate::archive::ArchiveError;
    pub use crate::codec::EncodeError;
    pub use crate::color::ProfileError;
    pub use crate::engine::Warning;
    pub use crate::error::WorkersError;
    pub use crate::export::existing::OpenExportError;
    pub use crate::export::repack::RepackError;
    pub use crate::export::verify::{Problem, VerifyError};
    pub use crate::key::EntryNameError;
    pub use crate::layout::tile_layout::ResourceIdError;
    pub use crate::plan::{NotLossless, PlanError};
    pub use crate::pyramid::{TileGeometryError, TileSetError};
    pub use crate::sink::SinkError;
    pub use crate::source::{DirectReadUnsupported, ImagePart, SlideError};
}

/// The parts of a plan and its pyramid: levels, tile names, positions and colors.
pub mod plans {
    pub use crate::layout::Layout;
    pub use crate::layout::descriptor::{Descriptor, DisplayRect};
    pub use crate::layout::tile_layout::TileNames;
    pub use crate::plan::{BytesPerPixel, Color, Placement, SlideTransform};
    pub use crate::pyramid::{Level, TileRegion, TileSet};
}

/// The types that a [`Source`] uses.
pub mod sources {
    pub use crate::codec::ImageFormat;
    pub use crate::color::{CmykConversion, ColorConversion, IccProfile};
    pub use crate::pixels::PremultipliedPixels;
    pub use crate::source::*;
}

/// Destinations, and the types that a [`Sink`] uses.
pub mod sinks {
    pub use crate::engine::progress::{TileWritten, Workload};
    pub use crate::export::{create_sink, resume_sink};
    pub use crate::key::{Digest, EntryName};
    pub use crate::sink::*;
}

/// The modules behind the facade, for the project's own tests and benchmarks. Anything here may
/// change without notice.
#[doc(hidden)]
pub mod internals {
    macro_rules! re_export {
        ($($room:ident)+) => {
            $(pub mod $room {
                pub use crate::$room::*;
            })+
        };
    }

    re_export! { archive codec color engine error export geometry key layout pixels plan pyramid sink source }
}

/// Compiles the Rust code in docs/ as doctests.
#[cfg(doctest)]
#[doc = include_str!("../docs/library.md")]
mod library_page {}
