//! One export of a large real slide, side by side with the rivals that are installed: `make bench`.
//!
//! The slide is built from the compressed tiles of a real one (see `fixtures/`), so its content is real and its file as large as a
//! scanner's. Programs take turns, each run into a fresh folder, and everything is removed at the end only: on ext4, making files
//! just after deleting many is several times slower, for every program. Peak memory is that of the whole child process.
//!
//! `cargo bench -- MEGAPIXELS RUNS` chooses the size (default 1000) and the number of runs of each (default 3).

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a benchmark prints its table")]

use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use nix::sys::resource::{UsageWho, getrusage};
use slidezoom_fixtures::{SlideBuilder, Style, TileBank, real_slide};

type Outcome<T> = Result<T, Box<dyn Error>>;

/// The word after which this program runs a command, waits for it and prints what it took.
const MEASURE: &str = "--measure-one";

struct Contender {
    name: &'static str,
    command: Box<dyn Fn(&Path, &Path) -> Vec<String>>,
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
    let side = (f64::from(megapixels) * 1e6).sqrt().round() as u32;
    SlideBuilder::new(side, side)
        .style(Style::Aperio)
        .tiles_from(TileBank::from_svs(real_slide()?)?)
        .levels([1, 4, 16])
        .write(&slide)?;
    println!("{side}×{side} px, {:.0} MB, {runs} runs each", slide.metadata()?.len() as f64 / 1e6);
    println!("{:<22} {:>8} {:>8} {:>8} {:>9}", "", "seconds", "ratio", "CPU s", "peak MB");

    let contenders = contenders();
    let mut taken: Vec<Vec<Usage>> = contenders.iter().map(|_| Vec::new()).collect();
    for run in 0..runs {
        for (contender, taken) in contenders.iter().zip(&mut taken) {
            let output = folder.join(format!("{}-{run}", contender.name.replace([' ', '/'], "-")));
            taken.push(measure(&(contender.command)(&slide, &output))?);
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
    let ours = |name, options: &'static [&str]| Contender {
        name,
        command: Box::new(move |slide, output| {
            let fixed =
                [env!("CARGO_BIN_EXE_slidezoom"), "export", text(slide), "-o", text(output), "--progress", "none"];
            fixed.iter().chain(options).map(ToString::to_string).collect()
        }),
    };
    let mut contenders = vec![
        ours("slidezoom, 4:2:0", &["--quality", "75", "--subsampling", "420"]),
        ours("slidezoom, 4:4:4", &["--quality", "75", "--subsampling", "444"]),
        ours("slidezoom, one worker", &["--quality", "75", "--subsampling", "420", "--jobs", "1"]),
    ];
    match Command::new("vips").arg("--version").output() {
        Ok(version) => {
            println!("{}", String::from_utf8_lossy(&version.stdout).trim());
            contenders.push(Contender {
                name: "vips dzsave",
                command: Box::new(|slide, output| {
                    let options = ["--tile-size", "254", "--overlap", "1", "--suffix", ".jpeg[Q=75]"];
                    let fixed = ["vips", "dzsave", text(slide), text(output)];
                    fixed.iter().chain(&options).map(ToString::to_string).collect()
                }),
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
    let time = |value: nix::sys::time::TimeVal| Duration::new(value.tv_sec() as u64, value.tv_usec() as u32 * 1000);
    let cpu = (time(usage.user_time()) + time(usage.system_time())).as_secs_f64();
    // Kilobytes on Linux.
    println!("{seconds} {cpu} {}", usage.max_rss() as f64 / 1e3);
    Ok(())
}

fn remove(folder: &PathBuf) -> Outcome<()> {
    if folder.exists() {
        std::fs::remove_dir_all(folder)?;
    }
    Ok(())
}
