//! A tile put together from the pieces that it lies in.

use super::{PIXEL_BYTES, PixelView, Pixels, Rgb, byte_count, relative_to, row_bytes};
use crate::geometry::Rect;

/// What covers a part of a canvas.
#[derive(Clone, Copy, Debug)]
pub enum Patch<'p> {
    /// These pixels.
    Pixels(&'p Pixels),
    /// One color.
    Plain(Rgb),
}

/// A rectangle of a level being put together from the pieces that cover it. The buffer is kept from one tile to the next.
#[derive(Debug, Default)]
pub struct Canvas {
    bytes: Vec<u8>,
}

impl Canvas {
    /// Puts the parts of `pieces` that lie in `area` in their places. Each piece is given with its rectangle; both in
    /// pixels of one level. The pieces together cover the area.
    ///
    /// # Panics
    /// Where they leave a part of it uncovered or cover a part twice: a pixel of the tile before must never show.
    pub fn assemble<'p>(&mut self, area: Rect, pieces: impl Iterator<Item = (Rect, Patch<'p>)>) -> PixelView<'_> {
        let stride = row_bytes(area.size());
        self.bytes.resize(byte_count(area.size()), 0);
        let mut covered = 0;
        for (rect, patch) in pieces {
            let Some(shared) = area.intersection(rect) else { continue };
            covered += shared.size().area();
            let target = relative_to(shared, area.origin());
            let start = target.origin().x as usize * PIXEL_BYTES;
            let length = row_bytes(shared.size());
            let rows = self.bytes.chunks_exact_mut(stride).skip(target.origin().y as usize);
            let rows = rows.take(shared.size().height() as usize).map(|row| &mut row[start..start + length]);
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
        assert_eq!(covered, area.size().area(), "the pieces of {area}");
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
    fn pieces_must_cover_the_area() {
        let piece = Pixels::filled(size(2, 2), Rgb::WHITE);
        let area = Rect::of(size(3, 2));
        let short = std::panic::catch_unwind(|| {
            Canvas::default().assemble(area, [(Rect::of(size(2, 2)), Patch::Pixels(&piece))].into_iter());
        });
        assert!(short.is_err());
    }

    #[test]
    fn a_color_covers_as_pixels_of_it_do() {
        let (pixels, color) = (Pixels::filled(size(5, 4), Rgb([1, 2, 3])), Rgb([9, 8, 7]));
        let plain = Pixels::filled(size(3, 4), color);
        let (left, right) = (Rect::of(size(5, 4)), Rect::spanning(5..8, 0..4).unwrap());
        let area = Rect::spanning(3..7, 1..3).unwrap();
        let with = |patch: Patch<'_>| {
            let pieces = [(left, Patch::Pixels(&pixels)), (right, patch)].into_iter();
            Canvas::default().assemble(area, pieces).to_pixels()
        };
        assert_eq!(with(Patch::Plain(color)), with(Patch::Pixels(&plain)));
    }
}
