//! A slide for programs that work with its tiles: opened once, then read tile by tile, region by region, or exported as a whole.
//!
//! The layer above the engine, for who uses this crate as a library. What always holds: pixels are those that an export with the same options
//! has, in its colors and on its background, but where a method's name says otherwise. Both types serve all threads at once.

use std::num::NonZeroUsize;
use std::path::Path;

use crate::codec::TileEncoder;
use crate::engine::progress::Progress;
use crate::engine::{ExportReport, exact_region, export, nearest_tile};
use crate::error::Error;
use crate::export::create_sink;
use crate::geometry::Rect;
use crate::pixels::Pixels;
use crate::plan::{ExportOptions, ExportPlan, PlanError};
use crate::sink::OverwritePolicy;
use crate::source::{self, OpenOptions, SlideInfo, Source};

/// A slide that is open for reading.
///
/// ```
/// use slidezoom::{ExportOptions, Slide};
///
/// # let path = slidezoom_fixtures::real_slide()?;
/// let slide = Slide::open(path)?;
/// println!("{} at {:?} µm a pixel", slide.info().size(), slide.info().microns_per_pixel);
/// let tile = slide.pyramid(&ExportOptions::default())?.tile(12, 3, 4)?;
/// assert_eq!((tile.size().width(), tile.size().height()), (256, 256));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Slide {
    source: Box<dyn Source>,
}

impl Slide {
    /// Opens the slide or image at `path` with the reader that fits it.
    ///
    /// # Errors
    /// [`Error::Slide`] where the file can't be opened, is of no known kind, is damaged, or holds no pixels.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, Error> {
        Self::open_with(path, OpenOptions::default())
    }

    /// Opens the slide or image at `path` as asked.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn open_with(path: impl AsRef<Path>, options: impl Into<OpenOptions>) -> Result<Self, Error> {
        Ok(Self { source: source::open_with(path.as_ref(), options)? })
    }

    /// What is known of it.
    #[must_use]
    pub fn info(&self) -> &SlideInfo {
        self.source.info()
    }

    /// The pyramid that an export with these options has, called as the slide's file without its ending. Nothing is read.
    ///
    /// # Errors
    /// [`Error::Plan`] where the options do not fit the slide.
    pub fn pyramid(&self, options: &ExportOptions) -> Result<SlidePyramid<'_>, Error> {
        let stem = self.info().path.file_stem().map(|stem| stem.to_string_lossy().into_owned());
        self.pyramid_named(stem.as_deref().unwrap_or("slide"), options)
    }

    /// The same under a name of its own, with which its descriptor and its tiles' folder begin.
    ///
    /// # Errors
    /// As [`pyramid`](Self::pyramid); and where `name` cannot be a file's name.
    pub fn pyramid_named(&self, name: &str, options: &ExportOptions) -> Result<SlidePyramid<'_>, Error> {
        let plan = ExportPlan::new(self.info(), name, options)?;
        Ok(SlidePyramid { source: self.source.as_ref(), plan })
    }
}

impl From<Box<dyn Source>> for Slide {
    /// A slide that a source of the caller's own yields.
    fn from(source: Box<dyn Source>) -> Self {
        Self { source }
    }
}

/// A slide's pyramid, of which nothing is made before it is asked for.
///
/// Levels are Deep Zoom's: 0 is one pixel, the last the full size; see [`plan`](Self::plan) for sizes, grids and the tiles' rectangles.
pub struct SlidePyramid<'s> {
    source: &'s dyn Source,
    plan: ExportPlan,
}

impl SlidePyramid<'_> {
    /// All that is settled of it.
    #[must_use]
    pub const fn plan(&self) -> &ExportPlan {
        &self.plan
    }

    /// The pixels of a tile with its overlap, as an export has them before it encodes them: halved from the full size, and so the slower
    /// the smaller the level. The calling thread and rayon's workers share the work.
    ///
    /// # Errors
    /// [`Error::Plan`] where there is no such tile, [`Error::Slide`] where the slide cannot be read under it.
    pub fn tile(&self, level: u32, column: u32, row: u32) -> Result<Pixels, Error> {
        let tile = self.plan.tile(level, column, row)?;
        exact_region(self.source, &self.plan, tile.level(), self.plan.pyramid().region(tile).full)
    }

    /// The pixels of a tile with its overlap, resampled from the slide's own level that is nearest in size, as openslide-python's
    /// `DeepZoomGenerator` does: fast at every level, and slightly different from an export's.
    ///
    /// # Errors
    /// As [`tile`](Self::tile).
    pub fn nearest_tile(&self, level: u32, column: u32, row: u32) -> Result<Pixels, Error> {
        nearest_tile(self.source, &self.plan, self.plan.tile(level, column, row)?)
    }

    /// The pixels of any rectangle of a level, in pixels of that level, as [`tile`](Self::tile) has them. Who cuts tiles that are much
    /// smaller than the slide's stored ones reads regions of many at once: each native tile that a call touches is decoded once in it.
    ///
    /// # Errors
    /// [`Error::Plan`] where the rectangle is not inside the level, [`Error::Slide`] where the slide cannot be read under it.
    pub fn region(&self, level: u32, rect: Rect) -> Result<Pixels, Error> {
        let pyramid = self.plan.pyramid();
        let found = pyramid.level(level).filter(|&level| Rect::of(pyramid.level_size(level)).contains(rect));
        let level = found.ok_or(PlanError::NoSuchRegion { level, rect })?;
        exact_region(self.source, &self.plan, level, rect)
    }

    /// An encoder that makes of pixels the file that an export would. It belongs to one thread.
    ///
    /// # Errors
    /// [`Error::Encoder`] where there is no memory for it.
    pub fn encoder(&self) -> Result<TileEncoder, Error> {
        Ok(TileEncoder::new(self.plan.format(), self.plan.color().embedded())?)
    }

    /// Writes all of it as `destination`, a folder or an archive as the options' container says, on `jobs` worker threads. The destination appears
    /// when all of it is written and on the disk.
    ///
    /// ```
    /// use slidezoom::engine::progress::NoProgress;
    /// use slidezoom::sink::OverwritePolicy;
    /// use slidezoom::{ExportOptions, Slide};
    ///
    /// # let path = slidezoom_fixtures::real_slide()?;
    /// # let folder = tempfile::tempdir()?;
    /// # let destination = folder.path().join("CMU-1");
    /// let slide = Slide::open(path)?;
    /// let pyramid = slide.pyramid_named("CMU-1", &ExportOptions::default())?;
    /// let report = pyramid.export(&destination, OverwritePolicy::Refuse, std::thread::available_parallelism()?, &NoProgress)?;
    /// assert_eq!(report.tiles, pyramid.plan().pyramid().tile_count());
    /// assert!(destination.join("CMU-1.dzi").is_file());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`Error`] where the slide cannot be read, the destination fails, or `progress` asks to stop. Nothing is published then.
    pub fn export(
        &self,
        destination: &Path,
        existing: OverwritePolicy,
        jobs: NonZeroUsize,
        progress: &dyn Progress,
    ) -> Result<ExportReport, Error> {
        export(self.source, &self.plan, create_sink(&self.plan, destination, existing)?, jobs, progress)
    }
}
