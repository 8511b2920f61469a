//! `--progress`: output on stderr for people and programs, and none on stdout.

use std::fs::OpenOptions;
use std::process::Stdio;

use serde_json::Value;
use slidezoom_fixtures::TileFault;

use crate::deep_zoom::DeepZoom;
use crate::layout::{PAGE, assert_layout};
use crate::slides::{self, SIZE, WriteInto};
use crate::workspace::{Run, Workspace};

/// Parses every line on stderr as JSON.
#[track_caller]
fn events(run: &Run) -> Vec<Value> {
    run.stderr
        .lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{line:?}: {error}")))
        .collect()
}

fn with_slide() -> Workspace {
    let workspace = Workspace::new();
    slides::small().write_into(&workspace, "scan.tif");
    workspace
}

#[test]
fn json_progress_begins_with_started_and_ends_with_finished() {
    let workspace = Workspace::new();
    // Many small tiles make the run long enough for a progress line.
    slides::exact((900, 700), slidezoom_fixtures::Pattern::Gradient)
        .write_into(&workspace, "scan.tif");
    let run = workspace
        .export(["scan.tif", "--progress", "json", "--tile-size", "8", "--jobs", "1"])
        .succeeds();
    assert!(run.stdout.is_empty(), "{run:?}");
    let plan = DeepZoom::new((900, 700)).with_tiles(8, 1);
    let tiles = plan.tiles().len();

    let events = events(&run);
    let (started, finished) = (&events[0], &events[events.len() - 1]);
    assert_eq!(
        (&started["event"], &started["name"]),
        (&Value::from("started"), &Value::from("scan"))
    );
    assert_eq!(started["tiles"], tiles);
    assert_eq!(
        (&finished["event"], &finished["name"]),
        (&Value::from("finished"), &Value::from("scan"))
    );
    assert_eq!(finished["tiles"], tiles);
    assert_eq!(finished["output"], "scan");
    assert!(finished["seconds"].as_f64().unwrap() > 0.0);
    let tree = workspace.tree("scan");
    let bytes: usize = tree
        .files()
        .into_iter()
        .filter(|file| file.starts_with("scan_files/"))
        .map(|file| tree.file(file).len())
        .sum();
    assert_eq!(finished["bytes"], bytes);

    let mut before = 0;
    for event in &events[1..events.len() - 1] {
        assert_eq!(event["event"], "progress");
        assert_eq!(event["totalPixels"], started["pixels"]);
        let pixels = event["pixels"].as_u64().unwrap();
        assert!(pixels >= before && pixels <= started["pixels"].as_u64().unwrap(), "{event}");
        before = pixels;
    }
}

#[test]
fn json_progress_names_the_slide_of_each_event() {
    let workspace = with_slide();
    slides::small().write_into(&workspace, "more.tif");
    let run =
        workspace.export(["scan.tif", "more.tif", "-o", "out", "--progress", "json"]).succeeds();
    let events = events(&run);
    for name in ["scan", "more"] {
        let of_slide: Vec<&Value> = events.iter().filter(|event| event["name"] == name).collect();
        assert_eq!(of_slide.first().unwrap()["event"], "started");
        assert_eq!(of_slide.last().unwrap()["event"], "finished");
        assert_eq!(of_slide.last().unwrap()["output"], format!("out/{name}"));
    }
}

#[test]
fn json_progress_reports_failures() {
    let workspace = Workspace::new();
    slides::small().tile_fault(0, 1, 1, TileFault::BrokenHeader).write_into(&workspace, "bad.tif");
    let run = workspace.export(["bad.tif", "--progress", "json"]);
    assert_eq!(run.code(), Some(3), "{run:?}");
    let events: Vec<Value> =
        run.stderr.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let failed =
        events.iter().find(|event| event["event"] == "failed").unwrap_or_else(|| panic!("{run:?}"));
    assert_eq!((&failed["name"], &failed["exitCode"]), (&Value::from("bad"), &Value::from(3)));
    assert!(
        failed["message"].as_str().unwrap().contains("256×244 pixels at (256, 256)"),
        "{failed}"
    );
}

#[test]
fn a_short_run_without_a_terminal_prints_one_line() {
    let workspace = with_slide();
    for mode in ["auto", "plain"] {
        let run = workspace.export(["scan.tif", "--overwrite", "--progress", mode]).succeeds();
        assert!(run.stdout.is_empty(), "{run:?}");
        assert_eq!(run.stderr.lines().count(), 1, "{run:?}");
        assert!(!run.stderr.contains('\u{1b}'), "{run:?}");
        let tiles = format!("scan: {} tiles, ", DeepZoom::new(SIZE).tiles().len());
        assert!(
            run.stderr.starts_with(&tiles) && run.stderr.trim_end().ends_with(": scan"),
            "{run:?}"
        );
    }
}

#[test]
fn progress_none_prints_only_failures() {
    let workspace = with_slide();
    let run = workspace.export(["scan.tif", "--progress", "none"]).succeeds();
    assert_eq!((run.text(), run.stderr.as_str()), ("", ""));
    workspace.export(["scan.tif", "--progress", "none"]).fails(4, &["scan: exists already"]);
}

/// Runs `export` with a stderr that accepts no output, and returns the exit code.
fn code_without_stderr(workspace: &Workspace, arguments: &[&str], stderr: Stdio) -> Option<i32> {
    let mut command = workspace.command(["export"]);
    let mut child = command.args(arguments).stderr(stderr).spawn().unwrap();
    // If stderr is a pipe, close its other end.
    drop(child.stderr.take());
    child.wait().unwrap().code()
}

#[test]
fn exports_with_closed_or_full_stderr() {
    let full = || OpenOptions::new().write(true).open("/dev/full").ok();
    if full().is_none() {
        skipped!("there is no /dev/full here");
    }
    for mode in ["plain", "json", "none"] {
        for stderr in [full().map(Stdio::from), Some(Stdio::piped())].into_iter().flatten() {
            let workspace = with_slide();
            let context = format!("--progress {mode} to {stderr:?}");
            let code = code_without_stderr(&workspace, &["scan.tif", "--progress", mode], stderr);
            assert_eq!(code, Some(0), "{context}");
            assert_layout(&workspace.tree("scan"), "scan", DeepZoom::new(SIZE), "jpeg", &PAGE);
            assert_eq!(workspace.names(), ["scan", "scan.tif"], "{context}");
            for stderr in [full().map(Stdio::from), Some(Stdio::piped())].into_iter().flatten() {
                assert_eq!(
                    code_without_stderr(&workspace, &["missing.tif", "--progress", mode], stderr),
                    Some(3),
                    "{context}"
                );
            }
        }
    }
}
