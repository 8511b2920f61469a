//! Converts decoded rows to 8-bit pixels.
//!
//! Samples are mapped linearly from a range to 0–255, rounded to nearest and clamped ([`tones`]);
//! 8-bit samples are kept. CMYK is converted here too, with a profile or naively.

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};

use crate::codec::decode::samples::{Alpha, ByteOrder, Channels, SampleLayout, SampleType};
use crate::color::CmykConversion;
use crate::pixels::PIXEL_BYTES;

#[cfg(test)]
mod tests;
mod tones;

pub use tones::SampleRange;
pub(crate) use tones::UnknownRange;
use tones::{FRACTION, Tones};

/// A pixel has an index beyond the palette.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a pixel has color index {number}, but the palette ends at {last}")]
pub(crate) struct BeyondPalette {
    number: u16,
    last: usize,
}

/// Converts rows of one layout to 8-bit pixels. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Conversion {
    layout: SampleLayout,
    /// Maps a color sample to 8 bits.
    tones: Tones,
    /// The palette as premultiplied BGRA; empty for other channels.
    palette: Arc<[[u8; PIXEL_BYTES]]>,
    /// The largest sample converted so far, if it shows whether the image is dark.
    largest: Option<Arc<AtomicU16>>,
    /// How CMYK becomes sRGB; `None` for the naive conversion.
    cmyk: Option<CmykConversion>,
}

/// 16-bit samples below this, an eighth of their range, are almost black. 12-bit samples stored in
/// 16 bits reach a sixteenth.
const DARK_BELOW: u16 = 1 << 13;

impl Conversion {
    /// Creates the conversion from a layout. Without a range, unsigned samples of up to 16 bits
    /// use their full range.
    ///
    /// # Errors
    /// [`UnknownRange`] if other samples have no range.
    pub fn new(layout: SampleLayout, range: Option<SampleRange>) -> Result<Self, UnknownRange> {
        let tones = Tones::new(&layout, range)?;
        let palette = match &layout.channels {
            Channels::Palette(colors) => colors
                .iter()
                .map(|&[red, green, blue, alpha]| premultiplied([blue, green, red], alpha))
                .collect(),
            _ => Arc::default(),
        };
        let are_tones =
            matches!(layout.channels, Channels::Gray | Channels::Rgb) && layout.ignored == 0;
        let is_wide =
            matches!(layout.sample, SampleType::U16(_)) && range.is_none() && !layout.inverted;
        let largest = (are_tones && is_wide).then(Arc::default);
        Ok(Self { layout, tones, palette, largest, cmyk: None })
    }

    /// The same conversion, with CMYK converted to sRGB by a profile; `None` unless the samples are
    /// CMYK.
    pub fn with_cmyk(&self, cmyk: &CmykConversion) -> Option<Self> {
        (self.layout.channels == Channels::Cmyk)
            .then(|| Self { cmyk: Some(cmyk.clone()), ..self.clone() })
    }

    /// Returns the layout of the rows.
    pub fn layout(&self) -> &SampleLayout {
        &self.layout
    }

    /// Returns the largest 16-bit sample so far if all are dark and shown with their full range;
    /// `None` otherwise, or if all are 0.
    pub fn largest_dark_sample(&self) -> Option<u16> {
        let largest = self.largest.as_ref()?.load(Ordering::Relaxed);
        (1..DARK_BELOW).contains(&largest).then_some(largest)
    }

    /// Updates the largest sample, as long as all were dark.
    fn note_largest(&self, samples: &[[u8; 2]], order: ByteOrder) {
        let Some(largest) =
            self.largest.as_ref().filter(|largest| largest.load(Ordering::Relaxed) < DARK_BELOW)
        else {
            return;
        };
        let found = match order {
            ByteOrder::BigEndian => samples.iter().map(|&sample| u16::from_be_bytes(sample)).max(),
            ByteOrder::LittleEndian => {
                samples.iter().map(|&sample| u16::from_le_bytes(sample)).max()
            }
        };
        largest.fetch_max(found.unwrap_or(0), Ordering::Relaxed);
    }

