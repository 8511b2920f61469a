//! What one run of a program takes. Programs run under a process of their own each, so that the peak of memory is of that run alone.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use nix::sys::resource::{UsageWho, getrusage};
use walkdir::WalkDir;

use crate::Outcome;

/// The word after which this program runs a command, waits for it and prints what it took.
pub const MEASURE: &str = "--measure-one";

/// The bytes of everything that begins with this name: the rivals write no folder of their own.
pub fn bytes_below(output: &Path) -> Outcome<u64> {
    let (folder, name) = (output.parent().ok_or("no folder")?, output.file_name().ok_or("no name")?);
    let mut bytes = 0;
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.file_name().is_some_and(|found| text(Path::new(found)).starts_with(text(Path::new(name)))) {
            for entry in WalkDir::new(path) {
                let metadata = entry?.metadata()?;
                bytes += if metadata.is_file() { metadata.len() } else { 0 };
            }
        }
    }
    Ok(bytes)
}

/// A path of this program's own, which is always text.
pub fn text(path: &Path) -> &str {
    path.to_str().unwrap_or_default()
}

/// What a run took: wall and processor seconds, and the most memory that it had.
#[derive(Clone, Copy)]
pub struct Usage {
    pub seconds: f64,
    pub cpu: f64,
    pub megabytes: f64,
}

/// The middle run by time.
pub fn median(runs: &[Usage]) -> Usage {
    let mut runs = runs.to_vec();
    runs.sort_by(|one, other| one.seconds.total_cmp(&other.seconds));
    runs[runs.len() / 2]
}

/// Runs a command under a process of its own, so that peak memory is that of the command.
pub fn measure(command: &[String]) -> Outcome<Usage> {
    let output = Command::new(std::env::current_exe()?).arg(MEASURE).args(command).stderr(Stdio::inherit()).output()?;
    let printed = String::from_utf8(output.stdout)?;
    let numbers: Vec<f64> = printed.split_whitespace().filter_map(|word| word.parse().ok()).collect();
    match numbers[..] {
        [seconds, cpu, megabytes] if output.status.success() => Ok(Usage { seconds, cpu, megabytes }),
        _ => Err(format!("{}: {}", command.join(" "), output.status).into()),
    }
}

/// Runs a command in this process, which is there for it alone, and prints what it took.
pub fn measure_here(command: &[String]) -> Outcome<()> {
    let (program, arguments) = command.split_first().ok_or("no command to measure")?;
    // slidezoom waits until its files are on the disk. What the program before has left in memory is not its to wait for.
    nix::unistd::sync();
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

/// Removes a folder where there is one.
pub fn remove(folder: &Path) -> Outcome<()> {
    if folder.exists() {
        std::fs::remove_dir_all(folder)?;
    }
    Ok(())
}
