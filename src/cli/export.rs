//! `slidezoom export`: the main job.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::export::gallery::Gallery;
use crate::export::{check_finished, create_sink, resume_sink};
use crate::plan::{BaseTiles, Page};
use crate::sink::{OverwritePolicy, Sink, SinkError};
use crate::{Error, ExportOptions, ExportPlan, ExportReport};
use clap::Args;
use serde_json::json;

use super::destinations::{self, ContainerName, Task};
use super::failure::Failure;
use super::inputs;
use super::options::{Jobs, PublishingOptions, PyramidOptions};
use super::plan_text::describe;
use super::progress::{Mode, ProgressReporter};
use super::reading::Reading;

/// Convert slides into static Deep Zoom pyramids that any web server or disk can show
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  slidezoom export CMU-1.svs                     CMU-1/index.html opens by double-click
  slidezoom export CMU-1.svs -o out/1 --quality 90 --format jpeg
  slidezoom export CMU-1.svs -o CMU-1.zip        the same in one file
  slidezoom export CMU-1.svs -o CMU-1.szi --lossless
  slidezoom export a.svs b.ndpi slides/ -o out   one export each: out/a, out/b, …")]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag that a user types")]
pub(super) struct Arguments {
    /// Slides or images, or folders that are searched for slides; - for an image from standard input: PNG, JPEG, WebP, BMP or PNM
    #[arg(required = true, value_name = "SLIDE|IMAGE|FOLDER")]
    pub(super) inputs: Vec<PathBuf>,

    /// The folder to make, or the archive: CMU-1.zip, CMU-1.szi [default: the slide's name without its ending, here]. With several slides: the
    /// folder that gets one export each, and a page with a gallery of all that stand in it [default: here]
    #[arg(short, long, value_name = "OUT")]
    pub(super) output: Option<PathBuf>,

    /// What each export is kept in [default: what OUT ends in, else a folder]. zip: one file with the whole folder; szi: one file by the Smart
    /// Zoom Image specification, which other viewers read. Both can be read from a bucket without being unpacked
    #[arg(long, value_enum)]
    pub(super) container: Option<ContainerName>,

    /// Make the folder a bag by `BagIt` 1.0, as archives take them in: the export lies in its data/
    #[arg(long, conflicts_with = "container")]
    pub(super) bag: bool,

    #[command(flatten)]
    pyramid: PyramidOptions,

    /// Make the full size's tiles of the slide's own JPEG data, neither decoded nor encoded again: nothing is lost, and it is faster.
    /// Tiles are then as large as the slide's, without overlap; --quality and --subsampling are for the smaller levels. Where the slide
    /// is not stored so that this is possible, it says why and does nothing
    #[arg(long)]
    lossless: bool,

    #[command(flatten)]
    publishing: PublishingOptions,

    #[command(flatten)]
    reading: Reading,

    #[command(flatten)]
    jobs: Jobs,

    /// Replace an export that exists already, in one step, when the new one is whole
    #[arg(long)]
    overwrite: bool,

    /// Go on from what a killed run of the same slide with the same options has left, byte for byte as if nothing had happened; refuse where
    /// slide, options or versions differ. Exports that are finished are passed over, where slide and options are the same. Where this run fails or is stopped, what it has
    /// written is left for the next
    #[arg(long)]
    pub(super) resume: bool,

    /// How progress is shown, on stderr
    #[arg(long, value_enum, default_value_t = Mode::Auto)]
    progress: Mode,

    /// Say how each slide is read, and why
    #[arg(short, long)]
    verbose: bool,

    /// Print the plan (levels, tiles, estimated bytes) and write nothing
    #[arg(long)]
    dry_run: bool,
}

