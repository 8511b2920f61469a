//! The command line: what was typed, what it means, and what the user is told.
//!
//! One file a subcommand. stdout carries only what was asked for; everything else goes to stderr.

use std::io::{self, Write};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};

mod destinations;
mod export;
mod failure;
mod info;
mod inputs;
mod options;
mod plan_text;
mod progress;
mod reading;
mod repack;
mod tile;
mod values;
mod verify;

use failure::Failure;

const EXAMPLES: &str = "\
Examples:
  slidezoom export CMU-1.svs                    a folder CMU-1 with tiles, descriptor and page
  slidezoom export CMU-1.svs -o /srv/slides/1   the same, elsewhere
  slidezoom export slides/ -o /srv/slides       every slide below slides/, one export each
  slidezoom export CMU-1.svs -o CMU-1.zip       one file, which a bucket can serve as it is
  slidezoom export CMU-1.svs --dry-run          what would be written
  slidezoom info CMU-1.svs                      what the slide is
  slidezoom verify CMU-1                        whether the export is whole and unchanged
  slidezoom repack CMU-1 -o CMU-1.zip           the same export in another container

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
    Verify(verify::Arguments),
    Repack(repack::Arguments),
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
    let openslide = crate::source::openslide_version().unwrap_or_else(|message| format!("unknown: {message}"));
    Arguments::command().version(format!("{} (OpenSlide {openslide})", env!("CARGO_PKG_VERSION")))
}

/// Parses, runs, and turns what went wrong into words and an exit code.
pub fn run() -> ExitCode {
    let arguments = match command().try_get_matches().and_then(|matches| Arguments::from_arg_matches(&matches)) {
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
            if !failure.is_told() {
                tell(&failure.to_string());
            }
            failure.exit_code()
        }
    }
}

/// A flag that Ctrl-C, SIGTERM and SIGHUP set. A second signal changes nothing: wrappers such as timeout(1) send two, and what was
/// written is removed within the time of a few tiles.
fn stop_flag() -> Result<Arc<AtomicBool>, Failure> {
    let stop = Arc::new(AtomicBool::new(false));
    for signal in [signal_hook::consts::SIGINT, signal_hook::consts::SIGTERM, signal_hook::consts::SIGHUP] {
        signal_hook::flag::register(signal, Arc::clone(&stop))
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

/// Writes a line to stderr. Where stderr is closed or full there is nobody to tell, and that must not spoil the work.
fn tell(line: &str) {
    let _ = writeln!(io::stderr(), "{line}");
}

/// A file's name or a property may hold a newline, a terminal's control codes, or marks that turn the direction of what
/// follows: shown, they are escaped.
fn plain(text: &str) -> String {
    let turns = |letter| matches!(letter, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    let escaped = |letter: char| (letter.is_control() || turns(letter)).then(|| letter.escape_default());
    let mut plain = String::with_capacity(text.len());
    for letter in text.chars() {
        match escaped(letter) {
            Some(escape) => plain.extend(escape),
            None => plain.push(letter),
        }
    }
    plain
}

/// Writes to stdout. A reader that has gone away (`| head`) is no failure of ours.
fn print(bytes: &[u8]) -> Result<(), Failure> {
    let mut stdout = io::stdout().lock();
    match stdout.write_all(bytes).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(Failure::other(format!("stdout: {error}"))),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_codes_are_shown_and_not_sent() {
        assert_eq!(plain("a\nb\u{1b}[31m é\u{202e}"), "a\\nb\\u{1b}[31m é\\u{202e}");
    }
}
