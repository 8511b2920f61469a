//! `slidezoom export`: converts slides.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::json;

use super::destinations::{self, Task};
use super::export_args::Arguments;
use super::failure::Failure;
use super::hints;
use super::inputs;
use super::plan_text::describe;
use super::progress::{Mode, ProgressReporter};
use super::terminal;
use crate::export::gallery::Gallery;
use crate::export::{check_finished, create_sink, resume_sink};
use crate::plan::{BaseTiles, Page};
use crate::sink::{OverwritePolicy, SinkError};
use crate::{Error, ExportOptions, ExportPlan, ExportReport};

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
        .map_err(|failure| report(failure, "", arguments.progress))?;
    let total = tasks.len() + found.failures.len();
    let mut failures = Vec::new();
    for error in found.failures {
        let place = error.path().display().to_string();
        let failure = report(error.into(), "", arguments.progress);
        if tasks.is_empty() && arguments.inputs.len() == 1 {
            return Err(failure);
        }
        failures.push((place, failure.code()));
    }
    let alone = tasks.len() == 1 && failures.is_empty();
    let gallery =
        plan_gallery(arguments).map_err(|failure| report(failure, "", arguments.progress))?;
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
        let failure = report(failure, &task.name, arguments.progress);
        if alone {
            return Err(failure);
        }
        failures.push((task.slide.display().to_string(), failure.code()));
    }
    // The gallery also shows what was finished before a failure or an interruption.
    if let Some(gallery) = gallery.filter(|_| finished > 0) {
        update_gallery(&gallery, arguments, stop)
            .map_err(|failure| report(failure, "", arguments.progress))?;
    }
    if let Some((failure, name)) = interrupted {
        return Err(report(failure, name, arguments.progress));
    }
    if failures.is_empty() {
        return Ok(());
    }
    let places: Vec<_> = failures.iter().map(|(place, _)| place.as_str()).collect();
    let message = format!("{} of {total} slides failed: {}", failures.len(), places.join(", "));
    let summary = Failure::summary(message, failures.into_iter().map(|(_, code)| code));
    Err(report(summary, "", arguments.progress))
}

/// Reports a failure as text, or as a JSON event with `--progress json`.
fn report(failure: Failure, name: &str, progress: Mode) -> Failure {
    if progress == Mode::Json {
        terminal::tell(&failure.event(name).to_string());
    } else {
        terminal::tell(&failure.to_string());
    }
    failure.reported()
}

/// Returns the gallery that several exports get, unless pages are omitted.
fn plan_gallery(arguments: &Arguments) -> Result<Option<Gallery>, Failure> {
    if arguments.is_single() || arguments.dry_run || arguments.publishing.page() == Page::Omit {
        return Ok(None);
    }
    Ok(Some(Gallery::of(arguments.output.as_deref().unwrap_or(Path::new("")))?))
}

fn update_gallery(
    gallery: &Gallery,
    arguments: &Arguments,
    stop: &AtomicBool,
) -> Result<(), Failure> {
    let report = gallery.update()?;
    let reporter = ProgressReporter::new(arguments.progress, "", stop);
    for path in report.unreadable {
        let message =
            format!("{}: is not a readable export, and the gallery omits it", path.display());
        reporter.warn(
            &format!("note: {message}"),
            &json!({ "event": "warning", "name": "", "message": message }),
        );
    }
    let page = report.page.display().to_string();
    let event = json!({ "event": "gallery", "output": page, "exports": report.exports });
    let exports = if report.exports == 1 {
        "1 export".to_owned()
    } else {
        format!("{} exports", report.exports)
    };
    reporter.say(&format!("gallery of {exports}: {page}"), &event);
    Ok(())
}

fn export_one(
    task: &Task,
    arguments: &Arguments,
    options: &ExportOptions,
    stop: &AtomicBool,
) -> Result<(), Failure> {
    if is_same_file(&task.slide, &task.destination) {
        let message = format!("{}: the output would replace the input", task.slide.display());
        return Err(Failure::usage(message, "choose another output with -o"));
    }
    let source = arguments.reading.open(&task.slide)?;
    let plan = ExportPlan::new(source.info(), &task.name, options)
        .map_err(|error| Failure::from(error).of_slide(&task.slide))?;
    if arguments.dry_run {
        return terminal::print(describe(source.info(), &plan, task).as_bytes());
    }
    let existing =
        if arguments.overwrite { OverwritePolicy::Replace } else { OverwritePolicy::Refuse };
    let reporter = ProgressReporter::new(arguments.progress, &task.name, stop);
    let begin = if arguments.resume { resume_sink } else { create_sink };
    let sink = match begin(&plan, &task.destination, existing) {
        Err(SinkError::Exists { .. }) if arguments.resume => {
            check_finished(source.as_ref(), &plan, &task.destination, &|| {
                stop.load(Ordering::Relaxed)
            })?;
            let destination = task.destination.display().to_string();
            let event = json!({ "event": "skipped", "name": task.name, "output": destination });
            reporter.say(&format!("{}: already finished: {destination}", task.name), &event);
            return Ok(());
        }
        sink => sink?,
    };
    if arguments.verbose {
        let reader = &source.info().reader;
        let event = json!({ "event": "reading", "name": task.name, "reader": reader });
        // --verbose asks for it, even with --progress none.
        reporter.warn(&format!("{}: reader: {reader}", task.name), &event);
    }
    let result = crate::export(source.as_ref(), &plan, sink, arguments.jobs.count(), &reporter);
    reporter.end();
    match result {
        Ok(report) => summarize(&reporter, &plan, task, &report),
        Err(error @ Error::Interrupted) if arguments.resume => {
            return Err(Failure::from(error).with_hint(hints::INTERRUPTED_RESUMABLE));
        }
        Err(error) => return Err(error.into()),
    }
    Ok(())
}

/// Whether two existing paths lead to the same file or folder.
fn is_same_file(one: &Path, other: &Path) -> bool {
    one.canonicalize().ok().zip(other.canonicalize().ok()).is_some_and(|(one, other)| one == other)
}

fn summarize(
    reporter: &ProgressReporter<'_>,
    plan: &ExportPlan,
    task: &Task,
    report: &ExportReport,
) {
    for warning in &report.warnings {
        let message = hints::of_warning(warning)
            .map_or(warning.to_string(), |hint| format!("{warning}: {hint}"));
        let event = json!({ "event": "warning", "name": task.name, "message": message });
        reporter.warn(&format!("{}: note: {message}", task.name), &event);
    }
    let seconds = reporter.seconds();
    let line = format!(
        "{}: {} tiles{}, {:.1} MB in {seconds:.1} s ({:.0} Mpx/s): {}",
        task.name,
        report.tiles,
        if report.skipped == 0 {
            String::new()
        } else {
            format!(" ({} blank ones skipped)", report.skipped)
        },
        report.tile_bytes as f64 / 1e6,
        plan.pyramid().size().area() as f64 / 1e6 / seconds.max(1e-3),
        task.destination.display(),
    );
    let event = json!({ "event": "finished", "name": task.name, "output": task.destination.display().to_string(),
        "tiles": report.tiles, "skipped": report.skipped, "bytes": report.tile_bytes, "unreadable": report.unreadable.len(), "seconds": seconds });
    reporter.say(&line, &event);
}
