//! An open slide and its pyramid, for programs that work with single tiles or regions.

use std::fmt;
use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::Arc;

use image::RgbImage;

use crate::codec::TileEncoder;
use crate::engine::metadata::{ExportOutcome, describe};
use crate::engine::progress::Progress;
use crate::engine::{ExportReport, exact_region, export, nearest_tile};
use crate::error::Error;
use crate::export::create_sink;
use crate::geometry::Rect;
use crate::layout::page;
use crate::pixels::Pixels;
use crate::plan::{ExportOptions, ExportPlan, PlanError};
use crate::pyramid::{TileAddress, TileSet};
use crate::sink::OverwritePolicy;
use crate::source::{self, OpenOptions, SlideInfo, Source};

/// An open slide or image.
///
/// Clones share one open file. All methods take `&self` and may be called from several threads at
/// once.
///
/// ```
/// use slidezoom::{ExportOptions, Slide};
///
/// # let path = slidezoom_fixtures::real_slide()?;
/// let slide = Slide::open(path)?;
/// println!("{} at {:?} µm per pixel", slide.info().size(), slide.info().microns_per_pixel);
/// let pyramid = slide.pyramid(&ExportOptions::default())?;
/// let tile = pyramid.tile(pyramid.address(12, 3, 4)?)?;
/// assert_eq!(tile.dimensions(), (256, 256));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Slide {
    source: Arc<dyn Source>,
}

impl Slide {
    /// Opens the slide or image at `path`. The reader is chosen by the file's content.
    ///
    /// # Errors
    /// [`Error::Slide`] if the file cannot be opened, has an unknown format, is damaged, or holds
    /// no pixels.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, Error> {
        Self::open_with(path, OpenOptions::default())
    }

    /// Opens the slide or image at `path` with options.
    ///
    /// # Errors
    /// The same as [`open`](Self::open).
    pub fn open_with(
        path: impl AsRef<Path>,
        options: impl Into<OpenOptions>,
    ) -> Result<Self, Error> {
        Ok(Self { source: source::open_with(path.as_ref(), options)?.into() })
    }

    /// Wraps a source of your own; [`Source`] has an example.
    #[must_use]
    pub fn from_source(source: impl Source + 'static) -> Self {
        Self { source: Arc::new(source) }
    }

    /// The slide's size, levels, scale and metadata.
    #[must_use]
    pub fn info(&self) -> &SlideInfo {
        self.source.info()
    }

    /// Plans the pyramid that an export with `options` would have, named after the slide's file.
    /// Reads no pixels.
    ///
    /// # Errors
    /// [`Error::Plan`] if the options do not fit the slide.
    pub fn pyramid(&self, options: &ExportOptions) -> Result<SlidePyramid, Error> {
        let stem = self.info().path.file_stem().map(|stem| stem.to_string_lossy().into_owned());
        self.pyramid_named(stem.as_deref().unwrap_or("slide"), options)
    }

    /// Plans the pyramid under another name, which its descriptor and its tile directory start
    /// with.
    ///
    /// # Errors
    /// [`Error::Plan`] if the options do not fit the slide, or `name` cannot be a file name.
    pub fn pyramid_named(
        &self,
        name: &str,
        options: &ExportOptions,
    ) -> Result<SlidePyramid, Error> {
        let plan = ExportPlan::new(self.info(), name, options)?;
        Ok(SlidePyramid { source: Arc::clone(&self.source), plan: Arc::new(plan) })
    }
}

impl From<Box<dyn Source>> for Slide {
    fn from(source: Box<dyn Source>) -> Self {
        Self { source: source.into() }
    }
}

impl fmt::Debug for Slide {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Slide").field("path", &self.info().path).finish_non_exhaustive()
    }
}

/// A slide's pyramid, computed on demand.
///
/// Levels are Deep Zoom levels: level 0 is 1×1 pixel, and the last level has the full size. Pixels
/// are those of an export with the same options: converted to its colors and composited on its
/// background. A `SlidePyramid` owns its slide; clones share it.
#[derive(Clone)]
pub struct SlidePyramid {
    source: Arc<dyn Source>,
    plan: Arc<ExportPlan>,
}

impl SlidePyramid {
    /// The plan: level sizes, grids, tile rectangles, format and names.
    #[must_use]
    pub fn plan(&self) -> &ExportPlan {
        &self.plan
    }

    /// The address of the tile at `column` and `row` of `level`.
    ///
    /// # Errors
    /// [`Error::Plan`] if the pyramid has no such tile.
    pub fn address(&self, level: u32, column: u32, row: u32) -> Result<TileAddress, Error> {
        Ok(self.plan.tile(level, column, row)?)
    }

    /// Computes a tile with its overlap, with exactly the pixels that an export encodes.
    ///
    /// The tile is downsampled from the full size, so smaller levels take longer. Rayon's workers
    /// share the work with the calling thread.
    ///
    /// # Errors
    /// [`Error::Plan`] if the pyramid has no such tile; [`Error::Slide`] if the slide cannot be
    /// read there.
    pub fn tile(&self, tile: TileAddress) -> Result<RgbImage, Error> {
        self.exact_tile(tile).map(|pixels| pixels.to_rgb_image())
    }

