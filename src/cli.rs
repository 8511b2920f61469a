//! The command line: what was typed, what it means, and what the user is told.
//!
//! One file a subcommand. stdout carries only what was asked for; everything else goes to stderr.

#![expect(clippy::print_stderr, reason = "the command line is what speaks to the user")]

use std::io::{self, Write};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};

mod export;
mod failure;
mod info;
mod inputs;
mod options;
mod progress;
mod tile;

use failure::Failure;

const EXAMPLES: &str = "\
Examples:
  slidezoom export CMU-1.svs                    a folder CMU-1 with tiles, descriptor and page
  slidezoom export CMU-1.svs -o /srv/slides/1   the same, elsewhere
  slidezoom export slides/ -o /srv/slides       every slide below slides/, one export each
  slidezoom export CMU-1.svs --dry-run          what would be written
  slidezoom info CMU-1.svs                      what the slide is

Exit codes:
  0 done · 1 any other failure · 2 wrong usage · 3 the slide cannot be read · 4 the destination failed ·
  5 verification found damage · 130 interrupted";

/// Converts whole-slide images, once and offline, into static Deep Zoom pyramids.
#[derive(Debug, Parser)]
#[command(name = "slidezoom", after_help = EXAMPLES, arg_required_else_help = true)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Export(export::Arguments),
    Info(info::Arguments),
    Tile(tile::Arguments),
    /// Print a completion script for a shell
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
    /// Print the manual page, for `man -l`
    Man,
}

/// The command with the version of the OpenSlide that it runs with.
fn command() -> clap::Command {
    let openslide = slidezoom::slide::openslide_version().unwrap_or_else(|message| format!("unknown: {message}"));
    Arguments::command().version(format!("{} (OpenSlide {openslide})", env!("CARGO_PKG_VERSION")))
}

/// Parses, runs, and turns what went wrong into words and an exit code.
pub(crate) fn run() -> ExitCode {
    let arguments = match command().try_get_matches().and_then(|matches| Arguments::from_arg_matches(&matches)) {
        Ok(arguments) => arguments,
        Err(error) => error.exit(),
    };
    let outcome = match arguments.command {
        Command::Export(arguments) => stop_flag().and_then(|stop| export::run(&arguments, &stop)),
        Command::Info(arguments) => info::run(&arguments),
        Command::Tile(arguments) => tile::run(&arguments),
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
            eprintln!("{failure}");
            failure.exit_code()
        }
    }
}

/// A flag that Ctrl-C and SIGTERM set. A second one ends the program at once.
fn stop_flag() -> Result<Arc<AtomicBool>, Failure> {
    let stop = Arc::new(AtomicBool::new(false));
    for signal in [signal_hook::consts::SIGINT, signal_hook::consts::SIGTERM, signal_hook::consts::SIGHUP] {
        signal_hook::flag::register_conditional_shutdown(signal, 130, Arc::clone(&stop))
            .and_then(|_| signal_hook::flag::register(signal, Arc::clone(&stop)))
            .map_err(|error| Failure::other(format!("cannot watch for signals: {error}")))?;
    }
    Ok(stop)
}

/// All pages in one: the command, then its subcommands.
fn manual() -> Result<Vec<u8>, Failure> {
    let mut page = Vec::new();
    let mut all = command();
    all.build();
    let pages =
        std::iter::once(all.clone()).chain(all.get_subcommands().filter(|one| one.get_name() != "help").cloned());
    for one in pages {
        clap_mangen::Man::new(one)
            .render(&mut page)
            .map_err(|error| Failure::other(format!("cannot write the manual page: {error}")))?;
    }
    Ok(page)
}

/// Writes to stdout. A reader that has gone away (`| head`) is no failure of ours.
fn print(bytes: &[u8]) -> Result<(), Failure> {
    let mut stdout = io::stdout().lock();
    match stdout.write_all(bytes).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(Failure::other(format!("stdout: {error}"))),
        _ => Ok(()),
    }
}
