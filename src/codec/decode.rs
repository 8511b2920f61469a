//! Decoders of ordinary images.
//!
//! | Format | Library | Memory | From a pipe |
//! |---|---|---|---|
//! | PNG | `png` | a few rows; all rows if interlaced | yes |
//! | JPEG | libjpeg-turbo | a few rows; all coefficients if progressive | yes |
//! | TIFF, BigTIFF | [`source::tiff`](crate::source) | a strip or a tile | no |
//! | JPEG 2000 | OpenJPEG | a tile; all samples if untiled | no |
//! | WebP | libwebp | the whole image | yes |
//! | BMP | own | a few rows; the whole image if run-length encoded | yes, the whole file in memory |
//! | PBM, PGM, PPM, PAM | own | a few rows | yes |
//! | GIF, TGA, QOI, OpenEXR, Radiance HDR, farbfeld, ICO, DDS | `image` | the file and the whole image | yes, but TGA |
//!
//! A decoder is one of two things. A [`RowDecoder`] decodes an image once, from the first row to
//! the last. A [`TileStore`] returns any tile: TIFF and JPEG 2000 in tiles. Both return samples
//! as the file stores them, described by a [`SampleLayout`]; the workers convert them to pixels,
//! so that the decoding thread does nothing else.
//!
//! Damaged data is an error and never a guess. Sizes that a file claims are checked before memory
//! is allocated for them. The format is detected from the content; TGA, which has no signature,
//! also needs its extension.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead, BufReader, Read};

use crate::codec::Subsampling;
use crate::codec::tile::TileStore;
use crate::color::IccProfile;
use crate::geometry::MicronsPerPixel;
use crate::geometry::{Orientation, Size};

pub(crate) mod bmp;
#[cfg(test)]
mod decoded;
mod error;
pub(crate) mod exif;
mod format;
pub(crate) mod in_memory;
pub(crate) mod jpeg;
#[cfg_attr(not(feature = "jpeg2000"), path = "decode/jpeg2000_disabled.rs")]
pub(crate) mod jpeg2000;
pub(crate) mod png;
pub(crate) mod pnm;
pub(crate) mod samples;
pub(crate) mod stored;
#[cfg_attr(not(feature = "webp"), path = "decode/webp_disabled.rs")]
pub(crate) mod webp;
mod whole;

pub(crate) use error::ImageError;
pub use format::ImageFormat;
pub(crate) use samples::SampleLayout;

/// The bytes of an image, from the first one on.
pub(crate) enum Input {
    /// A file: it can be read at any position, and opened again.
    File(File),
    /// A pipe: it can be read once.
    Pipe(Box<dyn Read + Send>),
}

impl Input {
    /// Bytes that are read ahead of the decoder.
    const BUFFER_BYTES: usize = 256 << 10;

    /// Returns a reader of all bytes in their order.
    pub fn into_reader(self) -> Box<dyn BufRead + Send> {
        match self {
            Self::File(file) => Box::new(BufReader::with_capacity(Self::BUFFER_BYTES, file)),
            Self::Pipe(pipe) => Box::new(BufReader::with_capacity(Self::BUFFER_BYTES, pipe)),
        }
    }
}

/// What is known of an image before its samples are decoded.
#[derive(Clone, Debug)]
pub(crate) struct ImageHeader {
    /// Size as stored, in pixels.
    pub size: Size,
    /// Layout of a decoded row.
    pub samples: SampleLayout,
    /// The kind of coding within the format, for people: `progressive`, `interlaced`,
    /// `LZW strips`. May be empty.
    pub coding: String,
    /// How the stored image is rotated and mirrored for display.
    pub orientation: Orientation,
    /// The embedded color profile.
    pub icc_profile: Option<IccProfile>,
    /// Chroma subsampling of a JPEG file; [`Subsampling::Gray`] for any gray image.
    pub subsampling: Option<Subsampling>,
    /// Physical pixel size along the stored rows and columns, if the file states one.
    pub microns_per_pixel: Option<MicronsPerPixel>,
    /// The number of pages, as far as known.
    pub pages: u32,
    /// Samples of each pixel that are not shown, as the file does not declare them to be colors
    /// or alpha.
    pub unshown_samples: u16,
    /// Other metadata, under the names that OpenSlide uses: `tiff.ImageDescription`.
    pub properties: BTreeMap<String, String>,
    /// Bytes of memory that decoding takes beyond a few hundred rows; 0 if it goes row by row.
    pub held_bytes: u64,
}

impl ImageHeader {
    /// Returns the header of a single upright image that is decoded row by row and has no
    /// metadata.
    pub fn new(size: Size, samples: SampleLayout) -> Self {
        Self {
            size,
            samples,
            coding: String::new(),
            orientation: Orientation::UPRIGHT,
            icc_profile: None,
            subsampling: None,
            microns_per_pixel: None,
            pages: 1,
            unshown_samples: 0,
            properties: BTreeMap::new(),
            held_bytes: 0,
        }
    }
}

/// Decodes an image once, from the first row to the last.
pub(crate) trait RowDecoder: Send {
    /// Decodes the next rows into `rows`: a whole number of rows, each
    /// [`SampleLayout::row_bytes`] long. The caller asks for no more rows than there are.
    ///
    /// # Errors
    /// [`ImageError`] if the rows are missing or damaged. The content of `rows` is then undefined,
    /// and later calls fail.
    fn decode_rows(&mut self, rows: &mut [u8]) -> Result<(), ImageError>;

    /// Reads what follows the last row: checksums and the end marker.
    ///
    /// # Errors
    /// [`ImageError`] if they are missing or show damage.
    fn finish(&mut self) -> Result<(), ImageError>;
}

/// An image that has been opened.
pub(crate) enum Decoder {
    /// Decodes the rows in their order.
    Rows(Box<dyn RowDecoder>),
    /// Stored in tiles, any of which can be decoded.
    Tiles(Box<dyn TileStore>),
}

/// How to open an image.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Request {
    /// The page, counted from 0. Most formats have only one.
    pub page: usize,
    /// Bytes of memory that decoding may take. A decoder that needs more reports that in
    /// [`ImageHeader::held_bytes`] before it allocates; libraries that allocate by what the file
    /// claims get this as their limit.
    pub memory: u64,
}

impl Request {
    /// Refuses pages other than the first, for formats with one image per file.
    ///
    /// # Errors
    /// [`ImageError::NoSuchPage`].
    pub fn check_single_page(self) -> Result<(), ImageError> {
        if self.page > 0 { Err(ImageError::NoSuchPage { pages: 1 }) } else { Ok(()) }
    }
}

/// Returns the size of an image. As in slides, a side fits a signed 32-bit integer.
///
/// # Errors
/// [`ImageError::Size`] if a side is 0 or larger.
pub(crate) fn checked_size(width: u64, height: u64) -> Result<Size, ImageError> {
    let side =
        |length: u64| u32::try_from(length).ok().filter(|&length| i32::try_from(length).is_ok());
    let found = side(width).zip(side(height)).and_then(|(across, down)| Size::new(across, down));
    found.ok_or(ImageError::Size { width, height })
}
