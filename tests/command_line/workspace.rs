//! A temporary folder for one test, in which the binary runs.
//!
//! [`Workspace`] runs the binary, [`Run`] is a finished run, and [`Running`] one in progress.

use std::ffi::OsStr;
use std::fmt;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, Command, ExitStatus, Output, Stdio};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;
use tempfile::TempDir;

use crate::tree::Tree;

/// A folder that is removed when the test ends. The binary runs in it.
pub struct Workspace {
    folder: TempDir,
}

impl Workspace {
    pub fn new() -> Self {
        Self { folder: TempDir::with_prefix("slidezoom-test-").unwrap() }
    }

    /// Returns the path of a file in the workspace.
    pub fn path(&self, relative: impl AsRef<Path>) -> PathBuf {
        self.folder.path().join(relative)
    }

    /// Reads everything below a folder of the workspace.
    pub fn tree(&self, relative: impl AsRef<Path>) -> Tree {
        Tree::read(&self.path(relative))
    }

    /// Returns the names of all entries of the workspace, hidden ones included, sorted.
    pub fn names(&self) -> Vec<String> {
        names_in(self.folder.path())
    }

    /// Returns a command for the binary with these arguments, not started yet.
    pub fn command<A: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = A>) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_slidezoom"));
        command.args(arguments).current_dir(self.folder.path()).stdin(Stdio::null());
        command
    }

    /// Runs the binary with these arguments.
    pub fn slidezoom<A: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = A>) -> Run {
        Run::of(&mut self.command(arguments))
    }

    /// Runs the binary with these arguments and with `input` on its standard input, a pipe.
    pub fn slidezoom_with_input(&self, arguments: &[&str], input: &[u8]) -> Run {
        let mut child = spawn_piped(&mut self.command(arguments));
        // A run that fails early does not read all of its input.
        let _ = child.stdin.take().unwrap().write_all(input);
        Run::wait_for(child)
    }

    /// Runs `slidezoom export` with these arguments.
    pub fn export<A: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = A>) -> Run {
        let mut command = self.command(["export"]);
        Run::of(command.args(arguments))
    }

    /// Starts `slidezoom export --progress json` without waiting for it.
    pub fn start_export<A: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = A>) -> Running {
        let mut command = self.command(["export", "--progress", "json"]);
        command.args(arguments).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let lines = BufReader::new(child.stderr.take().unwrap());
        Running { child, lines, stderr: String::new() }
    }
}

/// Returns the names of all entries of a folder, hidden ones included, sorted.
pub fn names_in(folder: &Path) -> Vec<String> {
    let mut names: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}

/// Returns the sorted names of the exports in a folder with a gallery.
#[track_caller]
pub fn exports_in(folder: &Path) -> Vec<String> {
    let (gallery, exports): (Vec<_>, Vec<_>) = names_in(folder)
        .into_iter()
        .partition(|name| ["gallery", "index.html"].contains(&name.as_str()));
    assert_eq!(gallery.len(), 2, "there is no gallery in {}", folder.display());
    exports
}

/// A finished run of the binary.
pub struct Run {
    pub status: ExitStatus,
    pub stdout: Vec<u8>,
    pub stderr: String,
}

impl Run {
    /// Runs a command.
    pub fn of(command: &mut Command) -> Self {
        command.output().unwrap().into()
    }

    /// Waits for the end of a process whose output is piped.
    pub fn wait_for(child: Child) -> Self {
        child.wait_with_output().unwrap().into()
    }

    pub fn code(&self) -> Option<i32> {
        self.status.code()
    }

    /// Returns stdout as text.
    pub fn text(&self) -> &str {
        str::from_utf8(&self.stdout).unwrap()
    }

