//! What a decoded row is made of, and how pixels are made of it.
//!
//! Formats store samples in some twenty ways; decoders hand them on as they are, and this is the one place that makes 8-bit pixels of them. What always
//! holds: the mapping of a sample to 8 bits is a straight line between two values that are told, rounded to the nearest and cut off at its ends, and never the lowest bits of
//! a larger number; 8-bit samples stay what they are.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use serde::Serialize;

use crate::render::PIXEL_BYTES;

/// What the samples of a pixel mean, in the order in which they are stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::slide) enum Channels {
    /// Grey.
    Grey,
    /// Grey and alpha.
    GreyAlpha(Alpha),
    /// Red, green and blue.
    Rgb,
    /// Blue, green, red and 255, as 8-bit pixels are here: of a decoder that makes them so at no cost.
    Bgra,
    /// Red, green, blue and alpha.
    Rgba(Alpha),
    /// Cyan, magenta, yellow and black, each more where there is more ink.
    Cmyk,
    /// The number of a colour: red, green, blue and straight alpha of each number that is there.
    Palette(Arc<[[u8; 4]]>),
}

impl Channels {
    /// Samples a pixel.
    pub fn count(&self) -> usize {
        match self {
            Self::Grey | Self::Palette(_) => 1,
            Self::GreyAlpha(_) => 2,
            Self::Rgb => 3,
            Self::Bgra | Self::Rgba(_) | Self::Cmyk => 4,
        }
    }
}

/// Whether colours were multiplied by alpha before they were stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::slide) enum Alpha {
    /// They were not.
    Straight,
    /// They were.
    Premultiplied,
}

/// What a sample is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::slide) enum SampleType {
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
pub(in crate::slide) enum ByteOrder {
    /// The highest.
    BigEndian,
    /// The lowest.
    LittleEndian,
}

/// What a decoded row is made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::slide) struct SampleLayout {
    /// What the samples of a pixel mean.
    pub channels: Channels,
    /// Samples of each pixel that come after those and mean nothing here.
    pub ignored: u16,
    /// What a sample is.
    pub sample: SampleType,
    /// Whether the least grey, red, green and blue is the brightest: TIFF's `WhiteIsZero`, and PBM.
    pub inverted: bool,
    /// The one grey, or the one red, green and blue, of up to 16 bits, that is transparent: PNG's `tRNS`.
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

    /// What it is in words: `16-bit grey`.
    pub fn describe(&self) -> String {
        let channels = match &self.channels {
            Channels::Grey => "grey",
            Channels::GreyAlpha(_) => "grey with alpha",
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

    /// Whether every pixel is grey and opaque.
    pub fn is_grey(&self) -> bool {
        self.channels == Channels::Grey && self.clear.is_none()
    }

    fn samples_a_pixel(&self) -> usize {
        self.channels.count() + usize::from(self.ignored)
    }
}

/// Which values of a sample become 0 and 255; those between go by a straight line, rounded to the nearest, and what lies beyond is cut off.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct SampleRange {
    black: f64,
    white: f64,
}

impl SampleRange {
    /// From the value that is black to the one that is white; `None` where these are not finite, or not in that order.
    #[must_use]
    pub fn new(black: f64, white: f64) -> Option<Self> {
        (black.is_finite() && white.is_finite() && (white - black).is_finite() && black < white)
            .then_some(Self { black, white })
    }

    /// Where a value comes to. What is no number is black.
    #[must_use]
    #[expect(clippy::cast_sign_loss, reason = "cut off at 0; what is no number becomes 0")]
    pub fn to_byte(self, value: f64) -> u8 {
        // Half a step is added and the fraction dropped: away from zero, as integers are rounded here. The conversion cuts off at 0 and 255.
        ((value - self.black) * 255.0 / (self.white - self.black) + 0.5) as u8
    }
}

impl fmt::Display for SampleRange {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{},{}", self.black, self.white)
    }
}

/// Samples that have no range of their own, and none was given.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("its samples are {what}, and it is not known which value is black and which is white")]
pub(in crate::slide) struct UnknownRange {
    what: &'static str,
}

/// A pixel whose number is not in the palette.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a pixel has colour number {number}, and the palette ends at {last}")]
pub(in crate::slide) struct BeyondPalette {
    number: u16,
    last: usize,
}

