//! Interleaves components into samples.
//!
//! Samples of up to 8 bits are scaled to 8 bits and longer ones to 16, rounded to nearest. Gray or
//! red, green and blue come first, then alpha, whatever the order in the file.

use super::boxes::{Boxes, ChannelType, Color, Palette};
use super::component::{Component, Sign};
use super::openjpeg::Planes;
use crate::codec::decode::ImageError;
use crate::codec::decode::samples::{Alpha, ByteOrder, Channels, SampleLayout, SampleType};

/// The conversion of components to interleaved samples.
#[derive(Debug)]
pub(crate) struct Interleaving {
    channels: Channels,
    depth: Depth,
    model: Model,
    /// The component of each channel, and the scale of its values.
    of_channels: Vec<(usize, Box<[u16]>)>,
}

/// The bytes per sample.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Depth {
    One,
    Two,
}

/// The color model of the first three components.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Model {
    /// The model of the samples.
    Same,
    /// sYCC with this number of bits (IEC 61966-2-1, annex F).
    Ycc(u8),
}

/// The color channels in order, and the alpha channel.
struct Order {
    colors: Vec<usize>,
    alpha: Option<(usize, Alpha)>,
}

impl Order {
    fn of(count: usize, meanings: &[(u16, ChannelType)]) -> Result<Self, ImageError> {
        if meanings.is_empty() {
            let straight = |channel| Some((channel, Alpha::Straight));
            return match count {
                1 => Ok(Self { colors: vec![0], alpha: None }),
                2 => Ok(Self { colors: vec![0], alpha: straight(1) }),
                3 => Ok(Self { colors: vec![0, 1, 2], alpha: None }),
                4 => Ok(Self { colors: vec![0, 1, 2], alpha: straight(3) }),
                _ => Err(ImageError::unsupported(format!("{count} channels"))),
            };
        }
        let (mut colors, mut alpha) = (Vec::new(), None);
        for &(channel, meaning) in meanings {
            let channel = usize::from(channel);
            if channel >= count {
                return Err(ImageError::malformed(
                    "the channel definition names a missing channel",
                ));
            }
            match meaning {
                ChannelType::Color(number) => colors.push((number, channel)),
                ChannelType::Alpha if alpha.is_none() => alpha = Some((channel, Alpha::Straight)),
                ChannelType::PremultipliedAlpha if alpha.is_none() => {
                    alpha = Some((channel, Alpha::Premultiplied));
                }
                _ => {}
            }
        }
        colors.sort_unstable();
        let numbers: Vec<u16> = colors.iter().map(|&(number, _)| number).collect();
        if numbers != [0] && numbers != [0, 1, 2] {
            return Err(ImageError::unsupported(format!("{} color channels", colors.len())));
        }
        Ok(Self { colors: colors.into_iter().map(|(_, channel)| channel).collect(), alpha })
    }

    /// Checks that a profile fits the number of color channels. An RGB profile fits gray too.
    fn fits(&self, color: Option<&Color>) -> Result<(), ImageError> {
        let Some(Color::Profile(profile)) = color else { return Ok(()) };
        // Invalid profiles are reported by the color conversion.
        let Some(header) =
            profile.bytes().first_chunk::<40>().filter(|header| header.ends_with(b"acsp"))
        else {
            return Ok(());
        };
        match (&header[16..20], self.colors.len()) {
            (b"RGB ", _) | (b"GRAY", 1) => Ok(()),
            (space, colors) => {
                let space = space.trim_ascii().escape_ascii();
                Err(ImageError::unsupported(format!(
                    "a color profile for {space} with {colors} color channels"
                )))
            }
        }
    }

    fn channels(&self) -> Channels {
        match (self.colors.len(), self.alpha) {
            (1, None) => Channels::Gray,
            (1, Some((_, alpha))) => Channels::GrayAlpha(alpha),
            (_, None) => Channels::Rgb,
            (_, Some((_, alpha))) => Channels::Rgba(alpha),
        }
    }
}

