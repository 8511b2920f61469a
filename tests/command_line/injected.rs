//! System calls that fail, and kills between any two of them, by strace's injection: where strace is missing, this is skipped.
//!
//! Whichever call fails with whatever error, and wherever the program is killed: either it says that it succeeded and the export stands
//! whole, or nothing stands under the final name. The calls of the program's start (loading libraries, looking at the machine) fail like all others.

use std::process::Command;

use slidezoom_fixtures::{Pattern, SlideBuilder};

use crate::slides::WriteInto;
use crate::tree::Tree;
use crate::workspace::{Run, Workspace};

/// The calls with which a slide is read and an export written, as a folder or as an archive. One that is never made is never struck.
const CALLS: [&str; 21] = [
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

/// What a full, a broken or an unreachable disk says.
const ERRORS: [&str; 3] = ["ENOSPC", "EIO", "EDQUOT"];

/// What else a call can say.
const MORE_ERRORS: [&str; 6] = ["EROFS", "EACCES", "ENOMEM", "EMFILE", "ESTALE", "EINTR"];

/// What an export is written as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Folder,
    Archive,
}

impl Kind {
    /// What an export is called.
    const fn name(self) -> &'static str {
        match self {
            Self::Folder => "scan",
            Self::Archive => "scan.zip",
        }
    }

    /// Where it stands.
    fn output(self) -> String {
        format!("out/{}", self.name())
    }
}

/// A call that is made to fail, or at which the program is killed.
struct Injection {
    call: &'static str,
    what: String,
    /// Which of each thread's calls; all where there is none.
    number: Option<usize>,
}

impl Injection {
    /// As strace is told.
    fn argument(&self) -> String {
        let when = self.number.map(|number| format!(":when={number}")).unwrap_or_default();
        format!("inject={}:{}{when}", self.call, self.what)
    }
}

/// What a run under strace came to.
struct Struck {
    run: Run,
    /// Whether a call was met.
    met: bool,
}

struct Injector {
    workspace: Workspace,
    kind: Kind,
    options: &'static [&'static str],
    whole: Tree,
}

impl Injector {
    /// `None`, and a line that says so, where there is no strace that can inject.
    fn new(kind: Kind) -> Option<Self> {
        Self::of(kind, &SlideBuilder::new(300, 200).tile_size(128, 128), &[])
    }

