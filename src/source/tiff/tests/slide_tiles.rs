//! Mutated slides: reading a TIFF file with any contents ends with pixels or an error.

use std::io::Write;
use std::path::PathBuf;

use slidezoom_fixtures::{
    ByteOrder, Color, Container, JpegTables, Random, SlideBuilder, TileFault,
};

use super::*;
use crate::pixels::PIXEL_BYTES;
use crate::source::slide_info::SlideLevelInfo;

const SIZE: (u32, u32) = (40, 24);

/// Returns small files of every structure that is read directly.
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

/// Reads every tile of a file whose full size is `size`.
fn read_all(path: &Path, size: Size) -> Result<(), SlideTilesError> {
    let mut tiles = SlideTiles::open(TiffFile::open(File::open(path).unwrap())?, size)?;
    tiles.subsampling()?;
    let tile = tiles.native_tiles().size;
    tiles.add_levels(&[SlideLevelInfo {
        size: size.halved(),
        downsample: 2.0,
        native_tile: Some(tile),
    }])?;
    // OpenSlide reads larger tiles.
    if tile.width().max(tile.height()) > 1024 {
        return Ok(());
    }
    for (level, grid) in tiles.grids().iter().enumerate() {
        let stride = grid.size.width() as usize * PIXEL_BYTES;
        let mut target = vec![0; stride * grid.size.height() as usize];
        // Damaged tiles are errors.
        let _: Result<_, ()> =
            region::read(&tiles, level, Rect::of(grid.size), &mut target, stride, |_, _, _| Ok(()));
    }
    Ok(())
}

/// Reads `count` mutated files. Returns how many still had a grid of tiles.
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
fn reads_or_rejects_mutated_files() {
    let opened = read_mutated(0, 3_000);
    // The mutations are useful only if they produce both kinds.
    assert!((500..2_900).contains(&opened), "{opened} of 3000 were read");
}

#[test]
#[ignore = "takes minutes: make soak"]
fn reads_or_rejects_a_million_mutated_files() {
    let workers: Vec<_> =
        (0..2).map(|part| std::thread::spawn(move || read_mutated(part << 32, 500_000))).collect();
    let opened: u64 = workers.into_iter().map(|worker| worker.join().unwrap()).sum();
    assert!(opened > 100_000, "{opened} of a million were read");
}
