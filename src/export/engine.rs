//! Renders, reduces, encodes and writes all levels: see the [module above](super) for how the pixels flow.

use std::collections::VecDeque;
use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use rayon::ThreadPool;

use super::conveyor::{self, Agenda};
use super::mosaic::{CompleteTile, Mosaic, Piece, reduction};
use super::read_order::ReadOrder;
use crate::descriptor::DeepZoomNames;
use crate::encode::{EncodeError, TileEncoder};
use crate::error::Error;
use crate::geometry::Rect;
use crate::metadata;
use crate::plan::{ExportPlan, Page};
use crate::progress::{Progress, TileWritten, Workload};
use crate::pyramid::{PyramidPlan, TileAddress};
use crate::render::{Canvas, PremultipliedPixels, relative_to};
use crate::sink::{EntryName, Sink, SinkError};
use crate::slide::{SlideError, Source};
use crate::viewer;

/// Chunks that may be read ahead of the tiles, in bytes of pixels. Their number does not depend on the number of workers, so that the
/// order of the export does not either; it keeps some thirty workers busy.
const READ_AHEAD_BYTES: u64 = 16 << 20;

/// Something to tell the user about an export that is nevertheless whole.
#[derive(Clone, Debug)]
pub enum Warning {
    /// An associated image could not be read and is left out.
    AssociatedImage(SlideError),
    /// An associated image could not be encoded and is left out.
    AssociatedImageFormat {
        /// Its name.
        name: String,
        /// Why.
        source: EncodeError,
    },
    /// The slide has no associated image of a name that was asked for.
    NoSuchAssociatedImage {
        /// The name.
        name: String,
    },
    /// The slide has a colour profile, which is not applied.
    ColourProfile {
        /// The profile's size in bytes.
        bytes: u64,
    },
}

impl std::fmt::Display for Warning {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::AssociatedImage(error) => write!(formatter, "{error}; it is left out"),
            Self::AssociatedImageFormat { name, source } => {
                write!(formatter, "the associated image {name:?} is left out: {source}")
            }
            Self::NoSuchAssociatedImage { name } => {
                write!(formatter, "the slide has no associated image {name:?} that can be published")
            }
            Self::ColourProfile { bytes } => {
                write!(formatter, "the slide's ICC profile ({bytes} bytes) is not applied: colours are as stored")
            }
        }
    }
}

/// What an export came to.
#[derive(Clone, Debug)]
pub struct ExportReport {
    /// Tiles written, in all levels.
    pub tiles: u64,
    /// The tiles' bytes.
    pub tile_bytes: u64,
    /// What the user should know.
    pub warnings: Vec<Warning>,
}

/// Exports the slide that `source` reads, as `plan` says, into `sink`, on `jobs` worker threads.
///
/// # Errors
/// [`Error`] where the slide cannot be read, the destination fails, or `progress` asks to stop. The sink is abandoned then:
/// nothing is published.
pub fn export(
    source: &dyn Source,
    plan: &ExportPlan,
    sink: Box<dyn Sink>,
    jobs: NonZeroUsize,
    progress: &dyn Progress,
) -> Result<ExportReport, Error> {
    let written = write_all(source, plan, sink.as_ref(), jobs, progress);
    let in_time = |report| if progress.stop_requested() { Err(Error::Interrupted) } else { Ok(report) };
    match written.and_then(in_time) {
        Ok(report) => {
            progress.committing();
            sink.commit()?;
            Ok(report)
        }
        Err(cause) => match sink.abandon() {
            Ok(()) => Err(cause),
            Err(leftover) => Err(Error::Leftover { cause: Box::new(cause), leftover }),
        },
    }
}

fn write_all(
    source: &dyn Source,
    plan: &ExportPlan,
    sink: &dyn Sink,
    jobs: NonZeroUsize,
    progress: &dyn Progress,
) -> Result<ExportReport, Error> {
    let names = plan.names();
    sink.create_folder(&EntryName::new(names.tiles())?)?;
    for level in plan.pyramid().levels() {
        sink.create_folder(&EntryName::new(names.level(level))?)?;
    }
    let pyramid = plan.pyramid();
    progress.started(Workload { tiles: pyramid.tile_count(), pixels: pyramid.pixel_count() });
    let tile_bytes = write_tiles(source, plan, &names, sink, jobs, progress)?;

    let mut files = Files { sink, next_entry: pyramid.tile_count() };
    let mut warnings: Vec<Warning> =
        plan.absent().iter().map(|name| Warning::NoSuchAssociatedImage { name: name.clone() }).collect();
    if let Some(bytes) = source.info().icc_profile_bytes {
        warnings.push(Warning::ColourProfile { bytes });
    }
    let associated = write_associated(source, plan, &mut files, &mut warnings)?;
    if plan.page() == Page::Include {
        sink.create_folder(&EntryName::new(viewer::FOLDER.to_owned())?)?;
        for (name, contents) in viewer::files(source.info(), plan) {
            files.write(name, contents.as_bytes())?;
        }
    }
    let description = metadata::describe(source.info(), plan, &associated);
    files.write(format!("{}.json", plan.name()), description.as_bytes())?;
    files.write(names.descriptor(), plan.descriptor().to_xml().as_bytes())?;
    Ok(ExportReport { tiles: pyramid.tile_count(), tile_bytes, warnings })
}

