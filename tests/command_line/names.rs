//! Hostile names of slides and exports: they are used literally or rejected, and cannot leave the
//! folder or run code.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::Path;

use crate::deep_zoom::DeepZoom;
use crate::descriptions::page_description;
use crate::layout::{PAGE, assert_layout};
use crate::slides::{self, SIZE, WriteInto};
use crate::workspace::{Run, Workspace, assert_one_message, exports_in, names_in};

/// Names that are special for shells, pages, terminals or file systems.
const HOSTILE: [&str; 17] = [
    "two words",
    " leading and trailing ",
    "it's \"quoted\"",
    "new\nline",
    "tab\tand\rreturn",
    "\u{1b}[31mred\u{7}",
    "<script>alert(1)<",
    "<img src=x onerror=alert(1)>",
    "{{title}}{{title}}",
    "&amp;&lt;",
    "100%25 #1?a=b",
    "back\\slash",
    "$(touch hacked);`touch hacked`",
    "\u{202e}gpj.ssenisub",
    "Gewebe-Übersicht 組織 🔬",
    "*?[a]",
    "CON",
];

/// Splits a page into the text before the title, the title, and the rest.
fn around_title(page: &str) -> (&str, &str, &str) {
    let (before, rest) = page.split_once("<title>").unwrap();
    let (title, after) = rest.split_once("</title>").unwrap();
    (before, title, after)
}

#[test]
fn exports_slides_with_hostile_names() {
    let plain = Workspace::new();
    slides::small().write_into(&plain, "plain.tif");
    plain.export(["plain.tif"]).succeeds();
    let plain = plain.tree("plain");
    let (plain_before, _, plain_after) = around_title(plain.text("index.html"));
    for name in HOSTILE {
        let workspace = Workspace::new();
        let file = format!("{name}.tif");
        slides::small().write_into(&workspace, format!("in/{file}"));
        fs::create_dir(workspace.path("work")).unwrap();
        let mut command = workspace.command(["export", &format!("../in/{file}")]);
        let run = Run::of(command.current_dir(workspace.path("work"))).succeeds();

        // Control characters are escaped, so the message is one line.
        assert_eq!(run.stderr.lines().count(), 1, "{run:?}");
        assert!(!run.stderr.trim_end_matches('\n').contains(char::is_control), "{run:?}");

        let tree = workspace.tree(Path::new("work").join(name));
        assert_layout(&tree, name, DeepZoom::new(SIZE), "jpeg", &PAGE);
        assert_eq!(tree.json(&format!("{name}.json"))["name"], name);
        assert_eq!(page_description(&tree)["name"], name);
        // The page differs from others only in its title, which contains no elements.
        let (before, title, after) = around_title(tree.text("index.html"));
        assert!(!title.contains(['<', '>', '"']), "{title}");
        assert!((before, after) == (plain_before, plain_after), "{name}");

        assert_eq!(workspace.names(), ["in", "work"], "{name:?}");
        assert_eq!(names_in(&workspace.path("work")), [name]);
        assert_eq!(names_in(&workspace.path("in")), [file]);
    }
}

#[test]
fn exports_to_hostile_names() {
    for name in HOSTILE {
        let workspace = Workspace::new();
        slides::small().write_into(&workspace, "scan.tif");
        workspace.export(["scan.tif", "-o", &format!("out/{name}")]).succeeds();
        assert_layout(
            &workspace.tree(format!("out/{name}")),
            name,
            DeepZoom::new(SIZE),
            "jpeg",
            &PAGE,
        );
        assert_eq!(workspace.names(), ["out", "scan.tif"]);
    }
}

#[test]
fn error_messages_with_hostile_names_are_one_line() {
    for name in HOSTILE {
        let workspace = Workspace::new();
        let file = format!("{name}.svs");
        workspace.export([&file]).fails(3, &[]);
        workspace.slidezoom(["info", &file]).fails(3, &[]);
        fs::write(workspace.path(&file), "no slide").unwrap();
        workspace.export([&file]).fails(3, &[]);

        let run = workspace.export([file.as_str(), "missing", "-o", "out"]);
        for message in run.stderr.split_inclusive('\n').filter(|line| !line.starts_with("hint: ")) {
            assert_one_message(message);
        }
        assert_eq!(workspace.names(), [file]);
    }
}

