//! Assembles a tile from the blocks that cover it.

use super::{PIXEL_BYTES, PixelView, Pixels, Rgb, byte_count, relative_to, row_bytes};
use crate::geometry::Rect;

/// The contents of a block.
#[derive(Clone, Copy, Debug)]
pub enum Patch<'p> {
    /// Pixels.
    Pixels(&'p Pixels),
    /// A single color.
    Plain(Rgb),
}

/// A reusable buffer in which rectangles of a level are assembled from blocks.
#[derive(Debug, Default)]
pub struct Canvas {
    bytes: Vec<u8>,
}

impl Canvas {
    /// Copies the parts of `blocks` that lie in `area` into the buffer. Each block comes with its
    /// rectangle; `area` and rectangles are in pixels of one level. Together, the blocks cover the
    /// area once.
    ///
    /// # Panics
    /// Panics if the blocks leave a part of the area uncovered or overlap in it: pixels of the
    /// previous area must not show.
    pub fn assemble<'p>(
        &mut self,
        area: Rect,
        blocks: impl Iterator<Item = (Rect, Patch<'p>)>,
    ) -> PixelView<'_> {
        let stride = row_bytes(area.size());
        self.bytes.resize(byte_count(area.size()), 0);
        let mut covered = 0;
        for (rect, patch) in blocks {
            let Some(shared) = area.intersection(rect) else { continue };
            covered += shared.size().area();
            let target = relative_to(shared, area.origin());
            let start = target.origin().x as usize * PIXEL_BYTES;
            let length = row_bytes(shared.size());
            let rows = self.bytes.chunks_exact_mut(stride).skip(target.origin().y as usize);
            let rows = rows
                .take(shared.size().height() as usize)
                .map(|row| &mut row[start..start + length]);
            match patch {
                Patch::Pixels(pixels) => {
                    let view = pixels.view().part(relative_to(shared, rect.origin()));
                    rows.zip(view.rows()).for_each(|(row, source)| row.copy_from_slice(source));
                }
                Patch::Plain(Rgb([red, green, blue])) => {
                    rows.flat_map(|row| row.as_chunks_mut::<PIXEL_BYTES>().0)
                        .for_each(|pixel| *pixel = [blue, green, red, u8::MAX]);
                }
            }
        }
        assert_eq!(covered, area.size().area(), "the blocks of {area}");
        PixelView { size: area.size(), stride, bytes: &self.bytes }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geometry::Size;

    fn size(width: u32, height: u32) -> Size {
        Size::new(width, height).unwrap()
    }

    #[test]
    fn panics_if_blocks_do_not_cover_the_area() {
        let block = Pixels::filled(size(2, 2), Rgb::WHITE);
        let area = Rect::of(size(3, 2));
        let short = std::panic::catch_unwind(|| {
            Canvas::default()
                .assemble(area, [(Rect::of(size(2, 2)), Patch::Pixels(&block))].into_iter());
        });
        assert!(short.is_err());
    }

    #[test]
    fn a_plain_block_equals_pixels_of_one_color() {
        let (pixels, color) = (Pixels::filled(size(5, 4), Rgb([1, 2, 3])), Rgb([9, 8, 7]));
        let plain = Pixels::filled(size(3, 4), color);
        let (left, right) = (Rect::of(size(5, 4)), Rect::spanning(5..8, 0..4).unwrap());
        let area = Rect::spanning(3..7, 1..3).unwrap();
        let with = |patch: Patch<'_>| {
            let blocks = [(left, Patch::Pixels(&pixels)), (right, patch)].into_iter();
            Canvas::default().assemble(area, blocks).to_pixels()
        };
        assert_eq!(with(Patch::Plain(color)), with(Patch::Pixels(&plain)));
    }
}
