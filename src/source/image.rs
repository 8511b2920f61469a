//! Ordinary images of any size as sources, read row by row or in tiles.

use std::path::Path;
use std::sync::Arc;

use super::{SlideError, SlideLevel, Source};
use crate::codec::decode::ImageError;
use crate::geometry::{Point, Rect, Size};
use crate::pixels::PremultipliedPixels;

pub(super) mod conversion;
mod opening;
mod row_source;
mod tile_rows;

pub use conversion::SampleRange;
pub(crate) use opening::{open_file, open_pipe};

impl ImageError {
    /// Returns the error of the file at `path`.
    pub fn of(self, path: &Path) -> SlideError {
        let path = path.to_owned();
        match self {
            Self::System(error) => SlideError::Open { path, source: Arc::new(error) },
            Self::Unsupported { .. } => {
                SlideError::UnsupportedImage { path, message: self.to_string() }
            }
            Self::NeedsFile { format } => SlideError::NeedsFile { path, format },
            other => SlideError::Malformed { path, message: other.to_string() },
        }
    }
}

/// Reads a region of a level with [`Source::read_from_level`], from the pixel nearest to `origin`,
/// which is in pixels of level 0. Pixels outside the level are transparent, as in OpenSlide.
pub(super) fn read_clipped(
    source: &dyn Source,
    level: SlideLevel,
    origin: Point,
    size: Size,
) -> Result<PremultipliedPixels, SlideError> {
    let Some(of_level) = source.info().levels.get(level.0 as usize) else {
        let (path, message) = (source.info().path.clone(), "no such level".to_owned());
        return Err(SlideError::Region { path, level, origin, size, message });
    };
    #[expect(clippy::cast_sign_loss, reason = "pixels are counted from 0 on")]
    let nearest = |at: u32| (f64::from(at) / of_level.downsample).round() as u32;
    let corner = Point { x: nearest(origin.x), y: nearest(origin.y) };
    let inside =
        Rect::new(corner, size).and_then(|wanted| wanted.intersection(Rect::of(of_level.size)));
    match inside {
        Some(inside) if inside.size() == size => source.read_from_level(level, inside, Vec::new()),
        inside => {
            let mut pixels = PremultipliedPixels::clear(size);
            if let Some(inside) = inside {
                pixels.paste(
                    Point { x: 0, y: 0 },
                    &source.read_from_level(level, inside, Vec::new())?,
                );
            }
            Ok(pixels)
        }
    }
}
