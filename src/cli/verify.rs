//! `slidezoom verify`: is an export whole and unchanged?

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use clap::Args;
use serde::Serialize;
use slidezoom::verify::{Depth, Verification, VerifyError, verify};

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
    /// The export: a folder, a bag, a .zip or a .szi
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

pub(super) fn run(arguments: &Arguments, stop: &Arc<AtomicBool>) -> Result<(), Failure> {
    let depth = if arguments.quick { Depth::Quick } else { Depth::Full };
    let verification = match verify(&arguments.export, depth, arguments.jobs.count(), stop.as_ref()) {
        // A program that asks for JSON gets it for what is no export, or cut short, as for any other damage.
        Err(error @ (VerifyError::Archive(_) | VerifyError::NotAnExport { .. })) if arguments.json => {
            Verification::of_unreadable(&arguments.export, &error)
        }
        verified => verified?,
    };
    let export = arguments.export.display().to_string();
    let damages = verification.damages.len();
    let text = if arguments.json {
        let report = Report { export: export.clone(), whole: damages == 0, verification: &verification };
        serde_json::to_string_pretty(&report).map_err(|error| Failure::other(error.to_string()))? + "\n"
    } else {
        table(&export, depth, &verification)
    };
    super::print(text.as_bytes())?;
    if damages == 0 { Ok(()) } else { Err(Failure::damaged(&export, damages)) }
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
