//! A second implementation of the Deep Zoom arithmetic, from the format's rules and independent of
//! the crate.

use std::ops::Range;

/// A pyramid: the size of its largest level, and its tile geometry.
#[derive(Clone, Copy, Debug)]
pub struct DeepZoom {
    pub width: u32,
    pub height: u32,
    pub tile_size: u32,
    pub overlap: u32,
}

/// A tile: its address, and the pixels of its level that it covers.
#[derive(Clone, Debug)]
pub struct Tile {
    pub level: u32,
    pub column: u32,
    pub row: u32,
    pub columns: Range<u32>,
    pub rows: Range<u32>,
}

impl Tile {
    /// Returns its file below `<name>_files`.
    pub fn file(&self, extension: &str) -> String {
        format!("{}/{}_{}.{extension}", self.level, self.column, self.row)
    }

    pub fn size(&self) -> (u32, u32) {
        (self.columns.end - self.columns.start, self.rows.end - self.rows.start)
    }
}

impl DeepZoom {
    /// Creates a pyramid with slidezoom's default geometry.
    pub fn new((width, height): (u32, u32)) -> Self {
        Self { width, height, tile_size: 254, overlap: 1 }
    }

    pub fn with_tiles(self, tile_size: u32, overlap: u32) -> Self {
        Self { tile_size, overlap, ..self }
    }

    /// Returns the number of the largest level: how often the longer side can be halved, rounding
    /// up, until it is 1.
    pub fn max_level(&self) -> u32 {
        let mut side = self.width.max(self.height);
        let mut halvings = 0;
        while side > 1 {
            side = side.div_ceil(2);
            halvings += 1;
        }
        halvings
    }

    /// Returns the size of a level.
    pub fn level_size(&self, level: u32) -> (u32, u32) {
        let scale = 1 << (self.max_level() - level);
        (self.width.div_ceil(scale), self.height.div_ceil(scale))
    }

    /// Returns the columns and rows of a level's grid.
    pub fn grid(&self, level: u32) -> (u32, u32) {
        let (width, height) = self.level_size(level);
        (width.div_ceil(self.tile_size), height.div_ceil(self.tile_size))
    }

    /// Returns the tiles of a level.
    pub fn level_tiles(&self, level: u32) -> Vec<Tile> {
        let (width, height) = self.level_size(level);
        let (columns, rows) = self.grid(level);
        let span = |index: u32, length: u32| {
            let start = index * self.tile_size;
            start.saturating_sub(self.overlap)..(start + self.tile_size + self.overlap).min(length)
        };
        let tile = |column, row| Tile {
            level,
            column,
            row,
            columns: span(column, width),
            rows: span(row, height),
        };
        (0..rows).flat_map(|row| (0..columns).map(move |column| tile(column, row))).collect()
    }

    /// Returns the sorted files of an export of this pyramid without page and associated images.
    pub fn files(&self, name: &str, extension: &str) -> Vec<String> {
        let tiles =
            self.tiles().into_iter().map(|tile| format!("{name}_files/{}", tile.file(extension)));
        let others =
            [format!("{name}.dzi"), format!("{name}.json"), "manifest-sha256.txt".to_owned()];
        let mut files: Vec<String> = tiles.chain(others).collect();
        files.sort();
        files
    }

    /// Returns the tiles of all levels.
    pub fn tiles(&self) -> Vec<Tile> {
        (0..=self.max_level()).flat_map(|level| self.level_tiles(level)).collect()
    }
}

#[test]
fn arithmetic_matches_hand_computed_values() {
    // 108 + 30 + 9 + 4 tiles in the four largest levels, and one in each of the nine smaller ones.
    let plan = DeepZoom::new((2220, 2967));
    assert_eq!((plan.max_level(), plan.tiles().len(), plan.grid(12)), (12, 160, (9, 12)));
    assert_eq!(plan.level_size(11), (1110, 1484));
    let base = plan.level_tiles(12);
    assert_eq!(
        (base[0].size(), base[1].size(), base[107].size()),
        ((255, 255), (256, 255), (189, 174))
    );
}