    /// The same with another slide, exported with these options.
    fn of(kind: Kind, slide: &SlideBuilder, options: &'static [&'static str]) -> Option<Self> {
        let usable = Command::new("strace").args(["-qq", "-e", "inject=syncfs:error=EIO", "true"]).output();
        if !usable.is_ok_and(|output| output.status.success()) {
            skipped!("there is no strace here that can inject faults");
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

    /// An export without any injection: whole, whatever a killed one has left.
    #[track_caller]
    fn export_anew(&self) {
        let arguments = ["scan.tif", "-o", &self.kind.output(), "--overwrite"];
        self.workspace.export([&arguments, self.options].concat()).succeeds();
        assert!(self.workspace.tree("out") == self.whole, "{:?}", self.kind);
    }

    /// Removes everything that was exported.
    fn clear(&self) {
        std::fs::remove_dir_all(self.workspace.path("out")).unwrap();
    }

    /// Runs an export with injections.
    fn run(&self, injections: &[Injection], options: &[&str]) -> Struck {
        let log = self.workspace.path("strace.log");
        let mut command = Command::new("strace");
        let calls: Vec<_> = injections.iter().map(|injection| injection.call).collect();
        command.args(["-f", "-qq", "-e"]).arg(format!("trace={}", calls.join(","))).arg("-o").arg(&log);
        for injection in injections {
            command.args(["-e", &injection.argument()]);
        }
        command.arg(env!("CARGO_BIN_EXE_slidezoom"));
        command
            .args(["export", "scan.tif", "-o", &self.kind.output(), "--jobs", "2", "--progress", "none"])
            .args(self.options)
            .args(options);
        let run = Run::of(command.current_dir(self.workspace.path("")));
        let log = std::fs::read_to_string(&log).unwrap();
        Struck { run, met: log.contains("(INJECTED)") || log.contains("killed by SIGKILL") }
    }

    /// Runs an export with an injection; whether a call was met. Panics where what is left behind is a lie.
    #[track_caller]
    fn strike(&self, injection: &Injection) -> bool {
        let Struck { run, met } = self.run(std::slice::from_ref(injection), &[]);
        let place = format!("{}: {run:?}", injection.argument());
        let killed = injection.what.contains("KILL");
        let out = self.workspace.path("out");
        let stands = self.workspace.path(self.kind.output()).exists();
        if run.code() == Some(0) {
            assert!(self.workspace.tree("out") == self.whole, "{place}");
        } else if stands {
            // Only a failure after everything was published, or a kill: what stands is whole.
            self.workspace.slidezoom(["verify", &self.kind.output()]).succeeds();
            assert!(killed || run.stderr.contains("which stands") && !run.stderr.contains("nothing"), "{place}");
        }
        if killed {
            // What a kill leaves beside it, the next run clears away.
            self.export_anew();
        } else if !stands {
            let left = std::fs::read_dir(&out).map_or(0, Iterator::count);
            assert_eq!(left, 0, "{place}");
        }
        if out.exists() {
            self.clear();
        }
        met
    }

    /// Strikes at a run that replaces an export; whether a call was met. Panics where what stands then is neither whole, or not what is said.
    #[track_caller]
    fn strike_at_replacing(&self, injection: &Injection) -> bool {
        let earlier = ["export", "scan.tif", "-o", &self.kind.output(), "--overwrite", "--quality", "33"];
        self.workspace.slidezoom(earlier).succeeds();
        let before = self.workspace.tree("out");
        let Struck { run, met } = self.run(std::slice::from_ref(injection), &["--overwrite"]);
        let place = format!("{}: {run:?}", injection.argument());
        let is_new = run.code() == Some(0) || run.stderr.contains("which stands");
        let now = self.workspace.tree("out");
        let name = self.kind.name();
        let expected = if is_new { &self.whole } else { &before };
        assert!(now.below(name) == expected.below(name), "{place}");
        assert!(!is_new || !run.stderr.contains("nothing"), "{place}");
        // What is left beside it, the next run clears away.
        self.export_anew();
        self.clear();
        met
    }

    /// Strikes at every `step`-th call of each of `calls`, until no thread makes so many; returns how often.
    fn strike_all(&self, calls: &[&'static str], what: &[String], step: usize) -> usize {
        Self::at_all(calls, what, step, |injection| self.strike(&injection))
    }

    fn at_all(
        calls: &[&'static str],
        what: &[String],
        step: usize,
        mut strike: impl FnMut(Injection) -> bool,
    ) -> usize {
        let mut strikes = 0;
        for (kind, &call) in calls.iter().enumerate() {
            for (other, what) in what.iter().enumerate() {
                // Each kind begins elsewhere, so that all numbers have their turn.
                let mut number = 1 + (kind + other) % step;
                while strike(Injection { call, what: what.clone(), number: Some(number) }) {
                    strikes += 1;
                    number += step;
                }
            }
        }
        strikes
    }
}

fn errors(names: &[&str]) -> Vec<String> {
    names.iter().map(|error| format!("error={error}")).collect()
}

fn kill() -> Vec<String> {
    vec!["signal=KILL".to_owned()]
}

/// Strikes at a sample of all calls; says how often that must be at least.
fn sample(kind: Kind, what: &[String], step: usize, at_least: usize) {
    let Some(injector) = Injector::new(kind) else { return };
    let strikes = injector.strike_all(&CALLS, what, step);
    assert!(strikes >= at_least, "{strikes} strikes");
}

/// Strikes at all calls, and says how many there were.
fn all(kind: Kind, what: &[String]) {
    let Some(injector) = Injector::new(kind) else { return };
    let strikes = injector.strike_all(&CALLS, what, 1);
    skipped!("nothing: {strikes} strikes, one a run, by {what:?} at an export as {kind:?}");
}

#[test]
fn calls_that_fail_leave_a_whole_folder_or_none() {
    sample(Kind::Folder, &errors(&ERRORS), 19, 20);
}

#[test]
fn calls_that_fail_leave_a_whole_archive_or_none() {
    sample(Kind::Archive, &errors(&ERRORS), 19, 20);
}

#[test]
fn kills_leave_a_whole_folder_or_none() {
    sample(Kind::Folder, &kill(), 17, 8);
}

#[test]
fn kills_leave_a_whole_archive_or_none() {
    sample(Kind::Archive, &kill(), 17, 8);
}

/// An export that stood before stands until the new one does, and what is said of the two is true.
#[test]
fn calls_that_fail_leave_one_of_two_exports_and_say_which() {
    for kind in [Kind::Folder, Kind::Archive] {
        let Some(injector) = Injector::new(kind) else { return };
        let calls = ["rename", "renameat2", "unlink", "fsync", "syncfs"];
        let strikes = Injector::at_all(&calls, &errors(&["EIO", "ENOSPC"]), 1, |injection| {
            injector.strike_at_replacing(&injection)
        });
        assert!(strikes >= 6, "{strikes} strikes at {kind:?}");
    }
}

#[test]
#[ignore = "takes minutes: make soak"]
fn every_call_that_fails_leaves_one_of_two_exports_and_says_which() {
    for kind in [Kind::Folder, Kind::Archive] {
        let Some(injector) = Injector::new(kind) else { return };
        // A folder that is looked through while it is removed cannot be closed: the standard library panics at that, and no file system does it.
        let calls: Vec<_> = CALLS.into_iter().filter(|&call| call != "close").collect();
        let strikes =
            Injector::at_all(&calls, &errors(&ERRORS), 1, |injection| injector.strike_at_replacing(&injection));
        skipped!("nothing: {strikes} calls failed, one a run that replaces an export as {kind:?}");
    }
}

/// They are few: a sample would miss most.
#[test]
fn every_call_that_writes_an_archive_leaves_it_whole_or_none() {
    let Some(injector) = Injector::new(Kind::Archive) else { return };
    let strikes =
        injector.strike_all(&["pwrite64", "fsync", "renameat2", "flock"], &[errors(&ERRORS), kill()].concat(), 1);
    assert!(strikes >= 4 * 5, "{strikes} strikes");
}

#[test]
fn a_disk_that_takes_nothing_and_does_not_say_why_is_an_error() {
    for (kind, call) in [(Kind::Folder, "write"), (Kind::Archive, "pwrite64")] {
        let Some(injector) = Injector::new(kind) else { return };
        let nothing_taken = Injection { call, what: "retval=0".to_owned(), number: Some(1) };
        assert!(injector.strike(&nothing_taken));
        // Nothing more: what it says to people is such a write too.
        assert_eq!(injector.run(&[nothing_taken], &[]).run.code(), Some(4), "{kind:?}");
    }
}

/// An archive of some fifty megabytes is written a megabyte at a time, and a thread of its own syncs it before its end.
#[test]
fn a_large_archive_is_whole_or_none_wherever_it_fails() {
    let slide = SlideBuilder::new(7000, 6000).pattern(Pattern::Tissue { seed: 4 }).distinct_tiles(4);
    let Some(injector) = Injector::of(Kind::Archive, &slide, &["--quality", "100"]) else { return };
    let strikes = [("fdatasync", 1), ("pwrite64", 30)].into_iter().flat_map(|(call, number)| {
        ["error=EIO", "signal=KILL"].map(|what| Injection { call, what: what.to_owned(), number: Some(number) })
    });
    for injection in strikes {
        assert!(injector.strike(&injection), "{}", injection.argument());
    }
}

/// Many file systems of networks and of users' own programs.
#[test]
fn a_file_system_that_cannot_promise_not_to_replace_gets_a_whole_export_too() {
    for (kind, error) in
        [(Kind::Folder, "EINVAL"), (Kind::Folder, "ENOSYS"), (Kind::Archive, "EINVAL"), (Kind::Archive, "ENOSYS")]
    {
        let Some(injector) = Injector::new(kind) else { return };
        let without = || Injection { call: "renameat2", what: format!("error={error}"), number: None };
        for options in [&[][..], &["--overwrite"]] {
            let Struck { run, met } = injector.run(&[without()], options);
            run.succeeds();
            assert!(met || kind == Kind::Archive && options == ["--overwrite"], "an archive is replaced without it");
            assert!(injector.workspace.tree("out") == injector.whole, "{kind:?}, {error}, {options:?}");
        }
        injector.run(&[without()], &[]).run.fails(4, &["exists already"]);
        injector.clear();
        if kind == Kind::Archive {
            let failed = Injection { call: "unlink", what: "error=EIO".to_owned(), number: Some(1) };
            injector.run(&[without(), failed], &[]).run.fails(4, &["which stands"]);
            assert!(injector.workspace.tree("out") == injector.whole, "{error}");
            injector.clear();
        }
        // The steps that it takes instead, where nothing stood and where an export did: killed at any, the next run has it whole.
        let mut kills = 0;
        for (call, numbers) in [("rename", 3), ("linkat", 1), ("unlink", 1), ("unlinkat", 2)] {
            for (number, stood) in (1..=numbers).flat_map(|number| [(number, false), (number, true)]) {
                if stood {
                    injector.export_anew();
                }
                let killed = Injection { call, what: "signal=KILL".to_owned(), number: Some(number) };
                kills += usize::from(injector.run(&[without(), killed], &["--overwrite"]).run.code().is_none());
                injector.export_anew();
                injector.clear();
            }
        }
        assert!(kills >= 3, "{kind:?}: {kills} kills");
    }
}

/// What stood there before stands there still, or its successor does.
#[test]
fn an_export_that_is_replaced_is_there_until_the_new_one_is() {
    let folder = (Kind::Folder, &["renameat2", "fsync", "unlinkat"][..]);
    for (kind, calls) in [folder, (Kind::Archive, &["rename", "fsync"])] {
        let Some(injector) = Injector::new(kind) else { return };
        let export_before = || {
            injector.workspace.export(["scan.tif", "-o", &kind.output(), "--no-viewer", "--overwrite"]).succeeds();
            injector.workspace.tree("out")
        };
        let before = export_before();
        let mut strikes = 0;
        for what in ["error=EIO", "signal=KILL"] {
            for (&call, number) in calls.iter().flat_map(|call| [(call, 1), (call, 2)]) {
                let injection = Injection { call, what: what.to_owned(), number: Some(number) };
                let Struck { run, met } = injector.run(std::slice::from_ref(&injection), &["--overwrite"]);
                let place = format!("{}: {run:?}", injection.argument());
                strikes += usize::from(met);
                injector.workspace.slidezoom(["verify", &kind.output()]).succeeds();
                let after = injector.workspace.tree("out");
                let stands = |tree: &Tree| after.below(kind.name()) == tree.below(kind.name());
                assert!(stands(&injector.whole) || run.code() != Some(0) && stands(&before), "{place}");
                // A removal that failed, or was killed, leaves what the next run clears away.
                assert!(run.code() != Some(0) || after == injector.whole, "{place}");
                assert!(export_before() == before, "{place}");
            }
        }
        assert!(strikes >= 6, "{strikes} strikes");
    }
}

#[test]
#[ignore = "takes minutes: make soak"]
fn every_call_failing_in_turn_leaves_a_whole_folder_or_none() {
    all(Kind::Folder, &errors(&[&ERRORS[..], &MORE_ERRORS].concat()));
}

#[test]
#[ignore = "takes minutes: make soak"]
fn every_call_failing_in_turn_leaves_a_whole_archive_or_none() {
    all(Kind::Archive, &errors(&[&ERRORS[..], &MORE_ERRORS].concat()));
}

#[test]
#[ignore = "takes minutes: make soak"]
fn kills_at_every_call_leave_a_whole_folder_or_none() {
    all(Kind::Folder, &kill());
}

#[test]
#[ignore = "takes minutes: make soak"]
fn kills_at_every_call_leave_a_whole_archive_or_none() {
    all(Kind::Archive, &kill());
}
