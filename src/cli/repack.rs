//! `slidezoom repack`: an export in another container.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use crate::export::repack::{RepackOptions, repack};
use crate::geometry::MicronsPerPixel;
use crate::layout::Container;
use crate::plan::Page;
use crate::sink::OverwritePolicy;
use clap::Args;
use serde_json::json;

use super::destinations::container_of;
use super::failure::Failure;
use super::options::Jobs;
use super::progress::{Mode, ProgressReporter};
use super::values;

/// Copy an export into another container, folder, .zip or .szi: tiles byte for byte, and checked on the way
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  slidezoom repack CMU-1 -o CMU-1.zip            one file for the bucket
  slidezoom repack CMU-1.zip -o CMU-1.szi        where the tiles have no overlap
  slidezoom repack CMU-1.szi -o out/CMU-1        a folder again, with a page")]
pub(super) struct Arguments {
    /// The export: a folder, a bag, a .zip or a .szi
    export: PathBuf,

    /// What to make: a folder, or an archive where the name ends in .zip or .szi
    #[arg(short, long, value_name = "OUT")]
    output: PathBuf,

    /// Make the folder a bag by `BagIt` 1.0
    #[arg(long)]
    bag: bool,

    /// Leave the page out: index.html, slide.js and viewer/
    #[arg(long)]
    no_viewer: bool,

    /// Micrometers per pixel of the full size, or those along x and y [default: what the export says]
    #[arg(long, value_name = "MPP|X,Y", value_parser = values::microns)]
    mpp: Option<MicronsPerPixel>,

    /// Replace an export that exists already, in one step, when the copy is whole
    #[arg(long)]
    overwrite: bool,

    /// How progress is shown, on stderr
    #[arg(long, value_enum, default_value_t = Mode::Auto)]
    progress: Mode,

    #[command(flatten)]
    jobs: Jobs,
}

pub(super) fn run(arguments: &Arguments, stop: &Arc<AtomicBool>) -> Result<(), Failure> {
    let container = match container_of(&arguments.output)? {
        Container::Folder if arguments.bag => Container::Bag,
        archive if arguments.bag && archive.is_archive() => {
            return Err(Failure::usage("a bag is a folder, and -o names an archive", "leave --bag out"));
        }
        container => container,
    };
    // As far as the path to the copy exists already, the rest is plain.
    let output = arguments.output.ancestors().find_map(|path| {
        let path = if path.as_os_str().is_empty() { Path::new(".") } else { path };
        path.canonicalize().ok()
    });
    let export = arguments.export.canonicalize().ok();
    if output.zip(export).is_some_and(|(output, export)| output.starts_with(export)) {
        return Err(Failure::usage(
            "the copy would stand in the place of the export itself, or within it",
            "give -o another name",
        ));
    }
    let options = RepackOptions {
        container,
        existing: if arguments.overwrite { OverwritePolicy::Replace } else { OverwritePolicy::Refuse },
        page: if arguments.no_viewer { Page::Omit } else { Page::Include },
        microns_per_pixel: arguments.mpp,
    };
    let name = arguments.export.file_name().unwrap_or(arguments.export.as_os_str()).to_string_lossy().into_owned();
    let watcher = ProgressReporter::new(arguments.progress, &name, stop);
    let result = repack(&arguments.export, &arguments.output, &options, arguments.jobs.count(), &watcher);
    watcher.end();
    let report = result?;
    for left_out in &report.left_out {
        let message = format!("{left_out} is left out: it is about the bag, and the copy gets tags of its own");
        let event = json!({ "event": "warning", "name": name, "message": message });
        watcher.warn(&format!("{name}: note: {message}"), &event);
    }
    let (output, seconds) = (arguments.output.display().to_string(), watcher.seconds());
    let line = format!(
        "{name}: {} tiles, {:.1} MB copied in {seconds:.1} s: {output}",
        report.tiles,
        report.tile_bytes as f64 / 1e6
    );
    let event = json!({ "event": "finished", "name": name, "output": output, "tiles": report.tiles,
        "bytes": report.tile_bytes, "seconds": seconds });
    watcher.say(&line, &event);
    Ok(())
}