impl Interleaving {
    pub fn of(components: &[Component], boxes: &Boxes) -> Result<Self, ImageError> {
        /// Enumerated color spaces.
        const SRGB: u32 = 16;
        const GRAY: u32 = 17;
        const SYCC: u32 = 18;
        if let Some(Color::Enumerated(space)) = boxes.color
            && !matches!(space, SRGB | GRAY | SYCC)
        {
            return Err(ImageError::unsupported(format!("the enumerated color space {space}")));
        }
        if let Some(palette) = &boxes.palette {
            let model = if let Some(Color::Enumerated(SYCC)) = boxes.color {
                Model::Ycc(8)
            } else {
                Model::Same
            };
            let order = Order::of(palette.channels.len(), &boxes.meanings)?;
            order.fits(boxes.color.as_ref())?;
            return Self::of_palette(components, palette, &order, model);
        }
        let order = Order::of(components.len(), &boxes.meanings)?;
        order.fits(boxes.color.as_ref())?;
        let used: Vec<usize> =
            order.colors.iter().copied().chain(order.alpha.map(|(channel, _)| channel)).collect();
        let mut most = 0;
        for &channel in &used {
            let Component { bits, sign, step } = components[channel];
            if sign == Sign::Signed {
                return Err(ImageError::unsupported("signed samples"));
            }
            if step != (1, 1) {
                return Err(ImageError::unsupported("subsampled components"));
            }
            if bits > 16 {
                return Err(ImageError::unsupported(format!("samples of {bits} bits")));
            }
            most = most.max(bits);
        }
        let depth = if most <= 8 { Depth::One } else { Depth::Two };
        let model = match boxes.color {
            Some(Color::Enumerated(SYCC)) if order.colors.len() == 3 => {
                let [bits, others @ ..] = [0, 1, 2].map(|at| components[order.colors[at]].bits);
                if others != [bits; 2] {
                    return Err(ImageError::unsupported("luma and chroma of different bit depths"));
                }
                Model::Ycc(bits)
            }
            _ => Model::Same,
        };
        let of_channels = used
            .into_iter()
            .map(|channel| (channel, scaling(components[channel].bits, depth)))
            .collect();
        Ok(Self { channels: order.channels(), depth, model, of_channels })
    }

    /// Returns the conversion of color indices, which are passed on.
    fn of_palette(
        components: &[Component],
        palette: &Palette,
        order: &Order,
        model: Model,
    ) -> Result<Self, ImageError> {
        let [Component { bits: bits @ 1..=8, sign: Sign::Unsigned, step: (1, 1) }] = components
        else {
            return Err(ImageError::unsupported(
                "a palette with other than one component of up to 8 bits",
            ));
        };
        let of_channel = |color: &[u8], channel: usize| {
            let column =
                palette.channels.get(channel).and_then(|&column| color.get(usize::from(column)));
            column.copied().ok_or_else(|| ImageError::malformed("the palette lacks a column"))
        };
        let color = |color: &Vec<u8>| -> Result<[u8; 4], ImageError> {
            let alpha =
                order.alpha.map_or(Ok(u8::MAX), |(channel, _)| of_channel(color, channel))?;
            let [red, green, blue] = if let [red, green, blue] = order.colors[..] {
                [red, green, blue]
            } else {
                [order.colors[0]; 3]
            };
            let [red, green, blue] =
                [of_channel(color, red)?, of_channel(color, green)?, of_channel(color, blue)?];
            if model == Model::Same || order.colors.len() != 3 {
                return Ok([red, green, blue, alpha]);
            }
            let ycc = [red.into(), i32::from(green) - 128, i32::from(blue) - 128];
            let [red, green, blue] =
                ycc_to_rgb(ycc).map(|number| u8::try_from(number.max(0)).unwrap_or(u8::MAX));
            Ok([red, green, blue, alpha])
        };
        if order.alpha.is_some_and(|(_, alpha)| alpha == Alpha::Premultiplied) {
            return Err(ImageError::unsupported("a palette with premultiplied colors"));
        }
        let colors =
            palette.colors.iter().take(1 << bits).map(color).collect::<Result<Vec<_>, _>>()?;
        let same = (0..1 << bits).collect();
        let channels = Channels::Palette(colors.into());
        Ok(Self { channels, depth: Depth::One, model: Model::Same, of_channels: vec![(0, same)] })
    }