pub(super) fn run(arguments: &Arguments, stop: &Arc<AtomicBool>) -> Result<(), Failure> {
    let base_tiles = if arguments.lossless { BaseTiles::Lossless } else { BaseTiles::Encoded };
    let container = destinations::container(arguments)?;
    destinations::check_standard_input(arguments)?;
    let options = arguments.publishing.resolve(arguments.pyramid.resolve(
        container,
        arguments.publishing.tile_layout()?,
        base_tiles,
    )?);
    let found = inputs::find_slides(&arguments.inputs);
    let tasks = destinations::plan_tasks(arguments, container, found.slides)
        .map_err(|failure| tell(failure, "", arguments.progress))?;
    let total = tasks.len() + found.failures.len();
    let mut failures = Vec::new();
    for error in found.failures {
        let place = error.path().display().to_string();
        let failure = tell(error.into(), "", arguments.progress);
        if tasks.is_empty() && arguments.inputs.len() == 1 {
            return Err(failure);
        }
        failures.push((place, failure.code()));
    }
    let alone = tasks.len() == 1 && failures.is_empty();
    let gallery = plan_gallery(arguments).map_err(|failure| tell(failure, "", arguments.progress))?;
    let (mut finished, mut interrupted) = (0, None);
    for task in &tasks {
        let result = if stop.load(Ordering::Relaxed) {
            Err(Error::Interrupted.into())
        } else {
            export_one(task, arguments, &options, stop)
        };
        let Err(failure) = result else {
            finished += 1;
            continue;
        };
        if stop.load(Ordering::Relaxed) {
            interrupted = Some((failure, &task.name));
            break;
        }
        let failure = tell(failure, &task.name, arguments.progress);
        if alone {
            return Err(failure);
        }
        failures.push((task.slide.display().to_string(), failure.code()));
    }
    // Of what was finished before a failure, or before it was told to stop, too.
    if let Some(gallery) = gallery.filter(|_| finished > 0) {
        update_gallery(&gallery, arguments, stop).map_err(|failure| tell(failure, "", arguments.progress))?;
    }
    if let Some((failure, name)) = interrupted {
        return Err(tell(failure, name, arguments.progress));
    }
    if failures.is_empty() {
        return Ok(());
    }
    let places: Vec<_> = failures.iter().map(|(place, _)| place.as_str()).collect();
    let message = format!("{} of {total} slides failed: {}", failures.len(), places.join(", "));
    let summary = Failure::summary(message, failures.into_iter().map(|(_, code)| code));
    Err(tell(summary, "", arguments.progress))
}

/// Tells the user of a failure, or the program that reads the JSON lines.
fn tell(failure: Failure, name: &str, progress: Mode) -> Failure {
    if progress == Mode::Json {
        super::tell(&failure.event(name).to_string());
    } else {
        super::tell(&failure.to_string());
    }
    failure.told()
}

/// The gallery that several exports get, unless no pages are wanted.
fn plan_gallery(arguments: &Arguments) -> Result<Option<Gallery>, Failure> {
    if destinations::is_one(arguments) || arguments.dry_run || arguments.publishing.page() == Page::Omit {
        return Ok(None);
    }
    Ok(Some(Gallery::of(arguments.output.as_deref().unwrap_or(Path::new("")))?))
}

fn update_gallery(gallery: &Gallery, arguments: &Arguments, stop: &AtomicBool) -> Result<(), Failure> {
    let report = gallery.update()?;
    let watcher = ProgressReporter::new(arguments.progress, "", stop);
    for path in report.unreadable {
        let message =
            format!("{}: no export of slidezoom's can be read in it; the gallery does not show it", path.display());
        watcher.warn(&format!("note: {message}"), &json!({ "event": "warning", "name": "", "message": message }));
    }
    let page = report.page.display().to_string();
    let event = json!({ "event": "gallery", "output": page, "exports": report.exports });
    let exports = if report.exports == 1 { "1 export".to_owned() } else { format!("{} exports", report.exports) };
    watcher.say(&format!("gallery of {exports}: {page}"), &event);
    Ok(())
}