#[test]
fn printed_hostile_names_are_one_line() {
    for name in HOSTILE {
        let workspace = Workspace::new();
        let file = format!("{name}.tif");
        slides::small().write_into(&workspace, &file);
        for arguments in [["info", file.as_str()].as_slice(), &["export", "--dry-run", &file]] {
            let run = workspace.slidezoom(arguments).succeeds();
            assert!(!run.text().lines().any(|line| line.contains(char::is_control)), "{run:?}");
            slides::small().write_into(&workspace, "plain.tif");
            let plain_arguments = arguments
                .iter()
                .map(|&argument| if argument == file { "plain.tif" } else { argument });
            let plain = workspace.slidezoom(plain_arguments).succeeds();
            assert_eq!(run.text().lines().count(), plain.text().lines().count(), "{run:?}");
        }
    }
}

#[test]
fn accepts_names_with_a_leading_dash() {
    let workspace = Workspace::new();
    slides::small().write_into(&workspace, "-x.tif");
    workspace.export(["./-x.tif"]).succeeds();
    assert_layout(&workspace.tree("-x"), "-x", DeepZoom::new(SIZE), "jpeg", &PAGE);
    workspace.export(["--overwrite", "--", "-x.tif"]).succeeds();
    workspace.export(["./-x.tif", "-o", "--no-viewer"]).reports(&["--output"]);
    assert_eq!(workspace.names(), ["-x", "-x.tif"]);
}

#[test]
fn rejects_names_that_lead_out_of_the_folder() {
    let workspace = Workspace::new();
    // Without the extension, these are `.` and `..`.
    slides::small().write_into(&workspace, "..tif");
    slides::small().write_into(&workspace, "...tif");
    let before = workspace.tree("");
    for file in ["..tif", "...tif"] {
        workspace.export([file]).fails(2, &["is not a valid export name"]);
    }
    workspace.tree("").assert_same(&before);
    workspace.export(["...tif", "-o", "out"]).succeeds();
    // With several slides, they fail as other slides do.
    slides::small().write_into(&workspace, "good.tif");
    let run = workspace.export(["..tif", "...tif", "good.tif", "-o", "several"]);
    assert_eq!(run.code(), Some(2), "{run:?}");
    assert_eq!(exports_in(&workspace.path("several")), ["good"]);
    assert_eq!(workspace.names(), ["...tif", "..tif", "good.tif", "out", "several"]);
}

#[test]
fn accepts_names_that_are_not_unicode() {
    let workspace = Workspace::new();
    let slide = slides::small().write_into(&workspace, "scan.tif");
    let file = OsString::from_vec(b"caf\xe9.tif".to_vec());
    fs::rename(slide, workspace.path(&file)).unwrap();

    workspace.export([file.as_os_str()]).succeeds();
    assert_layout(
        &workspace.tree("caf\u{fffd}"),
        "caf\u{fffd}",
        DeepZoom::new(SIZE),
        "jpeg",
        &PAGE,
    );
    let info = workspace.slidezoom([OsStr::new("info"), &file]).succeeds();
    assert!(info.text().contains("caf\u{fffd}.tif"), "{info:?}");
    let report =
        workspace.slidezoom([OsStr::new("info"), OsStr::new("--json"), &file]).succeeds().json();
    assert_eq!(report["slide"]["path"], "caf\u{fffd}.tif");
    workspace
        .export([&file, OsStr::new("--overwrite"), OsStr::new("--progress"), OsStr::new("json")])
        .succeeds();

    // The description cannot contain such a name of an export.
    workspace.export([&file, OsStr::new("-o"), OsStr::from_bytes(b"\xff")]).fails(2, &["UTF-8"]);
}

#[test]
fn a_name_too_long_for_the_disk_is_a_destination_error() {
    let workspace = Workspace::new();
    let name = "n".repeat(251);
    let file = format!("{name}.tif");
    slides::small().write_into(&workspace, &file);
    workspace.export([&file]).fails(4, &["File name too long"]);
    assert_eq!(workspace.names(), std::slice::from_ref(&file));
    workspace.export([&file, "-o", "short"]).succeeds();

    let longest = "n".repeat(245);
    workspace.export([file.as_str(), "-o", &longest]).succeeds();
    assert_layout(&workspace.tree(&longest), &longest, DeepZoom::new(SIZE), "jpeg", &PAGE);
}

#[test]
fn exports_slides_with_the_names_of_export_files() {
    for name in ["index", "index.html", "viewer", "associated", "associated_files"] {
        let workspace = Workspace::new();
        slides::aperio().write_into(&workspace, format!("{name}.svs"));
        workspace.export([format!("{name}.svs")]).succeeds();
        let others = [&PAGE[..], &["associated/thumbnail.jpeg"]].concat();
        assert_layout(&workspace.tree(name), name, DeepZoom::new(SIZE), "jpeg", &others);
    }
}
