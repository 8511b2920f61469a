//! Damaged files of every format, exported: what comes of each is a whole export, or an error and nothing published; soon, and in little memory.

use std::path::Path;
use std::time::{Duration, Instant};

use slidezoom::internals::plan::{ExportOptions, ReadErrorPolicy};
use slidezoom::internals::sink::MemorySink;
use slidezoom::internals::source::{self, OpenOptions};
use slidezoom::{Error, ExportPlan, export};
use slidezoom_fixtures::image::{ImageFile, every_format};
use slidezoom_fixtures::{Random, repair_png_checksums};

use crate::images::{StopAfter, options, tiles};

/// Small, so that much of what is changed is structure.
const SIZE: (u32, u32) = (61, 47);

const MEMORY: u64 = 32 << 20;

/// Longer than any of these takes on a busy machine, shorter than going through what the worst of them claims.
const AT_MOST: Duration = Duration::from_secs(20);

/// As many tiles as an image of some megapixels has. What claims more, and can be read, is stopped.
const TILES_AT_MOST: u64 = 200;

/// What came of one.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Outcome {
    Exported,
    Refused,
    Stopped,
}

/// Opens and exports a file.
fn outcome(path: &Path, options: &ExportOptions) -> Outcome {
    let open = OpenOptions::default().memory(MEMORY);
    let Ok(source) = source::open_with(path, open) else { return Outcome::Refused };
    let Ok(plan) = ExportPlan::new(source.info(), "damaged", options) else { return Outcome::Refused };
    let sink = MemorySink::new();
    let published = sink.published();
    let jobs = 2.try_into().unwrap();
    let result = export(source.as_ref(), &plan, Box::new(sink), jobs, &StopAfter::tiles(TILES_AT_MOST));
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

/// Exports so many damaged files of a format; how many of them were refused.
fn refused(file: &ImageFile, numbers: std::ops::Range<u64>) -> u64 {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("damaged");
    let mut refused = 0;
    for number in numbers {
        let mut random = Random::new(number);
        let mut bytes = random.damaged(&file.bytes);
        if file.name.ends_with("png") && random.below(2) == 0 {
            repair_png_checksums(&mut bytes);
        }
        std::fs::write(&path, &bytes).unwrap();
        let on_read_error = if random.below(2) == 0 { ReadErrorPolicy::Stop } else { ReadErrorPolicy::Blank };
        let options = options().on_read_error(on_read_error);
        let started = Instant::now();
        let outcome = std::panic::catch_unwind(|| outcome(&path, &options));
        let outcome = outcome.unwrap_or_else(|_| panic!("{}, number {number}", file.name));
        assert!(started.elapsed() < AT_MOST, "{}, number {number}: {:?}", file.name, started.elapsed());
        refused += u64::from(outcome == Outcome::Refused);
    }
    refused
}

#[test]
fn damaged_images_are_exported_or_refused() {
    for file in every_format(SIZE).unwrap() {
        let refused = refused(&file, 0..300);
        // Both kinds must come, or the damage is of no use.
        assert!((30..300).contains(&refused), "{}: {refused} of 300 were refused", file.name);
    }
}

#[test]
#[ignore = "takes minutes: make soak"]
fn a_hundred_thousand_damaged_images_are_exported_or_refused() {
    let files = every_format(SIZE).unwrap();
    let each = 100_000 / files.len() as u64;
    for file in &files {
        let refused = refused(file, 1 << 32..(1 << 32) + each);
        assert!((each / 10..each).contains(&refused), "{}: {refused} of {each} were refused", file.name);
    }
}
