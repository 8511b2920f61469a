//! The division of tiles into resolutions, precincts, code-blocks and packets (ISO/IEC 15444-1,
//! A.6.1, A.6.2 and annex B), and the memory it takes.
//!
//! OpenJPEG allocates by these segments, and a file of a hundred bytes can claim millions of
//! code-blocks. Later segments replace earlier ones, as in OpenJPEG.

use std::ops::Range;

use super::component::Component;
use crate::codec::decode::ImageError;

/// The coding of a tile's components.
#[derive(Clone, Debug)]
pub(crate) struct Coding {
    layers: u16,
    components: Vec<Division>,
}

/// The division of a component.
#[derive(Clone, Debug)]
struct Division {
    /// The number of wavelet decompositions.
    reduction_levels: u8,
    /// The binary logarithms of a code-block's width and height.
    block: (u8, u8),
    /// The same of precincts at each resolution, smallest first, with the width in the low four
    /// bits; empty if all are 2^15.
    precincts: Box<[u8]>,
}

/// The contents of a tile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Contents {
    pub packets: u64,
    /// OpenJPEG's memory for them, without samples and compressed bytes.
    pub table_bytes: u64,
}

impl Division {
    /// The standard allows 32, but no image here needs more than this.
    const MOST_HALVINGS: u8 = 32;

    /// Reads the part that COD and COC segments share. It has precincts if the style says so.
    fn read(style: u8, fields: &[u8]) -> Result<Self, ImageError> {
        let &[reduction_levels, width, height, _, _, ref precincts @ ..] = fields else {
            return Err(ImageError::malformed("a coding segment is missing or too short"));
        };
        let precincts = if style & 1 == 0 {
            Some(&[][..])
        } else {
            precincts.get(..usize::from(reduction_levels) + 1)
        };
        let precincts =
            precincts.ok_or_else(|| ImageError::malformed("a coding segment is invalid"))?;
        // Except at the smallest resolution, a precinct has four times the samples of each band.
        let mut larger = precincts.iter().skip(1);
        if reduction_levels > Self::MOST_HALVINGS
            || width.max(height) > 8
            || larger.any(|sizes| (sizes & 15).min(sizes >> 4) == 0)
        {
            return Err(ImageError::malformed("a coding segment is invalid"));
        }
        Ok(Self { reduction_levels, block: (width + 2, height + 2), precincts: precincts.into() })
    }
}

/// Returns the number of units of 2^`bits` that a range touches.
fn units(range: &Range<u64>, bits: u8) -> u64 {
    if range.is_empty() { 0 } else { range.end.div_ceil(1 << bits) - (range.start >> bits) }
}

impl Coding {
    /// Reads a COD segment, which holds for all components.
    pub fn of(segment: &[u8], components: usize) -> Result<Self, ImageError> {
        let [_, _, _, _, style, _, l0, l1, _, fields @ ..] = segment else {
            return Err(ImageError::malformed("a coding segment is missing or too short"));
        };
        let (layers, division) = (u16::from_be_bytes([*l0, *l1]), Division::read(*style, fields)?);
        if layers == 0 {
            return Err(ImageError::malformed("a coding segment is invalid"));
        }
        Ok(Self { layers, components: vec![division; components] })
    }

    /// Reads a COC segment, which holds for one component.
    pub fn set_component(&mut self, segment: &[u8]) -> Result<(), ImageError> {
        let [_, _, _, _, component, style, fields @ ..] = segment else {
            return Err(ImageError::malformed("a coding segment is missing or too short"));
        };
        let component = self.components.get_mut(usize::from(*component));
        *component
            .ok_or_else(|| ImageError::malformed("a COC segment names a missing component"))? =
            Division::read(*style, fields)?;
        Ok(())
    }

    /// Returns the number of components.
    pub fn count(&self) -> usize {
        self.components.len()
    }

    /// Returns the least number of decompositions of a component.
    pub fn reduction_levels(&self) -> u32 {
        self.components.iter().map(|division| division.reduction_levels.into()).min().unwrap_or(0)
    }

    /// Returns the contents of a tile with these columns and rows of the reference grid.
    pub fn contents(
        &self,
        components: &[Component],
        (columns, rows): (&Range<u32>, &Range<u32>),
    ) -> Contents {
        /// OpenJPEG's bytes per code-block: itself, up to 10 segments, and leaves of two trees.
        const BYTES_A_BLOCK: u64 = 512;
        /// OpenJPEG's bytes per precinct of a band: itself and two trees.
        const BYTES_A_PRECINCT: u64 = 192;
        let (mut precincts, mut most_precincts, mut table_bytes) = (0_u64, 0, 0_u64);
        for (division, component) in self.components.iter().zip(components) {
            let (steps_across, steps_down) = component.step;
            for resolution in 0..=division.reduction_levels {
                let halved = |at: u32, step: u8| {
                    u64::from(at.div_ceil(step.into()))
                        .div_ceil(1 << (division.reduction_levels - resolution))
                };
                let reduced =
                    |range: &Range<u32>, step| halved(range.start, step)..halved(range.end, step);
                let sizes =
                    division.precincts.get(usize::from(resolution)).copied().unwrap_or(0xff);
                let (across, down) = (reduced(columns, steps_across), reduced(rows, steps_down));
                let here = units(&across, sizes & 15).saturating_mul(units(&down, sizes >> 4));
                // The three bands of a resolution have half its size; the smallest resolution is a
                // band.
                let larger = u8::from(resolution > 0);
                let blocks = |range: Range<u64>, precinct: u8, block: u8| {
                    units(
                        &(range.start >> larger..range.end.div_ceil(1 << larger)),
                        block.min(precinct - larger),
                    )
                };
                let blocks = blocks(across, sizes & 15, division.block.0).saturating_mul(blocks(
                    down,
                    sizes >> 4,
                    division.block.1,
                ));
                let of_band = blocks.saturating_mul(BYTES_A_BLOCK);
                let of_band = of_band.saturating_add(here.saturating_mul(BYTES_A_PRECINCT));
                table_bytes = table_bytes.saturating_add(of_band.saturating_mul(if larger == 1 {
                    3
                } else {
                    1
                }));
                precincts = precincts.saturating_add(here);
                most_precincts = here.max(most_precincts);
            }
        }
        // Two bytes per packet, as if each resolution of each component had the largest number.
        let resolutions = self
            .components
            .iter()
            .map(|division| u64::from(division.reduction_levels) + 1)
            .max()
            .unwrap_or(0);
        let seen = most_precincts.saturating_mul(2 * resolutions * components.len() as u64);
        let seen = seen.saturating_mul(u64::from(self.layers) + 1);
        Contents {
            packets: precincts.saturating_mul(self.layers.into()),
            table_bytes: table_bytes.saturating_add(seen),
        }
    }
}
