//! Runs the program under strace and injects failures and kills at chosen system calls.

use std::process::Command;

use slidezoom_fixtures::SlideBuilder;

use crate::slides::WriteInto;
use crate::tree::Tree;
use crate::workspace::{Run, Workspace};

/// The system calls that read a slide and write an export, as a folder or as an archive.
pub const CALLS: [&str; 21] = [
    "openat",
    "write",
    "pwrite64",
    "close",
    "mkdir",
    "rename",
    "renameat2",
    "unlink",
    "syncfs",
    "fsync",
    "fdatasync",
    "getdents64",
    "statx",
    "flock",
    "read",
    "pread64",
    "lseek",
    "newfstatat",
    "fcntl",
    "clone3",
    "unlinkat",
];

/// The form in which an export is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Folder,
    Archive,
}

impl Kind {
    /// The export's file name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Folder => "scan",
            Self::Archive => "scan.zip",
        }
    }

    /// The export's path in the workspace.
    pub fn output(self) -> String {
        format!("out/{}", self.name())
    }
}

/// A system call that fails, or at which the program is killed.
pub struct Injection {
    pub call: &'static str,
    /// The effect in strace's syntax: `error=EIO`, `signal=KILL`, `retval=0`.
    pub effect: String,
    /// The affected call, counted per thread from 1; `None` affects all.
    pub number: Option<usize>,
}

impl Injection {
    /// The argument of strace's `-e`.
    pub fn argument(&self) -> String {
        let when = self.number.map(|number| format!(":when={number}")).unwrap_or_default();
        format!("inject={}:{}{when}", self.call, self.effect)
    }
}

/// The outcome of a run under strace.
pub struct Outcome {
    pub run: Run,
    /// Whether the program made the affected call.
    pub hit: bool,
    /// Whether the affected call was on the slide's file.
    pub on_slide: bool,
}

/// Exports one slide repeatedly, each time with other injections.
pub struct Injector {
    pub workspace: Workspace,
    kind: Kind,
    options: &'static [&'static str],
    /// The output folder after an undisturbed export.
    pub whole: Tree,
}

impl Injector {
    /// Returns `None`, and reports the skipped test, if no strace that can inject is installed.
    pub fn new(kind: Kind) -> Option<Self> {
        Self::with(kind, &SlideBuilder::new(300, 200).tile_size(128, 128), &[])
    }

