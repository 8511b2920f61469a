//! The traits through which pixels and native tiles are read.

use super::error::SlideError;
use super::pass::SourceRows;
use super::slide_info::{SlideInfo, SlideLevel};
use crate::color::{CmykConversion, IccProfile};
use crate::geometry::{Point, Rect, Size};
use crate::pixels::{Pixels, PremultipliedPixels, ReductionMethod};

/// Yields a slide's pixels. One value serves all threads at once.
///
/// A source never returns pixels that it could not read: after each read it checks its reader's
/// error state.
///
/// Only [`info`](Self::info) and [`read`](Self::read) are required. A source that draws a gradient:
///
/// ```
/// use slidezoom::sources::{PremultipliedPixels, SlideError};
/// use slidezoom::{ExportOptions, Rect, Size, Slide, SlideInfo, Source};
///
/// struct Gradient(SlideInfo);
///
/// impl Source for Gradient {
///     fn info(&self) -> &SlideInfo {
///         &self.0
///     }
///
///     fn read(&self, region: Rect, _spare: Vec<u8>) -> Result<PremultipliedPixels, SlideError> {
///         let pixels = region.rows().flat_map(|y| {
///             // Blue, green, red, alpha.
///             region.columns().flat_map(move |x| [0, (y >> 8) as u8, (x >> 8) as u8, 255])
///         });
///         Ok(PremultipliedPixels::opaque(region.size(), pixels.collect()))
///     }
/// }
///
/// let size = Size::new(60_000, 40_000).ok_or("empty")?;
/// let slide = Slide::from_source(Gradient(SlideInfo::builder("gradient", size).build()));
/// let pyramid = slide.pyramid_named("gradient", &ExportOptions::default())?;
/// let corner = pyramid.tile(pyramid.address(16, 0, 0)?)?;
/// assert_eq!(corner.get_pixel(0, 0).0, [0, 0, 0]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub trait Source: Send + Sync {
    /// Returns the slide's description.
    fn info(&self) -> &SlideInfo;

    /// Reads `region`, in slide-level-0 pixels and inside the slide. `spare` is memory to reuse;
    /// its contents are ignored.
    ///
    /// # Errors
    /// [`SlideError::Region`], or [`SlideError::Image`] for an ordinary image, if any pixel of the
    /// region cannot be read.
    fn read(&self, region: Rect, spare: Vec<u8>) -> Result<PremultipliedPixels, SlideError>;

    /// Whether all of `region`, in slide-level-0 pixels, is known to be unscanned, and thus
    /// transparent, without reading it. `false` if the reader cannot tell. Cheap.
    fn is_unscanned(&self, _region: Rect) -> bool {
        false
    }

    /// Reads `size` pixels of `level`, starting at the level's pixel nearest to `origin`, which is
    /// in slide-level-0 pixels. Pixels outside the level are transparent, as in OpenSlide.
    ///
    /// # Errors
    /// As [`read_from_level`](Self::read_from_level).
    fn read_level(
        &self,
        level: SlideLevel,
        origin: Point,
        size: Size,
    ) -> Result<PremultipliedPixels, SlideError> {
        read_clipped(self, level, origin, size)
    }

    /// Reads `region`, in pixels of `level` and inside it. The default reads level 0; a source whose
    /// [`SlideInfo`] lists smaller levels overrides it.
    ///
    /// The pixels are the stored ones if the level's downsample is an integer or the reader reads
    /// the level directly. Otherwise they are mixed with their neighbors, as if they were up to
    /// half a pixel of slide level 0 (at the level's end, one pixel) away.
    ///
    /// # Errors
    /// As [`read`](Self::read), and [`SlideError::Region`] if the source cannot read the level.
    fn read_from_level(
        &self,
        level: SlideLevel,
        region: Rect,
        spare: Vec<u8>,
    ) -> Result<PremultipliedPixels, SlideError> {
        if level == SlideLevel::BASE {
            return self.read(region, spare);
        }
        Err(no_such_level(self.info(), level, region.origin(), region.size()))
    }

    /// Reads an associated image. By default there are none.
    ///
    /// # Errors
    /// [`SlideError::Associated`] if the slide has none of this name or it cannot be read.
    fn read_associated(&self, name: &str) -> Result<PremultipliedPixels, SlideError> {
        Err(SlideError::no_associated(&self.info().path, name))
    }

    /// Returns the ICC profile of an associated image, which can differ from the slide's. `None` if
    /// it has none; an empty profile if it cannot be read.
    ///
    /// # Errors
    /// [`SlideError::Associated`] if the slide has no image of this name.
    fn associated_profile(&self, _name: &str) -> Result<Option<IccProfile>, SlideError> {
        Ok(None)
    }

    /// Returns this source with its CMYK pixels converted to sRGB by a profile. `None` unless
    /// [`SlideInfo::native_color_space`] is
    /// [`NativeColorSpace::Cmyk`](super::NativeColorSpace::Cmyk).
    ///
    /// The engine calls this once, before it reads pixels, if the plan converts CMYK. Both sources
    /// share the open file. Without a conversion, a CMYK source multiplies each of cyan, magenta
    /// and yellow by black.
    fn with_cmyk(&self, _conversion: &CmykConversion) -> Option<Box<dyn Source>> {
        None
    }

    /// Returns the row-by-row reader of the full size, for a source that cannot read regions in any
    /// order without holding the whole image in memory.
    fn rows(&self) -> Option<&dyn SourceRows> {
        None
    }

    /// Returns the largest 16-bit sample read so far if it is below an eighth of the maximum, so
    /// that the image is almost black. `None` for other samples, or if it is unknown.
    fn largest_dark_sample(&self) -> Option<u16> {
        None
    }

    /// Returns the reader of the full size's native tiles; `None` if they are not available.
    fn native_tiles(&self) -> Option<&dyn NativeTileReader> {
        None
    }
}

