//! Images from standard input, and named pipes.

use std::fs::{self, File};
use std::io::Write;

use std::time::Instant;

use slidezoom_fixtures::image::{Samples, every_format, pixel};

use crate::bad_images::{TIME_LIMIT, format, limited};
use crate::images::{EXACT, PNG, SIZE, assembled_base, image_bytes};
use crate::rgb_image::RgbImage;
use crate::workspace::{Run, Workspace, spawn_piped};

#[test]
fn reads_images_from_a_pipe() {
    for file in every_format(SIZE).unwrap() {
        let workspace = Workspace::new();
        let run = workspace.slidezoom_with_input(
            &[&["export", "-", "-o", "out"], &EXACT[..]].concat(),
            &file.bytes,
        );
        let needs_file = match file.name {
            "tissue.jp2" => Some(
                "cannot read standard input: JPEG 2000 can be read only from a file, not from a pipe",
            ),
            name if name.ends_with("tif") => Some(
                "cannot read standard input: TIFF can be read only from a file, not from a pipe",
            ),
            _ => None,
        };
        if let Some(words) = needs_file {
            run.fails(3, &[words, "\nhint: save it to a file first"]);
            assert_eq!(workspace.names(), [""; 0]);
            continue;
        }
        run.succeeds();
        let jpeg = file.name.ends_with("jpg");
        let expected =
            if jpeg { RgbImage::from_jpeg(&file.bytes) } else { RgbImage::draw(SIZE, pixel) };
        assert!(assembled_base(&workspace, SIZE) == expected, "{}", file.name);
        let info = workspace.slidezoom_with_input(&["info", "-"], &file.bytes).succeeds();
        assert!(info.text().contains(file.reader), "{info:?}");
    }
}

#[test]
fn requires_an_output_name_for_standard_input() {
    let workspace = Workspace::new();
    let png = image_bytes((20, 10), PNG, Samples::default());
    fs::write(workspace.path("other.png"), &png).unwrap();
    for (arguments, words) in [
        (
            &["-"][..],
            ["an image from standard input has no name", "\nhint: name the export with -o"],
        ),
        (
            &["-", "other.png", "-o", "out"],
            ["standard input must be the only input", "\nhint: export the other inputs"],
        ),
        (&["-", "-", "-o", "out"], ["standard input must be the only input", "\nhint: "]),
        (
            &["-", "-o", "out", "--resume"],
            ["an export from standard input cannot be resumed", "\nhint: save the image to a file"],
        ),
    ] {
        workspace.slidezoom_with_input(&[&["export"], arguments].concat(), &png).fails(2, &words);
    }
    let nothing = ["standard input: ", "the input is empty"];
    workspace.slidezoom_with_input(&["export", "-", "-o", "out"], b"").fails(3, &nothing);
    workspace.slidezoom_with_input(&["info", "-"], b"").fails(3, &nothing);
    workspace
        .slidezoom_with_input(&["export", "-", "-o", "out"], b"Dear all")
        .fails(3, &["not a supported slide or image"]);
    assert_eq!(workspace.names(), ["other.png"]);
}

#[test]
fn rejects_a_huge_header_without_waiting_for_the_pipe() {
    let workspace = Workspace::new();
    for header in [
        "P6 2000000000 2000000000 255\n",
        "P5 2147483647 1000000 65535\n",
        "P6 100000000 100 255\n",
    ] {
        let mut command = limited(&workspace, &["export", "-", "-o", "out", "--jobs", "2"]);
        let started = Instant::now();
        let mut child = spawn_piped(&mut command);
        let mut pipe = child.stdin.take().unwrap();
        pipe.write_all(header.as_bytes()).unwrap();
        pipe.write_all(&[0; 1000]).unwrap();
        let run = Run::wait_for(child);
        // The pipe stays open until the run has failed: it did not wait for the end of the input.
        drop(pipe);
        run.fails(3, &["cannot read standard input: it needs ", " MiB of memory"]);
        assert!(started.elapsed() < TIME_LIMIT);
    }
    assert_eq!(workspace.names(), [""; 0]);
}

/// Runs `export` with a file as standard input.
fn export_from_file(workspace: &Workspace, name: &str) -> Run {
    let mut command = workspace.command(["export", "-", "-o", "out"]);
    Run::of(command.stdin(File::open(workspace.path(name)).unwrap()))
}

#[test]
fn reports_named_pipes() {
    let workspace = Workspace::new();
    nix::unistd::mkfifo(&workspace.path("pipe"), nix::sys::stat::Mode::S_IRWXU).unwrap();
    for arguments in [&["export", "pipe", "-o", "out"][..], &["info", "pipe"]] {
        let run = workspace.slidezoom(arguments);
        run.fails(
            3,
            &["cannot read pipe: it is a pipe, not a file", "\nhint: use - to read an image"],
        );
    }
    let mut child = spawn_piped(&mut workspace.command(["export", "/dev/stdin", "-o", "out"]));
    let pipe = child.stdin.take().unwrap();
    let run = Run::wait_for(child);
    drop(pipe);
    run.fails(3, &["cannot read /dev/stdin: it is a pipe"]);
}

#[test]
fn distinguishes_files_and_pipes_on_standard_input() {
    let workspace = Workspace::new();
    fs::write(workspace.path("image.tif"), format("deflate.tif").bytes).unwrap();
    export_from_file(&workspace, "image.tif").fails(
        3,
        &["TIFF can be read only from a file", "\nhint: give the name of the file instead of -"],
    );
    fs::write(workspace.path("empty"), "").unwrap();
    export_from_file(&workspace, "empty")
        .fails(3, &["cannot read standard input: the input is empty", "\nhint: the file is empty"]);
    fs::write(workspace.path("image.png"), format("rows.png").bytes).unwrap();
    export_from_file(&workspace, "image.png").succeeds();
    workspace.slidezoom_with_input(&["export", "-", "-o", "other"], b"").fails(
        3,
        &[
            "cannot read standard input: the input is empty",
            "\nhint: check whether the program before the pipe failed",
        ],
    );
}
