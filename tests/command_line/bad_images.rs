//! Images that cannot be read: exit code 3, one clear line, nothing left, and that in bounded time
//! and memory.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::Write;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use slidezoom_fixtures::Subsampling;
use slidezoom_fixtures::image::{
    ImageBuilder, ImageFile, ImageFormat, JpegCoding, RowOrder, every_format,
};

use crate::workspace::{Run, Workspace};

const SIZE: (u32, u32) = (300, 270);

/// Longer than any of these takes on a busy machine, shorter than going through what the worst of
/// them claims.
const AT_MOST: Duration = Duration::from_secs(10);

/// The address space that a run may take, in KiB: several times what one of a small image does.
const ADDRESS_SPACE: &str = "1500000";

/// `slidezoom` with these arguments, in an address space with an end.
fn limited(workspace: &Workspace, arguments: &[&str]) -> Command {
    let slidezoom: Vec<OsString> = {
        let command = workspace.command(arguments);
        [command.get_program()]
            .into_iter()
            .chain(command.get_args())
            .map(ToOwned::to_owned)
            .collect()
    };
    let mut command = Command::new("sh");
    command
        .args(["-c", &format!("ulimit -v {ADDRESS_SPACE} && exec \"$0\" \"$@\"")])
        .args(slidezoom);
    command.current_dir(workspace.path("")).stdin(Stdio::null());
    command
}

/// The bytes are refused with these words as a file, soon, and nothing is left.
#[track_caller]
fn assert_refused(what: &str, bytes: &[u8], words: &[&str]) -> Run {
    let workspace = Workspace::new();
    fs::write(workspace.path("image"), bytes).unwrap();
    let started = Instant::now();
    let run = Run::of(&mut limited(&workspace, &["export", "image", "-o", "out", "--jobs", "2"]));
    let took = started.elapsed();
    assert!(took < AT_MOST, "{what} takes {took:?}");
    assert_eq!(run.code(), Some(3), "{what}: {run:?}");
    let run = run.fails(3, words).says(&["slidezoom: cannot ", " image: "]);
    assert_eq!(workspace.names(), ["image"], "{what}");
    run
}

fn format(name: &str) -> ImageFile {
    every_format(SIZE).unwrap().into_iter().find(|file| file.name == name).unwrap()
}

fn put(bytes: &mut [u8], at: usize, new: &[u8]) {
    bytes[at..at + new.len()].copy_from_slice(new);
}

/// Where these bytes are first.
#[track_caller]
fn position(bytes: &[u8], wanted: &[u8]) -> usize {
    bytes.windows(wanted.len()).position(|window| window == wanted).unwrap()
}

/// A PNG file that says it has another size, and says so without an error.
fn png_of(mut bytes: Vec<u8>, width: u32, height: u32) -> Vec<u8> {
    put(&mut bytes, 16, &[width.to_be_bytes(), height.to_be_bytes()].concat());
    let check = crc32fast::hash(&bytes[12..29]);
    put(&mut bytes, 29, &check.to_be_bytes());
    bytes
}

/// A JPEG file that says it has another size.
fn jpeg_of(mut bytes: Vec<u8>, width: u16, height: u16) -> Vec<u8> {
    let frame = position(&bytes, &[0xff, 0xc0]);
    put(&mut bytes, frame + 5, &[height.to_be_bytes(), width.to_be_bytes()].concat());
    bytes
}

/// Where the value of a little-endian classic TIFF's entry is that has one.
fn tiff_value(bytes: &[u8], tag: u16) -> usize {
    let at = u32::from_le_bytes(bytes[4..8].try_into().unwrap()) as usize;
    let entries = bytes[at + 2..].chunks_exact(12);
    at + 2 + 8 + 12 * entries.into_iter().position(|entry| entry[..2] == tag.to_le_bytes()).unwrap()
}

#[test]
fn rejects_truncated_files() {
    for file in every_format(SIZE).unwrap() {
        let length = file.bytes.len();
        // TIFF's directory is at its end, BMP's rows may be padded, and JPEG's last two bytes are
        // its marker.
        for length in [length / 2, length - 30, length - 5, length - 1] {
            assert_refused(&format!("{} of {length} bytes", file.name), &file.bytes[..length], &[]);
        }
    }
}

#[test]
fn rejects_files_of_a_few_bytes() {
    for file in every_format(SIZE).unwrap() {
        for length in [0, 1, 8, 12, 13, 20, 40] {
            assert_refused(&format!("{} of {length} bytes", file.name), &file.bytes[..length], &[]);
        }
    }
}

#[test]
fn reports_wrong_checksums() {
    let png = format("rows.png").bytes;
    let data = position(&png, b"IDAT");
    for (what, at) in
        [("of the header", 20), ("of the data", data + 100), ("of the last chunk", png.len() - 1)]
    {
        let mut bytes = png.clone();
        bytes[at] ^= 0x10;
        assert_refused(what, &bytes, &[]);
    }
}

