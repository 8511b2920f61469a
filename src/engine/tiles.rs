//! Reads, reduces, encodes and writes all levels: see the [module above](super) for how the pixels flow.
//!
//! Each worker has a desk of its own, with its encoder and its buffers: what a task no longer needs, the next one takes, and nothing on
//! the way from the slide to the tile waits for a lock.

use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use rayon::ThreadPool;

use super::checkpoint::{LeftOut, SavedState};
use super::digests::TileDigests;
use super::identity::Identity;
use super::level_assembler::{Block, Content, LevelAssembler, Reduction};
use super::reading::{is_unscanned, on_slide, read_chunk};
use super::scheduler::{Checkpoints, ExportScheduler, Job, Outcome, Placed, Written, place};
use crate::codec::TileEncoder;
use crate::color::embed_in_jpeg;
use crate::engine::ordered_executor;
use crate::engine::progress::{Progress, TileWritten};
use crate::error::Error;
use crate::geometry::{Rect, Size};
use crate::key::Digest;
use crate::key::EntryName;
use crate::layout::tile_layout::TileNames;
use crate::pixels::{Canvas, PIXEL_BYTES, Pixels, PremultipliedPixels, relative_to};
use crate::plan::{BaseTiles, BlankTiles, ExportPlan, ReadErrorPolicy};
use crate::pyramid::TileAddress;
use crate::schedule::read_order::{ReadOrder, Traversal, chunk_size};
use crate::sink::{Sink, SinkError};
use crate::source::{Band, NativeTileReader, SlideError, Source, SourcePass};

/// Chunks that may be read ahead of the tiles, in bytes of pixels. Their number does not depend on the number of workers, so that the
/// order of the export does not either; it keeps some thirty workers busy.
const READ_AHEAD_BYTES: u64 = 16 << 20;

/// Starts the worker threads.
pub(crate) fn start_workers(jobs: NonZeroUsize) -> Result<ThreadPool, Error> {
    rayon::ThreadPoolBuilder::new()
        .num_threads(jobs.get())
        .thread_name(|number| format!("worker-{number}"))
        .build()
        .map_err(|error| Error::Workers { jobs: jobs.get(), message: error.to_string() })
}

/// Where the work begins.
pub(crate) struct Start {
    /// What the export is made of and how.
    pub identity: Arc<Identity>,
    /// What an earlier run has come to, the files of which the sink has adopted.
    pub left: Option<SavedState>,
}

/// What was written.
pub(crate) struct WrittenTiles {
    /// The sum of the files' bytes.
    pub bytes: u64,
    /// How many files there are.
    pub files: u64,
    /// How many entry numbers were used.
    pub entries: u64,
    /// The files' digests, in the order of [`PyramidPlan::ordinal`](crate::pyramid::PyramidPlan::ordinal); none of a tile that was left out.
    pub digests: TileDigests,
    /// What could not be read and is background, in slide-level-0 pixels.
    pub unreadable: Vec<Rect>,
    /// What was wrong after the last row of an image that is read row by row, where the export goes on though something cannot be read.
    pub damaged_end: Option<SlideError>,
    /// The files of the tiles that have a second name. These show all of the slide, and so are written in the last run, whichever has begun.
    pub aliases: BTreeMap<TileAddress, Vec<u8>>,
}

