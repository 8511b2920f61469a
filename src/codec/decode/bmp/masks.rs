//! Pixels of 16 or 32 bits, some of which are each color's.
//!
//! What always holds: a color of any number of bits becomes 8 bits by the straight line from 0 to the largest, rounded to the nearest.

/// Where the colors are.
#[derive(Debug)]
pub(crate) struct Masks {
    colors: [Field; 3],
    alpha: Option<Field>,
}

/// Some bits beside each other.
#[derive(Debug)]
struct Field {
    mask: u32,
    shift: u32,
    /// What becomes of each value.
    table: Box<[u8]>,
}

impl Field {
    /// More bits than any picture has, and a table that is small.
    const MOST_BITS: u32 = 16;

    fn of(mask: u32) -> Option<Self> {
        let shift = mask.trailing_zeros();
        let largest = mask.checked_shr(shift)?;
        if largest.count_ones() > Self::MOST_BITS || !(largest + 1).is_power_of_two() {
            return None;
        }
        let table = (0..=largest).map(|value| ((value * 255 + largest / 2) / largest) as u8).collect();
        Some(Self { mask, shift, table })
    }

    fn of_pixel(&self, pixel: u32) -> u8 {
        self.table[((pixel & self.mask) >> self.shift) as usize]
    }
}

impl Masks {
    /// Masks of red, green, blue and alpha in pixels of so many bits; an alpha of no bits is none.
    pub fn of(masks: [u32; 4], bits: u32) -> Result<Self, &'static str> {
        let together = masks.iter().fold(0, |all, mask| all | u64::from(*mask));
        if masks.iter().map(|mask| u64::from(*mask)).sum::<u64>() != together || together >> bits != 0 {
            return Err("its masks of colors overlap");
        }
        let field = |mask| Field::of(mask).ok_or("a mask of a color is not some bits beside each other");
        let [red, green, blue, alpha] = masks;
        let alpha = if alpha == 0 { None } else { Some(field(alpha)?) };
        Ok(Self { colors: [field(red)?, field(green)?, field(blue)?], alpha })
    }

    pub fn has_alpha(&self) -> bool {
        self.alpha.is_some()
    }

    /// Makes red, green, blue and maybe alpha of pixels of `BYTES` bytes.
    pub fn unpack<const BYTES: usize>(&self, packed: &[u8], row: &mut [u8]) {
        let pixels = packed.as_chunks::<BYTES>().0.iter().map(|bytes| {
            let mut number = [0; 4];
            number[..BYTES].copy_from_slice(bytes);
            u32::from_le_bytes(number)
        });
        let [red, green, blue] = &self.colors;
        match &self.alpha {
            None => {
                for (target, pixel) in row.as_chunks_mut::<3>().0.iter_mut().zip(pixels) {
                    *target = [red.of_pixel(pixel), green.of_pixel(pixel), blue.of_pixel(pixel)];
                }
            }
            Some(alpha) => {
                for (target, pixel) in row.as_chunks_mut::<4>().0.iter_mut().zip(pixels) {
                    *target = [red.of_pixel(pixel), green.of_pixel(pixel), blue.of_pixel(pixel), alpha.of_pixel(pixel)];
                }
            }
        }
    }
}
