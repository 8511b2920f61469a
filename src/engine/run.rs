//! An export from its first file to its commit: the [tiles](super::tiles), then everything else.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::associated::{space_of, write_associated};
use super::bag;
use super::checkpoint::SavedState;
use super::files::Files;
use super::identity::{Difference, RunIdentity};
use super::metadata::{self, ExportOutcome, published_properties};
use super::progress::{Progress, TileWritten, Workload};
use super::reading::with_plan_colors;
use super::tiles::{Start, WrittenTiles, write_tiles};
use super::warning::Warning;
use crate::codec::{TileEncoder, TileFormat};
use crate::error::Error;
use crate::geometry::{Rect, Size};
use crate::key::Digest;
use crate::layout::scan_properties::{self, SCAN_PROPERTIES, ScanFacts};
use crate::layout::tile_layout::ResourceId;
use crate::layout::{Container, page};
use crate::pixels::Pixels;
use crate::plan::{Color, ExportPlan, Page};
use crate::pyramid::{TileAddress, TileSet};
use crate::sink::Sink;
use crate::source::{PageChoice, Reader, SlideError, SlideInfo, Source, SourceFile, identify};

/// The result of an export.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ExportReport {
    /// The number of tiles written, over all levels.
    pub tiles: u64,
    /// The number of blank tiles that were skipped.
    pub skipped: u64,
    /// The total size of the tiles in bytes.
    pub tile_bytes: u64,
    /// The regions that could not be read and are shown as background, in slide-level-0 pixels, in
    /// the order of reading.
    pub unreadable: Vec<Rect>,
    /// What the export lacks or shows differently than the slide.
    pub warnings: Vec<Warning>,
}

/// Exports the slide of `source` to `sink` as `plan` says, on `jobs` worker threads.
///
/// `jobs` is the number of threads that decode and encode; the result does not depend on it. If the
/// sink was made to resume an interrupted export, the export continues where that one stopped.
///
/// # Errors
/// [`Error`] if the slide cannot be read, the destination fails, or `progress` asks to stop;
/// [`Error::Differs`] if the interrupted export is a different one. Nothing is published then.
pub fn export(
    source: &dyn Source,
    plan: &ExportPlan,
    sink: Box<dyn Sink>,
    jobs: NonZeroUsize,
    progress: &dyn Progress,
) -> Result<ExportReport, Error> {
    let converted = with_plan_colors(source, plan);
    let source = converted.as_deref().unwrap_or(source);
    let written = write_all(source, plan, sink.as_ref(), jobs, progress);
    let unless_stopped =
        |report| if progress.stop_requested() { Err(Error::Interrupted) } else { Ok(report) };
    match written.and_then(unless_stopped) {
        Ok(report) => {
            progress.committing();
            sink.commit()?;
            Ok(report)
        }
        Err(cause) => match sink.abort() {
            Ok(()) => Err(cause),
            Err(cleanup) => Err(Error::Cleanup { cause: Box::new(cause), cleanup }),
        },
    }
}

/// Starts where an interrupted export stopped, if the sink has one, or at the beginning.
fn start(
    source: &dyn Source,
    plan: &ExportPlan,
    sink: &dyn Sink,
    progress: &dyn Progress,
) -> Result<Start, Error> {
    let identity = Arc::new(RunIdentity::new(source, plan));
    let Some((resume, left)) =
        sink.resume().and_then(|resume| Some((resume, resume.resume_state()?)))
    else {
        return Ok(Start { identity, saved: None });
    };
    let state = SavedState::read(&left.state).ok_or(Error::Unresumable)?;
    if let Some(Difference { field: what, before, now }) = state.identity.difference(&identity) {
        return Err(Error::Differs { what, before, now });
    }
    let (pyramid, names) = (plan.pyramid(), plan.names());
    if state.digests.len() as u64 != pyramid.tile_count()
        || (state.entries, state.written) != (left.entries, left.files)
    {
        return Err(Error::Unresumable);
    }
    let trusted = |name: &str| state.digests.get(pyramid.ordinal(names.tile_named(name, pyramid)?));
    let stop = || progress.stop_requested();
    resume
        .adopt(&trusted, &stop)
        .map_err(|error| if stop() { Error::Interrupted } else { error.into() })?;
    for tile in pyramid.tiles().filter(|&tile| state.digests.get(pyramid.ordinal(tile)).is_some()) {
        progress.tile_written(TileWritten {
            pixels: pyramid.region(tile).core.size().area(),
            bytes: 0,
        });
    }
    progress.tiles_skipped(state.skipped.tiles, state.skipped.pixels);
    progress.resumed(state.written);
    Ok(Start { identity, saved: Some(state) })
}

