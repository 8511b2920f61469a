//! Ordinary images: PNG, JPEG, TIFF, JPEG 2000, WebP, BMP and PNM, of any size that a pyramid can have.
//!
//! Each format has a file of its own, around a well-kept library, and yields one of two things. A [`RowDecoder`] goes through the image once,
//! from its first row to its last, in memory for a few rows: so are PNG, JPEG, TIFF in strips and PNM read, and with all of the image in memory
//! what has no other way. A [`TileStore`] yields any tile: TIFF and JPEG 2000 in tiles. Both yield samples as they are stored, described by a
//! [`SampleLayout`]; the workers make pixels of them, so that the thread that decodes does nothing else. What always holds: pixels come only of samples that were
//! decoded without a doubt; everything that a file says of sizes is checked before memory is taken for it; and a file is known
//! by its first bytes and not by its name.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};

use serde::Serialize;

use crate::codec::Subsampling;
use crate::codec::tile::TileStore;
use crate::color::IccProfile;
use crate::geometry::MicronsPerPixel;
use crate::geometry::{Orientation, Size};

pub(crate) mod bmp;
#[cfg(test)]
mod decoded;
pub(crate) mod exif;
pub(crate) mod jpeg;
#[cfg_attr(not(feature = "jpeg2000"), path = "decode/jpeg2000_disabled.rs")]
pub(crate) mod jpeg2000;
pub(crate) mod png;
pub(crate) mod pnm;
pub(crate) mod samples;
pub(crate) mod stored;
#[cfg_attr(not(feature = "webp"), path = "decode/webp_disabled.rs")]
pub(crate) mod webp;

pub(crate) use samples::SampleLayout;

/// The formats of ordinary images.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ImageFormat {
    /// Portable Network Graphics, by the third edition of its specification.
    Png,
    /// JPEG, baseline and progressive.
    Jpeg,
    /// TIFF 6.0 and BigTIFF, where OpenSlide does not open it.
    Tiff,
    /// JPEG 2000, as a `.jp2` file or a bare code stream.
    Jpeg2000,
    /// WebP.
    Webp,
    /// Windows bitmaps.
    Bmp,
    /// Netpbm's PBM, PGM, PPM and PAM.
    Pnm,
}

impl ImageFormat {
    /// How many bytes [`detect`](Self::detect) looks at.
    pub(crate) const SIGNATURE_BYTES: usize = 12;

    /// The format of a file that begins so.
    pub(crate) fn detect(first: &[u8]) -> Option<Self> {
        match first {
            [0x89, b'P', b'N', b'G', b'\r', b'\n', 0x1a, b'\n', ..] => Some(Self::Png),
            [0xff, 0xd8, 0xff, ..] => Some(Self::Jpeg),
            [b'I', b'I', 42 | 43, 0, ..] | [b'M', b'M', 0, 42 | 43, ..] => Some(Self::Tiff),
            // A box of 12 bytes called `jP  `, or the markers SOC and SIZ.
            [0, 0, 0, 12, b'j', b'P', b' ', b' ', ..] | [0xff, 0x4f, 0xff, 0x51, ..] => Some(Self::Jpeg2000),
            [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => Some(Self::Webp),
            [b'B', b'M', ..] => Some(Self::Bmp),
            [b'P', b'1'..=b'7', b' ' | b'\t' | b'\r' | b'\n' | b'#', ..] => Some(Self::Pnm),
            _ => None,
        }
    }

    /// Its name, as people write it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Png => "PNG",
            Self::Jpeg => "JPEG",
            Self::Tiff => "TIFF",
            Self::Jpeg2000 => "JPEG 2000",
            Self::Webp => "WebP",
            Self::Bmp => "BMP",
            Self::Pnm => "PNM",
        }
    }
}

/// Where an image's bytes come from, from the first one on.
pub(crate) enum Input {
    /// A file, which can be read by position and opened again.
    File(File),
    /// A pipe, which cannot.
    Pipe(Box<dyn Read + Send>),
}

impl Input {
    /// Bytes that are read ahead of what a decoder asks for.
    const BUFFER_BYTES: usize = 256 << 10;

    /// To be read from the beginning to the end.
    pub fn into_reader(self) -> Box<dyn BufRead + Send> {
        match self {
            Self::File(file) => Box::new(BufReader::with_capacity(Self::BUFFER_BYTES, file)),
            Self::Pipe(pipe) => Box::new(BufReader::with_capacity(Self::BUFFER_BYTES, pipe)),
        }
    }
}

