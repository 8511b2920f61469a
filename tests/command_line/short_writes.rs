//! Short and interrupted writes, as on pipes, networks and almost full disks: slidezoom continues
//! them, and the export has the usual bytes.
//!
//! strace cannot inject short writes: it reports a count without writing anything. A small C
//! library, loaded with `LD_PRELOAD`, can. Skipped without a C compiler.

use std::path::PathBuf;
use std::process::Command;

use crate::slides::{self, WriteInto};
use crate::workspace::{Run, Workspace};

/// Compiles a library that limits every write to `part` bytes.
fn library(workspace: &Workspace, part: usize) -> Option<PathBuf> {
    let library = workspace.path(format!("short-writes-{part}.so"));
    let source = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/command_line/short_writes.c");
    let mut compiler = Command::new("cc");
    compiler.args(["-shared", "-fPIC", &format!("-DPART={part}"), source, "-o"]).arg(&library);
    match compiler.output() {
        Ok(output) => assert!(output.status.success(), "{output:?}"),
        Err(error) => {
            skipped!("no C compiler is installed: {error}");
            return None;
        }
    }
    Some(library)
}

#[test]
fn short_and_interrupted_writes_are_continued() {
    let workspace = Workspace::new();
    slides::small().write_into(&workspace, "scan.tif");
    for output in ["scan", "scan.zip", "scan.szi"] {
        workspace.export(["scan.tif", "-o", &format!("whole/{output}")]).succeeds();
        let whole = workspace.tree("whole");
        for part in [1, 4093] {
            let Some(library) = library(&workspace, part) else { return };
            let mut command =
                workspace.command(["export", "scan.tif", "-o", &format!("out/{output}")]);
            let run = Run::of(command.env("LD_PRELOAD", library));
            run.succeeds();
            workspace.tree("out").assert_same(&whole);
            std::fs::remove_dir_all(workspace.path("out")).unwrap();
        }
        std::fs::remove_dir_all(workspace.path("whole")).unwrap();
    }
}
