//! The layout of a decoded row.
//!
//! Formats store samples in some twenty layouts. Decoders pass them on unchanged, and
//! `source::image::conversion` alone converts them to pixels.

use std::sync::Arc;

/// The channels of a pixel, in stored order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Channels {
    /// Gray.
    Gray,
    /// Gray and alpha.
    GrayAlpha(Alpha),
    /// Red, green and blue.
    Rgb,
    /// Blue, green, red and 255: the pixels of this crate, for decoders that return them at no
    /// cost.
    Bgra,
    /// Red, green, blue and alpha.
    Rgba(Alpha),
    /// Cyan, magenta, yellow and black; larger is more ink.
    Cmyk,
    /// An index into these colors: red, green, blue and straight alpha.
    Palette(Arc<[[u8; 4]]>),
}

impl Channels {
    /// Returns the number of samples per pixel.
    pub fn count(&self) -> usize {
        match self {
            Self::Gray | Self::Palette(_) => 1,
            Self::GrayAlpha(_) => 2,
            Self::Rgb => 3,
            Self::Bgra | Self::Rgba(_) | Self::Cmyk => 4,
        }
    }
}

/// Whether the stored colors are multiplied by alpha.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Alpha {
    /// They are not.
    Straight,
    /// They are.
    Premultiplied,
}

/// The type of a sample.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SampleType {
    /// 1, 2 or 4 bits, the first in the highest bits of a byte; each row begins at a byte.
    Bits(u8),
    /// An unsigned 8-bit integer.
    U8,
    /// An unsigned 16-bit integer.
    U16(ByteOrder),
    /// An unsigned 32-bit integer.
    U32(ByteOrder),
    /// A signed 16-bit integer.
    I16(ByteOrder),
    /// A 32-bit floating-point number.
    F32(ByteOrder),
    /// A 64-bit floating-point number.
    F64(ByteOrder),
}

impl SampleType {
    /// Returns the bits per sample.
    pub fn bits(self) -> usize {
        match self {
            Self::Bits(bits) => usize::from(bits),
            Self::U8 => 8,
            Self::U16(_) | Self::I16(_) => 16,
            Self::U32(_) | Self::F32(_) => 32,
            Self::F64(_) => 64,
        }
    }
}

/// The order of a number's bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ByteOrder {
    /// The highest comes first.
    BigEndian,
    /// The lowest comes first.
    LittleEndian,
}

impl ByteOrder {
    /// Returns the unsigned integer of up to eight bytes.
    pub fn number(self, bytes: &[u8]) -> u64 {
        let digit = |value: u64, byte: &u8| (value << 8) | u64::from(*byte);
        match self {
            Self::BigEndian => bytes.iter().fold(0, digit),
            Self::LittleEndian => bytes.iter().rev().fold(0, digit),
        }
    }
}

/// The layout of a decoded row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SampleLayout {
    /// The channels of a pixel.
    pub channels: Channels,
    /// Further samples of each pixel, after the channels, that are ignored.
    pub ignored: u16,
    /// The type of a sample.
    pub sample: SampleType,
    /// Whether the smallest value is the brightest, as in PBM and TIFF's `WhiteIsZero`.
    pub inverted: bool,
    /// The one gray, or red, green and blue, of up to 16 bits, that is transparent: PNG's `tRNS`.
    pub clear: Option<[u16; 3]>,
}

impl SampleLayout {
    /// Creates the layout of these channels, without ignored samples, inversion or a transparent
    /// color.
    pub const fn new(channels: Channels, sample: SampleType) -> Self {
        Self { channels, ignored: 0, sample, inverted: false, clear: None }
    }

    /// Returns the bytes of a row of `width` pixels.
    pub fn row_bytes(&self, width: u32) -> usize {
        (width as usize * self.samples_a_pixel() * self.sample.bits()).div_ceil(8)
    }

    /// Describes the layout: `16-bit gray`.
    pub fn describe(&self) -> String {
        let channels = match &self.channels {
            Channels::Gray => "gray",
            Channels::GrayAlpha(_) => "gray with alpha",
            Channels::Rgb | Channels::Bgra => "RGB",
            Channels::Rgba(_) => "RGB with alpha",
            Channels::Cmyk => "CMYK",
            Channels::Palette(_) => "palette",
        };
        let kind = match self.sample {
            SampleType::I16(_) => " signed",
            SampleType::F32(_) | SampleType::F64(_) => " float",
            _ => "",
        };
        format!("{}-bit{kind} {channels}", self.sample.bits())
    }

    /// Returns whether every pixel is gray and opaque.
    pub fn is_gray(&self) -> bool {
        self.channels == Channels::Gray && self.clear.is_none()
    }

    /// Returns the number of samples per pixel, including ignored ones.
    pub fn samples_a_pixel(&self) -> usize {
        self.channels.count() + usize::from(self.ignored)
    }
}
