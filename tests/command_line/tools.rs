//! Runs other programs, to check that slidezoom and they read each other's files.

use std::ffi::OsStr;
use std::path::Path;
use std::process::Command;

use crate::workspace::Run;

/// Runs a program in a folder. Returns `None` and prints a line if it is not installed.
pub fn run<A: AsRef<OsStr>>(
    program: &str,
    arguments: impl IntoIterator<Item = A>,
    folder: &Path,
) -> Option<Run> {
    let mut command = Command::new(program);
    command.args(arguments).current_dir(folder);
    match command.output() {
        Ok(output) => Some(output.into()),
        Err(error) => {
            skipped!("{program}: {error}");
            None
        }
    }
}

/// Runs a Python program with these arguments as `sys.argv[1:]`.
pub fn python(program: &str, arguments: &[&str], folder: &Path) -> Option<Run> {
    run("python3", [&["-c", program], arguments].concat(), folder)
}

/// Asserts that the program succeeded without any message.
#[track_caller]
pub fn assert_silent(run: &Run) {
    assert_eq!((run.code(), run.stderr.as_str()), (Some(0), ""), "{run:?}");
}
