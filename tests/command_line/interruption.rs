//! Runs that are interrupted or killed, and concurrent runs with the same output.

use std::fs;

use nix::sys::signal::Signal;

use crate::slides::{self, WriteInto};
use crate::workspace::{Workspace, exports_in};

/// A workspace with `large.tif`, whose export takes a while, and `small.tif`, whose export does
/// not.
fn with_slides() -> Workspace {
    let workspace = Workspace::new();
    slides::large().write_into(&workspace, "large.tif");
    slides::small().write_into(&workspace, "small.tif");
    workspace
}

#[test]
fn a_signal_leaves_no_files() {
    let workspace = with_slides();
    for signal in [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP] {
        for event in ["started", "progress"] {
            workspace.start_export(["large.tif", "-o", "out"]).wait_for(event).interrupt(signal);
            assert_eq!(workspace.names(), ["large.tif", "small.tif"], "{signal} at {event}");
        }
    }
}

#[test]
fn a_signal_during_overwrite_keeps_the_old_export() {
    let workspace = with_slides();
    workspace.export(["small.tif", "-o", "out"]).succeeds();
    let before = workspace.tree("");
    let run = workspace.start_export(["large.tif", "-o", "out", "--overwrite"]);
    run.wait_for("progress").interrupt(Signal::SIGINT);
    workspace.tree("").assert_same(&before);
}

#[test]
fn a_signal_keeps_the_exports_that_are_finished() {
    let workspace = with_slides();
    fs::copy(workspace.path("small.tif"), workspace.path("third.tif")).unwrap();
    let run = workspace.start_export(["small.tif", "large.tif", "third.tif", "-o", "out"]);
    run.wait_for("finished").wait_for("progress").interrupt(Signal::SIGTERM);

    assert_eq!(workspace.names(), ["large.tif", "out", "small.tif", "third.tif"]);
    assert_eq!(exports_in(&workspace.path("out")), ["small"]);
    workspace.export(["small.tif", "-o", "alone/small"]).succeeds();
    workspace.tree("out/small").assert_same(&workspace.tree("alone/small"));
}

#[test]
fn a_killed_run_publishes_nothing_and_the_next_run_cleans_up() {
    let workspace = with_slides();
    workspace.export(["small.tif", "-o", "undisturbed/out"]).succeeds();
    let undisturbed = workspace.tree("undisturbed/out");
    for event in ["started", "progress"] {
        workspace.start_export(["large.tif", "-o", "out"]).wait_for(event).kill();
        assert_eq!(workspace.names(), [".out.partial", "large.tif", "small.tif", "undisturbed"]);

        workspace.export(["small.tif", "-o", "out"]).succeeds();
        assert_eq!(workspace.names(), ["large.tif", "out", "small.tif", "undisturbed"]);
        workspace.tree("out").assert_same(&undisturbed);
        fs::remove_dir_all(workspace.path("out")).unwrap();
    }
}

#[test]
fn a_killed_overwrite_keeps_the_old_export() {
    let workspace = with_slides();
    workspace.export(["small.tif", "-o", "out"]).succeeds();
    let before = workspace.tree("out");
    workspace.start_export(["large.tif", "-o", "out", "--overwrite"]).wait_for("progress").kill();
    workspace.tree("out").assert_same(&before);

    workspace.export(["small.tif", "-o", "out", "--overwrite"]).succeeds();
    workspace.tree("out").assert_same(&before);
    assert_eq!(workspace.names(), ["large.tif", "out", "small.tif"]);
}

#[test]
fn a_second_run_with_the_same_output_is_refused() {
    let workspace = with_slides();
    let first = workspace.start_export(["large.tif", "-o", "out"]).wait_for("started");
    for options in [&[][..], &["--overwrite"]] {
        workspace.export([&["small.tif", "-o", "out"], options].concat()).fails(
            4,
            &["another export is writing here", "\nhint: wait until the other run has ended"],
        );
    }
    // The first run continues, and other outputs are not locked.
    let first = first.wait_for("progress");
    workspace.export(["small.tif", "-o", "other"]).succeeds();
    first.wait_for("progress").interrupt(Signal::SIGINT);
    assert_eq!(workspace.names(), ["large.tif", "other", "small.tif"]);
}