/// The files that are no tiles, in the order they are written in.
struct Files<'a> {
    sink: &'a dyn Sink,
    next_entry: u64,
}

impl Files<'_> {
    fn write(&mut self, name: String, contents: &[u8]) -> Result<(), SinkError> {
        self.sink.write(self.next_entry, &EntryName::new(name)?, contents)?;
        self.next_entry += 1;
        Ok(())
    }
}

fn write_associated(
    source: &dyn Source,
    plan: &ExportPlan,
    files: &mut Files<'_>,
    warnings: &mut Vec<Warning>,
) -> Result<Vec<metadata::PublishedImage>, Error> {
    let mut published = Vec::new();
    let mut encoder = TileEncoder::new(plan.format())?;
    for name in plan.associated() {
        let pixels = match source.read_associated(name) {
            Ok(pixels) => pixels.over(plan.background()),
            Err(error) => {
                warnings.push(Warning::AssociatedImage(error));
                continue;
            }
        };
        let contents = match encoder.encode(pixels.view()) {
            Ok(contents) => contents,
            Err(source) => {
                warnings.push(Warning::AssociatedImageFormat { name: name.clone(), source });
                continue;
            }
        };
        if published.is_empty() {
            files.sink.create_folder(&EntryName::new("associated".to_owned())?)?;
        }
        let path = format!("associated/{name}.{}", plan.format().extension());
        files.write(path.clone(), contents)?;
        published.push(metadata::PublishedImage { name: name.clone(), path, size: pixels.size() });
    }
    Ok(published)
}

/// Starts the worker threads.
pub(super) fn start_workers(jobs: NonZeroUsize) -> Result<ThreadPool, Error> {
    rayon::ThreadPoolBuilder::new()
        .num_threads(jobs.get())
        .thread_name(|number| format!("worker-{number}"))
        .build()
        .map_err(|error| Error::Workers { jobs: jobs.get(), message: error.to_string() })
}

/// Writes every tile; returns the sum of their bytes.
fn write_tiles(
    source: &dyn Source,
    plan: &ExportPlan,
    names: &DeepZoomNames,
    sink: &dyn Sink,
    jobs: NonZeroUsize,
    progress: &dyn Progress,
) -> Result<u64, Error> {
    let workers = start_workers(jobs)?;
    let desks = (0..jobs.get())
        .map(|_| Ok(Mutex::new(Desk { canvas: Canvas::default(), encoder: TileEncoder::new(plan.format())? })))
        .collect::<Result<Vec<_>, Error>>()?;
    let order = ReadOrder::new(source.info(), plan.area(), plan.pyramid());
    let mut agenda = ExportAgenda {
        plan: plan.pyramid(),
        mosaics: order.level_axes(plan.pyramid()).into_iter().map(Mosaic::new).collect(),
        chunks: order.chunks(),
        read_ahead: (READ_AHEAD_BYTES / order.chunk_bytes()).clamp(8, 512) as usize,
        reads_under_way: 0,
        ready: VecDeque::new(),
        tiles_issued: 0,
    };
    let bench = Bench {
        source,
        plan,
        names,
        sink,
        progress,
        desks,
        tile_bytes: AtomicU64::new(0),
        something_seen: AtomicBool::new(false),
    };
    conveyor::run(&workers, &mut agenda, |job| bench.perform(job, workers.current_thread_index().unwrap_or(0)))?;

    // OpenSlide shows missing tiles as transparent, without an error. One may be what was not scanned; all of them are no slide.
    if !bench.something_seen.into_inner() {
        return Err(SlideError::Empty { path: source.info().path.clone() }.into());
    }
    // Proof that nothing was left out: each tile was issued once, and no pixel waits for a tile that never came.
    let expected = plan.pyramid().tile_count();
    if agenda.tiles_issued != expected || !agenda.mosaics.iter().all(Mosaic::is_empty) {
        return Err(Error::Defect { message: format!("{} tiles written, {expected} planned", agenda.tiles_issued) });
    }
    Ok(bench.tile_bytes.into_inner())
}

enum Job {
    Read { column: u32, row: u32, rect: Rect },
    Tile { entry: u64, tile: TileAddress, pieces: Vec<Arc<Piece>> },
}

enum Outcome {
    Read { column: u32, row: u32, piece: Piece },
    Tile { tile: TileAddress, reduced: Option<Piece> },
}

/// What is to be read and rendered next, told from what has come.
struct ExportAgenda<'a, Chunks> {
    plan: &'a PyramidPlan,
    /// By level number.
    mosaics: Vec<Mosaic>,
    chunks: Chunks,
    read_ahead: usize,
    reads_under_way: usize,
    ready: VecDeque<Job>,
    tiles_issued: u64,
}