fn write_all(
    source: &dyn Source,
    plan: &ExportPlan,
    sink: &dyn Sink,
    jobs: NonZeroUsize,
    progress: &dyn Progress,
) -> Result<ExportReport, Error> {
    let (names, layout) = (plan.names(), plan.layout());
    let pyramid = plan.pyramid();
    progress.started(Workload { tiles: pyramid.tile_count(), pixels: pyramid.pixel_count() });
    // This comes first, because the interrupted export may be a different one, which must not be
    // changed.
    let start = start(source, plan, sink, progress)?;
    let resumed = start.saved.is_some();
    let failed = AtomicBool::new(false);
    let stop = || failed.load(Ordering::Relaxed) || progress.stop_requested();
    let info = source.info();
    let (written, source_file) = std::thread::scope(|scope| {
        let identified = scope.spawn(|| identify_source(info, plan, &stop));
        let written = write_tiles(source, plan, &names, sink, jobs, progress, start);
        failed.store(written.is_err(), Ordering::Relaxed);
        let panicked = |_| Error::Defect {
            message: "the thread that hashes the slide's file panicked".to_owned(),
        };
        let identified = identified.join().map_err(panicked);
        Ok::<_, Error>((written?, identified??))
    })?;
    let WrittenTiles {
        bytes: tile_bytes,
        files: tiles,
        entries,
        digests,
        unreadable,
        damaged_end,
        aliases,
    } = written;
    let skipped = TileSet::of(pyramid, |ordinal| digests.get(ordinal).is_none());

    let mut files = Files::new(sink, entries, tiles);
    let mut warnings = plan_warnings(plan, &unreadable);
    warnings.extend(damaged_end.map(Warning::DamagedEnd));
    warnings.extend(
        info.pages.filter(|pages| pages.choice() != PageChoice::Asked).map(Warning::OtherPages),
    );
    if info.unshown_samples > 0 {
        warnings.push(Warning::UnshownSamples { samples: info.unshown_samples });
    }
    // A resumed run has seen only part of the samples.
    let dark = if resumed { None } else { source.largest_dark_sample() };
    warnings.extend(dark.map(|largest| Warning::DarkSamples { largest }));
    if plan.tile_layout().is_iiif() && plan.resource_id().is_none() {
        warnings.push(Warning::PlaceholderId { id: ResourceId::default().of(plan.name()) });
    }
    write_layout_files(plan, &aliases, &mut files)?;
    let associated = write_associated(source, plan, &mut files, &mut warnings)?;
    let description = metadata::describe(
        source.info(),
        plan,
        ExportOutcome {
            associated_images: &associated,
            unreadable: &unreadable,
            skipped: &skipped,
            source: source_file.as_ref(),
        },
    );
    if plan.page() == Page::Include {
        for (name, contents) in page::files(plan.name()) {
            files.write(format!("{}{name}", layout.payload()), contents.as_bytes())?;
        }
        files.write(layout.slide_script(), page::slide_script(&description).as_bytes())?;
    }
    if let (Container::Szi, Some(microns_per_pixel)) =
        (layout.container(), plan.microns_per_pixel())
    {
        let text = scan_properties::describe(&ScanFacts {
            size: pyramid.size(),
            microns_per_pixel,
            objective_power: plan.objective_power(),
            properties: published_properties(info, plan.properties()),
        });
        files.write(SCAN_PROPERTIES.to_owned(), text.as_bytes())?;
    }
    let last: Vec<(String, String)> = std::iter::once((layout.description(), description))
        .chain(plan.descriptor_file(&skipped))
        .collect();

    // The manifest lists all files except itself, including those written after it; in a bag, it
    // lists the payload.
    let written =
        pyramid.tiles().zip(digests.iter()).filter(|(_, digest)| *digest != Digest::default());
    let of_tiles = written.map(|(tile, digest)| (names.tile(tile, pyramid), digest));
    let of_last =
        last.iter().map(|(name, contents)| (name.clone(), Digest::of(contents.as_bytes())));
    let listed = of_tiles.chain(files.take_digests()).chain(of_last);
    let manifest = files.write_manifest(layout.manifest(), listed)?;
    for (name, contents) in last {
        files.write(name, contents.as_bytes())?;
    }
    if layout.container() == Container::Bag {
        bag::write_tags(&mut files, tile_bytes, (&layout.manifest(), manifest))?;
    }
    Ok(ExportReport { tiles, skipped: skipped.len(), tile_bytes, unreadable, warnings })
}