/// Writes every tile.
pub(crate) fn write_tiles(
    source: &dyn Source,
    plan: &ExportPlan,
    names: &TileNames,
    sink: &dyn Sink,
    jobs: NonZeroUsize,
    progress: &dyn Progress,
    start: Start,
) -> Result<WrittenTiles, Error> {
    let workers = start_workers(jobs)?;
    let desks = (0..jobs.get()).map(|_| Ok(Mutex::new(Scratch::new(plan)?))).collect::<Result<Vec<_>, Error>>()?;
    let by_rows = source.rows().filter(|_| plan.placement().is_upright_full_size());
    let (base, course) = match (plan.base_tiles(), by_rows) {
        (BaseTiles::Encoded, Some(_)) => (Base::Pixels, Traversal::Rows),
        (BaseTiles::Encoded, None) => (Base::Pixels, Traversal::Stripes(chunk_size(source.info(), plan.placement()))),
        (BaseTiles::Lossless, _) => {
            let stored = source.native_tiles().ok_or_else(|| Error::Defect {
                message: "lossless tiles are planned for a slide whose native tiles cannot be had".to_owned(),
            })?;
            (Base::Stored(stored), Traversal::Stripes(stored.tile_size()))
        }
    };
    let order = ReadOrder::new(plan.placement(), course, plan.pyramid(), plan.reduction().margin());
    let expected = plan.pyramid().tile_count();
    let axes = order.level_axes(plan.pyramid());
    let Start { identity, left } = start;
    let mut chunks = order.chunks();
    let left = left.unwrap_or_else(|| SavedState::beginning(Arc::clone(&identity), expected, axes.len()));
    if left.chunks > 0 && chunks.nth(left.chunks as usize - 1).is_none() || left.mosaics.len() != axes.len() {
        return Err(Error::Unresumable);
    }
    let bands = || order.bands(left.chunks).into_iter().map(|band| on_slide_rows(plan, &band)).collect();
    let pass = by_rows.map(|rows| rows.begin(bands())).transpose()?;
    let mosaics = axes.into_iter().zip(left.mosaics).map(|(axes, saved)| LevelAssembler::restored(axes, saved));
    let (tile_bytes, something_seen) = (AtomicU64::new(left.tile_bytes), AtomicBool::new(left.something_seen));
    let mut scheduler = ExportScheduler {
        plan: plan.pyramid(),
        digests: left.digests,
        unreadable: left.unreadable,
        mosaics: mosaics.collect::<Option<_>>().ok_or(Error::Unresumable)?,
        chunks,
        read_ahead: (READ_AHEAD_BYTES / order.chunk_bytes()).clamp(8, 512) as usize,
        reads_under_way: 0,
        ready: VecDeque::new(),
        base_tiles: plan.base_tiles(),
        entries_issued: left.entries,
        files_written: left.written,
        left_out: left.left_out,
        jobs_under_way: 0,
        checkpoints: Checkpoints {
            sink,
            identity,
            tile_bytes: &tile_bytes,
            something_seen: &something_seen,
            chunks: left.chunks,
            read_since: 0,
            held: 0,
            is_due: false,
        },
    };
    let bench = WorkerContext {
        source: pass.as_deref().map_or(source, |pass| pass),
        base,
        plan,
        names,
        sink,
        progress,
        desks,
        tile_bytes: &tile_bytes,
        something_seen: &something_seen,
        aliases: Mutex::default(),
    };
    std::thread::scope(|scope| {
        if let Some(pass) = pass.as_deref() {
            let decoder = std::thread::Builder::new().name("decoder".to_owned());
            let failed = |error: std::io::Error| Error::Workers { jobs: jobs.get() + 1, message: error.to_string() };
            decoder.spawn_scoped(scope, || pass.run()).map_err(failed)?;
        }
        let outcome = ordered_executor::run(&workers, &mut scheduler, |job, worker| bench.perform(job, worker));
        if let (Err(_), Some(pass)) = (&outcome, pass.as_deref()) {
            pass.stop();
        }
        outcome
    })?;
    let end = pass.as_deref().map_or(Ok(()), SourcePass::end);
    let damaged_end = match (end, plan.on_read_error()) {
        (Err(error), ReadErrorPolicy::Blank) => Some(error),
        (end, _) => end.map(|()| None)?,
    };

    // Missing tiles show as transparent, without an error. One may be what was not scanned; all of them are no slide.
    if !something_seen.load(Ordering::Relaxed) {
        return Err(SlideError::Empty { path: source.info().path.clone() }.into());
    }
    // Proof that nothing was forgotten: each tile was written or left out, and no pixel waits for a tile that never came.
    let (files, LeftOut { tiles: blank, .. }) = (scheduler.files_written, scheduler.left_out);
    if files + blank != expected || !scheduler.mosaics.iter().all(LevelAssembler::is_empty) {
        let message = format!("{files} tiles written, {blank} blank ones left out, {expected} planned");
        return Err(Error::Defect { message });
    }
    Ok(WrittenTiles {
        bytes: tile_bytes.load(Ordering::Relaxed),
        files,
        entries: scheduler.entries_issued,
        digests: scheduler.digests,
        unreadable: once_each(scheduler.unreadable),
        damaged_end,
        aliases: bench.aliases.into_inner().unwrap_or_else(PoisonError::into_inner),
    })
}