/// What an image says of itself before its samples are decoded.
#[derive(Clone, Debug)]
pub(crate) struct ImageHeader {
    /// Its size as it is stored, in pixels.
    pub size: Size,
    /// What a decoded row is made of.
    pub samples: SampleLayout,
    /// Words that tell its coding from others of the format, for people: `progressive`, `interlaced`, `LZW strips`; may be empty.
    pub coding: String,
    /// How it is to be turned and mirrored to be seen as it was meant.
    pub orientation: Orientation,
    /// Its own color profile.
    pub icc_profile: Option<IccProfile>,
    /// How it stores chroma, where it is a JPEG file; gray where all of it is.
    pub subsampling: Option<Subsampling>,
    /// Its scale, along the rows and columns as they are stored, where the file gives one that is meant as such.
    pub microns_per_pixel: Option<MicronsPerPixel>,
    /// How many pictures the file has, as far as is known.
    pub pages: u32,
    /// Samples of each pixel that are not shown, as the file does not say that they are colors or alpha.
    pub unshown_samples: u16,
    /// What the file says of itself beyond that, by the names that OpenSlide has for such things: `tiff.ImageDescription`.
    pub properties: BTreeMap<String, String>,
    /// Bytes of memory that decoding takes beyond those of some hundred rows; 0 where it goes row by row.
    pub held_bytes: u64,
}

/// Decodes an image once, from its first row to its last.
pub(crate) trait RowDecoder: Send {
    /// Decodes the next rows into `rows`, a whole number of them, each [`SampleLayout::row_bytes`] long. Never asked for more rows than there are.
    ///
    /// # Errors
    /// [`ImageError`] where the rows are not all there or not beyond doubt; what is in `rows` is then of no use, and nothing more is decoded.
    fn decode_rows(&mut self, rows: &mut [u8]) -> Result<(), ImageError>;

    /// Reads what comes after the last row: check sums, the end's marker.
    ///
    /// # Errors
    /// [`ImageError`] where that shows damage, or is not there.
    fn finish(&mut self) -> Result<(), ImageError>;
}

/// An image that has been opened.
pub(crate) enum Decoder {
    /// To be gone through from the first row on.
    Rows(Box<dyn RowDecoder>),
    /// Stored in tiles, any of which can be decoded.
    Tiles(Box<dyn TileStore>),
}

/// How an image is to be opened.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Request {
    /// Which of the pictures in the file, counted from 0; files of formats that have one have the first.
    pub page: usize,
    /// Bytes of memory that decoding may take. What needs more says so in [`ImageHeader::held_bytes`] before it takes any; where a library allocates by
    /// what the file says, this is the limit that it is given.
    pub memory: u64,
}

/// Why an image cannot be decoded. The text follows the file's name.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ImageError {
    /// The operating system could not read the file.
    #[error(transparent)]
    System(io::Error),
    /// The file ends too early.
    #[error("the file is truncated")]
    Truncated,
    /// The file contradicts itself or its format.
    #[error("{problem}")]
    Malformed {
        /// What is wrong, as the rest of a sentence about the file.
        problem: String,
    },
    /// The file looks sound but uses a feature that is not supported.
    #[error("not supported: {feature}")]
    Unsupported {
        /// The feature.
        feature: String,
    },
    /// The format needs random access, which a pipe does not allow.
    #[error("{} can be read from a file, but not from a pipe", format.name())]
    NeedsFile {
        /// The format.
        format: ImageFormat,
    },
    /// Decoding needs more memory than allowed.
    #[error("decoding needs {needed} bytes of memory")]
    Memory {
        /// The bytes that decoding needs.
        needed: u64,
        /// What needs them, as the rest of a sentence about the image.
        why: &'static str,
    },
    /// The file has no page of that number.
    #[error("the file has {pages} pages")]
    NoSuchPage {
        /// The number of pages.
        pages: usize,
    },
    /// The width or height is 0 or larger than a pyramid can have.
    #[error("the size {width}×{height} is out of range")]
    Size {
        /// Width in pixels, as read.
        width: u64,
        /// Height in pixels, as read.
        height: u64,
    },
}

impl ImageError {
    /// Returns the error of a file that contradicts itself or its format.
    pub fn malformed(problem: impl Into<String>) -> Self {
        Self::Malformed { problem: problem.into() }
    }

    /// Returns the error of a sound file with an unsupported feature.
    pub fn unsupported(feature: impl Into<String>) -> Self {
        Self::Unsupported { feature: feature.into() }
    }

    /// Classifies an error of reading the file: an early end means that the file is damaged, and
    /// anything else is the operating system's.
    pub fn reading(error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::UnexpectedEof { Self::Truncated } else { Self::System(error) }
    }
}

/// An image's size; no side of it is beyond what a signed 32-bit number holds, as of slides.
///
/// # Errors
/// [`ImageError::Size`] where it is, or is 0.
pub(crate) fn checked_size(width: u64, height: u64) -> Result<Size, ImageError> {
    let side = |length: u64| u32::try_from(length).ok().filter(|&length| i32::try_from(length).is_ok());
    let found = side(width).zip(side(height)).and_then(|(across, down)| Size::new(across, down));
    found.ok_or(ImageError::Size { width, height })
}
