//! An image of which any part can be decoded, as a source.

use std::cell::RefCell;
use std::path::Path;
use std::sync::Arc;

use super::conversion::Conversion;
use crate::codec::decode::{ImageError, TiledImage};
use crate::color::CmykConversion;
use crate::geometry::{Orientation, Point, Rect, Size};
use crate::pixels::{PIXEL_BYTES, PremultipliedPixels};
use crate::source::{ImagePart, SlideError, SlideInfo, SlideLevel, Source};

/// An image of which any part can be decoded. Clones share the open file.
#[derive(Clone)]
pub(crate) struct TileSource {
    info: Arc<SlideInfo>,
    image: Arc<dyn TiledImage>,
    /// The levels' sizes as they are stored.
    stored: Arc<[Size]>,
    orientation: Orientation,
    conversion: Conversion,
}

thread_local! {
    /// The samples of the part that a thread is reading.
    static SAMPLES: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

impl TileSource {
    /// Joins what was opened and what is known of it; `stored` are the sizes of its levels as they are stored.
    pub fn new(
        info: SlideInfo,
        image: Box<dyn TiledImage>,
        stored: Vec<Size>,
        orientation: Orientation,
        conversion: Conversion,
    ) -> Self {
        Self { info: Arc::new(info), image: image.into(), stored: stored.into(), orientation, conversion }
    }

    fn read_native(
        &self,
        level: SlideLevel,
        part: Rect,
        mut spare: Vec<u8>,
    ) -> Result<PremultipliedPixels, SlideError> {
        let row_bytes = self.conversion.layout().row_bytes(part.size().width());
        let pixels_row = part.size().width() as usize * PIXEL_BYTES;
        spare.resize(pixels_row * part.size().height() as usize, 0);
        SAMPLES.with_borrow_mut(|samples| {
            samples.resize(row_bytes * part.size().height() as usize, 0);
            self.image.read(level.0 as usize, part, samples).map_err(|error| self.failed(level, part, error))?;
            for (row, pixels) in samples.chunks_exact(row_bytes).zip(spare.chunks_exact_mut(pixels_row)) {
                let converted = self.conversion.convert(row, 0..part.size().width(), pixels);
                converted.map_err(|error| self.unreadable(level, part, error.to_string()))?;
            }
            Ok(())
        })?;
        Ok(if self.conversion.is_opaque() {
            PremultipliedPixels::opaque(part.size(), spare)
        } else {
            PremultipliedPixels::from_bgra(part.size(), spare)
        })
    }

    fn failed(&self, level: SlideLevel, part: Rect, error: ImageError) -> SlideError {
        match error {
            ImageError::System(_) => error.of(self.path()),
            _ => self.unreadable(level, part, error.to_string()),
        }
    }

    fn unreadable(&self, level: SlideLevel, part: Rect, message: String) -> SlideError {
        let path = self.path().to_owned();
        match level {
            SlideLevel::BASE => SlideError::Image { path, part: ImagePart::Pixels(part), message },
            level => SlideError::Region { path, level, origin: part.origin(), size: part.size(), message },
        }
    }

    fn path(&self) -> &Path {
        &self.info.path
    }
}

impl Source for TileSource {
    fn info(&self) -> &SlideInfo {
        &self.info
    }

    fn read(&self, region: Rect, spare: Vec<u8>) -> Result<PremultipliedPixels, SlideError> {
        self.read_from_level(SlideLevel::BASE, region, spare)
    }

    fn read_level(&self, level: SlideLevel, origin: Point, size: Size) -> Result<PremultipliedPixels, SlideError> {
        super::read_clipped(self, level, origin, size)
    }

    fn read_from_level(
        &self,
        level: SlideLevel,
        region: Rect,
        spare: Vec<u8>,
    ) -> Result<PremultipliedPixels, SlideError> {
        let Some(&stored) = self.stored.get(level.0 as usize) else {
            return Err(self.unreadable(level, region, "there is no such level".to_owned()));
        };
        let part = self.orientation.to_upright(region, stored);
        if self.orientation == Orientation::UPRIGHT {
            return self.read_native(level, part, spare);
        }
        Ok(self.read_native(level, part, Vec::new())?.oriented(self.orientation, spare))
    }

    fn with_cmyk(&self, conversion: &CmykConversion) -> Option<Box<dyn Source>> {
        let conversion = self.conversion.with_cmyk(conversion)?;
        Some(Box::new(Self { conversion, ..self.clone() }))
    }

    fn largest_dark_sample(&self) -> Option<u16> {
        self.conversion.largest_dark_sample()
    }

    fn read_associated(&self, name: &str) -> Result<PremultipliedPixels, SlideError> {
        Err(super::no_associated(self.path(), name))
    }
}