#[test]
fn rejects_sizes_that_the_file_cannot_hold() {
    let claims = "its header claims ";
    let mut png = png_of(format("rows.png").bytes, i32::MAX as u32, i32::MAX as u32);
    png.truncate(2048);
    assert_refused("PNG", &png, &[claims]);
    let jpeg = ImageFormat::Jpeg {
        coding: JpegCoding::Baseline,
        subsampling: Subsampling::Quarter,
        quality: 80,
    };
    let mut jpeg = jpeg_of(ImageBuilder::new(16, 16, jpeg).bytes().unwrap(), 65_500, 65_500);
    jpeg.truncate(700);
    assert_refused("JPEG", &jpeg, &[claims]);
    assert_refused("PNM", b"P6 2000000000 2000000000 255\n12345", &[]);
    let mut bmp = format("rows.bmp").bytes;
    put(&mut bmp, 18, &[0xff, 0xff, 0xff, 0x7f, 0xff, 0xff, 0xff, 0x7f]);
    assert_refused("BMP", &bmp, &[]);
    let mut tiff = format("deflate.tif").bytes;
    for tag in [256, 257] {
        let at = tiff_value(&tiff, tag);
        put(&mut tiff, at, &i32::MAX.to_le_bytes());
    }
    assert_refused("TIFF", &tiff, &[]);
    let mut jpeg_2000 = format("tissue.jp2").bytes;
    let size = position(&jpeg_2000, &[0xff, 0x51]);
    put(&mut jpeg_2000, size + 6, &[0x7f, 0xff, 0xff, 0xff, 0x7f, 0xff, 0xff, 0xff]);
    assert_refused("JPEG 2000", &jpeg_2000, &[]);
    let mut webp = format("lossless.webp").bytes;
    let size = position(&webp, b"VP8L") + 9;
    put(&mut webp, size, &[0xff, 0xff, 0xff, 0x0f]);
    assert_refused("WebP", &webp, &[]);
}

#[test]
fn rejects_empty_sizes() {
    let impossible = "invalid size";
    for (width, height) in [(0, 5), (5, 0), (0, 0)] {
        assert_refused("PNG", &png_of(format("rows.png").bytes, width, height), &[]);
        assert_refused(
            "JPEG",
            &jpeg_of(format("baseline.jpg").bytes, width as u16, height as u16),
            &[],
        );
        assert_refused("PNM", format!("P6 {width} {height} 255\n12345").as_bytes(), &[impossible]);
        let mut bmp = format("rows.bmp").bytes;
        put(&mut bmp, 18, &[width.to_le_bytes(), height.to_le_bytes()].concat());
        assert_refused("BMP", &bmp, &[]);
        let mut tiff = format("deflate.tif").bytes;
        for (tag, side) in [(256, width), (257, height)] {
            let at = tiff_value(&tiff, tag);
            put(&mut tiff, at, &side.to_le_bytes());
        }
        assert_refused("TIFF", &tiff, &[]);
        let mut jpeg_2000 = format("tissue.jp2").bytes;
        let size = position(&jpeg_2000, &[0xff, 0x51]);
        put(&mut jpeg_2000, size + 6, &[width.to_be_bytes(), height.to_be_bytes()].concat());
        assert_refused("JPEG 2000", &jpeg_2000, &[]);
    }
}

#[test]
fn rejects_a_strip_beyond_the_end() {
    let jump = |tiff: &mut Vec<u8>, tag| {
        let table = tiff_value(tiff, tag);
        let table = u32::from_le_bytes(tiff[table..table + 4].try_into().unwrap()) as usize;
        put(tiff, table + 8, &2_000_000_000_u32.to_le_bytes());
    };
    for (name, tag) in
        [("plain.tif", 273), ("deflate.tif", 273), ("deflate.tif", 279), ("deep.tif", 324)]
    {
        let mut tiff = format(name).bytes;
        jump(&mut tiff, tag);
        assert_refused(&format!("{name}, {tag}"), &tiff, &[]);
    }
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
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // What refuses the header has not waited for the end, which comes when this is dropped:
        // after it.
        let mut pipe = child.stdin.take().unwrap();
        pipe.write_all(header.as_bytes()).unwrap();
        pipe.write_all(&[0; 1000]).unwrap();
        let output = child.wait_with_output().unwrap();
        drop(pipe);
        let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
        let run = Run { status: output.status, stdout: output.stdout, stderr };
        run.fails(3, &["cannot read standard input: it needs ", " MiB of memory"]);
        assert!(started.elapsed() < AT_MOST);
    }
    assert_eq!(workspace.names(), [""; 0]);
}

#[test]
fn reports_the_memory_that_whole_images_need() {
    let progressive = ImageFormat::Jpeg {
        coding: JpegCoding::Progressive,
        subsampling: Subsampling::Quarter,
        quality: 80,
    };
    for format in [progressive, ImageFormat::Png(RowOrder::Adam7)] {
        let workspace = Workspace::new();
        fs::write(workspace.path("image"), ImageBuilder::new(700, 600, format).bytes().unwrap())
            .unwrap();
        let run = workspace.export(["image", "-o", "out", "--max-memory", "1M"]);
        let run = run.fails(
            3,
            &[
                "image: it needs ",
                "the limit is 1 MiB",
                "\nhint: raise the limit with --max-memory ",
            ],
        );
        assert_eq!(workspace.names(), ["image"]);
        let (_, hint) = run.stderr.split_once("--max-memory ").unwrap();
        let amount = hint.split_whitespace().next().unwrap();
        // The hint repeats the number of the message.
        let mebibytes = amount.strip_suffix('M').unwrap();
        assert!(run.stderr.contains(&format!("needs {mebibytes} MiB of memory")), "{run:?}");
        workspace.export(["image", "-o", "out", "--max-memory", amount]).succeeds();
        assert!(File::open(workspace.path("out/out.dzi")).is_ok());
    }
}