    /// Returns whether the layout allows opaque pixels only.
    pub fn is_opaque(&self) -> bool {
        match &self.layout.channels {
            Channels::Gray | Channels::Rgb | Channels::Bgra | Channels::Cmyk => {
                self.layout.clear.is_none()
            }
            Channels::GrayAlpha(_) | Channels::Rgba(_) => false,
            Channels::Palette(colors) => colors.iter().all(|color| color[3] == u8::MAX),
        }
    }

    /// Converts the columns of a decoded row into `pixels`, as premultiplied BGRA.
    ///
    /// # Errors
    /// [`BeyondPalette`] if a pixel has an index beyond the palette.
    ///
    /// # Panics
    /// If the row or the pixels are too short for the columns.
    pub fn convert(
        &self,
        row: &[u8],
        columns: Range<u32>,
        pixels: &mut [u8],
    ) -> Result<(), BeyondPalette> {
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
                let is_plain = self.layout.channels == Channels::Rgb
                    && each == 3
                    && self.layout.clear.is_none();
                match &self.tones {
                    Tones::Same if is_plain => {
                        from_rgb(row, pixels);
                        Ok(())
                    }
                    Tones::Same
                        if self.layout.channels == Channels::Bgra && each == PIXEL_BYTES =>
                    {
                        pixels.as_flattened_mut().copy_from_slice(row);
                        Ok(())
                    }
                    Tones::Same => self.assemble(pixels, value, |at| row[at], |at| row[at]),
                    tones => {
                        self.assemble(pixels, value, |at| tones.of_bits(value(at)), |at| row[at])
                    }
                }
            }
            SampleType::U16(order) | SampleType::I16(order) => {
                let (samples, _) = row[first * 2..(first + count) * 2].as_chunks::<2>();
                self.note_largest(samples, order);
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
                let whole = SampleRange::up_to(u32::MAX);
                let tone = |at: usize| self.tones.of_value(value(at).into());
                self.assemble(pixels, |_| 0, tone, |at| whole.to_byte(value(at).into()))
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
                self.assemble(
                    pixels,
                    |_| 0,
                    |at| self.tones.of_value(value(at)),
                    |at| FRACTION.to_byte(value(at)),
                )
            }
        }
    }

    /// Assembles pixels from samples, given by index from the first pixel's first: their bits if
    /// at most 16, their tones, and their values as alpha.
    fn assemble(
        &self,
        pixels: &mut [[u8; PIXEL_BYTES]],
        bits: impl Fn(usize) -> u16,
        tone: impl Fn(usize) -> u8,
        alpha: impl Fn(usize) -> u8,
    ) -> Result<(), BeyondPalette> {
        let places = (0..).step_by(self.layout.samples_a_pixel());
        if let Some(conversion) = &self.cmyk {
            let mut cmyk = [[0; 4]; CMYK_PIXELS];
            for (chunk, first) in pixels.chunks_mut(CMYK_PIXELS).zip(places.step_by(CMYK_PIXELS)) {
                let cmyk = &mut cmyk[..chunk.len()];
                for (pixel, at) in
                    cmyk.iter_mut().zip((first..).step_by(self.layout.samples_a_pixel()))
                {
                    *pixel = [tone(at), tone(at + 1), tone(at + 2), tone(at + 3)];
                }
                conversion.convert(cmyk, chunk);
            }
            return Ok(());
        }
        let pixels = pixels.iter_mut().zip(places);
        let alpha_of_color = |at: usize, clear: &[u16]| {
            if clear.iter().zip(at..).all(|(&clear, at)| bits(at) == clear) { 0 } else { u8::MAX }
        };
        match (&self.layout.channels, self.layout.clear) {
            (Channels::Gray, Some(clear)) => pixels.for_each(|(pixel, at)| {
                *pixel = premultiplied([tone(at); 3], alpha_of_color(at, &clear[..1]));
            }),
            (Channels::Rgb, Some(clear)) => pixels.for_each(|(pixel, at)| {
                *pixel = premultiplied(
                    [tone(at + 2), tone(at + 1), tone(at)],
                    alpha_of_color(at, &clear),
                );
            }),
            (Channels::Gray, None) => pixels.for_each(|(pixel, at)| {
                let gray = tone(at);
                *pixel = [gray, gray, gray, u8::MAX];
            }),
            (Channels::GrayAlpha(kind), _) => pixels.for_each(|(pixel, at)| {
                let gray = tone(at);
                *pixel = kind.of([gray; 3], alpha(at + 1));
            }),
            (Channels::Rgb, None) => {
                pixels.for_each(|(pixel, at)| {
                    *pixel = [tone(at + 2), tone(at + 1), tone(at), u8::MAX];
                });
            }
            (Channels::Bgra, _) => {
                pixels.for_each(|(pixel, at)| {
                    *pixel = [tone(at), tone(at + 1), tone(at + 2), u8::MAX];
                });
            }
            (Channels::Rgba(kind), _) => {
                pixels.for_each(|(pixel, at)| {
                    *pixel = kind.of([tone(at + 2), tone(at + 1), tone(at)], alpha(at + 3));
                });
            }
            (Channels::Cmyk, _) => pixels.for_each(|(pixel, at)| {
                let light = u8::MAX - tone(at + 3);
                let [blue, green, red] =
                    [2, 1, 0].map(|channel| share(u8::MAX - tone(at + channel), light));
                *pixel = [blue, green, red, u8::MAX];
            }),
            (Channels::Palette(_), _) => {
                for (pixel, at) in pixels {
                    let number = bits(at);
                    let beyond =
                        BeyondPalette { number, last: self.palette.len().saturating_sub(1) };
                    *pixel = *self.palette.get(usize::from(number)).ok_or(beyond)?;
                }
            }
        }
        Ok(())
    }
}

