//! Pixels of 16 or 32 bits with a mask for each color. Colors are scaled linearly to 8 bits and
//! rounded to nearest.

/// The bits of each color in a pixel.
#[derive(Debug)]
pub(crate) struct Masks {
    colors: [Field; 3],
    alpha: Option<Field>,
}

/// Contiguous bits of a pixel.
#[derive(Debug)]
struct Field {
    mask: u32,
    shift: u32,
    /// The 8-bit value of each value.
    table: Box<[u8]>,
}

impl Field {
    /// More bits than images have, and few enough for a table.
    const MOST_BITS: u32 = 16;

    fn of(mask: u32) -> Option<Self> {
        let shift = mask.trailing_zeros();
        let largest = mask.checked_shr(shift)?;
        if largest.count_ones() > Self::MOST_BITS || !(largest + 1).is_power_of_two() {
            return None;
        }
        let table =
            (0..=largest).map(|value| ((value * 255 + largest / 2) / largest) as u8).collect();
        Some(Self { mask, shift, table })
    }

    fn of_pixel(&self, pixel: u32) -> u8 {
        self.table[((pixel & self.mask) >> self.shift) as usize]
    }
}

impl Masks {
    /// Creates the masks of red, green, blue and alpha in pixels of `bits` bits. An empty alpha
    /// mask means no alpha.
    pub fn of(masks: [u32; 4], bits: u32) -> Result<Self, &'static str> {
        let together = masks.iter().fold(0, |all, mask| all | u64::from(*mask));
        if masks.iter().map(|mask| u64::from(*mask)).sum::<u64>() != together
            || together >> bits != 0
        {
            return Err("the color masks overlap");
        }
        let field =
            |mask| Field::of(mask).ok_or("a color mask is empty, not contiguous or too long");
        let [red, green, blue, alpha] = masks;
        let alpha = if alpha == 0 { None } else { Some(field(alpha)?) };
        Ok(Self { colors: [field(red)?, field(green)?, field(blue)?], alpha })
    }

    pub fn has_alpha(&self) -> bool {
        self.alpha.is_some()
    }

    /// Unpacks pixels of `BYTES` bytes to red, green, blue and, if present, alpha.
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
                    *target = [
                        red.of_pixel(pixel),
                        green.of_pixel(pixel),
                        blue.of_pixel(pixel),
                        alpha.of_pixel(pixel),
                    ];
                }
            }
        }
    }
}