fn export_one(task: &Task, arguments: &Arguments, options: &ExportOptions, stop: &AtomicBool) -> Result<(), Failure> {
    if is_same_file(&task.slide, &task.destination) {
        let message = format!("{}: is what would be exported, and cannot be the output too", task.slide.display());
        return Err(Failure::usage(message, "-o names the export: a folder, or an archive that ends in .zip or .szi"));
    }
    let source = arguments.reading.open(&task.slide)?;
    let plan = ExportPlan::new(source.info(), &task.name, options)
        .map_err(|error| Failure::from(error).of_slide(&task.slide))?;
    if arguments.dry_run {
        return super::print(describe(source.info(), &plan, task).as_bytes());
    }
    let existing = if arguments.overwrite { OverwritePolicy::Replace } else { OverwritePolicy::Refuse };
    let watcher = ProgressReporter::new(arguments.progress, &task.name, stop);
    let sink = match begin_sink(&plan, task, arguments, existing) {
        Err(SinkError::Exists { .. }) if arguments.resume => {
            check_finished(source.as_ref(), &plan, &task.destination, &|| stop.load(Ordering::Relaxed))?;
            let destination = task.destination.display().to_string();
            let event = json!({ "event": "passed over", "name": task.name, "output": destination });
            watcher.say(&format!("{}: is finished already: {destination}", task.name), &event);
            return Ok(());
        }
        begun => begun?,
    };
    if arguments.verbose {
        let reader = &source.info().reader;
        let event = json!({ "event": "reading", "name": task.name, "reader": reader });
        // It was asked for, however quiet the progress is.
        watcher.warn(&format!("{}: reader: {reader}", task.name), &event);
    }
    let result = crate::export(source.as_ref(), &plan, sink, arguments.jobs.count(), &watcher);
    watcher.end();
    match result {
        Ok(report) => summarize(&watcher, &plan, task, &report),
        Err(error @ Error::Interrupted) if arguments.resume => {
            return Err(Failure::from(error).hinted(
                "nothing was published; with --resume, the next run goes on from the last checkpoint, if there was one",
            ));
        }
        Err(error) => return Err(error.into()),
    }
    Ok(())
}

/// Whether two paths lead to one file or folder. What is not there yet is none.
fn is_same_file(one: &Path, other: &Path) -> bool {
    one.canonicalize().ok().zip(other.canonicalize().ok()).is_some_and(|(one, other)| one == other)
}

fn begin_sink(
    plan: &ExportPlan,
    task: &Task,
    arguments: &Arguments,
    existing: OverwritePolicy,
) -> Result<Box<dyn Sink>, SinkError> {
    let begin = if arguments.resume { resume_sink } else { create_sink };
    begin(plan, &task.destination, existing)
}

fn summarize(watcher: &ProgressReporter<'_>, plan: &ExportPlan, task: &Task, report: &ExportReport) {
    for warning in &report.warnings {
        let event = json!({ "event": "warning", "name": task.name, "message": warning.to_string() });
        watcher.warn(&format!("{}: note: {warning}", task.name), &event);
    }
    let seconds = watcher.seconds();
    let line = format!(
        "{}: {} tiles{}, {:.1} MB in {seconds:.1} s ({:.0} Mpx/s): {}",
        task.name,
        report.tiles,
        if report.left_out == 0 { String::new() } else { format!(" ({} blank ones left out)", report.left_out) },
        report.tile_bytes as f64 / 1e6,
        plan.pyramid().size().area() as f64 / 1e6 / seconds.max(1e-3),
        task.destination.display(),
    );
    let event = json!({ "event": "finished", "name": task.name, "output": task.destination.display().to_string(),
        "tiles": report.tiles, "skipped": report.left_out, "bytes": report.tile_bytes, "unreadable": report.unreadable.len(), "seconds": seconds });
    watcher.say(&line, &event);
}