/// Makes 8-bit pixels of rows of one layout.
#[derive(Clone, Debug)]
pub(in crate::slide) struct Conversion {
    layout: SampleLayout,
    /// What becomes of a colour's sample.
    tones: Tones,
    /// Of every number that a sample can have: blue, green, red and alpha, premultiplied. Empty but for a palette.
    palette: Vec<[u8; PIXEL_BYTES]>,
}

/// What becomes of a colour's sample: by table, where one of its values is worth it.
#[derive(Clone, Debug)]
enum Tones {
    /// It is an 8-bit tone.
    Same,
    /// By its bits as an unsigned number.
    Table(Box<[u8]>),
    /// Calculated.
    Line(SampleRange, Polarity),
}

#[derive(Clone, Copy, Debug)]
enum Polarity {
    /// The least value is black.
    Positive,
    /// It is white.
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

impl Conversion {
    /// The way from samples of this layout to pixels. Unsigned integers of up to 16 bits have all of their values as their range where none is given.
    ///
    /// # Errors
    /// [`UnknownRange`] where all others have none.
    pub fn new(layout: SampleLayout, range: Option<SampleRange>) -> Result<Self, UnknownRange> {
        let polarity = if layout.inverted { Polarity::Negative } else { Polarity::Positive };
        let whole = |most: u16| SampleRange { black: 0.0, white: f64::from(most) };
        let table = |range: SampleRange, values: u32, value: fn(u16) -> f64| {
            Tones::Table((0..values).map(|bits| polarity.of(range.to_byte(value(bits as u16)))).collect())
        };
        let unsigned: fn(u16) -> f64 = |bits| f64::from(bits);
        let signed: fn(u16) -> f64 = |bits| f64::from(bits.cast_signed());
        let given = |what: &'static str| range.ok_or(UnknownRange { what });
        let tones = match layout.sample {
            _ if matches!(layout.channels, Channels::Palette(_)) => Tones::Same,
            SampleType::U8 if range.is_none() && !layout.inverted => Tones::Same,
            SampleType::U8 => table(range.unwrap_or(whole(u16::from(u8::MAX))), 1 << 8, unsigned),
            SampleType::Bits(bits) => table(range.unwrap_or(whole((1 << bits) - 1)), 1 << bits, unsigned),
            SampleType::U16(_) => table(range.unwrap_or(whole(u16::MAX)), 1 << 16, unsigned),
            SampleType::I16(_) => table(given("signed numbers of 16 bits")?, 1 << 16, signed),
            SampleType::U32(_) => Tones::Line(given("numbers of 32 bits")?, polarity),
            SampleType::F32(_) | SampleType::F64(_) => Tones::Line(given("floating-point numbers")?, polarity),
        };
        let palette = match &layout.channels {
            Channels::Palette(colours) => {
                colours.iter().map(|&[red, green, blue, alpha]| premultiplied([blue, green, red], alpha)).collect()
            }
            _ => Vec::new(),
        };
        Ok(Self { layout, tones, palette })
    }

    /// What the rows are made of.
    pub fn layout(&self) -> &SampleLayout {
        &self.layout
    }

    /// Whether all pixels are opaque, whatever the samples are.
    pub fn is_opaque(&self) -> bool {
        match &self.layout.channels {
            Channels::Grey | Channels::Rgb | Channels::Bgra | Channels::Cmyk => self.layout.clear.is_none(),
            Channels::GreyAlpha(_) | Channels::Rgba(_) => false,
            Channels::Palette(colours) => colours.iter().all(|colour| colour[3] == u8::MAX),
        }
    }