/// The warnings that follow from the plan, and from what could not be read.
fn plan_warnings(plan: &ExportPlan, unreadable: &[Rect]) -> Vec<Warning> {
    let mut warnings: Vec<Warning> = plan
        .missing_associated()
        .iter()
        .map(|name| Warning::NoSuchAssociatedImage { name: name.clone() })
        .collect();
    if let Color::Unusable(_, reason) = plan.color() {
        warnings.push(Warning::ColorProfile(reason.clone()));
    }
    if plan.is_converted_instead(plan.color()) {
        warnings.push(Warning::ColorProfileNotEmbedded { space: space_of(plan.color()) });
    }
    if let Some(&first) = unreadable.first() {
        let pixels = unreadable.iter().map(|rect| rect.size().area()).sum();
        warnings.push(Warning::Unreadable { regions: unreadable.len(), pixels, first });
    }
    warnings
}

/// Identifies the slide's file. A source of the library's user need not have one.
fn identify_source(
    info: &SlideInfo,
    plan: &ExportPlan,
    stop: &dyn Fn() -> bool,
) -> Result<Option<SourceFile>, SlideError> {
    if info.reader == Reader::Custom && matches!(info.path.try_exists(), Ok(false)) {
        return Ok(None);
    }
    identify(&info.path, plan.name(), plan.source_identity(), stop)
}

/// Writes the files of the layout that are neither tiles nor descriptors: a blank tile, and the
/// second names of tiles.
fn write_layout_files(
    plan: &ExportPlan,
    aliases: &BTreeMap<TileAddress, Vec<u8>>,
    files: &mut Files<'_>,
) -> Result<(), Error> {
    let (names, pyramid) = (plan.names(), plan.pyramid());
    for (tile, name) in names.aliases(pyramid) {
        let contents = aliases.get(&tile).ok_or_else(|| Error::Defect {
            message: format!("tile {tile} has a second name and was not kept"),
        })?;
        files.write(name, contents)?;
    }
    if let Some(name) = names.blank() {
        let side = pyramid.geometry().tile_size();
        let blank = Size::new(side, side).map(|size| Pixels::filled(size, plan.background()));
        let blank = blank.ok_or_else(|| Error::Defect {
            message: "the planned tiles have no size".to_owned(),
        })?;
        let mut encoder = TileEncoder::new(TileFormat::Png, plan.color().embedded())?;
        files.write(name, encoder.encode(blank.view())?)?;
    }
    Ok(())
}