/// Converts 8-bit RGB, the most common layout, four pixels at a time with shifts of whole words:
/// twice as fast as byte by byte.
fn from_rgb(row: &[u8], pixels: &mut [[u8; PIXEL_BYTES]]) {
    /// Swaps red and blue in the lowest three bytes.
    fn swapped(rgb: u32) -> [u8; PIXEL_BYTES] {
        (0xff00_0000 | rgb & 0xff00 | (rgb & 0xff) << 16 | rgb >> 16 & 0xff).to_le_bytes()
    }
    let (fours, rest) = row.as_chunks::<12>();
    let (target_fours, target_rest) = pixels.as_chunks_mut::<4>();
    for (four, target) in fours.iter().zip(target_fours) {
        let word =
            |at: usize| u32::from_le_bytes([four[at], four[at + 1], four[at + 2], four[at + 3]]);
        let (one, two, three) = (word(0), word(4), word(8));
        *target = [
            swapped(one),
            swapped(one >> 24 | two << 8),
            swapped(two >> 16 | three << 16),
            swapped(three >> 8),
        ];
    }
    for (pixel, &[red, green, blue]) in target_rest.iter_mut().zip(rest.as_chunks::<3>().0) {
        *pixel = [blue, green, red, u8::MAX];
    }
}

/// The number of CMYK pixels that are converted by a profile at a time.
const CMYK_PIXELS: usize = 256;

impl Alpha {
    /// Returns a premultiplied pixel. Premultiplied colors are clamped to alpha.
    fn of(self, colors: [u8; 3], alpha: u8) -> [u8; PIXEL_BYTES] {
        match self {
            Self::Straight => premultiplied(colors, alpha),
            Self::Premultiplied => {
                let [blue, green, red] = colors.map(|color| color.min(alpha));
                [blue, green, red, alpha]
            }
        }
    }
}

fn premultiplied(colors: [u8; 3], alpha: u8) -> [u8; PIXEL_BYTES] {
    let [blue, green, red] = colors.map(|color| share(color, alpha));
    [blue, green, red, alpha]
}

/// Returns `value · of / 255`, rounded to nearest.
fn share(value: u8, of: u8) -> u8 {
    ((u16::from(value) * u16::from(of) + 127) / 255) as u8
}
