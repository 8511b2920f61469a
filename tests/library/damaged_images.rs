//! Exports damaged files of every format: each run publishes a whole export, or fails and publishes
//! nothing, in bounded time and memory.

use std::path::Path;
use std::time::{Duration, Instant};

use slidezoom::internals::plan::{ExportOptions, ReadErrorPolicy};
use slidezoom::internals::sink::MemorySink;
use slidezoom::internals::source::{self, OpenOptions, SampleRange};
use slidezoom::{Error, ExportPlan, export};
use slidezoom_fixtures::image::{ImageFile, every_format, every_in_memory_format};
use slidezoom_fixtures::{Random, repair_png_checksums};

use crate::images::{StopAfter, options, tiles};

/// A small size, so that much of the damage is in headers and tables.
const SIZE: (u32, u32) = (61, 47);

/// Every run is faster even on a busy machine. Decoding all pixels that damaged headers claim would
/// take longer.
const TIME_LIMIT: Duration = Duration::from_secs(20);

/// The number of tiles of an image of a few megapixels. Larger exports are stopped.
const TILE_LIMIT: u64 = 200;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Outcome {
    Exported,
    Refused,
    Stopped,
}

fn files() -> Vec<ImageFile> {
    [every_format(SIZE).unwrap(), every_in_memory_format(SIZE).unwrap()].concat()
}

fn open_options(name: &str) -> OpenOptions {
    // Samples of these formats are floating-point numbers.
    let range = SampleRange::new(0.0, 1.0).filter(|_| name.starts_with("float"));
    OpenOptions::default().memory(32 << 20).range(range)
}

/// Opens and exports a file.
fn outcome(path: &Path, open: OpenOptions, options: &ExportOptions) -> Outcome {
    let Ok(source) = source::open_with(path, open) else { return Outcome::Refused };
    let Ok(plan) = ExportPlan::new(source.info(), "damaged", options) else {
        return Outcome::Refused;
    };
    let sink = MemorySink::new();
    let published = sink.published();
    let jobs = 2.try_into().unwrap();
    let result =
        export(source.as_ref(), &plan, Box::new(sink), jobs, &StopAfter::tiles(TILE_LIMIT));
    match (result, published.lock().unwrap().take()) {
        (Ok(_), Some(files)) => {
            assert_eq!(tiles(&files).len() as u64, plan.pyramid().tile_count());
            Outcome::Exported
        }
        (Err(Error::Interrupted), None) => Outcome::Stopped,
        (Err(_), None) => Outcome::Refused,
        (result, files) => panic!("{result:?}, published: {}", files.is_some()),
    }
}

/// Exports damaged variants of a file, one for each number, and returns how many were refused.
fn refused(file: &ImageFile, numbers: std::ops::Range<u64>) -> u64 {
    let folder = tempfile::tempdir().unwrap();
    // TGA is detected by its extension.
    let path =
        folder.path().join(if file.name.ends_with("tga") { "damaged.tga" } else { "damaged" });
    let mut refused = 0;
    for number in numbers {
        let mut random = Random::new(number);
        let mut bytes = random.damaged(&file.bytes);
        if file.name.ends_with("png") && random.below(2) == 0 {
            repair_png_checksums(&mut bytes);
        }
        std::fs::write(&path, &bytes).unwrap();
        let on_read_error =
            if random.below(2) == 0 { ReadErrorPolicy::Stop } else { ReadErrorPolicy::Blank };
        let options = options().on_read_error(on_read_error);
        let started = Instant::now();
        let outcome =
            std::panic::catch_unwind(|| outcome(&path, open_options(file.name), &options));
        let outcome = outcome.unwrap_or_else(|_| panic!("{}, number {number}", file.name));
        assert!(
            started.elapsed() < TIME_LIMIT,
            "{}, number {number}: {:?}",
            file.name,
            started.elapsed()
        );
        refused += u64::from(outcome == Outcome::Refused);
    }
    refused
}

#[test]
fn exports_or_refuses_damaged_images() {
    for file in files() {
        let refused = refused(&file, 0..150);
        // Both outcomes must occur, or the damage proves nothing.
        assert!((15..150).contains(&refused), "{}: {refused} of 150 were refused", file.name);
    }
}

#[test]
#[ignore = "takes minutes: make soak"]
fn exports_or_refuses_a_hundred_thousand_damaged_images() {
    let files = files();
    let each = 100_000 / files.len() as u64;
    for file in &files {
        let refused = refused(file, 1 << 32..(1 << 32) + each);
        assert!(
            (each / 10..each).contains(&refused),
            "{}: {refused} of {each} were refused",
            file.name
        );
    }
}