    pub fn layout(&self) -> SampleLayout {
        let sample = match self.depth {
            Depth::One => SampleType::U8,
            Depth::Two => SampleType::U16(ByteOrder::LittleEndian),
        };
        SampleLayout::new(self.channels.clone(), sample)
    }

    /// Returns the bytes per pixel.
    pub fn pixel_bytes(&self) -> usize {
        self.of_channels.len() * if self.depth == Depth::One { 1 } else { 2 }
    }

    /// Returns the bits of the first channel, unless 8 or 16.
    pub fn odd_bits(&self) -> Option<u32> {
        let (_, table) = self.of_channels.first()?;
        Some(table.len().ilog2()).filter(|bits| !matches!(bits, 8 | 16))
    }

    /// Returns the plane of each channel of a decoded image.
    pub fn planes<'a>(&self, decoded: &'a Planes) -> Result<Vec<&'a [i32]>, ImageError> {
        let planes = self
            .of_channels
            .iter()
            .map(|&(component, _)| decoded.plane(component))
            .collect::<Option<_>>();
        planes.ok_or_else(|| ImageError::malformed("a component is not as large as the image"))
    }

    /// Fills `target` with interleaved pixels, from index `from` on.
    pub fn interleave(&self, planes: &[&[i32]], from: usize, target: &mut [u8]) {
        let Model::Ycc(bits) = self.model else {
            for (channel, (plane, (_, table))) in planes.iter().zip(&self.of_channels).enumerate() {
                self.write(channel, table, plane[from..].iter().copied(), target);
            }
            return;
        };
        if let ([luma, blue, red, alpha @ ..], [(_, table), ..]) = (planes, &self.of_channels[..]) {
            let center = 1 << (bits - 1);
            let pixels = || luma[from..].iter().zip(&blue[from..]).zip(&red[from..]);
            let pixels = || {
                pixels()
                    .map(|((&luma, &blue), &red)| ycc_to_rgb([luma, blue - center, red - center]))
            };
            for channel in 0..3 {
                self.write(channel, table, pixels().map(|rgb| rgb[channel]), target);
            }
            if let ([alpha], [.., (_, table)]) = (alpha, &self.of_channels[..]) {
                self.write(3, table, alpha[from..].iter().copied(), target);
            }
        }
    }

    /// Writes one channel of each pixel.
    fn write(
        &self,
        channel: usize,
        table: &[u16],
        numbers: impl Iterator<Item = i32>,
        target: &mut [u8],
    ) {
        let largest = table.len() - 1;
        // OpenJPEG clamps the overshoot of lossy wavelets, but sYCC conversion can overshoot again.
        let scaled = numbers.map(|number| table[usize::try_from(number).unwrap_or(0).min(largest)]);
        match self.depth {
            Depth::One => {
                let targets = target[channel..].iter_mut().step_by(self.of_channels.len());
                targets.zip(scaled).for_each(|(target, sample)| *target = sample as u8);
            }
            Depth::Two => {
                let targets =
                    target.as_chunks_mut().0[channel..].iter_mut().step_by(self.of_channels.len());
                targets.zip(scaled).for_each(|(target, sample)| *target = sample.to_le_bytes());
            }
        }
    }
}

/// Returns the scaled value of each value of this number of bits.
fn scaling(bits: u8, depth: Depth) -> Box<[u16]> {
    let (largest, most) = ((1_u64 << bits) - 1, if depth == Depth::One { 255 } else { 65_535 });
    (0..=largest).map(|value| ((value * most * 2 + largest) / (2 * largest)) as u16).collect()
}

/// Converts luma and blue and red differences to red, green and blue, rounded to nearest.
fn ycc_to_rgb([luma, blue, red]: [i32; 3]) -> [i32; 3] {
    /// Fixed-point scale, so that halves are exact.
    const ONE: i64 = 1_000_000;
    let (luma, blue, red) = (i64::from(luma) * ONE, i64::from(blue), i64::from(red));
    let rounded = |number: i64| (number + ONE / 2).div_euclid(ONE) as i32;
    let green = luma - 344_136 * blue - 714_136 * red;
    [rounded(luma + 1_402_000 * red), rounded(green), rounded(luma + 1_772_000 * blue)]
}
