//! Cuts one level of a slide into small tiles for analysis, with an index that says where in the slide each was.
//!
//! ```sh
//! cargo run --release --example cut_into_tiles -- CMU-1.svs 16 tiles [TILE_SIZE]
//! ```
//!
//! writes `tiles/<column>_<row>.png`, of 100×100 pixels, and `tiles/index.csv`: level, column, row, x, y, width and height in pixels of the slide's
//! full size, the mean brightness (0 to 255) and the share of pixels that are not background.

#![allow(clippy::print_stderr, reason = "an example talks to its user")]

use std::error::Error;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use slidezoom::geometry::Rect;
use slidezoom::pixels::{PIXEL_BYTES, PixelView, Rgb, relative_to};
use slidezoom::plan::{ExportOptions, FormatOption};
use slidezoom::pyramid::{TileAddress, TileGeometry};
use slidezoom::{Slide, SlidePyramid};

/// A block of so many columns and rows is read at once, so that native tiles that small ones share are decoded about once.
const BLOCK: u32 = 20;

/// A pixel is background where no channel differs from it by more.
const GLASS: u8 = 20;

type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let result = match words[..] {
        [slide, level, folder] => cut(slide.as_ref(), level, folder.as_ref(), "100"),
        [slide, level, folder, tile_size] => cut(slide.as_ref(), level, folder.as_ref(), tile_size),
        _ => Err("expected: SLIDE LEVEL FOLDER [TILE_SIZE]".into()),
    };
    match result {
        Ok(tiles) => {
            eprintln!("{tiles} tiles");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("cut_into_tiles: {error}");
            ExitCode::FAILURE
        }
    }
}

fn cut(slide: &Path, level: &str, folder: &Path, tile_size: &str) -> Outcome<usize> {
    let geometry = Some(TileGeometry::new(tile_size.parse()?, 0)?);
    let slide = Slide::open(slide)?;
    let pyramid = slide.pyramid(&ExportOptions { geometry, format: FormatOption::Png, ..ExportOptions::default() })?;
    let level = level.parse()?;
    let blocks = blocks(&pyramid, level)?;
    fs::create_dir(folder).map_err(|error| format!("{}: {error}", folder.display()))?;

    // Each worker takes the next block; the index is put in order at the end.
    let (next, lines) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    let work = || -> Outcome<()> {
        let mut encoder = pyramid.encoder()?;
        while let Some(tiles) = blocks.get(next.fetch_add(1, Ordering::Relaxed)) {
            let plan = pyramid.plan();
            let Some(block) = tiles.iter().map(|&tile| plan.pyramid().region(tile).core).reduce(Rect::union) else {
                continue;
            };
            let pixels = pyramid.region(level, block)?;
            for &tile in tiles {
                let core = plan.pyramid().region(tile).core;
                let view = pixels.view().part(relative_to(core, block.origin()));
                fs::write(folder.join(format!("{}_{}.png", tile.column(), tile.row())), encoder.encode(view)?)?;
                let line = index_line(&pyramid, tile, view);
                lines.lock().map_err(|_| "another worker panicked")?.push(((tile.row(), tile.column()), line));
            }
        }
        Ok(())
    };
    std::thread::scope(|scope| -> Outcome<()> {
        let workers: Vec<_> = (0..std::thread::available_parallelism()?.get()).map(|_| scope.spawn(work)).collect();
        workers.into_iter().try_for_each(|worker| worker.join().map_err(|_| "a worker panicked")?)
    })?;

    let mut lines = lines.into_inner().map_err(|_| "a worker panicked")?;
    lines.sort_unstable();
    let mut index = "level,column,row,x,y,width,height,mean_brightness,share_not_background\n".to_owned();
    index.extend(lines.iter().map(|(_, line)| line.as_str()));
    fs::write(folder.join("index.csv"), index)?;
    Ok(lines.len())
}

/// The level's tiles, in blocks of at most [`BLOCK`]².
fn blocks(pyramid: &SlidePyramid<'_>, level: u32) -> Outcome<Vec<Vec<TileAddress>>> {
    let plan = pyramid.plan();
    let first = plan.tile(level, 0, 0)?;
    let grid = plan.pyramid().grid(first.level());
    let mut blocks = Vec::new();
    for top in (0..grid.height()).step_by(BLOCK as usize) {
        for left in (0..grid.width()).step_by(BLOCK as usize) {
            let rows = top..(top + BLOCK).min(grid.height());
            let columns = left..(left + BLOCK).min(grid.width());
            let addresses = rows.flat_map(|row| columns.clone().map(move |column| (column, row)));
            blocks.push(addresses.map(|(column, row)| plan.tile(level, column, row)).collect::<Result<_, _>>()?);
        }
    }
    Ok(blocks)
}

fn index_line(pyramid: &SlidePyramid<'_>, tile: TileAddress, view: PixelView<'_>) -> String {
    let plan = pyramid.plan();
    let Rgb([red, green, blue]) = plan.background();
    let (mut brightness, mut tissue) = (0_u64, 0_u64);
    for pixel in view.rows().flat_map(|row| row.as_chunks::<PIXEL_BYTES>().0) {
        // Rec. 709, in ten-thousandths.
        brightness += u64::from(pixel[2]) * 2126 + u64::from(pixel[1]) * 7152 + u64::from(pixel[0]) * 722;
        let differs = |(one, other): (&u8, u8)| one.abs_diff(other) > GLASS;
        tissue += u64::from(pixel.iter().zip([blue, green, red]).any(differs));
    }
    // A pixel of the level is so many of the full size; the last one of a row or column is cut off there.
    let (core, reduction_levels) = (plan.pyramid().region(tile).core, plan.pyramid().reduction_levels(tile.level()));
    let at_full_size = |start: u32, length: u32, most: u32| {
        (start << reduction_levels, (length << reduction_levels).min(most - (start << reduction_levels)))
    };
    let (x, width) = at_full_size(core.origin().x, core.size().width(), plan.pyramid().size().width());
    let (y, height) = at_full_size(core.origin().y, core.size().height(), plan.pyramid().size().height());
    let area = plan.area().origin();
    let pixels = view.size().area() as f64;
    let mut line = String::new();
    // Writing to a String cannot fail.
    let _ = writeln!(
        line,
        "{},{},{},{},{},{width},{height},{:.2},{:.4}",
        tile.level(),
        tile.column(),
        tile.row(),
        area.x + x,
        area.y + y,
        brightness as f64 / 10_000.0 / pixels,
        tissue as f64 / pixels
    );
    line
}