    /// Parses stdout as JSON.
    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.stdout).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// Asserts that the run succeeded.
    #[track_caller]
    pub fn succeeds(self) -> Self {
        assert_eq!(self.code(), Some(0), "{self:?}");
        self
    }

    /// Asserts that the run failed with this exit code, nothing on stdout, and one message on
    /// stderr: a line, then at most one with a hint. The message contains each of `words`.
    #[track_caller]
    pub fn fails(self, code: i32, words: &[&str]) -> Self {
        assert_eq!(self.code(), Some(code), "{self:?}");
        assert!(self.stdout.is_empty(), "{self:?}");
        assert_one_message(&self.stderr);
        self.reports(words)
    }

    /// Asserts that stderr contains each of `words`.
    #[track_caller]
    pub fn reports(self, words: &[&str]) -> Self {
        for word in words {
            assert!(self.stderr.contains(word), "{word:?} is not in {self:?}");
        }
        self
    }
}

impl From<Output> for Run {
    fn from(output: Output) -> Self {
        let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
        Self { status: output.status, stdout: output.stdout, stderr }
    }
}

impl fmt::Debug for Run {
    /// Shows stdout as text.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}, stderr {:?}, ", self.status, self.stderr)?;
        match str::from_utf8(&self.stdout) {
            Ok(text) => write!(formatter, "stdout {text:?}"),
            Err(_) => write!(formatter, "{} bytes on stdout", self.stdout.len()),
        }
    }
}

/// Starts a process whose input and output are pipes.
pub fn spawn_piped(command: &mut Command) -> Child {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

/// Asserts that stderr is one line with the failure and at most one line with a hint.
#[track_caller]
pub fn assert_one_message(stderr: &str) {
    let lines: Vec<&str> = stderr.lines().collect();
    assert!(stderr.ends_with('\n'), "{stderr:?}");
    assert!(lines[0].starts_with("slidezoom: "), "{stderr:?}");
    assert!(lines.len() == 1 || lines.len() == 2 && lines[1].starts_with("hint: "), "{stderr:?}");
    assert!(lines.iter().all(|line| !line.contains(char::is_control)), "{stderr:?}");
}

/// An export in progress, with `--progress json`.
pub struct Running {
    child: Child,
    lines: BufReader<ChildStderr>,
    stderr: String,
}

impl Running {
    /// Waits until the run reports an event of this kind.
    #[track_caller]
    pub fn wait_for(mut self, event: &str) -> Self {
        loop {
            let mut line = String::new();
            let length = self.lines.read_line(&mut line).unwrap();
            assert!(length > 0, "the run ended before it reported {event:?}: {}", self.stderr);
            self.stderr.push_str(&line);
            if serde_json::from_str::<Value>(&line).is_ok_and(|value| value["event"] == event) {
                return self;
            }
        }
    }

    /// Sends a signal.
    pub fn signal(self, signal: Signal) -> Self {
        let process = Pid::from_raw(i32::try_from(self.child.id()).unwrap());
        kill(process, signal).unwrap();
        self
    }

    /// Waits for the end of the run. Returns all lines of stderr.
    pub fn wait(mut self) -> Run {
        self.lines.read_to_string(&mut self.stderr).unwrap();
        let status = self.child.wait().unwrap();
        Run { status, stdout: Vec::new(), stderr: self.stderr }
    }

    /// Kills the run with `SIGKILL` and waits for its end.
    #[track_caller]
    pub fn kill(self) {
        let run = self.signal(Signal::SIGKILL).wait();
        assert_eq!(run.status.signal(), Some(Signal::SIGKILL as i32), "{run:?}");
    }

    /// Sends a signal, and asserts that the run reports the interruption and ends with code 130.
    #[track_caller]
    pub fn interrupt(self, signal: Signal) {
        let run = self.signal(signal).wait();
        assert_eq!(run.code(), Some(130), "{run:?}");
        let last: Value = serde_json::from_str(run.stderr.lines().last().unwrap()).unwrap();
        assert_eq!(
            (&last["event"], &last["message"], &last["exitCode"]),
            (&Value::from("failed"), &Value::from("interrupted"), &Value::from(130)),
            "{run:?}"
        );
    }
}
