//! Reasons why an export cannot be planned.

use super::NotLossless;
use crate::geometry::{MicronsPerPixel, Rect, Size};
use crate::layout::tile_layout::TileLayout;
use crate::pixels::ReductionMethod;
use crate::pyramid::{Level, TileAddress};
use crate::source::SlideLevel;

/// Reasons why an export cannot be planned. Nothing has been read or written.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum PlanError {
    /// The name is empty, a path, `.` or `..`.
    #[error("{name:?} is not a valid export name")]
    Name {
        /// The name.
        name: String,
    },
    /// The name contains characters that `BagIt` tools escape differently.
    #[error("{name:?} is not a valid name in a bag: it contains %, a backslash or a line break")]
    BagName {
        /// The name.
        name: String,
    },
    /// The scanned area is not inside the slide, or the slide is too large.
    #[error("cannot export an area of {area} from a slide of {size} pixels")]
    Area {
        /// The area, in pixels of slide level 0.
        area: Rect,
        /// The slide's size.
        size: Size,
    },
    /// The crop is not inside the slide.
    #[error("the crop of {crop} is not inside the slide of {size} pixels")]
    Crop {
        /// The crop, in pixels of slide level 0.
        crop: Rect,
        /// The slide's size.
        size: Size,
    },
    /// The slide has no such level.
    #[error("the slide has no level {level}: its levels range from 0 to {}", levels - 1)]
    NoSuchLevel {
        /// The requested level.
        level: SlideLevel,
        /// The number of levels.
        levels: usize,
    },
    /// A target resolution needs the slide's micrometers per pixel.
    #[error(
        "the slide does not state its micrometers per pixel, which the target resolution needs"
    )]
    UnknownScale,
    /// A target magnification needs the slide's objective power.
    #[error("the slide does not state its objective power, which the target magnification needs")]
    UnknownObjective,
    /// The target resolution is finer than the slide's.
    #[error("{} µm per pixel is finer than the slide's {} × {} µm", target.x().min(target.y()), of_slide.x(), of_slide.y())]
    FinerThanSlide {
        /// The target.
        target: MicronsPerPixel,
        /// The slide's resolution.
        of_slide: MicronsPerPixel,
    },
    /// The target magnification is larger than the slide's.
    #[error("a magnification of {target} exceeds the slide's {of_slide}")]
    MoreThanObjective {
        /// The target.
        target: f64,
        /// The slide's objective power.
        of_slide: f64,
    },
    /// The slide's pixels are too oblong to be resampled to squares.
    #[error("the slide's pixels of {} × {} µm are too oblong to be made square", of_slide.x(), of_slide.y())]
    Oblong {
        /// The slide's resolution.
        of_slide: MicronsPerPixel,
    },
    /// The pyramid would have too many columns or rows of tiles.
    #[error("{grid} tiles exceed the limit of {most} columns or rows; use a larger tile size")]
    Grid {
        /// Columns and rows of the largest level.
        grid: Size,
        /// The limit for both.
        most: u32,
    },
    /// The slide's native tiles cannot be copied.
    #[error("lossless tiles are not possible: {0}")]
    NotLossless(NotLossless),
    /// A `.szi` states the micrometers per pixel.
    #[error("the slide does not state its micrometers per pixel, which a .szi must contain")]
    NoMicronsPerPixel,
    /// Tiles of a `.szi` do not overlap.
    #[error("tiles of a .szi cannot overlap (the overlap is {overlap})")]
    SziOverlap {
        /// The requested overlap.
        overlap: u32,
    },
    /// A `.szi` has all tiles.
    #[error("a .szi must contain all tiles, so blank tiles cannot be skipped")]
    SparseSzi,
    /// A `.szi` has all levels.
    #[error("a .szi must contain all levels down to 1×1 pixel")]
    ShallowSzi,
    /// Tiles of a `.szi` are JPEG or PNG.
    #[error("tiles of a .szi must be JPEG or PNG, not WebP")]
    SziFormat,
    /// A `.szi` holds Deep Zoom tiles.
    #[error("a .szi must contain Deep Zoom tiles, not the layout {}", tile_layout.word())]
    SziLayout {
        /// The requested layout.
        tile_layout: TileLayout,
    },
    /// Only Deep Zoom tiles overlap.
    #[error("tiles of the layout {} cannot overlap (the overlap is {overlap})", tile_layout.word())]
    LayoutOverlap {
        /// The requested layout.
        tile_layout: TileLayout,
        /// The requested overlap.
        overlap: u32,
    },
    /// The export's description and a file of the layout would have the same name.
    #[error("{name:?} is not a valid name in the layout {}, which has a file {name}.json of its own", tile_layout.word())]
    LayoutName {
        /// The requested layout.
        tile_layout: TileLayout,
        /// The name.
        name: String,
    },
    /// Two tiles would have the same name.
    #[error("two tiles of the layout {} would have the same name: those at {one} and at {other}", tile_layout.word())]
    NameCollision {
        /// The requested layout.
        tile_layout: TileLayout,
        /// The first tile.
        one: TileAddress,
        /// The second tile.
        other: TileAddress,
    },
    /// Lossy WebP supports 4:2:0 only.
    #[error("lossy WebP supports no chroma subsampling other than 4:2:0")]
    Subsampling,
    /// The largest tiles exceed the format's limit.
    #[error("tiles of up to {tile} pixels exceed the limit of {extension} files, {most} per side")]
    TileSize {
        /// The largest tile, with its overlap.
        tile: Size,
        /// The format's file name extension.
        extension: &'static str,
        /// The longest possible side.
        most: u32,
    },
    /// The export's full size is downsampled by averaging, which this reduction method must not mix
    /// with.
    #[error("the slide has no level of the requested size, and averaging to it would defeat the reduction method {}", method.name())]
    Blended {
        /// The requested method.
        method: ReductionMethod,
    },
    /// The pyramid has no tiles of this level.
    #[error("there are no tiles of level {level}: levels range from {smallest} to {largest}")]
    NoTilesOnLevel {
        /// The requested level.
        level: u32,
        /// The smallest level.
        smallest: Level,
        /// The level of the full size.
        largest: Level,
    },
    /// The level has no such tile.
    #[error(
        "there is no tile at column {column}, row {row} of level {level}, which has {grid} tiles"
    )]
    NoSuchTile {
        /// The level.
        level: Level,
        /// The requested column.
        column: u32,
        /// The requested row.
        row: u32,
        /// Columns and rows of the level.
        grid: Size,
    },
    /// The rectangle is not inside the level, or the level does not exist.
    #[error("level {level} has no region {rect}")]
    NoSuchRegion {
        /// The requested level.
        level: u32,
        /// The rectangle, in pixels of that level.
        rect: Rect,
    },
}
