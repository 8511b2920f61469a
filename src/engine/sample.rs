//! What an export will come to, told from samples of the slide: how much of it is blank, how many bytes its tiles take, and how long it takes.
//!
//! Two looks are taken. One of the slide's own smaller levels is read once, which tells where the area is blank. And tiles are made of some
//! regions of the full size, a grid over the area, by the steps of an export. An image that is decoded row by row has [its first rows](by_rows) looked at
//! instead. What always holds: at most 50 megapixels are read; which, does not
//! depend on a clock, and so what is found is the same each time, but for the time that it took; what cannot be read is named and left
//! out, and is no failure.

use std::num::NonZeroUsize;
use std::ops::Range;
use std::time::{Duration, Instant};

use super::reading::{read_chunk, with_plan_colors};
use super::tiles::start_workers;
use crate::codec::TileEncoder;
use crate::error::Error;
use crate::geometry::{Orientation, Point, Rect, Size};
use crate::key::Digest;
use crate::pixels::{Canvas, Patch, PixelView, Pixels};
use crate::plan::{EncodedPixels, ExportPlan, Sampled, SampledTiles};
use crate::schedule::read_order::{chunk_size, edges};
use crate::source::{Access, ImageReader, Reader, SlideError, SlideInfo, SlideLevel, Source};
use rayon::prelude::*;

mod blank;
mod by_rows;

pub use blank::BlankShare;

use blank::{Blank, BlankMap, blank_cells, clear_in_cells, level_to_look_at};

/// Regions of the full size, at most, and their pixels together.
const REGIONS: u64 = 32;
const REGION_PIXELS: u64 = 1 << 24;

/// The chunk where that of the slide's native tiles is not that of the export.
const CHUNK_IN_PLAIN: Size = Size::new(256, 256).unwrap();

const ONE_PIXEL: Size = Size::new(1, 1).unwrap();

/// What a tile takes besides its pixels: its file is created, written and closed. Measured on a gigapixel, as what reading and encoding leave.
const SECONDS_A_TILE: f64 = 100e-6;

/// What an export takes besides its tiles, on a local disk: to bring everything to the disk and rename it into place.
const SECONDS_TO_PUBLISH: f64 = 0.3;

/// What was found.
#[derive(Clone, Debug)]
pub struct Sample {
    /// How much of the area is blank; `None` where nothing could be read, and for ordinary images: what is even is empty glass on a slide, and in a
    /// picture as well a sky, a gradient or a plane of color.
    pub blank: Option<BlankShare>,
    /// What [`ExportPlan::estimated_bytes_of`] takes.
    pub contents: Sampled,
    /// How many regions of the full size tiles were made of.
    pub regions: usize,
    /// How many rows these are of, where the image is decoded row by row and has more.
    pub first_rows: Option<u32>,
    /// What could not be read.
    pub unreadable: Vec<SlideError>,
    speed: Option<Speed>,
}

impl Sample {
    /// Roughly how many seconds an export by `plan` takes on so many workers as the samples were taken with, and as many processors: as long as they took, by
    /// the pixel. `None` where nothing of the full size could be read.
    #[must_use]
    pub fn estimated_seconds(&self, plan: &ExportPlan, jobs: NonZeroUsize) -> Option<f64> {
        let Speed { read, tiles, decoding } = self.speed?;
        let (area, all) = (plan.pyramid().size().area() as f64, plan.pyramid().pixel_count() as f64);
        let files = plan.pyramid().tile_count() as f64 * SECONDS_A_TILE;
        // What was never scanned takes next to no time.
        let scanned = 1.0 - self.blank.map_or(0.0, |blank| blank.transparent);
        let (work, workers) = ((area * read + all * tiles) * scanned + files, jobs.get() as f64);
        Some(
            SECONDS_TO_PUBLISH
                + match decoding {
                    Decoding::InParts => work / workers,
                    // One thread decodes while the others work.
                    Decoding::RowByRow(decoding) => decoding.max((decoding + work) / workers),
                    Decoding::First(decoding) => decoding + work / workers,
                },
        )
    }
}

impl Sample {
    /// Of what cannot be read at all, for this reason.
    fn of_nothing(error: SlideError) -> Self {
        let contents = Sampled::default();
        Self { blank: None, contents, regions: 0, first_rows: None, unreadable: vec![error], speed: None }
    }
}