    /// Makes pixels of the part `columns` of a decoded row in `pixels`: blue, green, red, and alpha, by which they are multiplied.
    ///
    /// # Errors
    /// [`BeyondPalette`] where a pixel has a number that no colour has.
    ///
    /// # Panics
    /// Where row or pixels are too short for the columns.
    pub fn convert(&self, row: &[u8], columns: Range<u32>, pixels: &mut [u8]) -> Result<(), BeyondPalette> {
        let each = self.layout.samples_a_pixel();
        let (first, count) = (columns.start as usize * each, columns.len() * each);
        let (pixels, _) = pixels[..columns.len() * PIXEL_BYTES].as_chunks_mut::<PIXEL_BYTES>();
        match self.layout.sample {
            SampleType::Bits(bits) => {
                let (bits, most) = (usize::from(bits), (1_u8 << bits) - 1);
                let value = |at: usize| {
                    let bit = (first + at) * bits;
                    u16::from(row[bit / 8] >> (8 - bits - bit % 8) & most)
                };
                self.assemble(
                    pixels,
                    value,
                    |at| self.tones.of_bits(value(at)),
                    |at| (value(at) * 255 / u16::from(most)) as u8,
                )
            }
            SampleType::U8 => {
                let row = &row[first..first + count];
                let value = |at: usize| u16::from(row[at]);
                let is_plain = self.layout.channels == Channels::Rgb && each == 3 && self.layout.clear.is_none();
                match &self.tones {
                    Tones::Same if is_plain => {
                        from_rgb(row, pixels);
                        Ok(())
                    }
                    Tones::Same if self.layout.channels == Channels::Bgra && each == PIXEL_BYTES => {
                        pixels.as_flattened_mut().copy_from_slice(row);
                        Ok(())
                    }
                    Tones::Same => self.assemble(pixels, value, |at| row[at], |at| row[at]),
                    tones => self.assemble(pixels, value, |at| tones.of_bits(value(at)), |at| row[at]),
                }
            }
            SampleType::U16(order) | SampleType::I16(order) => {
                let (samples, _) = row[first * 2..(first + count) * 2].as_chunks::<2>();
                let value = |at: usize| match order {
                    ByteOrder::BigEndian => u16::from_be_bytes(samples[at]),
                    ByteOrder::LittleEndian => u16::from_le_bytes(samples[at]),
                };
                self.assemble(
                    pixels,
                    value,
                    |at| self.tones.of_bits(value(at)),
                    |at| ((u32::from(value(at)) * 255 + 32_767) / 65_535) as u8,
                )
            }
            SampleType::U32(order) => {
                let (samples, _) = row[first * 4..(first + count) * 4].as_chunks::<4>();
                let value = |at: usize| match order {
                    ByteOrder::BigEndian => u32::from_be_bytes(samples[at]),
                    ByteOrder::LittleEndian => u32::from_le_bytes(samples[at]),
                };
                let most = SampleRange { black: 0.0, white: f64::from(u32::MAX) };
                let tone = |at: usize| self.tones.of_value(value(at).into());
                self.assemble(pixels, |_| 0, tone, |at| most.to_byte(value(at).into()))
            }
            SampleType::F32(order) => {
                let (samples, _) = row[first * 4..(first + count) * 4].as_chunks::<4>();
                let value = |at: usize| match order {
                    ByteOrder::BigEndian => f32::from_be_bytes(samples[at]),
                    ByteOrder::LittleEndian => f32::from_le_bytes(samples[at]),
                };
                let tone = |at: usize| self.tones.of_value(value(at).into());
                self.assemble(pixels, |_| 0, tone, |at| FRACTION.to_byte(value(at).into()))
            }
            SampleType::F64(order) => {
                let (samples, _) = row[first * 8..(first + count) * 8].as_chunks::<8>();
                let value = |at: usize| match order {
                    ByteOrder::BigEndian => f64::from_be_bytes(samples[at]),
                    ByteOrder::LittleEndian => f64::from_le_bytes(samples[at]),
                };
                self.assemble(pixels, |_| 0, |at| self.tones.of_value(value(at)), |at| FRACTION.to_byte(value(at)))
            }
        }
    }

