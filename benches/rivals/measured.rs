//! Time and memory of one run of a program. A separate parent process for each run isolates its
//! peak memory.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use nix::sys::resource::{UsageWho, getrusage};
use walkdir::WalkDir;

use crate::Outcome;

/// The argument after which this program runs a command and prints its time and memory.
pub const MEASURE: &str = "--measure-one";

/// The size in bytes of everything whose name starts with this path, as some programs write several
/// directories.
pub fn bytes_below(output: &Path) -> Outcome<u64> {
    let (folder, name) =
        (output.parent().ok_or("no folder")?, output.file_name().ok_or("no name")?);
    let mut bytes = 0;
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path
            .file_name()
            .is_some_and(|found| text(Path::new(found)).starts_with(text(Path::new(name))))
        {
            for entry in WalkDir::new(path) {
                let metadata = entry?.metadata()?;
                bytes += if metadata.is_file() { metadata.len() } else { 0 };
            }
        }
    }
    Ok(bytes)
}

/// A path of this program, which is always UTF-8.
pub fn text(path: &Path) -> &str {
    path.to_str().unwrap_or_default()
}

/// Wall time and processor time in seconds, and peak memory of a run.
#[derive(Clone, Copy)]
pub struct Usage {
    pub seconds: f64,
    pub cpu: f64,
    pub megabytes: f64,
}

/// The run of median time.
pub fn median(runs: &[Usage]) -> Usage {
    let mut runs = runs.to_vec();
    runs.sort_by(|one, other| one.seconds.total_cmp(&other.seconds));
    runs[runs.len() / 2]
}

/// Runs a command under a separate parent process, which isolates its peak memory.
pub fn measure(command: &[String]) -> Outcome<Usage> {
    let output = Command::new(std::env::current_exe()?)
        .arg(MEASURE)
        .args(command)
        .stderr(Stdio::inherit())
        .output()?;
    let printed = String::from_utf8(output.stdout)?;
    let numbers: Vec<f64> =
        printed.split_whitespace().filter_map(|word| word.parse().ok()).collect();
    match numbers[..] {
        [seconds, cpu, megabytes] if output.status.success() => {
            Ok(Usage { seconds, cpu, megabytes })
        }
        _ => Err(format!("{}: {}", command.join(" "), output.status).into()),
    }
}

/// Runs a command as the only child of this process, and prints its time and memory.
pub fn measure_here(command: &[String]) -> Outcome<()> {
    let (program, arguments) = command.split_first().ok_or("no command to measure")?;
    // slidezoom syncs its files. It should not wait for files that the previous program left in
    // memory.
    nix::unistd::sync();
    let begun = Instant::now();
    let status = Command::new(program).args(arguments).stdout(Stdio::null()).status()?;
    let seconds = begun.elapsed().as_secs_f64();
    if !status.success() {
        return Err(format!("{program}: {status}").into());
    }
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN)?;
    let seconds_of =
        |time: nix::sys::time::TimeVal| time.tv_sec() as f64 + time.tv_usec() as f64 / 1e6;
    let cpu = seconds_of(usage.user_time()) + seconds_of(usage.system_time());
    // Linux reports kilobytes.
    println!("{seconds} {cpu} {}", usage.max_rss() as f64 / 1e3);
    Ok(())
}

/// Removes a directory if it exists.
pub fn remove(folder: &Path) -> Outcome<()> {
    if folder.exists() {
        std::fs::remove_dir_all(folder)?;
    }
    Ok(())
}
