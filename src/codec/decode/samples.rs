//! What a decoded row is made of.
//!
//! Formats store samples in some twenty ways; decoders hand them on as they are, and [`conversion`](super::conversion) is the one place that makes pixels of
//! them.

use std::sync::Arc;

/// What the samples of a pixel mean, in the order in which they are stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Channels {
    /// Gray.
    Gray,
    /// Gray and alpha.
    GrayAlpha(Alpha),
    /// Red, green and blue.
    Rgb,
    /// Blue, green, red and 255, as 8-bit pixels are here: of a decoder that makes them so at no cost.
    Bgra,
    /// Red, green, blue and alpha.
    Rgba(Alpha),
    /// Cyan, magenta, yellow and black, each more where there is more ink.
    Cmyk,
    /// The number of a color: red, green, blue and straight alpha of each number that is there.
    Palette(Arc<[[u8; 4]]>),
}

impl Channels {
    /// Samples a pixel.
    pub fn count(&self) -> usize {
        match self {
            Self::Gray | Self::Palette(_) => 1,
            Self::GrayAlpha(_) => 2,
            Self::Rgb => 3,
            Self::Bgra | Self::Rgba(_) | Self::Cmyk => 4,
        }
    }
}

/// Whether colors were multiplied by alpha before they were stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Alpha {
    /// They were not.
    Straight,
    /// They were.
    Premultiplied,
}

/// What a sample is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SampleType {
    /// So many bits, 1, 2 or 4, the first in the highest bits of a byte; each row begins with a byte.
    Bits(u8),
    /// An unsigned byte.
    U8,
    /// An unsigned number of 16 bits.
    U16(ByteOrder),
    /// An unsigned number of 32 bits.
    U32(ByteOrder),
    /// A signed number of 16 bits.
    I16(ByteOrder),
    /// A floating-point number of 32 bits.
    F32(ByteOrder),
    /// A floating-point number of 64 bits.
    F64(ByteOrder),
}

impl SampleType {
    /// Bits a sample.
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

/// Which of a number's bytes comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ByteOrder {
    /// The highest.
    BigEndian,
    /// The lowest.
    LittleEndian,
}

impl ByteOrder {
    /// An unsigned number of up to eight bytes.
    pub fn number(self, bytes: &[u8]) -> u64 {
        let digit = |value: u64, byte: &u8| (value << 8) | u64::from(*byte);
        match self {
            Self::BigEndian => bytes.iter().fold(0, digit),
            Self::LittleEndian => bytes.iter().rev().fold(0, digit),
        }
    }
}

/// What a decoded row is made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SampleLayout {
    /// What the samples of a pixel mean.
    pub channels: Channels,
    /// Samples of each pixel that come after those and mean nothing here.
    pub ignored: u16,
    /// What a sample is.
    pub sample: SampleType,
    /// Whether the least gray, red, green and blue is the brightest: TIFF's `WhiteIsZero`, and PBM.
    pub inverted: bool,
    /// The one gray, or the one red, green and blue, of up to 16 bits, that is transparent: PNG's `tRNS`.
    pub clear: Option<[u16; 3]>,
}

impl SampleLayout {
    /// Pixels of these samples, with nothing unusual about them.
    pub const fn new(channels: Channels, sample: SampleType) -> Self {
        Self { channels, ignored: 0, sample, inverted: false, clear: None }
    }

    /// The bytes of a row of so many pixels.
    pub fn row_bytes(&self, width: u32) -> usize {
        (width as usize * self.samples_a_pixel() * self.sample.bits()).div_ceil(8)
    }

    /// What it is in words: `16-bit gray`.
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

    /// Whether every pixel is gray and opaque.
    pub fn is_gray(&self) -> bool {
        self.channels == Channels::Gray && self.clear.is_none()
    }

    /// Samples a pixel, those that mean nothing too.
    pub fn samples_a_pixel(&self) -> usize {
        self.channels.count() + usize::from(self.ignored)
    }
}