impl<Chunks> ExportAgenda<'_, Chunks> {
    fn insert(&mut self, level: usize, column: u32, row: u32, piece: Piece) -> Result<(), Error> {
        for CompleteTile { column, row, pieces } in self.mosaics[level].insert(column, row, piece) {
            let tile = self.plan.tile(self.plan.level(level as u32).unwrap_or(self.plan.max_level()), column, row);
            let tile = tile.ok_or_else(|| Error::Defect {
                message: format!("a tile at column {column}, row {row} of level {level}, which is outside its grid"),
            })?;
            self.ready.push_back(Job::Tile { entry: self.tiles_issued, tile, pieces });
            self.tiles_issued += 1;
        }
        Ok(())
    }
}

impl<Chunks: Iterator<Item = (u32, u32)>> Agenda for ExportAgenda<'_, Chunks> {
    type Job = Job;
    type Outcome = Outcome;

    fn issue(&mut self) -> Option<Job> {
        // Tiles first: they set memory free, reads take it.
        if let Some(job) = self.ready.pop_front() {
            return Some(job);
        }
        if self.reads_under_way == self.read_ahead {
            return None;
        }
        let (column, row) = self.chunks.next()?;
        let rect = self.mosaics.last()?.piece_rect(column, row)?;
        self.reads_under_way += 1;
        Some(Job::Read { column, row, rect })
    }

    fn take(&mut self, outcome: Outcome) -> Result<(), Error> {
        match outcome {
            Outcome::Read { column, row, piece } => {
                self.reads_under_way -= 1;
                self.insert(self.mosaics.len() - 1, column, row, piece)
            }
            Outcome::Tile { tile, reduced: Some(piece) } => {
                self.insert(tile.level().number() as usize - 1, tile.column(), tile.row(), piece)
            }
            Outcome::Tile { reduced: None, .. } => Ok(()),
        }
    }
}

/// What one worker keeps from tile to tile.
struct Desk {
    canvas: Canvas,
    encoder: TileEncoder,
}

/// What all workers share.
struct Bench<'a> {
    source: &'a dyn Source,
    plan: &'a ExportPlan,
    names: &'a DeepZoomNames,
    sink: &'a dyn Sink,
    progress: &'a dyn Progress,
    /// One a worker, so that no lock is ever waited for.
    desks: Vec<Mutex<Desk>>,
    tile_bytes: AtomicU64,
    /// Whether any pixel that was read was not wholly transparent.
    something_seen: AtomicBool,
}

impl Bench<'_> {
    fn perform(&self, job: Job, worker: usize) -> Result<Outcome, Error> {
        if self.progress.stop_requested() {
            return Err(Error::Interrupted);
        }
        match job {
            Job::Read { column, row, rect } => {
                let pixels = read_chunk(self.source, self.plan, rect, Vec::new())?;
                if !self.something_seen.load(Ordering::Relaxed) && !pixels.is_clear() {
                    self.something_seen.store(true, Ordering::Relaxed);
                }
                let pixels = pixels.over(self.plan.background());
                Ok(Outcome::Read { column, row, piece: Piece { rect, pixels } })
            }
            Job::Tile { entry, tile, pieces } => {
                let mut desk = self.desks[worker].lock().unwrap_or_else(PoisonError::into_inner);
                let reduced = self.write_tile(&mut desk, entry, tile, &pieces)?;
                Ok(Outcome::Tile { tile, reduced })
            }
        }
    }

    fn write_tile(
        &self,
        desk: &mut Desk,
        entry: u64,
        tile: TileAddress,
        pieces: &[Arc<Piece>],
    ) -> Result<Option<Piece>, Error> {
        let pyramid = self.plan.pyramid();
        let region = pyramid.region(tile);
        let reduction = reduction(pyramid, tile.level(), tile.column(), tile.row());
        let area = reduction.map_or(region.full, |(source, _)| region.full.union(source));
        let canvas = desk.canvas.assemble(area, pieces.iter().map(|piece| (piece.rect, &piece.pixels)));

        let contents = desk
            .encoder
            .encode(canvas.part(relative_to(region.full, area.origin())))
            .map_err(|source| Error::Encode { tile, source })?;
        self.sink.write(entry, &EntryName::new(self.names.tile(tile))?, contents)?;
        let bytes = contents.len() as u64;
        self.tile_bytes.fetch_add(bytes, Ordering::Relaxed);
        self.progress.tile_written(TileWritten { pixels: region.core.size().area(), bytes });

        Ok(reduction.map(|(source, rect)| {
            let pixels = canvas.part(relative_to(source, area.origin())).halved();
            Piece { rect, pixels }
        }))
    }
}

/// Reads a part of the exported area; `rect` in pixels of the full-size level.
pub(super) fn read_chunk(
    source: &dyn Source,
    plan: &ExportPlan,
    rect: Rect,
    spare: Vec<u8>,
) -> Result<PremultipliedPixels, Error> {
    let region = rect
        .moved(plan.area().origin())
        .ok_or_else(|| Error::Defect { message: format!("the exported area's part {rect} lies outside the slide") })?;
    Ok(source.read(region, spare)?)
}
