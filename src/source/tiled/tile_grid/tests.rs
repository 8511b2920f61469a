//! Mutated files: whatever stands in a TIFF, reading it ends, and with pixels or an error.

use std::io::Write;
use std::path::PathBuf;

use slidezoom_fixtures::{ByteOrder, Color, Container, JpegTables, Random, SlideBuilder, TileFault};

use super::*;

const SIZE: (u32, u32) = (40, 24);

/// Small files of every structure that is read directly.
fn seeds(folder: &std::path::Path) -> Vec<Vec<u8>> {
    let small = || SlideBuilder::new(SIZE.0, SIZE.1).tile_size(16, 16);
    let slides = [
        small(),
        small().jpeg_tables(JpegTables::Shared).color(Color::Rgb),
        small().container(Container::BigTiff).byte_order(ByteOrder::Big),
        small().tile_fault(0, 1, 1, TileFault::Missing).levels([1, 2]),
    ];
    let path = folder.join("seed.tiff");
    slides
        .iter()
        .map(|slide| {
            slide.write(&path).unwrap();
            std::fs::read(&path).unwrap()
        })
        .collect()
}

/// Reads all there is to read of a file. Every pixel buffer is bounded by the slide's size, which the caller names.
fn read_all(path: &std::path::Path, size: Size) -> Result<(), TableError> {
    // Of a level, too, nothing but tiles or a reason comes.
    if let (Ok(level), Some(pixel)) = (TileGrid::open_level(path, size.halved()), Rect::spanning(0..1, 0..1)) {
        let _ = level.decode((0, 0), pixel, &mut [0; PIXEL_BYTES], PIXEL_BYTES);
    }
    let tiles = TileGrid::open(path, size)?;
    tiles.subsampling()?;
    let tile = tiles.stored().size;
    // Larger ones go through OpenSlide.
    if tile.width().max(tile.height()) > 1024 {
        return Ok(());
    }
    let stride = tile.width() as usize * PIXEL_BYTES;
    let mut target = Vec::new();
    for row in 0..size.height().div_ceil(tile.height()) {
        for column in 0..size.width().div_ceil(tile.width()) {
            let rect = tiles.table.rect(column, row).unwrap();
            target.resize(stride * rect.size().height() as usize, 0);
            // Damage is an error here and nothing else.
            let _ = tiles.decode((column, row), rect, &mut target, stride);
        }
    }
    Ok(())
}

/// Reads `count` mutated files; returns how many were a grid of tiles still.
fn read_mutated(first: u64, count: u64) -> u64 {
    let folder = tempfile::tempdir().unwrap();
    let seeds = seeds(folder.path());
    let size = Size::new(SIZE.0, SIZE.1).unwrap();
    let path: PathBuf = folder.path().join("mutated.tiff");
    let mut opened = 0;
    for number in first..first + count {
        let mut random = Random::new(number);
        let seed = random.below(seeds.len());
        let bytes = random.damaged(&seeds[seed]);
        std::fs::File::create(&path).unwrap().write_all(&bytes).unwrap();
        let outcome = std::panic::catch_unwind(|| read_all(&path, size));
        opened += u64::from(outcome.unwrap_or_else(|_| panic!("input {number}")).is_ok());
    }
    opened
}

#[test]
fn mutated_files_are_read_or_refused() {
    let opened = read_mutated(0, 3_000);
    // Both kinds must come, or the mutations are of no use.
    assert!((500..2_900).contains(&opened), "{opened} of 3000 were read");
}

#[test]
#[ignore = "takes minutes: make soak"]
fn a_million_mutated_files_are_read_or_refused() {
    let workers: Vec<_> = (0..2).map(|part| std::thread::spawn(move || read_mutated(part << 32, 500_000))).collect();
    let opened: u64 = workers.into_iter().map(|worker| worker.join().unwrap()).sum();
    assert!(opened > 100_000, "{opened} of a million were read");
}