/// A band of the export's full size in rows of the slide's.
fn on_slide_rows(plan: &ExportPlan, Band { rows, pixels }: &Band) -> Band {
    let above = plan.area().origin().y;
    Band { rows: rows.start + above..rows.end + above, pixels: *pixels }
}

/// Without those that have come before.
fn once_each(regions: Vec<Rect>) -> Vec<Rect> {
    let mut known = HashSet::new();
    regions.into_iter().filter(|region| known.insert(*region)).collect()
}

/// What one worker keeps from task to task.
struct Scratch {
    canvas: Canvas,
    encoder: TileEncoder,
    /// A native tile's JPEG file.
    jpeg: Vec<u8>,
    /// By size: the file of a blank tile, and its digest.
    blank: HashMap<Size, (Vec<u8>, Digest)>,
    /// The memory of pieces that nobody needs any more.
    spare: Vec<Vec<u8>>,
}

impl Scratch {
    /// A task sets few pieces free at a time.
    const SPARE_AT_MOST: usize = 8;

    fn new(plan: &ExportPlan) -> Result<Self, Error> {
        Ok(Self {
            canvas: Canvas::default(),
            encoder: TileEncoder::new(plan.format(), plan.color().embedded())?,
            jpeg: Vec::new(),
            blank: HashMap::new(),
            spare: Vec::new(),
        })
    }

    /// Memory for the pixels of `rect`: of a piece that had about as many, or new.
    fn take_spare(&mut self, rect: Rect) -> Vec<u8> {
        let bytes = rect.size().area() as usize * PIXEL_BYTES;
        let fits = |spare: &Vec<u8>| (bytes..=2 * bytes).contains(&spare.capacity());
        self.spare.iter().rposition(fits).map_or_else(Vec::new, |index| self.spare.swap_remove(index))
    }

    /// Keeps the memory of those pieces that no other task uses.
    fn keep_spare(&mut self, pieces: Vec<Arc<Block>>) {
        for piece in pieces.into_iter().filter_map(Arc::into_inner) {
            if let Content::Pixels(pixels) = piece.content {
                self.keep(pixels.into_bytes());
            }
        }
    }

    fn keep(&mut self, bytes: Vec<u8>) {
        if self.spare.len() < Self::SPARE_AT_MOST {
            self.spare.push(bytes);
        }
    }
}

/// Where the tiles of the full size come from.
enum Base<'a> {
    Pixels,
    Stored(&'a dyn NativeTileReader),
}

/// What all workers share.
struct WorkerContext<'a> {
    source: &'a dyn Source,
    base: Base<'a>,
    plan: &'a ExportPlan,
    names: &'a TileNames,
    sink: &'a dyn Sink,
    progress: &'a dyn Progress,
    /// One a worker, so that no lock is ever waited for.
    desks: Vec<Mutex<Scratch>>,
    tile_bytes: &'a AtomicU64,
    /// Whether any pixel that was read was not wholly transparent.
    something_seen: &'a AtomicBool,
    /// The files of the few tiles that have a second name.
    aliases: Mutex<BTreeMap<TileAddress, Vec<u8>>>,
}

