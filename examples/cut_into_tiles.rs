//! Cuts one level of a slide into patches for analysis, with an index of their positions.
//!
//! ```sh
//! cargo run --release --example cut_into_tiles -- CMU-1.svs 16 patches [TILE_SIZE]
//! ```
//!
//! writes `patches/<column>_<row>.png` of 100×100 pixels, and `patches/index.csv` with the position
//! and size of each patch in pixels of the slide's full size, its mean brightness (0 to 255), and
//! the share of its pixels that differ from the background.

use std::collections::BTreeMap;
use std::error::Error;
use std::fs;
use std::path::Path;

use image::RgbImage;
use image::imageops::crop_imm;
use rayon::prelude::*;
use slidezoom::options::{FormatOption, TileGeometry};
use slidezoom::{ExportOptions, Slide, SlidePyramid, TileAddress};

/// Columns and rows of patches that are read at once: patches share native tiles, and each region
/// decodes its native tiles once.
const BLOCK: u32 = 20;

/// A pixel is background if each channel is within this distance of the background color.
const TOLERANCE: u8 = 20;

type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

fn main() -> Outcome<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (slide, level, folder, tile_size) = match &arguments[..] {
        [slide, level, folder] => (slide, level.parse()?, folder, 100),
        [slide, level, folder, tile_size] => (slide, level.parse()?, folder, tile_size.parse()?),
        _ => return Err("usage: cut_into_tiles SLIDE LEVEL FOLDER [TILE_SIZE]".into()),
    };
    cut(slide.as_ref(), level, folder.as_ref(), tile_size)
}

fn cut(slide: &Path, level: u32, folder: &Path, tile_size: u32) -> Outcome<()> {
    let geometry = Some(TileGeometry::new(tile_size, 0)?);
    let options = ExportOptions::default().geometry(geometry).format(FormatOption::Png);
    let pyramid = Slide::open(slide)?.pyramid(&options)?;
    fs::create_dir(folder)?;

    let mut blocks: BTreeMap<(u32, u32), Vec<TileAddress>> = BTreeMap::new();
    for tile in pyramid.plan().pyramid().tiles().filter(|tile| tile.level().number() == level) {
        blocks.entry((tile.row() / BLOCK, tile.column() / BLOCK)).or_default().push(tile);
    }
    let lines = blocks.par_iter().map(|(_, tiles)| cut_block(&pyramid, tiles, folder));
    let mut lines = lines.collect::<Outcome<Vec<_>>>()?.concat();
    lines.sort_unstable();

    let mut index =
        "level,column,row,x,y,width,height,mean_brightness,share_not_background\n".to_owned();
    index.extend(lines.into_iter().map(|(_, line)| line));
    Ok(fs::write(folder.join("index.csv"), index)?)
}

/// Writes the patches of one block. Returns a line of the index for each, with its sort key.
fn cut_block(
    pyramid: &SlidePyramid,
    tiles: &[TileAddress],
    folder: &Path,
) -> Outcome<Vec<((u32, u32), String)>> {
    let rect = |tile: TileAddress| pyramid.plan().pyramid().region(tile).core;
    let block = tiles
        .iter()
        .map(|&tile| rect(tile))
        .reduce(slidezoom::Rect::union)
        .ok_or("an empty block")?;
    let pixels = pyramid.region(tiles[0].level().number(), block)?;
    let mut lines = Vec::new();
    for &tile in tiles {
        let (left, top) =
            (rect(tile).origin().x - block.origin().x, rect(tile).origin().y - block.origin().y);
        let patch =
            crop_imm(&pixels, left, top, rect(tile).size().width(), rect(tile).size().height())
                .to_image();
        patch.save(folder.join(format!("{}_{}.png", tile.column(), tile.row())))?;
        lines.push(((tile.row(), tile.column()), index_line(pyramid, tile, &patch)));
    }
    Ok(lines)
}

fn index_line(pyramid: &SlidePyramid, tile: TileAddress, patch: &RgbImage) -> String {
    let (plan, levels) = (pyramid.plan(), pyramid.plan().pyramid());
    let background = plan.background().0;
    let (mut brightness, mut tissue) = (0_u64, 0_u64);
    for pixel in patch.pixels() {
        // The luma of Rec. 709, in ten-thousandths.
        let [red, green, blue] = pixel.0.map(u64::from);
        brightness += 2126 * red + 7152 * green + 722 * blue;
        tissue += u64::from(
            pixel.0.iter().zip(background).any(|(&one, other)| one.abs_diff(other) > TOLERANCE),
        );
    }
    // A pixel of the level covers 2^n of the full size; those at the right and the bottom may reach
    // past its end.
    let (core, halvings) = (levels.region(tile).core, levels.reduction_levels(tile.level()));
    let at_full_size = |start: u32, length: u32, end: u32| {
        let start = start << halvings;
        (start, (length << halvings).min(end - start))
    };
    let (x, width) = at_full_size(core.origin().x, core.size().width(), levels.size().width());
    let (y, height) = at_full_size(core.origin().y, core.size().height(), levels.size().height());
    let (x, y) = (plan.area().origin().x + x, plan.area().origin().y + y);
    let pixels = f64::from(patch.width()) * f64::from(patch.height());
    let (brightness, share) = (brightness as f64 / 10_000.0 / pixels, tissue as f64 / pixels);
    let (level, column, row) = (tile.level(), tile.column(), tile.row());
    format!("{level},{column},{row},{x},{y},{width},{height},{brightness:.2},{share:.4}\n")
}