    /// Computes a tile with its overlap from the slide level nearest in size, as openslide-python's
    /// `DeepZoomGenerator` does. This is fast at every level; the pixels differ slightly from an
    /// export's.
    ///
    /// # Errors
    /// The same as [`tile`](Self::tile).
    pub fn nearest_tile(&self, tile: TileAddress) -> Result<RgbImage, Error> {
        self.nearest(tile).map(|pixels| pixels.to_rgb_image())
    }

    /// Computes any rectangle of a level, given in pixels of that level, with the pixels of
    /// [`tile`](Self::tile).
    ///
    /// Each call decodes the native tiles under the rectangle once. To cut patches that are smaller
    /// than native tiles, read one region that covers many patches.
    ///
    /// # Errors
    /// [`Error::Plan`] if the rectangle is not inside the level; [`Error::Slide`] if the slide
    /// cannot be read there.
    pub fn region(&self, level: u32, rect: Rect) -> Result<RgbImage, Error> {
        let pyramid = self.plan.pyramid();
        let found = pyramid
            .level(level)
            .filter(|&level| Rect::of(pyramid.level_size(level)).contains(rect));
        let level = found.ok_or(PlanError::NoSuchRegion { level, rect })?;
        exact_region(self.source.as_ref(), &self.plan, level, rect)
            .map(|pixels| pixels.to_rgb_image())
    }

    /// Computes and encodes a tile. Returns the bytes of the tile file in an export, except that
    /// lossless tiles of the full size are encoded here.
    ///
    /// # Errors
    /// The same as [`tile`](Self::tile), and [`Error::Encoder`].
    pub fn encoded_tile(&self, tile: TileAddress) -> Result<Vec<u8>, Error> {
        self.encode(&self.exact_tile(tile)?)
    }

    /// Computes and encodes a tile from the slide level nearest in size.
    ///
    /// # Errors
    /// The same as [`encoded_tile`](Self::encoded_tile).
    pub fn encoded_nearest_tile(&self, tile: TileAddress) -> Result<Vec<u8>, Error> {
        self.encode(&self.nearest(tile)?)
    }

    /// The names and contents of an export's files other than tiles and associated images: the
    /// page, its script and the descriptor. With these, a server needs to compute tiles only.
    #[must_use]
    pub fn static_files(&self) -> Vec<(String, Vec<u8>)> {
        let plan = &self.plan;
        let skipped = TileSet::of(plan.pyramid(), |_| false);
        let outcome = ExportOutcome {
            associated_images: &[],
            unreadable: &[],
            skipped: &skipped,
            source: None,
        };
        let description = describe(self.source.info(), plan, outcome);
        let mut files: Vec<_> = page::files(plan.name())
            .into_iter()
            .map(|(name, text)| (name, text.as_bytes().to_vec()))
            .collect();
        files.push((plan.layout().slide_script(), page::slide_script(&description).into_bytes()));
        files.extend(plan.descriptor_file(&skipped).map(|(name, text)| (name, text.into_bytes())));
        files
    }

    fn exact_tile(&self, tile: TileAddress) -> Result<Pixels, Error> {
        let tile = self.check(tile)?;
        exact_region(
            self.source.as_ref(),
            &self.plan,
            tile.level(),
            self.plan.pyramid().region(tile).full,
        )
    }

    fn nearest(&self, tile: TileAddress) -> Result<Pixels, Error> {
        nearest_tile(self.source.as_ref(), &self.plan, self.check(tile)?)
    }

    /// Looks up an address, which may come from another pyramid.
    fn check(&self, tile: TileAddress) -> Result<TileAddress, Error> {
        self.address(tile.level().number(), tile.column(), tile.row())
    }

    fn encode(&self, pixels: &Pixels) -> Result<Vec<u8>, Error> {
        let mut encoder = TileEncoder::new(self.plan.format(), self.plan.color().embedded())?;
        Ok(encoder.encode(pixels.view())?.to_vec())
    }

    /// Exports the whole pyramid to `destination`, which is a directory or an archive depending on
    /// the options' container, on `jobs` worker threads. `destination` appears once everything is
    /// written and synced.
    ///
    /// ```
    /// use slidezoom::{ExportOptions, NoProgress, OverwritePolicy, Slide};
    ///
    /// # let path = slidezoom_fixtures::real_slide()?;
    /// # let folder = tempfile::tempdir()?;
    /// # let destination = folder.path().join("CMU-1");
    /// let slide = Slide::open(path)?;
    /// let pyramid = slide.pyramid_named("CMU-1", &ExportOptions::default())?;
    /// let jobs = std::thread::available_parallelism()?;
    /// let report = pyramid.export(&destination, OverwritePolicy::Refuse, jobs, &NoProgress)?;
    /// assert_eq!(report.tiles, pyramid.plan().pyramid().tile_count());
    /// assert!(destination.join("CMU-1.dzi").is_file());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`Error`] if the slide cannot be read, the destination fails, or `progress` asks to stop.
    /// Nothing is published then.
    pub fn export(
        &self,
        destination: &Path,
        overwrite: OverwritePolicy,
        jobs: NonZeroUsize,
        progress: &dyn Progress,
    ) -> Result<ExportReport, Error> {
        let sink = create_sink(&self.plan, destination, overwrite)?;
        export(self.source.as_ref(), &self.plan, sink, jobs, progress)
    }
}

impl fmt::Debug for SlidePyramid {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = &self.source.info().path;
        formatter
            .debug_struct("SlidePyramid")
            .field("path", path)
            .field("plan", &self.plan)
            .finish_non_exhaustive()
    }
}