/// Seconds that one of all workers takes for a pixel, while the others work too.
#[derive(Clone, Copy, Debug)]
struct Speed {
    /// To read and convert one of the full size.
    read: f64,
    /// To make a tile of, and to reduce, one of any level.
    tiles: f64,
    decoding: Decoding,
}

/// How decoding goes along with the rest, and the seconds that one thread takes for all of it where it goes by itself.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Decoding {
    /// With each part that is read, and in the time of reading that.
    InParts,
    /// PageSummary the workers.
    RowByRow(f64),
    /// Before them, of all of an image into memory.
    First(f64),
}

/// Looks at samples of the area that `plan` exports, on `jobs` worker threads.
///
/// # Errors
/// [`Error`] where the workers cannot be started or a tile cannot be encoded. What cannot be read is no error.
pub fn sample(source: &dyn Source, plan: &ExportPlan, jobs: NonZeroUsize) -> Result<Sample, Error> {
    let converted = with_plan_colors(source, plan);
    let source = converted.as_deref().unwrap_or(source);
    if let Some(rows) = source.rows().filter(|_| plan.placement().is_upright_full_size()) {
        return by_rows::sample(rows, plan, jobs);
    }
    let workers = start_workers(jobs)?;
    let mut unreadable = Vec::new();
    let decoding = if is_decoded_row_by_row(source.info()) {
        let begun = Instant::now();
        match source.read_level(SlideLevel::BASE, Point::default(), ONE_PIXEL) {
            Ok(_) => Decoding::First(begun.elapsed().as_secs_f64()),
            Err(error @ (SlideError::Memory { .. } | SlideError::ReadOnce { .. })) => return Err(error.into()),
            Err(error) => return Ok(Sample::of_nothing(error)),
        }
    } else {
        Decoding::InParts
    };
    let cells = Cells::of(source.info(), plan);
    // Where the export is turned or smaller, regions are not looked up in a map of the slide.
    let level = level_to_look_at(source.info(), plan.area().size()).filter(|_| cells.are_the_slides);
    let map = level.and_then(|(level, size)| {
        let map = workers.install(|| BlankMap::of_level(source, plan, level, size));
        map.map_err(|error| unreadable.push(error)).ok()
    });

    let regions = regions(plan, plan.pyramid().size(), &cells);
    let sampled = workers.install(|| {
        let encoder = || TileEncoder::new(plan.format(), plan.color().embedded());
        let one = |encoder: &mut Result<TileEncoder, _>, &region: &Rect| {
            let encoder = encoder.as_mut().map_err(|error| Error::Encoder(Clone::clone(error)))?;
            match sample_region(source, plan, &cells, encoder, region) {
                Ok(sampled) => Ok(Ok((region, sampled))),
                Err(Error::Slide(error)) => Ok(Err(error)),
                Err(other) => Err(other),
            }
        };
        regions.par_iter().map_init(encoder, one).collect::<Result<Vec<_>, Error>>()
    })?;
    let mut read = Vec::new();
    for region in sampled {
        match region {
            Ok(region) => read.push(region),
            Err(error) => unreadable.push(error),
        }
    }

    let total = read.iter().fold(RegionSample::default(), |total, (_, region)| total.and(region));
    let (blank, blank_of_regions) = match &map {
        Some(map) => {
            let of_regions = read.iter().fold(Blank::default(), |sum, (region, _)| sum.and(map.within(*region)));
            (Some(map.whole().share(Some(map.level))), of_regions)
        }
        None => ((total.blank.pixels > 0).then(|| total.blank.share(None)), total.blank),
    };
    let tiles = total.tiles(blank_of_regions.share(None).share);
    Ok(Sample {
        blank: blank.filter(|_| !matches!(source.info().reader, Reader::Image(_))),
        contents: Sampled { blank: blank.map_or(0.0, |blank| blank.share), tiles },
        regions: read.len(),
        first_rows: None,
        unreadable,
        speed: tiles.map(|_| total.speed(decoding)),
    })
}

/// Whether the source is an image that is decoded from its first row to its last.
fn is_decoded_row_by_row(info: &SlideInfo) -> bool {
    matches!(info.reader, Reader::Image(ImageReader { access: Access::Rows | Access::Once, .. }))
}