    /// Like [`new`](Self::new), with another slide and with options of `export`.
    pub fn with(
        kind: Kind,
        slide: &SlideBuilder,
        options: &'static [&'static str],
    ) -> Option<Self> {
        let usable =
            Command::new("strace").args(["-qq", "-e", "inject=syncfs:error=EIO", "true"]).output();
        if !usable.is_ok_and(|output| output.status.success()) {
            skipped!("no strace that can inject faults is installed");
            return None;
        }
        let workspace = Workspace::new();
        slide.write_into(&workspace, "scan.tif");
        workspace.export([&["scan.tif", "-o", &kind.output()], options].concat()).succeeds();
        let whole = workspace.tree("out");
        let injector = Self { workspace, kind, options, whole };
        injector.clear();
        Some(injector)
    }

    /// Exports without injections, and asserts that the result is whole despite the files of
    /// earlier runs.
    #[track_caller]
    pub fn export_again(&self) {
        let arguments = ["scan.tif", "-o", &self.kind.output(), "--overwrite"];
        self.workspace.export([&arguments, self.options].concat()).succeeds();
        assert!(self.workspace.tree("out") == self.whole, "{:?}", self.kind);
    }

    /// Removes all exports.
    pub fn clear(&self) {
        std::fs::remove_dir_all(self.workspace.path("out")).unwrap();
    }

    /// Runs an export with injections.
    pub fn run(&self, injections: &[Injection], options: &[&str]) -> Outcome {
        let log = self.workspace.path("strace.log");
        let mut command = Command::new("strace");
        let calls: Vec<_> = injections.iter().map(|injection| injection.call).collect();
        command
            .args(["-f", "-qq", "-y", "-e"])
            .arg(format!("trace={}", calls.join(",")))
            .arg("-o")
            .arg(&log);
        for injection in injections {
            command.args(["-e", &injection.argument()]);
        }
        command.arg(env!("CARGO_BIN_EXE_slidezoom"));
        command
            .args([
                "export",
                "scan.tif",
                "-o",
                &self.kind.output(),
                "--jobs",
                "2",
                "--progress",
                "none",
            ])
            .args(self.options)
            .args(options);
        let run = Run::of(command.current_dir(self.workspace.path("")));
        let log = std::fs::read_to_string(&log).unwrap();
        let on_slide =
            log.lines().any(|line| line.contains("(INJECTED)") && line.contains("scan.tif"));
        Outcome {
            run,
            hit: log.contains("(INJECTED)") || log.contains("killed by SIGKILL"),
            on_slide,
        }
    }

    /// Runs an export with one injection and returns whether it hit. Panics unless the run
    /// succeeded with a whole export or left nothing under the final name.
    #[track_caller]
    pub fn inject(&self, injection: &Injection) -> bool {
        let Outcome { run, hit, on_slide } = self.run(std::slice::from_ref(injection), &[]);
        let context = format!("{}: {run:?}", injection.argument());
        let killed = injection.effect.contains("KILL");
        let out = self.workspace.path("out");
        let exists = self.workspace.path(self.kind.output()).exists();
        if run.code() == Some(0) && on_slide {
            // OpenSlide ignores some errors when it opens a slide and then reports fewer
            // properties.
            self.workspace.slidezoom(["verify", &self.kind.output()]).succeeds();
        } else if run.code() == Some(0) {
            assert!(self.workspace.tree("out") == self.whole, "{context}");
        } else if exists {
            // Only a kill, or a failure after publishing, leaves an export; it is whole then.
            self.workspace.slidezoom(["verify", &self.kind.output()]).succeeds();
            assert!(killed || says_published(&run), "{context}");
        }
        if killed {
            // The next run cleans up after a kill.
            self.export_again();
        } else if !exists {
            let left = std::fs::read_dir(&out).map_or(0, Iterator::count);
            assert_eq!(left, 0, "{context}");
        }
        if out.exists() {
            self.clear();
        }
        hit
    }

    /// Like [`inject`](Self::inject), for a run that replaces an export. Panics unless the old or
    /// the new export is whole under the final name and the message says which.
    #[track_caller]
    pub fn inject_while_replacing(&self, injection: &Injection) -> bool {
        let earlier =
            ["export", "scan.tif", "-o", &self.kind.output(), "--overwrite", "--quality", "33"];
        self.workspace.slidezoom(earlier).succeeds();
        let before = self.workspace.tree("out");
        let Outcome { run, hit, .. } = self.run(std::slice::from_ref(injection), &["--overwrite"]);
        let context = format!("{}: {run:?}", injection.argument());
        let is_new = run.code() == Some(0) || says_published(&run);
        let name = self.kind.name();
        let expected = if is_new { &self.whole } else { &before };
        assert!(self.workspace.tree("out").below(name) == expected.below(name), "{context}");
        // The next run cleans up.
        self.export_again();
        self.clear();
        hit
    }

    /// Injects each effect at every `step`-th call of each of `calls`, until no thread makes that
    /// many calls. Returns the number of hits.
    pub fn inject_all(&self, calls: &[&'static str], effects: &[String], step: usize) -> usize {
        each_call(calls, effects, step, |injection| self.inject(&injection))
    }
}

/// Whether the message says that the export was published although the run failed.
fn says_published(run: &Run) -> bool {
    run.stderr.contains("is in place and whole") && !run.stderr.contains("nothing")
}

/// Calls `inject` for each effect at every `step`-th call of each of `calls`, until it returns
/// `false`. Returns the number of hits.
pub fn each_call(
    calls: &[&'static str],
    effects: &[String],
    step: usize,
    mut inject: impl FnMut(Injection) -> bool,
) -> usize {
    let mut hits = 0;
    for (kind, &call) in calls.iter().enumerate() {
        for (other, effect) in effects.iter().enumerate() {
            // Each combination starts at another number, so that the sample covers all numbers.
            let mut number = 1 + (kind + other) % step;
            while inject(Injection { call, effect: effect.clone(), number: Some(number) }) {
                hits += 1;
                number += step;
            }
        }
    }
    hits
}