impl WorkerContext<'_> {
    fn perform(&self, job: Job, worker: usize) -> Result<Outcome, Error> {
        if self.progress.stop_requested() {
            return Err(Error::Interrupted);
        }
        let mut desk = self.desks[worker].lock().unwrap_or_else(PoisonError::into_inner);
        match job {
            Job::Read { column, row, rect } => {
                let (content, unreadable) = self.read(&mut desk, rect)?;
                let piece = Block { rect, content };
                let level = self.plan.pyramid().max_level();
                let piece = Placed { level, place: (column, row), piece };
                Ok(Outcome { was_read: true, unreadable, written: None, piece: Some(piece) })
            }
            Job::Stored { entry, tile, reduction } => {
                let (written, halved, unreadable) = self.write_stored(&mut desk, entry, tile)?;
                let piece = place(tile, reduction, Some(halved))?;
                Ok(Outcome { was_read: true, unreadable, written: Some((tile, written)), piece })
            }
            Job::Tile { entry, tile, reduction, pieces } => {
                let (written, halved) = self.write_tile(&mut desk, entry, tile, reduction, &pieces)?;
                desk.keep_spare(pieces);
                let written = written.map(|written| (tile, written));
                let piece = place(tile, reduction, halved)?;
                Ok(Outcome { was_read: false, unreadable: Vec::new(), written, piece })
            }
        }
    }

    /// Remembers that something was seen, and asks no more then.
    fn see(&self, something: impl FnOnce() -> bool) {
        if !self.something_seen.load(Ordering::Relaxed) && something() {
            self.something_seen.store(true, Ordering::Relaxed);
        }
    }

    /// Reads a chunk; names what could not be read and is background, in slide-level-0 pixels.
    fn read(&self, desk: &mut Scratch, rect: Rect) -> Result<(Content, Vec<Rect>), Error> {
        if is_unscanned(self.source, self.plan, rect)? {
            return Ok((Content::Blank, Vec::new()));
        }
        let (pixels, unreadable) = read_chunk(self.source, self.plan, rect, desk.take_spare(rect))?;
        Ok((self.rendered(desk, pixels), unreadable))
    }

    /// What was read as the export shows it. Blank is what was not scanned, or is of the background's very color.
    fn rendered(&self, desk: &mut Scratch, pixels: PremultipliedPixels) -> Content {
        if pixels.is_clear() {
            desk.keep(pixels.into_bytes());
            return Content::Blank;
        }
        self.see(|| true);
        let pixels = self.plan.rendered(pixels);
        if pixels.view().is_within(0, self.plan.background()) {
            desk.keep(pixels.into_bytes());
            return Content::Blank;
        }
        Content::Pixels(pixels)
    }

    /// Whether the export goes on though this could not be read.
    fn is_tolerated(&self, error: &Error) -> bool {
        self.plan.on_read_error() == ReadErrorPolicy::Blank
            && matches!(error, Error::Slide(error) if error.is_of_a_part())
    }

    /// Puts a tile together from its pieces, writes it where it has an entry number, and reduces what is to be reduced.
    fn write_tile(
        &self,
        desk: &mut Scratch,
        entry: Option<u64>,
        tile: TileAddress,
        reduction: Option<Reduction>,
        pieces: &[Arc<Block>],
    ) -> Result<(Option<Written>, Option<Content>), Error> {
        if pieces.iter().all(|piece| piece.content.is_blank()) {
            let written = entry.map(|entry| self.write_blank(desk, entry, tile)).transpose()?;
            return Ok((written, Some(Content::Blank)));
        }
        let full = self.plan.pyramid().region(tile).full;
        let spare = reduction.map_or_else(Vec::new, |reduction| desk.take_spare(reduction.target));
        let area = match (entry, reduction) {
            (Some(_), Some(reduction)) => full.union(reduction.source),
            (None, Some(reduction)) => reduction.source,
            _ => full,
        };
        let background = self.plan.background();
        let patches = pieces.iter().map(|piece| (piece.rect, piece.content.patch(background)));
        let canvas = desk.canvas.assemble(area, patches);
        let halved = reduction.map(|Reduction { core, source, .. }| {
            let view = canvas.part(relative_to(source, area.origin()));
            Content::Pixels(view.reduced(relative_to(core, source.origin()), self.plan.reduction(), spare))
        });
        let Some(entry) = entry else { return Ok((None, halved)) };
        let picture = canvas.part(relative_to(full, area.origin()));
        let tolerance = self.plan.blank_tolerance(tile.level());
        if tolerance.is_some_and(|tolerance| picture.is_within(tolerance, background)) {
            return Ok((Some(self.write_blank(desk, entry, tile)?), halved));
        }
        let size = self.plan.image_size(tile);
        let contents = if picture.size() == size {
            desk.encoder.encode(picture)
        } else {
            desk.encoder.encode(picture.filled_up(size, background).view())
        };
        let contents = contents.map_err(|source| Error::Encode { tile, source })?;
        let digest = Digest::of(contents);
        self.write(tile, contents, |name| self.sink.write(entry, name, contents))?;
        Ok((Some(Written::File(digest)), halved))
    }

    /// Writes a tile on which there is nothing but the background, or leaves it out.
    fn write_blank(&self, desk: &mut Scratch, entry: u64, tile: TileAddress) -> Result<Written, Error> {
        if self.plan.skips_blank(tile.level()) {
            self.sink.skip(entry)?;
            self.progress.tiles_skipped(1, self.plan.pyramid().region(tile).core.size().area());
            return Ok(Written::LeftOut);
        }
        let size = self.plan.image_size(tile);
        let (contents, digest) = match desk.blank.entry(size) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(new) => {
                let pixels = Pixels::filled(size, self.plan.background());
                let contents = desk.encoder.encode(pixels.view()).map_err(|source| Error::Encode { tile, source })?;
                new.insert((contents.to_vec(), Digest::of(contents)))
            }
        };
        self.write(tile, contents, |name| match self.plan.blank_tiles() {
            BlankTiles::Share(_) => self.sink.write_repeated(entry, name, contents, *digest),
            BlankTiles::Keep | BlankTiles::Skip(_) => self.sink.write(entry, name, contents),
        })?;
        Ok(Written::File(*digest))
    }

    /// Writes a tile of the full size as it is stored; returns it at half size.
    fn write_stored(
        &self,
        desk: &mut Scratch,
        entry: u64,
        tile: TileAddress,
    ) -> Result<(Written, Content, Vec<Rect>), Error> {
        let Base::Stored(stored) = self.base else {
            return Err(Error::Defect { message: format!("tile {tile} is no native tile") });
        };
        let rect = self.plan.pyramid().region(tile).core;
        let region = on_slide(self.plan, rect)?;
        let spare = desk.take_spare(Rect::of(rect.size().halved()));
        let mut unreadable = Vec::new();
        match stored.read_native(region, self.plan.reduction(), &mut desk.jpeg, spare).map_err(Error::from) {
            Ok(Some(halved)) => {
                self.see(|| true);
                if let Some(profile) = self.plan.color().embedded() {
                    embed_in_jpeg(&mut desk.jpeg, profile);
                }
                let digest = Digest::of(&desk.jpeg);
                self.write(tile, &desk.jpeg, |name| self.sink.write(entry, name, &desk.jpeg))?;
                return Ok((Written::File(digest), Content::Pixels(halved), unreadable));
            }
            Ok(None) => {}
            Err(error) if self.is_tolerated(&error) => unreadable.push(region),
            Err(error) => return Err(error),
        }
        // Never scanned, or damaged, and so nothing that could be kept: the background.
        Ok((self.write_blank(desk, entry, tile)?, Content::Blank, unreadable))
    }

    /// Hands a tile's file to the sink and counts it.
    fn write(
        &self,
        tile: TileAddress,
        contents: &[u8],
        to_sink: impl FnOnce(&EntryName) -> Result<(), SinkError>,
    ) -> Result<(), Error> {
        let name = self.names.tile(tile, self.plan.pyramid());
        if let Some(folder) = self.names.folder_to_make(&name) {
            self.sink.create_folders(&EntryName::new(folder.to_owned())?)?;
        }
        if self.names.alias(tile, self.plan.pyramid()).is_some() {
            let mut aliases = self.aliases.lock().unwrap_or_else(PoisonError::into_inner);
            aliases.insert(tile, contents.to_vec());
        }
        to_sink(&EntryName::new(name)?)?;
        let bytes = contents.len() as u64;
        self.tile_bytes.fetch_add(bytes, Ordering::Relaxed);
        let pixels = self.plan.pyramid().region(tile).core.size().area();
        self.progress.tile_written(TileWritten { pixels, bytes });
        Ok(())
    }
}