/// The chunks that regions are put together from.
struct Cells {
    chunk: Size,
    /// Where the export's first pixel lies in the plane that chunks count from.
    origin: Point,
    /// Whether that plane is the slide's full size.
    are_the_slides: bool,
    /// Pixels that are read for one of the export.
    read_for_one: f64,
}

impl Cells {
    fn of(info: &SlideInfo, plan: &ExportPlan) -> Self {
        let placement = plan.placement();
        let are_the_slides = placement.is_full_size() && placement.orientation() == Orientation::UPRIGHT;
        let [across, down] = placement.scale();
        Self {
            chunk: if are_the_slides { chunk_size(info, placement) } else { CHUNK_IN_PLAIN },
            origin: if are_the_slides { plan.area().origin() } else { Point::default() },
            are_the_slides,
            read_for_one: across * down * f64::from(placement.reduction_levels()).exp2().powi(2),
        }
    }
}

/// Regions of the full size's upper left part of this size, in pixels of it: a grid over all of that, each of whole chunks, that hold four tiles if it does.
fn regions(plan: &ExportPlan, size: Size, cells: &Cells) -> Vec<Rect> {
    let (origin, chunk) = (cells.origin, cells.chunk);
    let tile = u64::from(plan.pyramid().geometry().tile_size());
    // Tiles as large as the slide are sampled in parts, and so are those that much is read for.
    #[expect(clippy::cast_sign_loss, reason = "a root is never negative")]
    let affordable = (REGION_PIXELS as f64 / 4.0 / cells.read_for_one).sqrt() as u64;
    let region = (2 * tile).min(1024).min(affordable.max(8)) as u32;
    let chunk = if cells.are_the_slides { chunk } else { Size::new(region, region).unwrap_or(chunk) };
    let length = |chunk: u32| region.div_ceil(chunk) * chunk;
    let (width, height) = (length(chunk.width()), length(chunk.height()));
    #[expect(clippy::cast_sign_loss, reason = "a number of pixels")]
    let pixels = (f64::from(width) * f64::from(height) * cells.read_for_one) as u64;
    let many = REGIONS.min(REGION_PIXELS / pixels.max(1)).max(1);
    let aspect = f64::from(size.width()) / f64::from(size.height());
    #[expect(clippy::cast_sign_loss, reason = "a root is never negative")]
    let columns = ((many as f64 * aspect).sqrt().round() as u32).clamp(1, many as u32);
    let columns = columns.min(size.width().div_ceil(width));
    let rows = (many as u32 / columns).clamp(1, size.height().div_ceil(height));
    let spans = |count: u32, begin: u32, length: u32, region: u32, chunk: u32| {
        (0..u64::from(count)).map(move |number| {
            let center = ((2 * number + 1) * u64::from(length) / (2 * u64::from(count))) as u32;
            let start = (begin + center.saturating_sub(region / 2) + chunk / 2) / chunk * chunk;
            let end = (u64::from(start) + u64::from(region)).min(u64::from(begin) + u64::from(length)) as u32;
            start.max(begin) - begin..end - begin
        })
    };
    let columns = spans(columns, origin.x, size.width(), width, chunk.width());
    let columns: Vec<Range<u32>> = columns.collect();
    spans(rows, origin.y, size.height(), height, chunk.height())
        .flat_map(|rows| {
            let regions = columns.iter().filter_map(|columns| Rect::spanning(columns.clone(), rows.clone()));
            regions.collect::<Vec<_>>()
        })
        .collect()
}

/// What came of some regions.
#[derive(Clone, Copy, Debug, Default)]
struct RegionSample {
    blank: Blank,
    full_size: EncodedPixels,
    reduced: EncodedPixels,
    pixels_read: u64,
    reading: Duration,
    pixels_encoded: u64,
    encoding: Duration,
}

impl RegionSample {
    fn and(self, other: &Self) -> Self {
        Self {
            blank: self.blank.and(other.blank),
            full_size: self.full_size.and(other.full_size),
            reduced: self.reduced.and(other.reduced),
            pixels_read: self.pixels_read + other.pixels_read,
            reading: self.reading + other.reading,
            pixels_encoded: self.pixels_encoded + other.pixels_encoded,
            encoding: self.encoding + other.encoding,
        }
    }

