//! `slidezoom repack`: copies an export into another container.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use clap::Args;
use serde_json::json;

use super::destinations::container_for;
use super::failure::Failure;
use super::options::Jobs;
use super::progress::{Mode, ProgressReporter};
use super::values::{self, one_of};
use crate::export::repack::{RepackOptions, repack};
use crate::geometry::MicronsPerPixel;
use crate::layout::Container;
use crate::plan::Page;
use crate::sink::OverwritePolicy;

/// Copy an export into another container, with its tiles byte for byte
///
/// Every file is checked while it is copied.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  slidezoom repack CMU-1 -o CMU-1.zip            one file for an object store
  slidezoom repack CMU-1.zip -o CMU-1.szi        if the tiles have no overlap
  slidezoom repack CMU-1.szi -o out/CMU-1        a folder again, with a viewer page")]
pub(super) struct Arguments {
    /// Export to copy: a folder, .zip, or .szi
    export: PathBuf,

    /// Folder, .zip, or .szi to write
    #[arg(short, long, value_name = "OUT", help_heading = "Output")]
    output: PathBuf,

    /// Container of the copy [default: by the extension of OUT, else folder]
    #[arg(long, value_name = "KIND", help_heading = "Output", value_parser = one_of(
        Container::ALL.map(|container| (container.name(), "", container)),
    ))]
    container: Option<Container>,

    /// Replace an existing export, once the copy is complete
    #[arg(long, help_heading = "Output")]
    overwrite: bool,

    /// Omit the viewer page: index.html, slide.js, and viewer/
    #[arg(long, help_heading = "Output")]
    no_viewer: bool,

    /// Micrometers per pixel at full size, or X,Y [default: the export's]
    #[arg(long, value_name = "MPP", help_heading = "Output", value_parser = values::microns)]
    mpp: Option<MicronsPerPixel>,

    #[command(flatten)]
    jobs: Jobs,

    /// Progress display on stderr
    #[arg(long, value_enum, value_name = "MODE", help_heading = "Run", default_value_t = Mode::Auto)]
    progress: Mode,
}

pub(super) fn run(arguments: &Arguments, stop: &Arc<AtomicBool>) -> Result<(), Failure> {
    let container = container_for(&arguments.output, arguments.container)?;
    if is_inside(&arguments.output, &arguments.export) {
        let message = format!(
            "{}: the copy would replace the export or lie in it",
            arguments.output.display()
        );
        return Err(Failure::usage(message, "choose another output with -o"));
    }
    let existing =
        if arguments.overwrite { OverwritePolicy::Replace } else { OverwritePolicy::Refuse };
    let options = RepackOptions::default()
        .container(container)
        .existing(existing)
        .page(if arguments.no_viewer { Page::Omit } else { Page::Include })
        .microns_per_pixel(arguments.mpp);
    let name = arguments
        .export
        .file_name()
        .unwrap_or(arguments.export.as_os_str())
        .to_string_lossy()
        .into_owned();
    let reporter = ProgressReporter::new(arguments.progress, &name, stop);
    let result =
        repack(&arguments.export, &arguments.output, &options, arguments.jobs.count(), &reporter);
    reporter.end();
    let report = result?;
    for skipped in &report.skipped {
        let message = format!(
            "{skipped} is not copied: it describes the bag, and the copy gets its own tag files"
        );
        let event = json!({ "event": "warning", "name": name, "message": message });
        reporter.warn(&format!("{name}: note: {message}"), &event);
    }
    let (output, seconds) = (arguments.output.display().to_string(), reporter.seconds());
    let line = format!(
        "{name}: {} tiles, {:.1} MB copied in {seconds:.1} s: {output}",
        report.tiles,
        report.tile_bytes as f64 / 1e6
    );
    let event = json!({ "event": "finished", "name": name, "output": output, "tiles": report.tiles,
        "bytes": report.tile_bytes, "seconds": seconds });
    reporter.say(&line, &event);
    Ok(())
}

/// Whether `output`, or its deepest ancestor that exists, is `export` or lies in it.
fn is_inside(output: &Path, export: &Path) -> bool {
    let existing = output.ancestors().find_map(|path| {
        let path = if path.as_os_str().is_empty() { Path::new(".") } else { path };
        path.canonicalize().ok()
    });
    existing
        .zip(export.canonicalize().ok())
        .is_some_and(|(output, export)| output.starts_with(export))
}