/// What `export` with standard input from a file says.
fn from_file(workspace: &Workspace, name: &str) -> Run {
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
    let mut command = workspace.command(["export", "/dev/stdin", "-o", "out"]);
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let pipe = child.stdin.take().unwrap();
    let output = child.wait_with_output().unwrap();
    drop(pipe);
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    Run { status: output.status, stdout: output.stdout, stderr }
        .fails(3, &["cannot read /dev/stdin: it is a pipe"]);
}

#[test]
fn distinguishes_files_and_pipes_on_standard_input() {
    let workspace = Workspace::new();
    fs::write(workspace.path("image.tif"), format("deflate.tif").bytes).unwrap();
    from_file(&workspace, "image.tif").fails(
        3,
        &["TIFF can be read only from a file", "\nhint: give the name of the file instead of -"],
    );
    fs::write(workspace.path("empty"), "").unwrap();
    from_file(&workspace, "empty")
        .fails(3, &["cannot read standard input: the input is empty", "\nhint: the file is empty"]);
    fs::write(workspace.path("image.png"), format("rows.png").bytes).unwrap();
    from_file(&workspace, "image.png").succeeds();
    let mut command = workspace.command(["export", "-", "-o", "other"]);
    let output = command.stdin(Stdio::piped()).output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    let run = Run { status: output.status, stdout: output.stdout, stderr };
    run.fails(
        3,
        &[
            "cannot read standard input: the input is empty",
            "\nhint: check whether the program before the pipe failed",
        ],
    );
}

#[test]
fn reports_damage_without_slide_terms() {
    let png = format("rows.png").bytes;
    let mut bytes = png.clone();
    bytes[position(&png, b"IDAT") + 100] ^= 0x10;
    let run = assert_refused("PNG", &bytes, &["copy it again"]);
    let inner = ["ChunkType", "{", "slide level", "folder beside it"];
    assert!(inner.iter().all(|word| !run.stderr.contains(word)), "{run:?}");
    let mut bytes = png.clone();
    bytes[20] ^= 0x10;
    assert_refused("PNG", &bytes, &["the checksum of its IHDR chunk is wrong"]);

    let jpeg = format("baseline.jpg").bytes;
    let run =
        assert_refused("JPEG", &jpeg[..jpeg.len() / 2], &["rows from ", "the file is truncated"]);
    assert!(!run.stderr.contains("slide level"), "{run:?}");
}

#[test]
fn reports_unsupported_jpeg_as_not_supported() {
    let jpeg = format("baseline.jpg").bytes;
    let frame = position(&jpeg, &[0xff, 0xc0]) + 1;
    // Differential, arithmetic and lossless; JPEG-LS.
    for kind in [0xc5, 0xcf, 0xf7] {
        let mut bytes = jpeg.clone();
        bytes[frame] = kind;
        let run = assert_refused(
            "JPEG",
            &bytes,
            &["not supported: this kind of JPEG", "with another program"],
        );
        assert!(!run.stderr.contains("copy it again"), "{run:?}");
    }
}

#[test]
fn rejects_output_over_the_input() {
    let workspace = Workspace::new();
    fs::write(workspace.path("image"), format("rows.png").bytes).unwrap();
    for arguments in [&["image"][..], &["image", "-o", "./image"], &["image", "--overwrite"]] {
        workspace.export(arguments).fails(
            2,
            &["image: the output would replace the input", "\nhint: choose another output with -o"],
        );
    }
    assert_eq!(fs::read(workspace.path("image")).unwrap(), format("rows.png").bytes);
}

#[test]
fn rejects_archive_names_with_a_trailing_slash() {
    let workspace = Workspace::new();
    fs::write(workspace.path("image.png"), format("rows.png").bytes).unwrap();
    for output in ["sub.zip/", "sub.szi/"] {
        workspace.export(["image.png", "-o", output]).fails(2, &[output, "cannot end in a slash"]);
    }
    workspace.export(["image.png", "-o", "folder/"]).succeeds();
    workspace
        .slidezoom(["repack", "folder", "-o", "copy.zip/"])
        .fails(2, &["copy.zip/: the name of an archive cannot end in a slash"]);
}

#[test]
fn prints_the_reader_with_progress_off() {
    let workspace = Workspace::new();
    fs::write(workspace.path("image.png"), format("rows.png").bytes).unwrap();
    let run = workspace.export(["image.png", "-v", "--progress", "none"]).succeeds();
    assert_eq!(run.stderr, "image: reader: PNG (8-bit RGB)\n");
}
