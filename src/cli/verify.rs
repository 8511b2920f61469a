//! `slidezoom verify`: is an export whole and unchanged?

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use crate::export::gallery;
use crate::export::verify::{Depth, Verification, VerifyError, verify};
use crate::layout::Container;
use clap::Args;
use serde::Serialize;
use walkdir::{DirEntry, WalkDir};

use super::failure::Failure;
use super::options::Jobs;
use super::plain;

/// Check that an export is whole and unchanged: every file that is missing, too many, altered or no picture of its size is named
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  slidezoom verify CMU-1                     every byte of every file
  slidezoom verify --quick CMU-1             which files there are, and each tile's size and end
  (cd CMU-1 && sha256sum -c manifest-sha256.txt --quiet)   the hashes alone, without slidezoom")]
pub(super) struct Arguments {
    /// The export: a folder, a bag, a .zip or a .szi; or a folder that holds several
    export: PathBuf,

    /// Do not hash and decode: finds what is missing, too many, cut short or of the wrong size, and not an altered byte
    #[arg(long)]
    quick: bool,

    /// Print the result as JSON, with every damage and the file that it is in
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    jobs: Jobs,
}

#[derive(Serialize)]
struct Report<'a> {
    export: String,
    whole: bool,
    #[serde(flatten)]
    verification: &'a Verification,
}

/// What is said of a folder that holds several exports.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct SeveralReports<'a> {
    folder: String,
    whole: bool,
    exports: Vec<Report<'a>>,
    /// What stands there besides and could be taken for one.
    no_exports: Vec<String>,
}

/// What stands in a folder.
#[derive(Default)]
struct Found {
    exports: Vec<(PathBuf, Verification)>,
    /// Folders and archives that are none, or have lost all that tells of one.
    others: Vec<PathBuf>,
}

impl<'a> Report<'a> {
    fn new(export: &Path, verification: &'a Verification) -> Self {
        Self { export: export.display().to_string(), whole: verification.damages.is_empty(), verification }
    }
}

pub(super) fn run(arguments: &Arguments, stop: &Arc<AtomicBool>) -> Result<(), Failure> {
    let depth = if arguments.quick { Depth::Quick } else { Depth::Full };
    let check = |export: &Path| verify(export, depth, arguments.jobs.count(), stop.as_ref());
    let export = &arguments.export;
    let verification = match check(export) {
        Err(error @ VerifyError::NotAnExport { .. }) => {
            let found = verify_each(export, check)?;
            if found.exports.is_empty() {
                return Err(unreadable(arguments, error)?);
            }
            return tell_of_several(arguments, depth, &found);
        }
        Err(error @ VerifyError::Archive(_)) => return Err(unreadable(arguments, error)?),
        verified => verified?,
    };
    let damages = verification.damages.len();
    let name = export.display().to_string();
    let text =
        if arguments.json { json(&Report::new(export, &verification))? } else { table(&name, depth, &verification) };
    super::print(text.as_bytes())?;
    if damages == 0 { Ok(()) } else { Err(Failure::damaged(&name, damages)) }
}

/// What is said of what is no export that can be read. A program that asks for JSON gets it then too.
fn unreadable(arguments: &Arguments, error: VerifyError) -> Result<Failure, Failure> {
    if arguments.json {
        let verification = Verification::of_unreadable(&arguments.export, &error);
        super::print(json(&Report::new(&arguments.export, &verification))?.as_bytes())?;
    }
    Ok(error.into())
}

/// Checks the exports that stand in a folder, in the order of their names.
fn verify_each(
    folder: &Path,
    check: impl Fn(&Path) -> Result<Verification, VerifyError>,
) -> Result<Found, VerifyError> {
    let entries = WalkDir::new(folder).min_depth(1).max_depth(1).sort_by_file_name().into_iter();
    let is_ours = |entry: &DirEntry| {
        let name = entry.file_name().to_string_lossy();
        !name.starts_with('.') && !gallery::RESERVED.contains(&&*name)
    };
    let candidates = entries.filter_map(Result::ok).filter(is_ours).filter(|entry| {
        entry.file_type().is_dir() || entry.file_type().is_file() && Container::of_path(entry.path()).is_archive()
    });
    let mut found = Found::default();
    for path in candidates.map(DirEntry::into_path) {
        match check(&path) {
            Ok(verification) => found.exports.push((path, verification)),
            Err(VerifyError::NotAnExport { .. }) => found.others.push(path),
            Err(error @ (VerifyError::Archive(_) | VerifyError::Open { .. })) => {
                let verification = Verification::of_unreadable(&path, &error);
                found.exports.push((path, verification));
            }
            Err(error) => return Err(error),
        }
    }
    Ok(found)
}

fn tell_of_several(arguments: &Arguments, depth: Depth, Found { exports, others }: &Found) -> Result<(), Failure> {
    let folder = arguments.export.display().to_string();
    let others = others.iter().map(|path| path.display().to_string());
    let damaged: Vec<String> = exports
        .iter()
        .filter(|(_, verification)| !verification.damages.is_empty())
        .map(|(path, _)| path.display().to_string())
        .collect();
    let text = if arguments.json {
        let exports = exports.iter().map(|(path, verification)| Report::new(path, verification)).collect();
        let no_exports = others.collect();
        json(&SeveralReports { folder: folder.clone(), whole: damaged.is_empty(), exports, no_exports })?
    } else {
        let one = |(path, verification): &(PathBuf, Verification)| {
            let name = path.display().to_string();
            let lines = table(&name, depth, verification);
            if verification.damages.is_empty() {
                return lines;
            }
            lines.lines().map(|line| plain(&name) + ": " + line + "\n").collect()
        };
        let not_checked = others.map(|name| plain(&name) + ": no export: not checked\n");
        exports.iter().map(one).chain(not_checked).collect()
    };
    super::print(text.as_bytes())?;
    if damaged.is_empty() { Ok(()) } else { Err(Failure::damaged_exports(&folder, &damaged, exports.len())) }
}

fn json(report: &impl Serialize) -> Result<String, Failure> {
    serde_json::to_string_pretty(report).map(|text| text + "\n").map_err(|error| Failure::other(error.to_string()))
}

/// A line for each damage; where there is none, one that says what was looked at.
fn table(export: &str, depth: Depth, verification: &Verification) -> String {
    let Verification { files, tiles, bytes, manifest, ref damages } = *verification;
    if !damages.is_empty() {
        return damages.iter().map(|damage| plain(&damage.to_string()) + "\n").collect();
    }
    let looked = match (depth, manifest) {
        (Depth::Full, true) => "every byte is as the manifest says",
        (Depth::Full, false) => "every tile can be decoded (there is no manifest to compare with)",
        (Depth::Quick, _) => "quick check: nothing was hashed",
    };
    format!("{}: whole: {files} files, {tiles} of them tiles, {:.1} MB; {looked}\n", plain(export), bytes as f64 / 1e6)
}
