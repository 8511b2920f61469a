//! One export of a large real slide, side by side with the rivals that are installed: `make bench`.
//!
//! The slide is built from the compressed tiles of a real one (see `fixtures/`), so its content is real and its file as large as a
//! scanner's. Programs take turns, each run into a fresh folder, and everything is removed at the end only: on ext4, making files
//! just after deleting many is several times slower, for every program. Peak memory is that of the whole child process.
//!
//! `cargo bench -- MEGAPIXELS RUNS` chooses the size (default 1000) and the number of runs of each (default 3).

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a benchmark prints its table")]

use std::error::Error;
use std::path::Path;
use std::process::{Command, ExitCode, Stdio};
use std::time::Instant;

use nix::sys::resource::{UsageWho, getrusage};
use slidezoom_fixtures::{SlideBuilder, Style, TileBank, real_slide};

type Outcome<T> = Result<T, Box<dyn Error>>;

/// The word after which this program runs a command, waits for it and prints what it took.
const MEASURE: &str = "--measure-one";

/// A program and how it is called: `program… SLIDE between… OUTPUT options…`.
struct Contender {
    name: &'static str,
    program: &'static [&'static str],
    between: &'static [&'static str],
    options: &'static [&'static str],
}

impl Contender {
    fn command(&self, slide: &Path, output: &Path) -> Vec<String> {
        let parts = [self.program, &[text(slide)], self.between, &[text(output)], self.options];
        parts.concat().into_iter().map(str::to_owned).collect()
    }
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let result = match arguments.split_first() {
        Some((first, command)) if first == MEASURE => measure_here(command),
        _ => compare(&arguments),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bench: {error}");
            ExitCode::FAILURE
        }
    }
}

fn compare(arguments: &[String]) -> Outcome<()> {
    let numbers: Vec<u32> = arguments.iter().filter_map(|argument| argument.parse().ok()).collect();
    let (megapixels, runs) = (numbers.first().copied().unwrap_or(1000), numbers.get(1).copied().unwrap_or(3));
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("bench");
    remove(&folder)?;
    std::fs::create_dir_all(&folder)?;
    let slide = folder.join("slide.svs");
    let length = (megapixels * 1_000_000).isqrt();
    SlideBuilder::new(length, length)
        .style(Style::Aperio)
        .tiles_from(TileBank::from_svs(real_slide()?)?)
        .levels([1, 4, 16])
        .write(&slide)?;
    println!("{length}×{length} px, {:.0} MB, {runs} runs each", slide.metadata()?.len() as f64 / 1e6);
    println!("{:<22} {:>8} {:>8} {:>8} {:>9}", "", "seconds", "ratio", "CPU s", "peak MB");

    let contenders = contenders();
    let mut taken: Vec<Vec<Usage>> = contenders.iter().map(|_| Vec::new()).collect();
    for run in 0..runs {
        for (contender, taken) in contenders.iter().zip(&mut taken) {
            let output = folder.join(format!("{}-{run}", contender.name.replace([' ', '/'], "-")));
            taken.push(measure(&contender.command(&slide, &output))?);
        }
    }
    let ours = median(&taken[0]).seconds;
    for (contender, taken) in contenders.iter().zip(&taken) {
        let usage = median(taken);
        let Usage { seconds, cpu, megabytes } = usage;
        println!("{:<22} {seconds:>8.2} {:>8.2} {cpu:>8.2} {megabytes:>9.0}", contender.name, seconds / ours);
    }
    remove(&folder)
}

/// Ours first, then whoever is installed.
fn contenders() -> Vec<Contender> {
    let ours = |name, options| Contender {
        name,
        program: &[env!("CARGO_BIN_EXE_slidezoom"), "export", "--progress", "none", "--quality", "75"],
        between: &["-o"],
        options,
    };
    let mut contenders = vec![
        ours("slidezoom, 4:2:0", &["--subsampling", "420"]),
        ours("slidezoom, 4:4:4", &["--subsampling", "444"]),
        ours("slidezoom, one worker", &["--subsampling", "420", "--jobs", "1"]),
    ];
    match Command::new("vips").arg("--version").output() {
        Ok(version) => {
            println!("{}", String::from_utf8_lossy(&version.stdout).trim());
            contenders.push(Contender {
                name: "vips dzsave",
                program: &["vips", "dzsave"],
                between: &[],
                options: &["--tile-size", "254", "--overlap", "1", "--suffix", ".jpeg[Q=75]"],
            });
        }
        Err(_) => println!("vips is not installed and is left out"),
    }
    contenders
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap_or_default()
}

#[derive(Clone, Copy)]
struct Usage {
    seconds: f64,
    cpu: f64,
    megabytes: f64,
}

/// The middle run by time.
fn median(runs: &[Usage]) -> Usage {
    let mut runs = runs.to_vec();
    runs.sort_by(|one, other| one.seconds.total_cmp(&other.seconds));
    runs[runs.len() / 2]
}

/// Runs a command under a process of its own, so that peak memory is that of the command.
fn measure(command: &[String]) -> Outcome<Usage> {
    let output = Command::new(std::env::current_exe()?).arg(MEASURE).args(command).stderr(Stdio::inherit()).output()?;
    let printed = String::from_utf8(output.stdout)?;
    let numbers: Vec<f64> = printed.split_whitespace().filter_map(|word| word.parse().ok()).collect();
    match numbers[..] {
        [seconds, cpu, megabytes] if output.status.success() => Ok(Usage { seconds, cpu, megabytes }),
        _ => Err(format!("{}: {}", command.join(" "), output.status).into()),
    }
}

fn measure_here(command: &[String]) -> Outcome<()> {
    let (program, arguments) = command.split_first().ok_or("no command to measure")?;
    let begun = Instant::now();
    let status = Command::new(program).args(arguments).stdout(Stdio::null()).status()?;
    let seconds = begun.elapsed().as_secs_f64();
    if !status.success() {
        return Err(format!("{program}: {status}").into());
    }
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN)?;
    let seconds_of = |time: nix::sys::time::TimeVal| time.tv_sec() as f64 + time.tv_usec() as f64 / 1e6;
    let cpu = seconds_of(usage.user_time()) + seconds_of(usage.system_time());
    // Kilobytes on Linux.
    println!("{seconds} {cpu} {}", usage.max_rss() as f64 / 1e3);
    Ok(())
}

fn remove(folder: &Path) -> Outcome<()> {
    if folder.exists() {
        std::fs::remove_dir_all(folder)?;
    }
    Ok(())
}
