//! A tile put together from the pieces that it lies in.

use super::{PIXEL_BYTES, PixelView, Pixels, byte_count, relative_to, row_bytes};
use crate::geometry::Rect;

/// A rectangle of a level being put together from the pieces that cover it. The buffer is kept from one tile to the next.
#[derive(Debug, Default)]
pub struct Canvas {
    bytes: Vec<u8>,
}

impl Canvas {
    /// Copies the parts of `pieces` that lie in `area` to their places. Each piece is given with its rectangle; both in
    /// pixels of one level. The pieces together cover the area.
    ///
    /// # Panics
    /// Where they leave a part of it uncovered or cover a part twice: a pixel of the tile before must never show.
    pub fn assemble<'p>(&mut self, area: Rect, pieces: impl Iterator<Item = (Rect, &'p Pixels)>) -> PixelView<'_> {
        let stride = row_bytes(area.size());
        self.bytes.resize(byte_count(area.size()), 0);
        let mut covered = 0;
        for (rect, pixels) in pieces {
            let Some(shared) = area.intersection(rect) else { continue };
            covered += shared.size().area();
            let view = pixels.view().part(relative_to(shared, rect.origin()));
            let target = relative_to(shared, area.origin());
            let start = target.origin().x as usize * PIXEL_BYTES;
            let rows = self.bytes.chunks_exact_mut(stride).skip(target.origin().y as usize);
            for (source, row) in view.rows().zip(rows) {
                row[start..start + source.len()].copy_from_slice(source);
            }
        }
        assert_eq!(covered, area.size().area(), "the pieces of {area}");
        PixelView { size: area.size(), stride, bytes: &self.bytes }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Rgb;
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
            Canvas::default().assemble(area, [(Rect::of(size(2, 2)), &piece)].into_iter());
        });
        assert!(short.is_err());
    }
}
