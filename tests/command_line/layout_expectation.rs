//! A second implementation of the layouts other than Deep Zoom, from the documents of their formats
//! and independent of the crate.

use crate::deep_zoom::{DeepZoom, Tile};

/// The layouts other than Deep Zoom.
pub const LAYOUTS: [&str; 4] = ["zoomify", "google", "iiif2", "iiif3"];

/// The tiles and files that an export in one of these layouts must have.
#[derive(Clone, Copy)]
pub struct LayoutExpectation {
    pub layout: &'static str,
    pub plan: DeepZoom,
}

impl LayoutExpectation {
    /// Creates the expectation for an image of this size and the default tile size.
    pub fn new(layout: &'static str, size: (u32, u32)) -> Self {
        let tile_size = if layout.starts_with("iiif") { 512 } else { 256 };
        Self { layout, plan: DeepZoom::new(size).with_tiles(tile_size, 0) }
    }

    /// Returns the smallest level that these layouts have: the largest one with a single tile.
    pub fn smallest_level(self) -> u32 {
        (0..=self.plan.max_level()).rev().find(|&level| self.plan.grid(level) == (1, 1)).unwrap()
    }

    /// Returns all tiles, level by level from the smallest, row by row.
    pub fn tiles(self) -> Vec<Tile> {
        (self.smallest_level()..=self.plan.max_level())
            .flat_map(|level| self.plan.level_tiles(level))
            .collect()
    }

    /// Returns the file of a tile. `number` is its place in [`tiles`](Self::tiles).
    pub fn file(self, number: usize, tile: &Tile, extension: &str) -> String {
        let (level, column, row) = (tile.level - self.smallest_level(), tile.column, tile.row);
        match self.layout {
            "zoomify" => format!("TileGroup{}/{level}-{column}-{row}.{extension}", number / 256),
            "google" => format!("{level}/{row}/{column}.{extension}"),
            _ => format!("{}/0/default.{extension}", self.request(tile)),
        }
    }

    /// Returns the region and the size of a tile in the canonical form of IIIF's Image API.
    fn request(self, tile: &Tile) -> String {
        let scale = 1 << (self.plan.max_level() - tile.level);
        let step = self.plan.tile_size * scale;
        let (left, top) = (tile.column * step, tile.row * step);
        let (width, height) = (step.min(self.plan.width - left), step.min(self.plan.height - top));
        let is_whole = (width, height) == (self.plan.width, self.plan.height);
        let region =
            if is_whole { "full".to_owned() } else { format!("{left},{top},{width},{height}") };
        let (tile_width, tile_height) = (width.div_ceil(scale), height.div_ceil(scale));
        let size = match self.layout {
            "iiif2" if is_whole && scale == 1 => "full".to_owned(),
            "iiif3" if is_whole && scale == 1 => "max".to_owned(),
            "iiif2" => format!("{tile_width},"),
            _ => format!("{tile_width},{tile_height}"),
        };
        format!("{region}/{size}")
    }

    /// Returns the layout's files other than tiles.
    pub fn auxiliary_files(self, extension: &str) -> Vec<String> {
        let (width, height) = self.plan.level_size(self.smallest_level());
        match self.layout {
            "zoomify" => vec!["ImageProperties.xml".to_owned()],
            "google" => vec!["blank.png".to_owned()],
            // In version 2.1, clients request images listed in `sizes` by two names.
            "iiif2" if self.smallest_level() < self.plan.max_level() => {
                vec!["info.json".to_owned(), format!("full/{width},{height}/0/default.{extension}")]
            }
            _ => vec!["info.json".to_owned()],
        }
    }

    /// Returns the tiles and the layout's other files.
    pub fn files(self, extension: &str) -> Vec<String> {
        let tiles = self.tiles();
        let names =
            tiles.iter().enumerate().map(|(number, tile)| self.file(number, tile, extension));
        names.chain(self.auxiliary_files(extension)).collect()
    }
}