    fn speed(&self, decoding: Decoding) -> Speed {
        let of = |time: Duration, pixels: u64| time.as_secs_f64() / pixels.max(1) as f64;
        Speed { read: of(self.reading, self.pixels_read), tiles: of(self.encoding, self.pixels_encoded), decoding }
    }

    /// What tiles took, some of which are blank.
    fn tiles(&self, blank: f64) -> Option<SampledTiles> {
        let tiles = SampledTiles { blank, full_size: self.full_size, reduced: self.reduced };
        (self.full_size.pixels > 0).then_some(tiles)
    }
}

/// Reads a region and makes tiles of it, by the steps of an export.
fn sample_region(
    source: &dyn Source,
    plan: &ExportPlan,
    &Cells { chunk, origin, .. }: &Cells,
    encoder: &mut TileEncoder,
    region: Rect,
) -> Result<RegionSample, Error> {
    let mut sample = RegionSample::default();
    let edges = |start: u32, origin: u32, length: u32, chunk: u32| -> Vec<Range<u32>> {
        edges(origin + start, length, chunk).windows(2).map(|pair| start + pair[0]..start + pair[1]).collect()
    };
    let (place, size) = (region.origin(), region.size());
    let columns = edges(place.x, origin.x, size.width(), chunk.width());
    let rows = edges(place.y, origin.y, size.height(), chunk.height());
    let mut pieces = Vec::new();
    for rect in rows.iter().flat_map(|rows| columns.iter().map(|columns| Rect::spanning(columns.clone(), rows.clone())))
    {
        let Some(rect) = rect else { continue };
        let begun = Instant::now();
        let (pixels, _) = read_chunk(source, plan, rect, Vec::new())?;
        sample.reading += begun.elapsed();
        let clear = clear_in_cells(&pixels);
        let begun = Instant::now();
        let rendered = plan.rendered(pixels);
        sample.reading += begun.elapsed();
        sample.pixels_read += rect.size().area();
        sample.blank = blank_cells(&clear, &rendered).fold(sample.blank, Blank::and);
        pieces.push((rect, rendered));
    }

    make_tiles(plan, encoder, region, &pieces, &mut sample)?;
    if sample.blank.is_unscanned() {
        // Its time is that of no other region.
        let RegionSample { blank, full_size, reduced, .. } = sample;
        return Ok(RegionSample { blank, full_size, reduced, ..RegionSample::default() });
    }
    Ok(sample)
}

/// Makes tiles of a region that was read in these pieces: of its first four, and of one half as large.
fn make_tiles(
    plan: &ExportPlan,
    encoder: &mut TileEncoder,
    region: Rect,
    pieces: &[(Rect, Pixels)],
    sample: &mut RegionSample,
) -> Result<(), Error> {
    let (begun, size) = (Instant::now(), region.size());
    let mut canvas = Canvas::default();
    let view = canvas.assemble(region, pieces.iter().map(|(rect, pixels)| (*rect, Patch::Pixels(pixels))));
    let tile = plan.pyramid().geometry().tile_size();
    let twice = tile.saturating_mul(2);
    let part = |length: u32| length.min(twice);
    let four = Size::new(part(size.width()), part(size.height())).map_or(region, Rect::of);
    let mut encode = |view: PixelView<'_>| -> Result<EncodedPixels, Error> {
        let contents = encoder.encode(view)?;
        // As for the manifest.
        let _ = Digest::of(contents);
        Ok(EncodedPixels { pixels: view.size().area(), bytes: contents.len() as u64 })
    };
    for rows in [0..tile, tile..twice] {
        for columns in [0..tile, tile..twice] {
            let Some(tile) = Rect::spanning(columns, rows.clone()).and_then(|tile| tile.intersection(four)) else {
                continue;
            };
            sample.full_size = sample.full_size.and(encode(view.part(tile))?);
        }
    }
    if plan.pyramid().levels().len() > 1 {
        let reduced = view.reduced(four, plan.reduction(), Vec::new());
        sample.reduced = encode(reduced.view())?;
    }
    sample.encoding = begun.elapsed();
    sample.pixels_encoded = sample.full_size.pixels + sample.reduced.pixels;
    Ok(())
}
