//! Damaged and unsupported images: exit code 3, one message and no output, in bounded time and
//! memory.

use std::ffi::OsString;
use std::fs::{self, File};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use slidezoom_fixtures::Subsampling;
use slidezoom_fixtures::image::{
    ImageBuilder, ImageFile, ImageFormat, JpegCoding, RowOrder, every_format,
};

use crate::workspace::{Run, Workspace};

const SIZE: (u32, u32) = (300, 270);

/// Every run is faster even on a busy machine. Processing all pixels that the headers claim would
/// take longer.
pub const TIME_LIMIT: Duration = Duration::from_secs(10);

/// The limit of the address space in KiB: several times what the export of a small image needs.
const ADDRESS_SPACE: &str = "1500000";

/// Returns a command that runs `slidezoom` with a limited address space.
pub fn limited(workspace: &Workspace, arguments: &[&str]) -> Command {
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

/// Asserts that `export` rejects a file with these bytes quickly, with these words, and leaves
/// nothing.
#[track_caller]
fn assert_rejected(what: &str, bytes: &[u8], words: &[&str]) -> Run {
    let workspace = Workspace::new();
    fs::write(workspace.path("image"), bytes).unwrap();
    let started = Instant::now();
    let run = Run::of(&mut limited(&workspace, &["export", "image", "-o", "out", "--jobs", "2"]));
    let elapsed = started.elapsed();
    assert!(elapsed < TIME_LIMIT, "{what} takes {elapsed:?}");
    assert_eq!(run.code(), Some(3), "{what}: {run:?}");
    let run = run.fails(3, words).reports(&["slidezoom: cannot ", " image: "]);
    assert_eq!(workspace.names(), ["image"], "{what}");
    run
}

/// Returns a valid file of the fixtures by its name.
pub fn format(name: &str) -> ImageFile {
    every_format(SIZE).unwrap().into_iter().find(|file| file.name == name).unwrap()
}

fn put(bytes: &mut [u8], at: usize, new: &[u8]) {
    bytes[at..at + new.len()].copy_from_slice(new);
}

/// Returns the position of the first occurrence.
#[track_caller]
fn position(bytes: &[u8], wanted: &[u8]) -> usize {
    bytes.windows(wanted.len()).position(|window| window == wanted).unwrap()
}

/// Replaces the size in the header of a PNG file and corrects the checksum.
fn png_of_size(mut bytes: Vec<u8>, width: u32, height: u32) -> Vec<u8> {
    put(&mut bytes, 16, &[width.to_be_bytes(), height.to_be_bytes()].concat());
    let check = crc32fast::hash(&bytes[12..29]);
    put(&mut bytes, 29, &check.to_be_bytes());
    bytes
}

/// Replaces the size in the header of a JPEG file.
fn jpeg_of_size(mut bytes: Vec<u8>, width: u16, height: u16) -> Vec<u8> {
    let frame = position(&bytes, &[0xff, 0xc0]);
    put(&mut bytes, frame + 5, &[height.to_be_bytes(), width.to_be_bytes()].concat());
    bytes
}

/// Returns the position of a tag's value in a little-endian classic TIFF.
fn tiff_value(bytes: &[u8], tag: u16) -> usize {
    let at = u32::from_le_bytes(bytes[4..8].try_into().unwrap()) as usize;
    let entries = bytes[at + 2..].chunks_exact(12);
    at + 2 + 8 + 12 * entries.into_iter().position(|entry| entry[..2] == tag.to_le_bytes()).unwrap()
}

#[test]
fn rejects_truncated_files() {
    for file in every_format(SIZE).unwrap() {
        let length = file.bytes.len();
        // Five bytes are more than the padding of a BMP row and the end marker of a JPEG stream.
        // The directory of a TIFF is at the end of the file.
        for length in [length / 2, length - 30, length - 5, length - 1] {
            assert_rejected(
                &format!("{} of {length} bytes", file.name),
                &file.bytes[..length],
                &[],
            );
        }
    }
}

#[test]
fn rejects_files_of_a_few_bytes() {
    for file in every_format(SIZE).unwrap() {
        for length in [0, 1, 8, 12, 13, 20, 40] {
            assert_rejected(
                &format!("{} of {length} bytes", file.name),
                &file.bytes[..length],
                &[],
            );
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
        assert_rejected(what, &bytes, &[]);
    }
}

#[test]
fn rejects_sizes_that_the_file_cannot_contain() {
    let claims = "its header claims ";
    let mut png = png_of_size(format("rows.png").bytes, i32::MAX as u32, i32::MAX as u32);
    png.truncate(2048);
    assert_rejected("PNG", &png, &[claims]);
    let jpeg = ImageFormat::Jpeg {
        coding: JpegCoding::Baseline,
        subsampling: Subsampling::Quarter,
        quality: 80,
    };
    let mut jpeg = jpeg_of_size(ImageBuilder::new(16, 16, jpeg).bytes().unwrap(), 65_500, 65_500);
    jpeg.truncate(700);
    assert_rejected("JPEG", &jpeg, &[claims]);
    assert_rejected("PNM", b"P6 2000000000 2000000000 255\n12345", &[]);
    let mut bmp = format("rows.bmp").bytes;
    put(&mut bmp, 18, &[0xff, 0xff, 0xff, 0x7f, 0xff, 0xff, 0xff, 0x7f]);
    assert_rejected("BMP", &bmp, &[]);
    let mut tiff = format("deflate.tif").bytes;
    for tag in [256, 257] {
        let at = tiff_value(&tiff, tag);
        put(&mut tiff, at, &i32::MAX.to_le_bytes());
    }
    assert_rejected("TIFF", &tiff, &[]);
    let mut jpeg_2000 = format("tissue.jp2").bytes;
    let size = position(&jpeg_2000, &[0xff, 0x51]);
    put(&mut jpeg_2000, size + 6, &[0x7f, 0xff, 0xff, 0xff, 0x7f, 0xff, 0xff, 0xff]);
    assert_rejected("JPEG 2000", &jpeg_2000, &[]);
    let mut webp = format("lossless.webp").bytes;
    let size = position(&webp, b"VP8L") + 9;
    put(&mut webp, size, &[0xff, 0xff, 0xff, 0x0f]);
    assert_rejected("WebP", &webp, &[]);
}

#[test]
fn rejects_empty_sizes() {
    let invalid = "invalid size";
    for (width, height) in [(0, 5), (5, 0), (0, 0)] {
        assert_rejected("PNG", &png_of_size(format("rows.png").bytes, width, height), &[]);
        assert_rejected(
            "JPEG",
            &jpeg_of_size(format("baseline.jpg").bytes, width as u16, height as u16),
            &[],
        );
        assert_rejected("PNM", format!("P6 {width} {height} 255\n12345").as_bytes(), &[invalid]);
        let mut bmp = format("rows.bmp").bytes;
        put(&mut bmp, 18, &[width.to_le_bytes(), height.to_le_bytes()].concat());
        assert_rejected("BMP", &bmp, &[]);
        let mut tiff = format("deflate.tif").bytes;
        for (tag, side) in [(256, width), (257, height)] {
            let at = tiff_value(&tiff, tag);
            put(&mut tiff, at, &side.to_le_bytes());
        }
        assert_rejected("TIFF", &tiff, &[]);
        let mut jpeg_2000 = format("tissue.jp2").bytes;
        let size = position(&jpeg_2000, &[0xff, 0x51]);
        put(&mut jpeg_2000, size + 6, &[width.to_be_bytes(), height.to_be_bytes()].concat());
        assert_rejected("JPEG 2000", &jpeg_2000, &[]);
    }
}

#[test]
fn rejects_a_strip_beyond_the_end() {
    // Replaces the third value of a table of offsets or lengths.
    let enlarge = |tiff: &mut Vec<u8>, tag| {
        let table = tiff_value(tiff, tag);
        let table = u32::from_le_bytes(tiff[table..table + 4].try_into().unwrap()) as usize;
        put(tiff, table + 8, &2_000_000_000_u32.to_le_bytes());
    };
    for (name, tag) in
        [("plain.tif", 273), ("deflate.tif", 273), ("deflate.tif", 279), ("deep.tif", 324)]
    {
        let mut tiff = format(name).bytes;
        enlarge(&mut tiff, tag);
        assert_rejected(&format!("{name}, {tag}"), &tiff, &[]);
    }
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
        // The hint and the message name the same amount.
        let mebibytes = amount.strip_suffix('M').unwrap();
        assert!(run.stderr.contains(&format!("needs {mebibytes} MiB of memory")), "{run:?}");
        workspace.export(["image", "-o", "out", "--max-memory", amount]).succeeds();
        assert!(File::open(workspace.path("out/out.dzi")).is_ok());
    }
}

#[test]
fn reports_damage_without_slide_terms() {
    let png = format("rows.png").bytes;
    let mut bytes = png.clone();
    bytes[position(&png, b"IDAT") + 100] ^= 0x10;
    let run = assert_rejected("PNG", &bytes, &["copy it again"]);
    let unclear = ["ChunkType", "{", "slide level", "folder beside it"];
    assert!(unclear.iter().all(|word| !run.stderr.contains(word)), "{run:?}");
    let mut bytes = png.clone();
    bytes[20] ^= 0x10;
    assert_rejected("PNG", &bytes, &["the checksum of its IHDR chunk is wrong"]);

    let jpeg = format("baseline.jpg").bytes;
    let run =
        assert_rejected("JPEG", &jpeg[..jpeg.len() / 2], &["rows from ", "the file is truncated"]);
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
        let run = assert_rejected(
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
