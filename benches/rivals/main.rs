//! Exports of large real slides, compared with other installed tools: `make bench`.
//!
//! The slides are built from the compressed tiles of a real one (see `fixtures/`), so content and
//! file sizes are realistic. Programs alternate, and each run writes to a new directory. Everything
//! is removed only at the end, because ext4 creates files several times more slowly after many were
//! deleted. Peak memory is that of the whole child process.
//!
//! The *limit* is the time that libjpeg-turbo alone takes on all processors to decode every native
//! tile and to encode every tile of the export, with pixels and files in the processor's cache. It
//! is measured in the same run on the same tiles. The last column compares exports with it.
//!
//! Ordinary images follow, compared with vips (see `images.rs`).
//!
//! `cargo bench --bench rivals -- MEGAPIXELS RUNS` measures slides of one size, and `-- images
//! RUNS` only the images. Without arguments, it measures slides of 125 and 1000 megapixels and the
//! images, three runs each.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a benchmark prints its table")]

use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::time::{Duration, Instant};

use slidezoom::internals::codec::{JpegCoding, Quality, Subsampling, TileEncoder, TileFormat};
use slidezoom::internals::geometry::Size;
use slidezoom::internals::pixels::{PIXEL_BYTES, PremultipliedPixels, Rgb};
use slidezoom_fixtures::{SlideBuilder, Style, TileBank, real_slide};
use turbojpeg::{Decompressor, Image, PixelFormat};
use walkdir::WalkDir;

mod images;
mod measured;

use measured::{MEASURE, Usage, bytes_below, measure, measure_here, median, remove, text};

type Outcome<T> = Result<T, Box<dyn Error>>;

/// A program and its command line, in which `{slide}` and `{output}` stand for paths.
struct Contender {
    name: &'static str,
    /// The name of its outputs.
    output: &'static str,
    command: Vec<&'static str>,
}

impl Contender {
    fn command(&self, slide: &Path, output: &Path) -> Vec<String> {
        let word = |word: &&'static str| match *word {
            "{slide}" => text(slide).to_owned(),
            "{output}" => text(output).to_owned(),
            other => other.to_owned(),
        };
        self.command.iter().map(word).collect()
    }
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let result = match arguments.split_first() {
        Some((first, command)) if first == MEASURE => measure_here(command),
        _ => compare(&arguments),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bench: {error}");
            ExitCode::FAILURE
        }
    }
}

fn compare(arguments: &[String]) -> Outcome<()> {
    let numbers: Vec<u32> = arguments.iter().filter_map(|argument| argument.parse().ok()).collect();
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("bench");
    remove(&folder)?;
    let only_images = arguments.iter().any(|argument| argument == "images");
    let (sizes, runs) = match numbers[..] {
        _ if only_images => (Vec::new(), numbers.first().copied()),
        [megapixels, ref runs @ ..] => (vec![megapixels], runs.first().copied()),
        [] => (vec![125, 1000], None),
    };
    let runs = runs.unwrap_or(3);
    let contenders = contenders();
    for megapixels in sizes {
        compare_size(&folder.join(megapixels.to_string()), megapixels, runs, &contenders)?;
    }
    if only_images || numbers.is_empty() {
        images::compare(&folder.join("images"), runs)?;
    }
    remove(&folder)
}

