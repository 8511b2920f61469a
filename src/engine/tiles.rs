//! Writes the tiles of all levels: sets up the schedule and the workers, runs them, and checks that
//! every tile was written.

use std::collections::{BTreeMap, HashSet};
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use rayon::ThreadPool;

use super::checkpoint::{SavedState, SkippedTiles};
use super::digests::TileDigests;
use super::identity::RunIdentity;
use super::level_assembler::LevelAssembler;
use super::ordered_executor;
use super::progress::Progress;
use super::scheduler::{Checkpoints, ExportScheduler};
use super::worker::{BasePixels, WorkerContext};
use crate::error::{Error, WorkersError};
use crate::geometry::Rect;
use crate::layout::tile_layout::TileNames;
use crate::plan::{BaseTiles, ExportPlan, ReadErrorPolicy};
use crate::pyramid::TileAddress;
use crate::schedule::Schedule;
use crate::schedule::read_order::{ReadOrder, Traversal, chunk_size};
use crate::sink::Sink;
use crate::source::{Band, SlideError, Source, SourcePass};

/// Starts the worker threads.
pub(crate) fn start_workers(jobs: NonZeroUsize) -> Result<ThreadPool, WorkersError> {
    rayon::ThreadPoolBuilder::new()
        .num_threads(jobs.get())
        .thread_name(|number| format!("worker-{number}"))
        .build()
        .map_err(|error| WorkersError::new(jobs.get(), error))
}

/// Where an export starts.
pub(crate) struct Start {
    pub identity: Arc<RunIdentity>,
    /// The state of the run to resume, whose files the sink has adopted.
    pub saved: Option<SavedState>,
}

/// The tiles of an export.
pub(crate) struct WrittenTiles {
    /// The total size of the files.
    pub bytes: u64,
    /// The number of files.
    pub files: u64,
    /// The number of entry numbers used.
    pub entries: u64,
    /// The digests of the files, by [`PyramidPlan::ordinal`](crate::pyramid::PyramidPlan::ordinal).
    pub digests: TileDigests,
    /// The regions that could not be read and are background, in slide-level-0 pixels.
    pub unreadable: Vec<Rect>,
    /// Damage after the last row of an image that is read row by row, if the export continues
    /// despite read errors.
    pub damaged_end: Option<SlideError>,
    /// The files of the tiles that have a second name. Each shows the whole slide, so it is written
    /// last and always by this run.
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
    let (workers, pyramid) = (start_workers(jobs)?, plan.pyramid());
    let by_rows = source.rows().filter(|_| plan.placement().is_upright_full_size());
    let (base, traversal) = match (plan.base_tiles(), by_rows) {
        (BaseTiles::Encoded, Some(_)) => (BasePixels::Decoded, Traversal::Rows),
        (BaseTiles::Encoded, None) => {
            (BasePixels::Decoded, Traversal::Stripes(chunk_size(source.info(), plan.placement())))
        }
        (BaseTiles::Lossless, _) => {
            let native = source.native_tiles().ok_or_else(|| Error::Defect {
                message: "lossless tiles are planned for a slide without accessible native tiles"
                    .to_owned(),
            })?;
            (BasePixels::Native(native), Traversal::Stripes(native.tile_size()))
        }
    };
    let order = ReadOrder::new(plan.placement(), traversal, pyramid, plan.reduction().margin());
    let mut schedule = Schedule::new(pyramid, plan.base_tiles(), &order);
    let expected = pyramid.tile_count();
    let Start { identity, saved } = start;
    let state = saved.unwrap_or_else(|| {
        SavedState::initial(Arc::clone(&identity), expected, schedule.levels().len())
    });
    if state.chunks > 0 && !schedule.replay(state.chunks)? || schedule.entries() != state.entries {
        return Err(Error::Unresumable);
    }
    let bands =
        || order.bands(state.chunks).into_iter().map(|band| on_slide_rows(plan, &band)).collect();
    let pass = by_rows.map(|rows| rows.begin(bands())).transpose()?;
    let (tile_bytes, any_opaque) =
        (AtomicU64::new(state.tile_bytes), AtomicBool::new(state.any_opaque));
    let mut scheduler = ExportScheduler {
        pyramid,
        assemblers: restored(&schedule, state.blocks).ok_or(Error::Unresumable)?,
        schedule,
        digests: state.digests,
        unreadable: state.unreadable,
        files_written: state.written,
        skipped: state.skipped,
        checkpoints: Checkpoints {
            sink: sink.resume(),
            identity,
            tile_bytes: &tile_bytes,
            any_opaque: &any_opaque,
        },
    };
    let aliased: HashSet<TileAddress> = names.aliases(pyramid).map(|(tile, _)| tile).collect();
    let source_or_pass = pass.as_deref().map_or(source, |pass| pass);
    let context = WorkerContext {
        source: source_or_pass,
        base,
        plan,
        names,
        sink,
        progress,
        scratch: WorkerContext::scratch(plan, jobs)?,
        tile_bytes: &tile_bytes,
        any_opaque: &any_opaque,
        aliased: &aliased,
        aliases: std::sync::Mutex::default(),
    };
    std::thread::scope(|scope| {
        if let Some(pass) = pass.as_deref() {
            let decoder = std::thread::Builder::new().name("decoder".to_owned());
            decoder
                .spawn_scoped(scope, || pass.run())
                .map_err(|error| WorkersError::new(jobs.get() + 1, error))?;
        }
        let outcome = ordered_executor::run(&workers, &mut scheduler, |job, worker| {
            context.perform(job, worker)
        });
        if let (Err(_), Some(pass)) = (&outcome, pass.as_deref()) {
            pass.stop();
        }
        outcome
    })?;
    let damaged_end = match pass.as_deref().map(SourcePass::end) {
        Some(Err(error)) if plan.on_read_error() == ReadErrorPolicy::Blank => Some(error),
        ended => ended.transpose().map(|_| None)?,
    };

