//! Programs of other people's making: what they read and write, slidezoom must read and write too.

use std::ffi::OsStr;
use std::path::Path;
use std::process::Command;

use crate::workspace::Run;

/// Runs one to its end in a folder; `None`, and a line that says so, where it is not installed.
pub fn run<A: AsRef<OsStr>>(program: &str, arguments: impl IntoIterator<Item = A>, folder: &Path) -> Option<Run> {
    let mut command = Command::new(program);
    command.args(arguments).current_dir(folder);
    match command.output() {
        Ok(output) => {
            let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
            Some(Run { status: output.status, stdout: output.stdout, stderr })
        }
        Err(error) => {
            skipped!("{program}: {error}");
            None
        }
    }
}

/// Runs a Python program; each argument is one of `sys.argv[1:]`.
pub fn python(program: &str, arguments: &[&str], folder: &Path) -> Option<Run> {
    run("python3", [&["-c", program], arguments].concat(), folder)
}

/// It ended well and had nothing to complain about.
#[track_caller]
pub fn assert_content(run: &Run) {
    assert_eq!((run.code(), run.stderr.as_str()), (Some(0), ""), "{run:?}");
}
