//! `slidezoom verify`: checks that exports are complete and unchanged.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use clap::Args;
use serde::Serialize;
use walkdir::{DirEntry, WalkDir};

use super::escape::plain;
use super::failure::Failure;
use super::options::Jobs;
use super::terminal::{print, print_json};
use crate::export::existing::OpenExportError;
use crate::export::gallery;
use crate::export::verify::{Depth, Verification, VerifyError, verify};
use crate::layout::Container;

/// Check that an export is complete and unchanged
///
/// Reports every file that is missing, unexpected, altered, or not an image of the right size.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  slidezoom verify CMU-1                     every byte of every file
  slidezoom verify --quick CMU-1             file names, and the size and end of each tile
  (cd CMU-1 && sha256sum -c manifest-sha256.txt --quiet)   the hashes alone, without slidezoom")]
pub(super) struct Arguments {
    /// Export to check: a folder, .zip, or .szi; or a folder with several exports
    export: PathBuf,

    /// Do not hash or decode files
    ///
    /// Finds files that are missing, unexpected, truncated, or of the wrong size, but no altered
    /// bytes.
    #[arg(long, help_heading = "Run")]
    quick: bool,

    /// Print the result as JSON
    #[arg(long, help_heading = "Output")]
    json: bool,

    #[command(flatten)]
    jobs: Jobs,
}

/// The result for one export.
#[derive(Serialize)]
struct Report<'a> {
    export: String,
    valid: bool,
    #[serde(flatten)]
    verification: &'a Verification,
}

/// The result for a folder with several exports.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct FolderReport<'a> {
    folder: String,
    valid: bool,
    exports: Vec<Report<'a>>,
    /// Folders and archives that are not exports.
    not_exports: Vec<String>,
}

/// The contents of a folder.
#[derive(Default)]
struct Found {
    exports: Vec<(PathBuf, Verification)>,
    /// Folders and archives that are not exports, or have lost everything that identifies one.
    others: Vec<PathBuf>,
}

impl<'a> Report<'a> {
    fn new(export: &Path, verification: &'a Verification) -> Self {
        Self {
            export: export.display().to_string(),
            valid: verification.problems.is_empty(),
            verification,
        }
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
            return report_folder(arguments, depth, &found);
        }
        Err(error @ VerifyError::Open(OpenExportError::Archive(_))) => {
            return Err(unreadable(arguments, error)?);
        }
        verified => verified?,
    };
    let name = export.display().to_string();
    if arguments.json {
        print_json(&Report::new(export, &verification))?;
    } else {
        print(table(&name, depth, &verification).as_bytes())?;
    }
    match verification.problems.len() {
        0 => Ok(()),
        problems => Err(Failure::damaged(&name, problems)),
    }
}

/// Returns the failure for an unreadable export, after printing its JSON if requested.
fn unreadable(arguments: &Arguments, error: VerifyError) -> Result<Failure, Failure> {
    if arguments.json {
        let verification = Verification::of_unreadable(&arguments.export, &error);
        print_json(&Report::new(&arguments.export, &verification))?;
    }
    Ok(error.into())
}

/// Checks the exports in a folder, in the order of their names.
fn verify_each(
    folder: &Path,
    check: impl Fn(&Path) -> Result<Verification, VerifyError>,
) -> Result<Found, VerifyError> {
    let entries = WalkDir::new(folder).min_depth(1).max_depth(1).sort_by_file_name().into_iter();
    let is_hidden_or_gallery = |entry: &DirEntry| {
        let name = entry.file_name().to_string_lossy();
        name.starts_with('.') || gallery::RESERVED.contains(&&*name)
    };
    let candidates = entries
        .filter_map(Result::ok)
        .filter(|entry| !is_hidden_or_gallery(entry))
        .filter(|entry| {
            entry.file_type().is_dir()
                || entry.file_type().is_file() && Container::of_path(entry.path()).is_archive()
        });
    let mut found = Found::default();
    for path in candidates.map(DirEntry::into_path) {
        match check(&path) {
            Ok(verification) => found.exports.push((path, verification)),
            Err(VerifyError::NotAnExport { .. }) => found.others.push(path),
            Err(error @ VerifyError::Open(_)) => {
                let verification = Verification::of_unreadable(&path, &error);
                found.exports.push((path, verification));
            }
            Err(error) => return Err(error),
        }
    }
    Ok(found)
}

fn report_folder(
    arguments: &Arguments,
    depth: Depth,
    Found { exports, others }: &Found,
) -> Result<(), Failure> {
    let folder = arguments.export.display().to_string();
    let others = others.iter().map(|path| path.display().to_string());
    let damaged: Vec<String> = exports
        .iter()
        .filter(|(_, verification)| !verification.problems.is_empty())
        .map(|(path, _)| path.display().to_string())
        .collect();
    if arguments.json {
        let exports =
            exports.iter().map(|(path, verification)| Report::new(path, verification)).collect();
        let (folder, valid) = (folder.clone(), damaged.is_empty());
        print_json(&FolderReport { folder, valid, exports, not_exports: others.collect() })?;
    } else {
        let one = |(path, verification): &(PathBuf, Verification)| {
            let name = path.display().to_string();
            let lines = table(&name, depth, verification);
            if verification.problems.is_empty() {
                return lines;
            }
            lines.lines().map(|line| plain(&name) + ": " + line + "\n").collect()
        };
        let not_checked = others.map(|name| plain(&name) + ": not an export, not checked\n");
        let text: String = exports.iter().map(one).chain(not_checked).collect();
        print(text.as_bytes())?;
    }
    if damaged.is_empty() {
        Ok(())
    } else {
        Err(Failure::damaged_exports(&folder, &damaged, exports.len()))
    }
}

/// Returns one line for each problem, or one line that says what was checked.
fn table(export: &str, depth: Depth, verification: &Verification) -> String {
    let Verification { files, tiles, bytes, manifest, ref problems } = *verification;
    if !problems.is_empty() {
        return problems.iter().map(|problem| plain(&problem.to_string()) + "\n").collect();
    }
    let checked = match (depth, manifest) {
        (Depth::Full, true) => "every byte matches the manifest",
        (Depth::Full, false) => "every tile can be decoded (there is no manifest)",
        (Depth::Quick, _) => "quick check, nothing was hashed",
    };
    format!(
        "{}: valid: {files} files with {tiles} tiles, {:.1} MB; {checked}\n",
        plain(export),
        bytes as f64 / 1e6
    )
}
