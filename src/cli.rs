//! The command line: arguments, progress, messages, and exit codes.
//!
//! Each subcommand has its own file. stdout carries only the requested output; everything else goes
//! to stderr.

use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};

mod destinations;
mod escape;
mod export;
mod export_args;
mod failure;
mod hints;
mod info;
mod inputs;
mod options;
mod plan_text;
mod progress;
mod reading;
#[cfg(test)]
mod reference;
mod repack;
mod terminal;
mod tile;
mod values;
mod verify;

use failure::Failure;
use terminal::{print, tell};

const EXAMPLES: &str = "\
Examples:
  slidezoom export CMU-1.svs                    a folder CMU-1 with tiles and viewer page
  slidezoom export CMU-1.svs -o /srv/slides/1   the same in another place
  slidezoom export slides/ -o /srv/slides       one export for each slide below slides/
  slidezoom export CMU-1.svs -o CMU-1.zip       one file, which an object store can serve as it is
  slidezoom export CMU-1.svs --dry-run          what would be written
  slidezoom info CMU-1.svs                      facts about the slide
  slidezoom verify CMU-1                        check that the export is complete and unchanged
  slidezoom repack CMU-1 -o CMU-1.zip           the same export in another container

Exit codes:
  0  done
  1  any other failure
  2  wrong usage
  3  the input cannot be read
  4  the destination failed
  5  verification found damage
  130  interrupted";

/// Convert whole-slide images into static Deep Zoom pyramids.
#[derive(Debug, Parser)]
#[command(name = "slidezoom", after_help = EXAMPLES, arg_required_else_help = true)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Export(export_args::Arguments),
    Info(info::Arguments),
    Tile(tile::Arguments),
    Verify(verify::Arguments),
    Repack(repack::Arguments),
    /// Print a shell completion script
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
    /// Print the manual page, for `man -l`
    Man,
}

/// Returns the clap definition, with the version of the linked OpenSlide.
fn command() -> clap::Command {
    let openslide =
        crate::source::openslide_version().unwrap_or_else(|message| format!("unknown: {message}"));
    Arguments::command().version(format!("{} (OpenSlide {openslide})", env!("CARGO_PKG_VERSION")))
}

/// Runs the command line of this process and returns its exit code.
#[must_use]
pub fn run() -> ExitCode {
    let arguments =
        match command().try_get_matches().and_then(|matches| Arguments::from_arg_matches(&matches))
        {
            Ok(arguments) => arguments,
            Err(error) => error.exit(),
        };
    let outcome = match arguments.command {
        Command::Export(arguments) => stop_flag().and_then(|stop| export::run(&arguments, &stop)),
        Command::Info(arguments) => info::run(&arguments),
        Command::Tile(arguments) => tile::run(&arguments),
        Command::Verify(arguments) => stop_flag().and_then(|stop| verify::run(&arguments, &stop)),
        Command::Repack(arguments) => stop_flag().and_then(|stop| repack::run(&arguments, &stop)),
        Command::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut command(), "slidezoom", &mut script);
            print(&script)
        }
        Command::Man => manual().and_then(|page| print(&page)),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            if !failure.is_reported() {
                tell(&failure.to_string());
            }
            failure.exit_code()
        }
    }
}

/// Returns a flag that SIGINT, SIGTERM, and SIGHUP set.
///
/// A second signal has no further effect: wrappers such as timeout(1) send two, and removing what
/// was written takes only as long as a few tiles.
fn stop_flag() -> Result<Arc<AtomicBool>, Failure> {
    let stop = Arc::new(AtomicBool::new(false));
    for signal in
        [signal_hook::consts::SIGINT, signal_hook::consts::SIGTERM, signal_hook::consts::SIGHUP]
    {
        signal_hook::flag::register(signal, Arc::clone(&stop))
            .map_err(|error| Failure::other(format!("cannot install a signal handler: {error}")))?;
    }
    Ok(stop)
}

/// Returns one manual page with the command and all of its subcommands.
fn manual() -> Result<Vec<u8>, Failure> {
    let mut page = Vec::new();
    let mut all = command();
    all.build();
    let pages = std::iter::once(all.clone())
        .chain(all.get_subcommands().filter(|one| one.get_name() != "help").cloned());
    for one in pages {
        clap_mangen::Man::new(one)
            .render(&mut page)
            .map_err(|error| Failure::other(format!("cannot write the manual page: {error}")))?;
    }
    Ok(page)
}
