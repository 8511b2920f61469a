//! Writes that take only a part of what they are given, as those to a pipe, a network or an almost full disk may: they are continued, and the
//! export is the same byte for byte.
//!
//! strace cannot do this: it says that a part was taken, and takes none. A few lines of C between the program and the C library can; where there
//! is no C compiler, this is skipped.

use std::path::PathBuf;
use std::process::Command;

use crate::slides::{self, WriteInto};
use crate::workspace::{Run, Workspace};

/// Compiles what is loaded before the C library, so that a write takes at most so many bytes.
fn library(workspace: &Workspace, part: usize) -> Option<PathBuf> {
    let library = workspace.path(format!("short-writes-{part}.so"));
    let source = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/command_line/short_writes.c");
    let mut compiler = Command::new("cc");
    compiler.args(["-shared", "-fPIC", &format!("-DPART={part}"), source, "-o"]).arg(&library);
    match compiler.output() {
        Ok(output) => assert!(output.status.success(), "{output:?}"),
        Err(error) => {
            skipped!("there is no C compiler here: {error}");
            return None;
        }
    }
    Some(library)
}

#[test]
fn writes_that_take_only_a_part_or_are_interrupted_are_continued() {
    let workspace = Workspace::new();
    slides::small().write_into(&workspace, "scan.tif");
    for output in ["scan", "scan.zip", "scan.szi"] {
        workspace.export(["scan.tif", "-o", &format!("whole/{output}")]).succeeds();
        let whole = workspace.tree("whole");
        for part in [1, 4093] {
            let Some(library) = library(&workspace, part) else { return };
            let mut command = workspace.command(["export", "scan.tif", "-o", &format!("out/{output}")]);
            let run = Run::of(command.env("LD_PRELOAD", library));
            run.succeeds();
            workspace.tree("out").assert_same(&whole);
            std::fs::remove_dir_all(workspace.path("out")).unwrap();
        }
        std::fs::remove_dir_all(workspace.path("whole")).unwrap();
    }
}
