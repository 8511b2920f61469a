//! Exports of ordinary images, compared with `vips dzsave` at the same quality and subsampling.
//!
//! The images repeat a few cells in an irregular order (see `fixtures/src/image.rs`). They are
//! written once, below `target/`. vips converts the PPM image to WebP and JPEG 2000. If the
//! installed vips does not read a format, the table says so and has only slidezoom's time.
//!
//! *Decoding alone* is the time that one thread takes to read the file and decode all samples: PNG
//! by the crate `png` with checksums, TIFF by zlib-rs strip by strip. Runs alternate with the
//! exports.

use std::fs::File;
use std::io::{BufReader, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use png::{DecodeOptions, Transformations};
use slidezoom_fixtures::image::{
    ImageBuilder, ImageFormat, JpegCoding, RowOrder, StripCompression,
};
use slidezoom_fixtures::{ByteOrder, Subsampling};
use tiff::tags::Tag;
use zlib_rs::{InflateConfig, ReturnCode, decompress_slice};

use crate::measured::{Usage, bytes_below, measure, median, text};
use crate::{Contender, EXPORT, Outcome, VIPS};

/// The writer of an image.
enum Writer {
    Ours(ImageFormat),
    /// vips, with the options of its saver, from a PPM image of the same size.
    Vips(&'static str),
}

/// A function that decodes all samples.
type Decoding = fn(&Path) -> Outcome<()>;

struct Format {
    name: &'static str,
    /// Width and height. WebP allows 16,383 pixels, lossy WebP fewer because its first partition is
    /// limited. JPEG 2000 images are smaller, because every decoder is several times slower.
    side: u32,
    ending: &'static str,
    /// The vips operation that reads the format.
    loader: &'static str,
    writer: Writer,
    decoding: Option<Decoding>,
}

fn formats() -> [Format; 6] {
    const SIDE: u32 = 15_000;
    let tiff = ImageFormat::Tiff {
        compression: StripCompression::Deflate,
        strip_rows: Some(16),
        container: None,
        byte_order: ByteOrder::Little,
    };
    let jpeg = ImageFormat::Jpeg {
        coding: JpegCoding::Baseline,
        subsampling: Subsampling::Quarter,
        quality: 80,
    };
    let format = |name, side, ending, loader, writer, decoding| Format {
        name,
        side,
        ending,
        loader,
        writer,
        decoding,
    };
    let png = Writer::Ours(ImageFormat::Png(RowOrder::Sequential));
    [
        format("PNG", SIDE, "png", "pngload", png, Some(decode_png as Decoding)),
        format("JPEG", SIDE, "jpg", "jpegload", Writer::Ours(jpeg), None),
        format(
            "TIFF, Deflate, strips of 16",
            SIDE,
            "tif",
            "tiffload",
            Writer::Ours(tiff),
            Some(decode_tiff),
        ),
        format("PPM", SIDE, "ppm", "ppmload", Writer::Ours(ImageFormat::Pnm), None),
        format(
            "WebP, lossless",
            SIDE,
            "webp",
            "webpload",
            Writer::Vips("[lossless,effort=0]"),
            None,
        ),
        format("JPEG 2000, tiles of 1024", 4_000, "jp2", "jp2kload", Writer::Vips(JPEG_2000), None),
    ]
}

const JPEG_2000: &str = "[Q=48,tile-width=1024,tile-height=1024]";

/// Prints a table of all formats.
pub fn compare(folder: &Path, runs: u32) -> Outcome<()> {
    std::fs::create_dir_all(folder)?;
    let kept = Path::new(env!("CARGO_TARGET_TMPDIR")).join("bench-images");
    std::fs::create_dir_all(&kept)?;
    let loaders = match Command::new("vips").arg("-l").output() {
        Ok(listed) => String::from_utf8_lossy(&listed.stdout).into_owned(),
        Err(_) => String::new(),
    };
    println!("\nordinary images, medians of {runs} runs");
    println!(
        "{:<44} {:>8} {:>7} {:>7} {:>8} {:>10} {:>12}",
        "", "seconds", "ratio", "CPU s", "peak MB", "output MB", "of decoding"
    );
    for format in formats() {
        let reads = loaders.contains(format.loader);
        if !reads {
            println!(
                "{}: the installed vips has no {} and is left out",
                format.name, format.loader
            );
        }
        if loaders.is_empty() && matches!(format.writer, Writer::Vips(_)) {
            println!("{}: vips writes it, and is not installed: not measured", format.name);
            continue;
        }
        let image = image(&kept, &format)?;
        compare_format(folder, &format, &image, runs, reads)?;
    }
    Ok(())
}

fn compare_format(
    folder: &Path,
    format: &Format,
    image: &Path,
    runs: u32,
    vips_reads: bool,
) -> Outcome<()> {
    let ours = [&EXPORT[..], &["--subsampling", "420"]].concat();
    let mut contenders = vec![Contender { name: "slidezoom", output: "ours", command: ours }];
    if vips_reads {
        contenders.push(Contender {
            name: "vips dzsave",
            output: "vips",
            command: VIPS.split(' ').collect(),
        });
    }
    let output = |contender: &Contender, run: u32| {
        folder.join(format!("{}-{run}-{}", format.ending, contender.output))
    };
    let mut taken: Vec<Vec<Usage>> = contenders.iter().map(|_| Vec::new()).collect();
    let mut decoding = Vec::new();
    for run in 0..runs {
        for (contender, taken) in contenders.iter().zip(&mut taken) {
            taken.push(measure(&contender.command(image, &output(contender, run)))?);
        }
        if let Some(decode) = format.decoding {
            let begun = Instant::now();
            decode(image)?;
            decoding.push(begun.elapsed().as_secs_f64());
        }
    }
    decoding.sort_by(f64::total_cmp);
    let alone = decoding.get(decoding.len() / 2).copied();

    let megapixels = f64::from(format.side).powi(2) / 1e6;
    println!(
        "{}, {megapixels:.0} Mpx, {:.0} MB",
        format.name,
        image.metadata()?.len() as f64 / 1e6
    );
    let own = median(&taken[0]).seconds;
    for (contender, taken) in contenders.iter().zip(&taken) {
        let Usage { seconds, cpu, megabytes } = median(taken);
        let written = bytes_below(&output(contender, 0))? as f64 / 1e6;
        let of_decoding = alone.map(|alone| format!("{:.2}", seconds / alone)).unwrap_or_default();
        println!(
            "  {:<42} {seconds:>8.2} {:>7.2} {cpu:>7.2} {megabytes:>8.0} {written:>10.1} {of_decoding:>12}",
            contender.name,
            seconds / own
        );
    }
    if let Some(alone) = alone {
        println!("  {:<42} {alone:>8.2}", "decoding alone, one thread");
    }
    Ok(())
}

/// The image of a format, written on the first run.
fn image(kept: &Path, format: &Format) -> Outcome<PathBuf> {
    let path = kept.join(format!("{}.{}", format.side, format.ending));
    if path.exists() {
        return Ok(path);
    }
    let part = kept.join(format!("part.{}", format.ending));
    match format.writer {
        Writer::Ours(of) => {
            ImageBuilder::new(format.side, format.side, of).write(&part)?;
        }
        Writer::Vips(options) => {
            let drawn = kept.join(format!("drawn-{}.ppm", format.side));
            ImageBuilder::new(format.side, format.side, ImageFormat::Pnm).write(&drawn)?;
            let target = format!("{}{options}", text(&part));
            let status = Command::new("vips").args(["copy", text(&drawn), &target]).status()?;
            if !status.success() {
                return Err(format!("vips copy to {target}: {status}").into());
            }
            std::fs::remove_file(drawn)?;
        }
    }
    std::fs::rename(part, &path)?;
    Ok(path)
}

fn decode_png(path: &Path) -> Outcome<()> {
    let mut options = DecodeOptions::default();
    options.set_ignore_adler32(false);
    let mut decoder = png::Decoder::new_with_options(
        BufReader::with_capacity(1 << 20, File::open(path)?),
        options,
    );
    decoder.set_transformations(Transformations::IDENTITY);
    let mut reader = decoder.read_info()?;
    let mut sum = 0;
    while let Some(row) = reader.next_row()? {
        sum ^= row.data().first().copied().unwrap_or_default();
    }
    std::hint::black_box(sum);
    reader.finish()?;
    Ok(())
}

fn decode_tiff(path: &Path) -> Outcome<()> {
    let mut decoder = tiff::decoder::Decoder::new(BufReader::new(File::open(path)?))?;
    let offsets = decoder.get_tag_u64_vec(Tag::StripOffsets)?;
    let lengths = decoder.get_tag_u64_vec(Tag::StripByteCounts)?;
    let rows = decoder.get_tag_u32(Tag::RowsPerStrip)? as usize;
    let (width, _) = decoder.dimensions()?;
    let mut samples = vec![0; rows * width as usize * 3];
    let mut file = File::open(path)?;
    let mut strip = Vec::new();
    for (offset, length) in offsets.into_iter().zip(lengths) {
        file.seek(SeekFrom::Start(offset))?;
        strip.resize(usize::try_from(length)?, 0);
        file.read_exact(&mut strip)?;
        let (inflated, code) = decompress_slice(&mut samples, &strip, InflateConfig::default());
        if code != ReturnCode::Ok {
            return Err(format!("a strip at {offset}: {code:?}").into());
        }
        std::hint::black_box(inflated);
    }
    Ok(())
}
