//! Makes system calls fail, and kills the program between any two of them. Either the run succeeds
//! and the export is whole, or nothing exists under the final name. Skipped without strace.
//!
//! The calls of the program's start (loading libraries, inspecting the machine) fail like all
//! others.

use slidezoom_fixtures::{Pattern, SlideBuilder};

use crate::injection::{CALLS, Injection, Injector, Kind, Outcome, each_call};
use crate::tree::Tree;

/// Errors of a full, broken or unreachable disk.
const ERRORS: [&str; 3] = ["ENOSPC", "EIO", "EDQUOT"];

/// Other errors that the calls can return.
const MORE_ERRORS: [&str; 6] = ["EROFS", "EACCES", "ENOMEM", "EMFILE", "ESTALE", "EINTR"];

fn errors(names: &[&str]) -> Vec<String> {
    names.iter().map(|error| format!("error={error}")).collect()
}

fn kill() -> Vec<String> {
    vec!["signal=KILL".to_owned()]
}

/// Injects at every `step`-th call and requires at least `at_least` hits.
fn inject_at_a_sample(kind: Kind, effects: &[String], step: usize, at_least: usize) {
    let Some(injector) = Injector::new(kind) else { return };
    let hits = injector.inject_all(&CALLS, effects, step);
    assert!(hits >= at_least, "{hits} hits");
}

/// Injects at every call and reports the number of hits.
fn inject_at_every_call(kind: Kind, effects: &[String]) {
    let Some(injector) = Injector::new(kind) else { return };
    let hits = injector.inject_all(&CALLS, effects, 1);
    skipped!("nothing: {hits} runs with {effects:?}, exporting as {kind:?}");
}

#[test]
fn failing_calls_leave_a_whole_folder_or_nothing() {
    inject_at_a_sample(Kind::Folder, &errors(&ERRORS), 19, 20);
}

#[test]
fn failing_calls_leave_a_whole_archive_or_nothing() {
    inject_at_a_sample(Kind::Archive, &errors(&ERRORS), 19, 20);
}

#[test]
fn kills_leave_a_whole_folder_or_nothing() {
    inject_at_a_sample(Kind::Folder, &kill(), 17, 8);
}

#[test]
fn kills_leave_a_whole_archive_or_nothing() {
    inject_at_a_sample(Kind::Archive, &kill(), 17, 8);
}

/// The old export stays until the new one is published, and the message names the existing one.
#[test]
fn failing_calls_leave_the_old_or_the_new_export() {
    for kind in [Kind::Folder, Kind::Archive] {
        let Some(injector) = Injector::new(kind) else { return };
        let calls = ["rename", "renameat2", "unlink", "fsync", "syncfs"];
        let hits = each_call(&calls, &errors(&["EIO", "ENOSPC"]), 1, |injection| {
            injector.inject_while_replacing(&injection)
        });
        assert!(hits >= 6, "{hits} hits at {kind:?}");
    }
}

#[test]
#[ignore = "takes minutes: make soak"]
fn every_failing_call_leaves_the_old_or_the_new_export() {
    for kind in [Kind::Folder, Kind::Archive] {
        let Some(injector) = Injector::new(kind) else { return };
        // The standard library panics if closing a directory fails, which no file system does.
        let calls: Vec<_> = CALLS.into_iter().filter(|&call| call != "close").collect();
        let hits = each_call(&calls, &errors(&ERRORS), 1, |injection| {
            injector.inject_while_replacing(&injection)
        });
        skipped!("nothing: {hits} calls failed while replacing an export as {kind:?}");
    }
}

/// These calls are few: a sample would miss most of them.
#[test]
fn every_failing_write_leaves_a_whole_archive_or_nothing() {
    let Some(injector) = Injector::new(Kind::Archive) else { return };
    let hits = injector.inject_all(
        &["pwrite64", "fsync", "renameat2", "flock"],
        &[errors(&ERRORS), kill()].concat(),
        1,
    );
    assert!(hits >= 4 * 5, "{hits} hits");
}

#[test]
fn a_write_of_zero_bytes_is_an_error() {
    for (kind, call) in [(Kind::Folder, "write"), (Kind::Archive, "pwrite64")] {
        let Some(injector) = Injector::new(kind) else { return };
        let nothing_written = Injection { call, effect: "retval=0".to_owned(), number: Some(1) };
        assert!(injector.inject(&nothing_written));
        // The message is not checked: printing it is such a write, too.
        assert_eq!(injector.run(&[nothing_written], &[]).run.code(), Some(4), "{kind:?}");
    }
}

/// An archive of 50 MB is written in pieces of 1 MB, and synced in the background meanwhile.
#[test]
fn failures_in_mid_run_leave_a_whole_archive_or_nothing() {
    let slide =
        SlideBuilder::new(7000, 6000).pattern(Pattern::Tissue { seed: 4 }).distinct_tiles(4);
    let Some(injector) = Injector::with(Kind::Archive, &slide, &["--quality", "100"]) else {
        return;
    };
    let injections = [("fdatasync", 1), ("pwrite64", 30)].into_iter().flat_map(|(call, number)| {
        ["error=EIO", "signal=KILL"].map(|effect| Injection {
            call,
            effect: effect.to_owned(),
            number: Some(number),
        })
    });
    for injection in injections {
        assert!(injector.inject(&injection), "{}", injection.argument());
    }
}