fn compare_size(
    folder: &Path,
    megapixels: u32,
    runs: u32,
    contenders: &[Contender],
) -> Outcome<()> {
    std::fs::create_dir_all(folder)?;
    let slide = folder.join("slide.svs");
    let length = (megapixels * 1_000_000).isqrt();
    SlideBuilder::new(length, length)
        .style(Style::Aperio)
        .tiles_from(TileBank::from_svs(real_slide()?)?)
        .levels([1, 4, 16])
        .write(&slide)?;
    println!(
        "\n{length}×{length} px, {:.0} MB, medians of {runs} runs",
        slide.metadata()?.len() as f64 / 1e6
    );

    let output =
        |contender: &Contender, run: u32| folder.join(format!("{run}-{}", contender.output));
    let mut taken: Vec<Vec<Usage>> = contenders.iter().map(|_| Vec::new()).collect();
    for run in 0..runs {
        for (contender, taken) in contenders.iter().zip(&mut taken) {
            taken.push(measure(&contender.command(&slide, &output(contender, run)))?);
        }
    }
    let limit = limit(&output(&contenders[0], 0), &output(&contenders[LOSSLESS], 0))?;
    let ours = median(&taken[0]).seconds;
    println!(
        "{:<34} {:>8} {:>7} {:>7} {:>8} {:>10} {:>9}",
        "", "seconds", "ratio", "CPU s", "peak MB", "output MB", "of limit"
    );
    for (contender, taken) in contenders.iter().zip(&taken) {
        let Usage { seconds, cpu, megabytes } = median(taken);
        let written = bytes_below(&output(contender, 0))? as f64 / 1e6;
        println!(
            "{:<34} {seconds:>8.2} {:>7.2} {cpu:>7.2} {megabytes:>8.0} {written:>10.1} {:>7.0} %",
            contender.name,
            seconds / ours,
            100.0 * limit.as_secs_f64() / seconds
        );
    }
    println!("{:<34} {:>8.2}", "limit of 4:2:0", limit.as_secs_f64());
    Ok(())
}

/// slidezoom, at the quality of all programs.
const EXPORT: [&str; 9] = [
    env!("CARGO_BIN_EXE_slidezoom"),
    "export",
    "{slide}",
    "-o",
    "{output}",
    "--progress",
    "none",
    "--quality",
    "75",
];

const VIPS: &str = "vips dzsave {slide} {output} --tile-size 254 --overlap 1 --suffix .jpeg[Q=75]";

/// The index of the contender that exports lossless tiles.
const LOSSLESS: usize = 2;

/// slidezoom first, then installed programs.
fn contenders() -> Vec<Contender> {
    let ours = |name, output, options: &[&'static str]| Contender {
        name,
        output,
        command: [&EXPORT, options].concat(),
    };
    let mut contenders = vec![
        ours("slidezoom, 4:2:0", "ours-420", &["--subsampling", "420"]),
        ours("slidezoom, 4:4:4", "ours-444", &["--subsampling", "444"]),
        ours("slidezoom, lossless", "ours-lossless", &["--subsampling", "420", "--lossless"]),
        ours("slidezoom, 4:2:0, .zip", "ours-one-file.zip", &["--subsampling", "420"]),
        ours(
            "slidezoom, 4:2:0, one worker",
            "ours-alone",
            &["--subsampling", "420", "--jobs", "1"],
        ),
        ours(
            "slidezoom, 4:2:0, by OpenSlide",
            "ours-openslide",
            &["--subsampling", "420", "--reader", "openslide"],
        ),
    ];
    match Command::new("vips").arg("--version").output() {
        Ok(version) => {
            println!("{}", String::from_utf8_lossy(&version.stdout).trim());
            let command = VIPS.split(' ').collect();
            contenders.push(Contender { name: "vips dzsave", output: "vips", command });
        }
        Err(_) => println!("vips is not installed and is left out"),
    }
    // openslide-python ships its tiler as an example; it is measured if it is on the path.
    if Command::new("deepzoom_tile.py")
        .arg("--help")
        .output()
        .is_ok_and(|output| output.status.success())
    {
        let command = "deepzoom_tile.py --size 254 --overlap 1 --quality 75 -o {output} {slide}"
            .split(' ')
            .collect();
        contenders.push(Contender {
            name: "openslide-python deepzoom_tile.py",
            output: "deepzoom-tile",
            command,
        });
    } else {
        println!("deepzoom_tile.py is not on the path and is left out");
    }
    contenders
}