    /// Puts pixels together from samples that are counted from the first pixel's first: their bits where there are few, colours' tones and alpha.
    fn assemble(
        &self,
        pixels: &mut [[u8; PIXEL_BYTES]],
        bits: impl Fn(usize) -> u16,
        tone: impl Fn(usize) -> u8,
        alpha: impl Fn(usize) -> u8,
    ) -> Result<(), BeyondPalette> {
        let pixels = pixels.iter_mut().zip((0..).step_by(self.layout.samples_a_pixel()));
        let alpha_beside = |at: usize, clear: &[u16]| {
            if clear.iter().zip(at..).all(|(&clear, at)| bits(at) == clear) { 0 } else { u8::MAX }
        };
        match (&self.layout.channels, self.layout.clear) {
            (Channels::Grey, Some(clear)) => pixels.for_each(|(pixel, at)| {
                *pixel = premultiplied([tone(at); 3], alpha_beside(at, &clear[..1]));
            }),
            (Channels::Rgb, Some(clear)) => pixels.for_each(|(pixel, at)| {
                *pixel = premultiplied([tone(at + 2), tone(at + 1), tone(at)], alpha_beside(at, &clear));
            }),
            (Channels::Grey, None) => pixels.for_each(|(pixel, at)| {
                let grey = tone(at);
                *pixel = [grey, grey, grey, u8::MAX];
            }),
            (Channels::GreyAlpha(kind), _) => pixels.for_each(|(pixel, at)| {
                let grey = tone(at);
                *pixel = kind.of([grey; 3], alpha(at + 1));
            }),
            (Channels::Rgb, None) => {
                pixels.for_each(|(pixel, at)| *pixel = [tone(at + 2), tone(at + 1), tone(at), u8::MAX]);
            }
            (Channels::Bgra, _) => {
                pixels.for_each(|(pixel, at)| *pixel = [tone(at), tone(at + 1), tone(at + 2), u8::MAX]);
            }
            (Channels::Rgba(kind), _) => {
                pixels.for_each(|(pixel, at)| *pixel = kind.of([tone(at + 2), tone(at + 1), tone(at)], alpha(at + 3)));
            }
            (Channels::Cmyk, _) => pixels.for_each(|(pixel, at)| {
                let light = u8::MAX - tone(at + 3);
                let [blue, green, red] = [2, 1, 0].map(|ink| share(u8::MAX - tone(at + ink), light));
                *pixel = [blue, green, red, u8::MAX];
            }),
            (Channels::Palette(_), _) => {
                for (pixel, at) in pixels {
                    let number = bits(at);
                    let beyond = BeyondPalette { number, last: self.palette.len().saturating_sub(1) };
                    *pixel = *self.palette.get(usize::from(number)).ok_or(beyond)?;
                }
            }
        }
        Ok(())
    }
}

/// What most images are. Four pixels at a time by shifts of whole words take half as long as byte by byte.
fn from_rgb(row: &[u8], pixels: &mut [[u8; PIXEL_BYTES]]) {
    /// Red and blue change places in the lowest three bytes.
    fn swapped(rgb: u32) -> [u8; PIXEL_BYTES] {
        (0xff00_0000 | rgb & 0xff00 | (rgb & 0xff) << 16 | rgb >> 16 & 0xff).to_le_bytes()
    }
    let (fours, rest) = row.as_chunks::<12>();
    let (target_fours, target_rest) = pixels.as_chunks_mut::<4>();
    for (four, target) in fours.iter().zip(target_fours) {
        let word = |at: usize| u32::from_le_bytes([four[at], four[at + 1], four[at + 2], four[at + 3]]);
        let (one, two, three) = (word(0), word(4), word(8));
        *target = [swapped(one), swapped(one >> 24 | two << 8), swapped(two >> 16 | three << 16), swapped(three >> 8)];
    }
    for (pixel, &[red, green, blue]) in target_rest.iter_mut().zip(rest.as_chunks::<3>().0) {
        *pixel = [blue, green, red, u8::MAX];
    }
}

/// The range of alpha as a floating-point number.
const FRACTION: SampleRange = SampleRange { black: 0.0, white: 1.0 };

impl Tones {
    fn of_bits(&self, bits: u16) -> u8 {
        match self {
            Self::Table(table) => table[usize::from(bits)],
            // Bytes alone are tones.
            Self::Same | Self::Line(..) => bits as u8,
        }
    }