/// Network file systems and FUSE often lack `renameat2` with flags.
#[test]
fn exports_are_whole_without_renameat2() {
    for (kind, error) in [
        (Kind::Folder, "EINVAL"),
        (Kind::Folder, "ENOSYS"),
        (Kind::Archive, "EINVAL"),
        (Kind::Archive, "ENOSYS"),
    ] {
        let Some(injector) = Injector::new(kind) else { return };
        let without =
            || Injection { call: "renameat2", effect: format!("error={error}"), number: None };
        for options in [&[][..], &["--overwrite"]] {
            let Outcome { run, hit, .. } = injector.run(&[without()], options);
            run.succeeds();
            assert!(
                hit || kind == Kind::Archive && options == ["--overwrite"],
                "archives are replaced by rename(2)"
            );
            assert!(
                injector.workspace.tree("out") == injector.whole,
                "{kind:?}, {error}, {options:?}"
            );
        }
        injector.run(&[without()], &[]).run.fails(4, &["exists already"]);
        injector.clear();
        if kind == Kind::Archive {
            let failed =
                Injection { call: "unlink", effect: "error=EIO".to_owned(), number: Some(1) };
            injector.run(&[without(), failed], &[]).run.fails(4, &["is in place and whole"]);
            assert!(injector.workspace.tree("out") == injector.whole, "{error}");
            injector.clear();
        }
        // Kill at each step of the fallback, with and without an old export: the next run succeeds.
        let mut kills = 0;
        for (call, numbers) in [("rename", 3), ("linkat", 1), ("unlink", 1), ("unlinkat", 2)] {
            for (number, replaces) in
                (1..=numbers).flat_map(|number| [(number, false), (number, true)])
            {
                if replaces {
                    injector.export_again();
                }
                let killed =
                    Injection { call, effect: "signal=KILL".to_owned(), number: Some(number) };
                kills += usize::from(
                    injector.run(&[without(), killed], &["--overwrite"]).run.code().is_none(),
                );
                injector.export_again();
                injector.clear();
            }
        }
        assert!(kills >= 3, "{kind:?}: {kills} kills");
    }
}

/// Under the final name there is always the old or the new export.
#[test]
fn the_old_export_stays_until_the_new_one_is_published() {
    let folder = (Kind::Folder, &["renameat2", "fsync", "unlinkat"][..]);
    for (kind, calls) in [folder, (Kind::Archive, &["rename", "fsync"])] {
        let Some(injector) = Injector::new(kind) else { return };
        let export_before = || {
            injector
                .workspace
                .export(["scan.tif", "-o", &kind.output(), "--no-viewer", "--overwrite"])
                .succeeds();
            injector.workspace.tree("out")
        };
        let before = export_before();
        let mut hits = 0;
        for effect in ["error=EIO", "signal=KILL"] {
            for (&call, number) in calls.iter().flat_map(|call| [(call, 1), (call, 2)]) {
                let injection = Injection { call, effect: effect.to_owned(), number: Some(number) };
                let Outcome { run, hit, .. } =
                    injector.run(std::slice::from_ref(&injection), &["--overwrite"]);
                let context = format!("{}: {run:?}", injection.argument());
                hits += usize::from(hit);
                injector.workspace.slidezoom(["verify", &kind.output()]).succeeds();
                let after = injector.workspace.tree("out");
                let exists = |tree: &Tree| after.below(kind.name()) == tree.below(kind.name());
                assert!(
                    exists(&injector.whole) || run.code() != Some(0) && exists(&before),
                    "{context}"
                );
                // After a failed or killed removal, the next run cleans up.
                assert!(run.code() != Some(0) || after == injector.whole, "{context}");
                assert!(export_before() == before, "{context}");
            }
        }
        assert!(hits >= 6, "{hits} hits");
    }
}

#[test]
#[ignore = "takes minutes: make soak"]
fn every_failing_call_leaves_a_whole_folder_or_nothing() {
    inject_at_every_call(Kind::Folder, &errors(&[&ERRORS[..], &MORE_ERRORS].concat()));
}

#[test]
#[ignore = "takes minutes: make soak"]
fn every_failing_call_leaves_a_whole_archive_or_nothing() {
    inject_at_every_call(Kind::Archive, &errors(&[&ERRORS[..], &MORE_ERRORS].concat()));
}

#[test]
#[ignore = "takes minutes: make soak"]
fn kills_at_every_call_leave_a_whole_folder_or_nothing() {
    inject_at_every_call(Kind::Folder, &kill());
}

#[test]
#[ignore = "takes minutes: make soak"]
fn kills_at_every_call_leave_a_whole_archive_or_nothing() {
    inject_at_every_call(Kind::Archive, &kill());
}