/// The time that libjpeg-turbo takes on all processors to decode the native tiles (the base level
/// of the lossless export) and to encode the tiles of the other export.
fn limit(encoded: &Path, lossless: &Path) -> Outcome<Duration> {
    let workers = std::thread::available_parallelism()?.get();
    let tiles = jpegs_below(encoded)?;
    let stored = jpegs_below(lossless)?;
    let base = stored
        .iter()
        .filter_map(|path| level_of(path))
        .max()
        .ok_or("the lossless export has no tiles")?;
    let stored: Vec<PathBuf> =
        stored.into_iter().filter(|path| level_of(path) == Some(base)).collect();
    let share = |worker: usize| -> Result<Duration, String> {
        let part = |paths: &[PathBuf]| {
            paths.iter().skip(worker).step_by(workers).cloned().collect::<Vec<_>>()
        };
        let one = |result: Outcome<Duration>| result.map_err(|error| error.to_string());
        Ok(one(time_decoding(&part(&stored)))? + one(time_encoding(&part(&tiles)))?)
    };
    let share = &share;
    std::thread::scope(|scope| {
        let workers: Vec<_> =
            (0..workers).map(|worker| scope.spawn(move || share(worker))).collect();
        let mut total = Duration::ZERO;
        let count = workers.len() as u32;
        for worker in workers {
            total += worker.join().map_err(|_| "a worker panicked")??;
        }
        Ok(total / count)
    })
}

fn time_decoding(paths: &[PathBuf]) -> Outcome<Duration> {
    let mut decoder = Decompressor::new()?;
    let mut pixels = Vec::new();
    let mut taken = Duration::ZERO;
    for path in paths {
        let jpeg = std::fs::read(path)?;
        let begun = Instant::now();
        decode(&mut decoder, &jpeg, &mut pixels)?;
        taken += begun.elapsed();
    }
    Ok(taken)
}

fn time_encoding(paths: &[PathBuf]) -> Outcome<Duration> {
    let quality = Quality::new(75).ok_or("a quality")?;
    let mut encoder = TileEncoder::new(
        TileFormat::Jpeg {
            quality,
            subsampling: Subsampling::Quarter,
            coding: JpegCoding::Baseline,
        },
        None,
    )?;
    let mut decoder = Decompressor::new()?;
    let mut buffer = Vec::new();
    let mut taken = Duration::ZERO;
    for path in paths {
        let size = decode(&mut decoder, &std::fs::read(path)?, &mut buffer)?;
        let pixels =
            PremultipliedPixels::opaque(size, std::mem::take(&mut buffer)).over(Rgb::WHITE);
        let begun = Instant::now();
        encoder.encode(pixels.view())?;
        taken += begun.elapsed();
        buffer = pixels.into_bytes();
    }
    Ok(taken)
}

fn decode(decoder: &mut Decompressor, jpeg: &[u8], pixels: &mut Vec<u8>) -> Outcome<Size> {
    let header = decoder.read_header(jpeg)?;
    let (width, height) = (header.width, header.height);
    let pitch = width * PIXEL_BYTES;
    pixels.resize(pitch * height, 0);
    decoder.decompress(
        jpeg,
        Image { pixels: &mut pixels[..], width, pitch, height, format: PixelFormat::BGRA },
    )?;
    Ok(Size::new(width as u32, height as u32).ok_or("an empty tile")?)
}

fn jpegs_below(folder: &Path) -> Outcome<Vec<PathBuf>> {
    let mut paths = Vec::new();
    for entry in WalkDir::new(folder).sort_by_file_name() {
        let path = entry?.into_path();
        if path.extension().is_some_and(|ending| ending == "jpeg") && level_of(&path).is_some() {
            paths.push(path);
        }
    }
    Ok(paths)
}

/// The level of a tile's file; `None` for other images.
fn level_of(path: &Path) -> Option<u32> {
    path.parent()?.file_name()?.to_str()?.parse().ok()
}