/// Reads a region of a level with [`Source::read_from_level`], and leaves pixels outside the level
/// transparent. The parameters are those of [`Source::read_level`].
pub(super) fn read_clipped(
    source: &(impl Source + ?Sized),
    level: SlideLevel,
    origin: Point,
    size: Size,
) -> Result<PremultipliedPixels, SlideError> {
    let Some(of_level) = source.info().levels.get(level.0 as usize) else {
        return Err(no_such_level(source.info(), level, origin, size));
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
                let read = source.read_from_level(level, inside, Vec::new())?;
                pixels.paste(Point { x: 0, y: 0 }, &read);
            }
            Ok(pixels)
        }
    }
}

fn no_such_level(info: &SlideInfo, level: SlideLevel, origin: Point, size: Size) -> SlideError {
    let (path, message) = (info.path.clone(), "the source has no such level".to_owned());
    SlideError::Region { path, level, origin, size, message }
}

/// Yields the slide's own compressed tiles. One value serves all threads at once.
pub trait NativeTileReader: Send + Sync {
    /// Returns the size of the tiles in pixels of slide level 0.
    fn tile_size(&self) -> Size;

    /// Writes a native tile to `jpeg` as a complete JPEG file, with its tables and a marker for its
    /// color model. The quantized coefficients are unchanged.
    ///
    /// `region`, in slide-level-0 pixels, is the tile or a part of it that starts at its top left
    /// corner; the rest is cropped without decoding. Returns the region's pixels at half size,
    /// reduced by `method`, which must have no margin. [`ReductionMethod::Mean`] uses
    /// libjpeg-turbo's scaled decoding, unless the region cuts through JPEG blocks. Returns `None`
    /// for a tile that was never scanned. `spare` is as in [`Source::read`].
    ///
    /// # Errors
    /// [`SlideError::Region`] if decoding at half size shows any damage.
    fn read_native(
        &self,
        region: Rect,
        method: ReductionMethod,
        jpeg: &mut Vec<u8>,
        spare: Vec<u8>,
    ) -> Result<Option<Pixels>, SlideError>;
}