    fn of_value(&self, value: f64) -> u8 {
        match self {
            Self::Line(range, polarity) => polarity.of(range.to_byte(value)),
            // Made for values of these types only.
            Self::Same | Self::Table(_) => FRACTION.to_byte(value),
        }
    }
}

impl Alpha {
    /// A pixel whose colours are multiplied by alpha; more colour than alpha allows is cut off.
    fn of(self, colours: [u8; 3], alpha: u8) -> [u8; PIXEL_BYTES] {
        match self {
            Self::Straight => premultiplied(colours, alpha),
            Self::Premultiplied => {
                let [blue, green, red] = colours.map(|colour| colour.min(alpha));
                [blue, green, red, alpha]
            }
        }
    }
}

fn premultiplied(colours: [u8; 3], alpha: u8) -> [u8; PIXEL_BYTES] {
    let [blue, green, red] = colours.map(|colour| share(colour, alpha));
    [blue, green, red, alpha]
}

/// `value · of / 255`, rounded to the nearest.
fn share(value: u8, of: u8) -> u8 {
    ((u16::from(value) * u16::from(of) + 127) / 255) as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layout(channels: Channels, sample: SampleType) -> SampleLayout {
        SampleLayout::new(channels, sample)
    }

    fn converted(layout: SampleLayout, range: Option<(f64, f64)>, row: &[u8], columns: Range<u32>) -> Vec<u8> {
        let range = range.map(|(black, white)| SampleRange::new(black, white).unwrap());
        let mut pixels = vec![77; columns.len() * PIXEL_BYTES];
        Conversion::new(layout, range).unwrap().convert(row, columns, &mut pixels).unwrap();
        pixels
    }

    #[test]
    fn whole_numbers_go_by_the_nearest_of_256_steps() {
        let values: Vec<u16> = (0..=u16::MAX).collect();
        #[expect(clippy::cast_sign_loss, reason = "of no negative number")]
        let exact: Vec<u8> = values.iter().map(|&value| (f64::from(value) * 255.0 / 65535.0).round() as u8).collect();
        for (order, row) in [
            (ByteOrder::BigEndian, values.iter().flat_map(|value| value.to_be_bytes()).collect::<Vec<_>>()),
            (ByteOrder::LittleEndian, values.iter().flat_map(|value| value.to_le_bytes()).collect()),
        ] {
            let found = converted(layout(Channels::Grey, SampleType::U16(order)), None, &row, 0..1 << 16);
            assert!(
                found
                    .iter()
                    .zip(exact.iter().flat_map(|&tone| [tone, tone, tone, 255]))
                    .all(|(one, other)| *one == other)
            );
        }
        for (bits, row, tones) in [
            (1, vec![0b0110_0000], vec![0, 255, 255, 0]),
            (2, vec![0b0001_1011], vec![0, 85, 170, 255]),
            (4, vec![0x0f, 0x3a], vec![0, 255, 51, 170]),
        ] {
            for from in 0..3 {
                let found = converted(layout(Channels::Grey, SampleType::Bits(bits)), None, &row, from..4);
                let greys: Vec<u8> = found.iter().copied().step_by(4).collect();
                assert_eq!(greys, tones[from as usize..], "{bits} bits");
            }
        }
    }

    #[test]
    fn a_range_is_a_straight_line_with_ends() {
        let grey = |sample: SampleType, range, row: &[u8]| {
            let count = (row.len() * 8 / sample.bits()) as u32;
            converted(layout(Channels::Grey, sample), Some(range), row, 0..count)
                .into_iter()
                .step_by(4)
                .collect::<Vec<_>>()
        };
        let little = ByteOrder::LittleEndian;
        let row: Vec<u8> =
            [0_u16, 100, 2147, 4095, 4096, u16::MAX].iter().flat_map(|value| value.to_le_bytes()).collect();
        // 2047 / 3995 · 255 = 130.66.
        assert_eq!(grey(SampleType::U16(little), (100.0, 4095.0), &row), [0, 0, 131, 255, 255, 255]);
        let row: Vec<u8> = [-1000_i16, -1, 0, 1000, i16::MAX].iter().flat_map(|value| value.to_le_bytes()).collect();
        assert_eq!(grey(SampleType::I16(little), (-1000.0, 1000.0), &row), [0, 127, 128, 255, 255]);
        let values = [f64::NEG_INFINITY, -0.1, 0.0, 0.25, 0.5, 1.0, 1.1, f64::INFINITY, f64::NAN];
        let single: Vec<u8> = values.iter().flat_map(|&value| (value as f32).to_be_bytes()).collect();
        let double: Vec<u8> = values.iter().flat_map(|value| value.to_be_bytes()).collect();
        let expected = [0, 0, 0, 64, 128, 255, 255, 255, 0];
        assert_eq!(grey(SampleType::F32(ByteOrder::BigEndian), (0.0, 1.0), &single), expected);
        assert_eq!(grey(SampleType::F64(ByteOrder::BigEndian), (0.0, 1.0), &double), expected);
        assert_eq!(grey(SampleType::U8, (10.0, 20.0), &[0, 10, 15, 20, 255]), [0, 0, 128, 255, 255]);
        let row: Vec<u8> = [0_u32, 1 << 31, u32::MAX].iter().flat_map(|value| value.to_le_bytes()).collect();
        assert_eq!(grey(SampleType::U32(little), (0.0, 4_294_967_295.0), &row), [0, 128, 255]);
    }

    #[test]
    fn what_has_no_range_of_its_own_is_not_guessed() {
        let order = ByteOrder::LittleEndian;
        for sample in [SampleType::U32(order), SampleType::I16(order), SampleType::F32(order), SampleType::F64(order)] {
            assert!(Conversion::new(layout(Channels::Grey, sample), None).is_err(), "{sample:?}");
        }
        for (black, white) in [(1.0, 1.0), (2.0, 1.0), (f64::NAN, 1.0), (0.0, f64::INFINITY), (f64::MIN, f64::MAX)] {
            assert_eq!(SampleRange::new(black, white), None);
        }
    }

    #[test]
    fn every_kind_of_pixel() {
        let bytes = [10, 20, 30, 255, 40, 50, 60, 0, 200, 100, 50, 128];
        let straight = converted(layout(Channels::Rgba(Alpha::Straight), SampleType::U8), None, &bytes, 0..3);
        assert_eq!(straight, [30, 20, 10, 255, 0, 0, 0, 0, 25, 50, 100, 128]);
        let multiplied = converted(layout(Channels::Rgba(Alpha::Premultiplied), SampleType::U8), None, &bytes, 1..3);
        assert_eq!(multiplied, [0, 0, 0, 0, 50, 100, 128, 128]);
        let grey = converted(layout(Channels::GreyAlpha(Alpha::Straight), SampleType::U8), None, &[7, 255, 9, 0], 0..2);
        assert_eq!(grey, [7, 7, 7, 255, 0, 0, 0, 0]);
        let rgb = converted(layout(Channels::Rgb, SampleType::U8), None, &bytes, 1..3);
        assert_eq!(rgb, [50, 40, 255, 255, 200, 0, 60, 255]);
        // No ink is white, all black ink black, and half of it half of the light.
        let inks = [0, 0, 0, 0, 0, 0, 0, 255, 255, 0, 0, 0, 0, 255, 0, 51];
        let cmyk = converted(layout(Channels::Cmyk, SampleType::U8), None, &inks, 0..4);
        assert_eq!(cmyk, [255, 255, 255, 255, 0, 0, 0, 255, 255, 255, 0, 255, 204, 0, 204, 255]);
        let key = SampleLayout { clear: Some([10, 20, 30]), ..layout(Channels::Rgb, SampleType::U8) };
        assert_eq!(converted(key, None, &[10, 20, 30, 10, 20, 31], 0..2), [0, 0, 0, 0, 31, 20, 10, 255]);
        let key = SampleLayout { clear: Some([3, 0, 0]), ..layout(Channels::Grey, SampleType::Bits(2)) };
        assert_eq!(converted(key, None, &[0b1110_0000], 0..2), [0, 0, 0, 0, 170, 170, 170, 255]);
        let more = SampleLayout { ignored: 2, ..layout(Channels::Grey, SampleType::U8) };
        assert_eq!(converted(more, None, &[1, 90, 91, 2, 92, 93], 0..2), [1, 1, 1, 255, 2, 2, 2, 255]);
        let white = SampleLayout { inverted: true, ..layout(Channels::Grey, SampleType::Bits(1)) };
        assert_eq!(converted(white, None, &[0x40], 0..2), [255, 255, 255, 255, 0, 0, 0, 255]);
        let sixteen: Vec<u8> = [65535_u16, 0, 32768, 32768].iter().flat_map(|value| value.to_be_bytes()).collect();
        let order = ByteOrder::BigEndian;
        let found = converted(layout(Channels::Rgba(Alpha::Straight), SampleType::U16(order)), None, &sixteen, 0..1);
        assert_eq!(found, [64, 0, 128, 128]);
    }

    #[test]
    fn a_number_beyond_the_palette_is_damage() {
        let colours: Arc<[[u8; 4]]> = [[1, 2, 3, 255], [200, 100, 50, 128], [9, 9, 9, 0]].into();
        let palette = layout(Channels::Palette(colours), SampleType::Bits(2));
        assert_eq!(
            converted(palette.clone(), None, &[0b0001_1000], 0..3),
            [3, 2, 1, 255, 25, 50, 100, 128, 0, 0, 0, 0]
        );
        let conversion = Conversion::new(palette, None).unwrap();
        assert!(!conversion.is_opaque());
        let error = conversion.convert(&[0b1100_0000], 0..1, &mut [0; 4]).unwrap_err();
        assert_eq!(error.to_string(), "a pixel has colour number 3, and the palette ends at 2");
    }
}
