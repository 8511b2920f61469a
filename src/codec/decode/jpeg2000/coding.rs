//! How tiles are divided into resolutions, precincts, blocks and packets (ISO/IEC 15444-1, A.6.1, A.6.2 and annex B), and what that takes.
//!
//! OpenJPEG allocates by what is said here, for millions of blocks where a file of a hundred bytes says so. What always holds: segments are gone by in the order of
//! the file, a later one counting, as OpenJPEG does.

use std::ops::Range;

use super::codestream::Component;
use crate::codec::decode::ImageError;

/// How the components of a tile are coded.
#[derive(Clone, Debug)]
pub(crate) struct Coding {
    layers: u16,
    components: Vec<Division>,
}

/// How a component is divided.
#[derive(Clone, Debug)]
struct Division {
    /// How often the wavelet transform halves it.
    reduction_levels: u8,
    /// By how many bits columns and rows of a block are counted.
    block: (u8, u8),
    /// The same of precincts at each resolution, from the smallest on, columns in the low four bits; empty where they are of 2^15 each.
    precincts: Box<[u8]>,
}

/// What a tile is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Contents {
    pub packets: u64,
    /// What OpenJPEG has for them, but for numbers and compressed bytes.
    pub table_bytes: u64,
}

impl Division {
    /// The standard allows 32; pictures of more than 2^20 pixels a side have no use for more than this.
    const MOST_HALVINGS: u8 = 32;

    /// What the segment of a tile or of a component says from there on, where it tells precincts if its style says so.
    fn read(style: u8, fields: &[u8]) -> Result<Self, ImageError> {
        let &[reduction_levels, width, height, _, _, ref precincts @ ..] = fields else {
            return Err(ImageError::malformed("its coding is not told"));
        };
        let precincts = if style & 1 == 0 { Some(&[][..]) } else { precincts.get(..usize::from(reduction_levels) + 1) };
        let precincts = precincts.ok_or_else(|| ImageError::malformed("its coding makes no sense"))?;
        // But for the smallest resolution, a precinct has four times as many samples as in each of its bands.
        let mut larger = precincts.iter().skip(1);
        if reduction_levels > Self::MOST_HALVINGS
            || width.max(height) > 8
            || larger.any(|sizes| (sizes & 15).min(sizes >> 4) == 0)
        {
            return Err(ImageError::malformed("its coding makes no sense"));
        }
        Ok(Self { reduction_levels, block: (width + 2, height + 2), precincts: precincts.into() })
    }
}

/// How many units of so many bits a range touches.
fn units(range: &Range<u64>, bits: u8) -> u64 {
    if range.is_empty() { 0 } else { range.end.div_ceil(1 << bits) - (range.start >> bits) }
}

impl Coding {
    /// What a segment says for all components.
    pub fn of(segment: &[u8], components: usize) -> Result<Self, ImageError> {
        let [_, _, _, _, style, _, l0, l1, _, fields @ ..] = segment else {
            return Err(ImageError::malformed("its coding is not told"));
        };
        let (layers, division) = (u16::from_be_bytes([*l0, *l1]), Division::read(*style, fields)?);
        if layers == 0 {
            return Err(ImageError::malformed("its coding makes no sense"));
        }
        Ok(Self { layers, components: vec![division; components] })
    }

    /// Takes what a segment says of one component.
    pub fn set_component(&mut self, segment: &[u8]) -> Result<(), ImageError> {
        let [_, _, _, _, component, style, fields @ ..] = segment else {
            return Err(ImageError::malformed("its coding is not told"));
        };
        let component = self.components.get_mut(usize::from(*component));
        *component.ok_or_else(|| ImageError::malformed("a component that is not there is coded"))? =
            Division::read(*style, fields)?;
        Ok(())
    }

    /// How many components there are.
    pub fn count(&self) -> usize {
        self.components.len()
    }

    /// How often each component is halved at least.
    pub fn reduction_levels(&self) -> u32 {
        self.components.iter().map(|division| division.reduction_levels.into()).min().unwrap_or(0)
    }

    /// What a tile of these columns and rows of the reference grid is made of.
    pub fn contents(&self, components: &[Component], (columns, rows): (&Range<u32>, &Range<u32>)) -> Contents {
        /// What OpenJPEG has for a block: itself, 10 segments that there may be among it, and leaves of two trees.
        const BYTES_A_BLOCK: u64 = 512;
        /// What it has for a precinct of a band: itself and two trees.
        const BYTES_A_PRECINCT: u64 = 192;
        let (mut precincts, mut most_precincts, mut table_bytes) = (0_u64, 0, 0_u64);
        for (division, component) in self.components.iter().zip(components) {
            let (steps_across, steps_down) = component.step;
            for resolution in 0..=division.reduction_levels {
                let halved = |at: u32, step: u8| {
                    u64::from(at.div_ceil(step.into())).div_ceil(1 << (division.reduction_levels - resolution))
                };
                let reduced = |range: &Range<u32>, step| halved(range.start, step)..halved(range.end, step);
                let sizes = division.precincts.get(usize::from(resolution)).copied().unwrap_or(0xff);
                let (across, down) = (reduced(columns, steps_across), reduced(rows, steps_down));
                let here = units(&across, sizes & 15).saturating_mul(units(&down, sizes >> 4));
                // The three bands of a resolution lie within its half; the smallest has one, which it is itself.
                let larger = u8::from(resolution > 0);
                let blocks = |range: Range<u64>, precinct: u8, block: u8| {
                    units(&(range.start >> larger..range.end.div_ceil(1 << larger)), block.min(precinct - larger))
                };
                let blocks = blocks(across, sizes & 15, division.block.0).saturating_mul(blocks(
                    down,
                    sizes >> 4,
                    division.block.1,
                ));
                let of_band = blocks.saturating_mul(BYTES_A_BLOCK);
                let of_band = of_band.saturating_add(here.saturating_mul(BYTES_A_PRECINCT));
                table_bytes = table_bytes.saturating_add(of_band.saturating_mul(if larger == 1 { 3 } else { 1 }));
                precincts = precincts.saturating_add(here);
                most_precincts = here.max(most_precincts);
            }
        }
        // Two bytes for each packet, as if every resolution of every component had as many as the one that has the most.
        let resolutions =
            self.components.iter().map(|division| u64::from(division.reduction_levels) + 1).max().unwrap_or(0);
        let seen = most_precincts.saturating_mul(2 * resolutions * components.len() as u64);
        let seen = seen.saturating_mul(u64::from(self.layers) + 1);
        Contents {
            packets: precincts.saturating_mul(self.layers.into()),
            table_bytes: table_bytes.saturating_add(seen),
        }
    }
}
