//! Maps samples to 8-bit tones, by a range of sample values.

use std::fmt;
use std::sync::Arc;

use serde::Serialize;

use crate::codec::decode::samples::{Channels, SampleLayout, SampleType};

/// The sample values that become 0 and 255. Values between are mapped linearly and rounded to
/// nearest; values outside are clamped.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct SampleRange {
    black: f64,
    white: f64,
}

impl SampleRange {
    /// Creates a range; `None` unless both values are finite and `black` is less than `white`.
    #[must_use]
    pub fn new(black: f64, white: f64) -> Option<Self> {
        (black.is_finite() && white.is_finite() && (white - black).is_finite() && black < white)
            .then_some(Self { black, white })
    }

    /// The range of integers from 0 to `largest`.
    pub(crate) fn up_to(largest: u32) -> Self {
        Self { black: 0.0, white: f64::from(largest) }
    }

    /// Maps a value to 0–255. NaN becomes 0.
    #[must_use]
    #[expect(clippy::cast_sign_loss, reason = "the conversion clamps at 0, and NaN becomes 0")]
    pub fn to_byte(self, value: f64) -> u8 {
        // Rounds half up, as for integers. The conversion clamps to 0 and 255.
        ((value - self.black) * 255.0 / (self.white - self.black) + 0.5) as u8
    }
}

impl fmt::Display for SampleRange {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{},{}", self.black, self.white)
    }
}

/// The samples have no range of their own, and none was given.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("its samples are {what}, whose black and white values are unknown")]
pub(crate) struct UnknownRange {
    what: &'static str,
}

/// Maps a color sample to 8 bits, by a table if the samples have at most 16 bits.
#[derive(Clone, Debug)]
pub(crate) enum Tones {
    /// The sample is an 8-bit tone.
    Same,
    /// A table, indexed by the bits of the sample.
    Table(Arc<[u8]>),
    /// A linear function.
    Linear(SampleRange, Polarity),
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Polarity {
    /// The smallest value is black.
    Positive,
    /// The smallest value is white.
    Negative,
}

impl Polarity {
    fn of(self, tone: u8) -> u8 {
        match self {
            Self::Positive => tone,
            Self::Negative => u8::MAX - tone,
        }
    }
}

/// The range of floating-point alpha.
pub(crate) const FRACTION: SampleRange = SampleRange { black: 0.0, white: 1.0 };

impl Tones {
    /// Creates the mapping of a layout's samples. Without a range, unsigned samples of up to 16
    /// bits use their full range.
    ///
    /// # Errors
    /// [`UnknownRange`] if other samples have no range.
    pub fn new(layout: &SampleLayout, range: Option<SampleRange>) -> Result<Self, UnknownRange> {
        let polarity = if layout.inverted { Polarity::Negative } else { Polarity::Positive };
        let table = |range: SampleRange, values: u32, value: fn(u16) -> f64| {
            Self::Table(
                (0..values).map(|bits| polarity.of(range.to_byte(value(bits as u16)))).collect(),
            )
        };
        let unsigned: fn(u16) -> f64 = |bits| f64::from(bits);
        let signed: fn(u16) -> f64 = |bits| f64::from(bits.cast_signed());
        let given = |what: &'static str| range.ok_or(UnknownRange { what });
        Ok(match layout.sample {
            _ if matches!(layout.channels, Channels::Palette(_)) => Self::Same,
            SampleType::U8 if range.is_none() && !layout.inverted => Self::Same,
            SampleType::U8 => {
                table(range.unwrap_or(SampleRange::up_to(u8::MAX.into())), 1 << 8, unsigned)
            }
            SampleType::Bits(bits) => {
                table(range.unwrap_or(SampleRange::up_to((1 << bits) - 1)), 1 << bits, unsigned)
            }
            SampleType::U16(_) => {
                table(range.unwrap_or(SampleRange::up_to(u16::MAX.into())), 1 << 16, unsigned)
            }
            SampleType::I16(_) => table(given("signed numbers of 16 bits")?, 1 << 16, signed),
            SampleType::U32(_) => Self::Linear(given("numbers of 32 bits")?, polarity),
            SampleType::F32(_) | SampleType::F64(_) => {
                Self::Linear(given("floating-point numbers")?, polarity)
            }
        })
    }

    /// Maps the bits of a sample of at most 16 bits.
    pub fn of_bits(&self, bits: u16) -> u8 {
        match self {
            Self::Table(table) => table[usize::from(bits)],
            // Only bytes are tones.
            Self::Same | Self::Linear(..) => bits as u8,
        }
    }

    /// Maps the value of a larger sample.
    pub fn of_value(&self, value: f64) -> u8 {
        match self {
            Self::Linear(range, polarity) => polarity.of(range.to_byte(value)),
            // Created for integers only.
            Self::Same | Self::Table(_) => FRACTION.to_byte(value),
        }
    }
}