    // Missing native tiles read as transparent, without an error. Some can be areas that were not
    // scanned, but if all are missing, this is not a slide.
    if !any_opaque.load(Ordering::Relaxed) {
        return Err(SlideError::Empty { path: source.info().path.clone() }.into());
    }
    // Every tile was written or skipped, and no pixel waits for a tile.
    let (files, SkippedTiles { tiles: skipped, .. }) = (scheduler.files_written, scheduler.skipped);
    let complete = scheduler.schedule.is_complete()
        && scheduler.assemblers.iter().all(LevelAssembler::is_empty);
    if files + skipped != expected || !complete {
        let message = format!("{files} tiles were written and {skipped} skipped, of {expected}");
        return Err(Error::Defect { message });
    }
    Ok(WrittenTiles {
        bytes: tile_bytes.load(Ordering::Relaxed),
        files,
        entries: scheduler.schedule.entries(),
        digests: scheduler.digests,
        unreadable: deduplicated(scheduler.unreadable),
        damaged_end,
        aliases: context.into_aliases(),
    })
}

/// Restores the blocks of all levels; `None` if they are not those that the schedule holds.
fn restored(
    schedule: &Schedule<'_>,
    saved: Vec<Vec<super::level_assembler::SavedBlock>>,
) -> Option<Vec<LevelAssembler>> {
    let levels = schedule.levels();
    if saved.len() != levels.len() {
        return None;
    }
    saved
        .into_iter()
        .zip(levels)
        .map(|(saved, tasks)| LevelAssembler::restored(saved, tasks.held()))
        .collect()
}

/// Converts rows of the export's full size to rows of the slide's.
fn on_slide_rows(plan: &ExportPlan, Band { rows, pixels }: &Band) -> Band {
    let above = plan.area().origin().y;
    Band { rows: rows.start + above..rows.end + above, pixels: *pixels }
}

/// Keeps the first of equal regions.
fn deduplicated(regions: Vec<Rect>) -> Vec<Rect> {
    let mut known = HashSet::new();
    regions.into_iter().filter(|region| known.insert(*region)).collect()
}
