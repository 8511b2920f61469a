//! Rotation by quarter turns and mirroring of pixels.

use super::{PIXEL_BYTES, PremultipliedPixels, byte_count};
use crate::geometry::Orientation;

/// The side of the squares in which pixels are transposed: 16 rows of 64 bytes, so that the rows
/// that are read and written fit into the processor's L1 cache.
const BLOCK: usize = 16;

impl PremultipliedPixels {
    /// Rotates and mirrors the pixels. `spare` is reused for the result.
    #[must_use]
    pub fn oriented(mut self, orientation: Orientation, spare: Vec<u8>) -> Self {
        let (width, height) = (self.size.width() as usize, self.size.height() as usize);
        if orientation.is_transposed() {
            let mut bytes = spare;
            bytes.resize(byte_count(self.size), 0);
            transpose(&self.bytes, &mut bytes, (width, height), orientation);
            return Self { size: orientation.size(self.size), bytes, opacity: self.opacity };
        }
        let (pixels, _) = self.bytes.as_chunks_mut::<PIXEL_BYTES>();
        match (orientation.mirrors_columns(), orientation.mirrors_rows()) {
            (false, false) => {}
            (true, true) => pixels.reverse(),
            (true, false) => pixels.chunks_exact_mut(width).for_each(<[_]>::reverse),
            (false, true) => {
                let (top, bottom) = pixels.split_at_mut(height / 2 * width);
                let bottom = bottom.chunks_exact_mut(width).rev();
                top.chunks_exact_mut(width)
                    .zip(bottom)
                    .for_each(|(row, other)| row.swap_with_slice(other));
            }
        }
        self
    }
}

/// Turns columns into rows, in reverse order where they are mirrored. `width` and `height` are
/// those of `source`.
fn transpose(
    source: &[u8],
    target: &mut [u8],
    (width, height): (usize, usize),
    orientation: Orientation,
) {
    let (source, _) = source.as_chunks::<PIXEL_BYTES>();
    let (target, _) = target.as_chunks_mut::<PIXEL_BYTES>();
    for left in (0..width).step_by(BLOCK) {
        for top in (0..height).step_by(BLOCK) {
            let bottom = (top + BLOCK).min(height);
            for column in left..(left + BLOCK).min(width) {
                let row = if orientation.mirrors_columns() { width - 1 - column } else { column };
                let from = source[top * width + column..].iter().step_by(width);
                if orientation.mirrors_rows() {
                    let to =
                        &mut target[row * height + height - bottom..row * height + height - top];
                    to.iter_mut().rev().zip(from).for_each(|(to, from)| *to = *from);
                } else {
                    let to = &mut target[row * height + top..row * height + bottom];
                    to.iter_mut().zip(from).for_each(|(to, from)| *to = *from);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::geometry::Size;
    use crate::geometry::orientation_tests::{every, moved};

    proptest! {
        #[test]
        fn moves_every_pixel_to_its_place((width, height) in (1..70_u32, 1..70_u32), index in 0..12_usize) {
            let (rotation, flip) = every().nth(index).unwrap();
            let numbers: Vec<u8> = (0..width * height).flat_map(u32::to_le_bytes).collect();
            let pixels = PremultipliedPixels::from_bgra(Size::new(width, height).unwrap(), numbers);
            let oriented = pixels.oriented(Orientation::new(rotation, flip), vec![0xa5; 77]);
            let turned = oriented.size();
            prop_assert_eq!(oriented.bytes().len() as u64, 4 * turned.area());
            for y in 0..height {
                for x in 0..width {
                    let (to_x, to_y) = moved(rotation, flip, (x, y), (width, height));
                    let at = 4 * (to_y * turned.width() + to_x) as usize;
                    let found = u32::from_le_bytes(oriented.bytes()[at..at + 4].try_into().unwrap());
                    prop_assert_eq!(found, y * width + x, "{:?} {:?} ({}, {})", rotation, flip, x, y);
                }
            }
        }
    }
}
