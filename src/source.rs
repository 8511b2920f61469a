//! Readers of slides and images.
//!
//! [`open`] picks the reader for a file by its content. The rest of the crate sees only the
//! [`Source`] trait and the [`SlideInfo`] that was read when the file was opened.

mod error;
mod file_reader;
mod identity;
mod image;
mod image_file;
mod native_color_space;
mod native_tiles;
mod open;
mod openslide;
mod openslide_file;
mod pages;
mod pass;
mod pixel_source;
mod reader;
mod slide_info;
mod tiff;
mod tiff_scale;
mod tiled;

pub use error::{ImagePart, SlideError};
pub use identity::{SourceFile, SourceIdentity};
pub use image::SampleRange;
pub use native_color_space::NativeColorSpace;
pub use native_tiles::{DirectReadUnsupported, NativeTiles, NoNativeTiles};
pub use open::{detect_vendor, has_slide_extension, open, open_pipe, open_with};
pub use openslide::library_version as openslide_version;
pub use pages::{PageChoice, Pages};
pub use pass::{Band, SourcePass, SourceRows};
pub use pixel_source::{NativeTileReader, Source};
pub use reader::{Access, ImageReader, OpenOptions, Reader, ReaderChoice};
pub use slide_info::{AssociatedImage, SlideInfo, SlideInfoBuilder, SlideLevel, SlideLevelInfo};

pub(crate) use identity::identify;
pub(crate) use slide_info::as_text;
