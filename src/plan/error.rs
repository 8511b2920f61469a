//! Why a slide cannot be exported as asked: told before anything is read or written.

use crate::codec::decode::ImageFormat;
use crate::geometry::MicronsPerPixel;
use crate::geometry::{Rect, Size};
use crate::layout::tile_layout::TileLayout;
use crate::pixels::ReductionMethod;
use crate::pyramid::TileAddress;
use crate::source::{DirectReadUnsupported, SlideLevel};

/// Why a slide cannot be exported as asked. Raised before anything is read or written.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum PlanError {
    /// The name cannot be a file's name.
    #[error("{name:?} cannot be the name of an export")]
    Name {
        /// The name.
        name: String,
    },
    /// `BagIt`'s tools do not agree on how such a name is written in a manifest.
    #[error("{name:?} cannot be the name of a bag's contents: it holds %, a backslash or a line's end")]
    BagName {
        /// The name.
        name: String,
    },
    /// The slide and the area do not fit each other or this program.
    #[error("an area of {area} of a slide of {size} pixels cannot be exported")]
    Area {
        /// The area asked for, in slide-level-0 pixels.
        area: Rect,
        /// The slide's size.
        size: Size,
    },
    /// The part asked for is not all in the slide.
    #[error("a crop of {crop} is not inside the slide of {size} pixels")]
    Crop {
        /// The part asked for, in slide-level-0 pixels.
        crop: Rect,
        /// The slide's size.
        size: Size,
    },
    /// The slide has no such level of its own.
    #[error("the slide has no level {level}: its own levels go from 0 to {}", levels - 1)]
    NoSuchLevel {
        /// The level asked for.
        level: SlideLevel,
        /// How many it has.
        levels: usize,
    },
    /// Pixels of a size in micrometers were asked for, and nobody says how large the slide's are.
    #[error("the slide does not say how many micrometers a pixel has, and --target-mpp must know")]
    UnknownScale,
    /// A magnification was asked for, and nobody says that of the slide.
    #[error("the slide does not say what it was magnified by, and --magnification must know")]
    UnknownObjective,
    /// Smaller pixels were asked for than the slide has.
    #[error("{} µm per pixel are finer than the slide's {} × {}", target.x().min(target.y()), of_slide.x(), of_slide.y())]
    FinerThanSlide {
        /// Those asked for.
        target: MicronsPerPixel,
        /// Those of the slide.
        of_slide: MicronsPerPixel,
    },
    /// A larger magnification was asked for than the slide has.
    #[error("a magnification of {target} is more than the slide's {of_slide}")]
    MoreThanObjective {
        /// The one asked for.
        target: f64,
        /// That of the slide.
        of_slide: f64,
    },
    /// The slide's pixels are too oblong to be made square.
    #[error("the slide's pixels of {} × {} µm cannot be made square", of_slide.x(), of_slide.y())]
    Oblong {
        /// What it says of them.
        of_slide: MicronsPerPixel,
    },
    /// The pyramid would have more columns or rows of tiles than can be planned in memory.
    #[error("{grid} columns and rows of tiles are too many (at most {most} each); use a larger tile size")]
    Grid {
        /// Columns and rows of the largest level.
        grid: Size,
        /// The most that are possible.
        most: u32,
    },
    /// The slide's own JPEG data cannot be the tiles of the full size.
    #[error("lossless tiles are not possible: {0}")]
    NotLossless(NotLossless),
    /// A `.szi` must say how large a pixel is, and nobody does.
    #[error("the slide does not say how many micrometers a pixel has, and a .szi must")]
    NoMicronsPerPixel,
    /// The tiles of a `.szi` share no pixels.
    #[error("the tiles of a .szi have no overlap, and an overlap of {overlap} was asked for")]
    SziOverlap {
        /// The overlap asked for.
        overlap: u32,
    },
    /// A `.szi` has all of its tiles.
    #[error("a .szi has every tile: blank ones cannot be left out of it")]
    SparseSzi,
    /// A `.szi` has all of its levels.
    #[error("a .szi has every level down to that of one pixel")]
    ShallowSzi,
    /// The tiles of a `.szi` are JPEG or PNG.
    #[error("the tiles of a .szi are JPEG or PNG, and WebP was asked for")]
    SziFormat,
    /// A `.szi` is Deep Zoom.
    #[error("a .szi holds Deep Zoom tiles, and the layout {} was asked for", tile_layout.word())]
    SziLayout {
        /// The layout asked for.
        tile_layout: TileLayout,
    },
    /// Only Deep Zoom's tiles overlap.
    #[error("the tiles of the layout {} have no overlap, and an overlap of {overlap} was asked for", tile_layout.word())]
    LayoutOverlap {
        /// The layout asked for.
        tile_layout: TileLayout,
        /// The overlap asked for.
        overlap: u32,
    },
    /// Two of the export's files would have one name.
    #[error("{name:?} cannot be the name of an export in the layout {}, which has a file {name}.json of its own", tile_layout.word())]
    LayoutName {
        /// The layout asked for.
        tile_layout: TileLayout,
        /// The name.
        name: String,
    },
    /// Two tiles would have one name.
    #[error("in the layout {}, two tiles of one pixel would have one name (that at {one}, and that at {other})", tile_layout.word())]
    Namesakes {
        /// The layout asked for.
        tile_layout: TileLayout,
        /// One of them.
        one: TileAddress,
        /// The other.
        other: TileAddress,
    },
    /// Lossy WebP stores chroma in one way only.
    #[error("lossy WebP stores color at half the width and height (4:2:0), and another subsampling was asked for")]
    Subsampling,
    /// The largest tiles are larger than a file of their format can be.
    #[error("tiles would have up to {tile} pixels, and no side of a {extension} file can have more than {most}")]
    TileSize {
        /// The largest tile, with its overlap.
        tile: Size,
        /// The format's file name extension.
        extension: &'static str,
        /// The longest side possible.
        most: u32,
    },
    /// The size to start from is made by means and by Lanczos' kernel, which blend what another way of reduction must not.
    #[error("the size asked for is none that the slide has, and would be blended before it is reduced by {method}", method = .0.name())]
    Blended(ReductionMethod),
    /// The tile asked for is not in the pyramid.
    #[error("there is no tile at column {column}, row {row} of level {level}; {grid}")]
    NoSuchTile {
        /// The level asked for.
        level: u32,
        /// The column asked for.
        column: u32,
        /// The row asked for.
        row: u32,
        /// What there is instead.
        grid: String,
    },
    /// A rectangle is not inside a level, or there is no such level.
    #[error("level {level} has no pixels {rect}")]
    NoSuchRegion {
        /// The level asked for.
        level: u32,
        /// The rectangle, in pixels of that level.
        rect: Rect,
    },
}

/// Why a slide's own JPEG data cannot be an export's tiles.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotLossless {
    /// The slide does not hold what could be taken.
    #[error("the slide is read through OpenSlide, since {0}")]
    Reader(DirectReadUnsupported),
    /// It is no slide.
    #[error("it is no slide but an ordinary image ({})", .0.name())]
    Image(ImageFormat),
    /// Deep Zoom tiles are square.
    #[error("the slide is stored in tiles of {tile}, and Deep Zoom tiles are square")]
    NotSquare {
        /// The native tiles' size in pixels.
        tile: Size,
    },
    /// The next smaller level is made by halving tile by tile.
    #[error("the slide is stored in tiles of {tile}, which cannot be halved")]
    TileSize {
        /// The native tiles' size in pixels.
        tile: Size,
    },
    /// Another tile size or an overlap was asked for.
    #[error(
        "the slide's tiles are of {stored} pixels without overlap, and tiles of {tile_size} with overlap {overlap} were asked for"
    )]
    Geometry {
        /// The native tiles' side in pixels.
        stored: u32,
        /// The tile size asked for.
        tile_size: u32,
        /// The overlap asked for.
        overlap: u32,
    },
    /// The export's first tile would begin inside a stored one.
    #[error("the exported area begins at ({x}, {y}), inside a native tile of {stored} pixels")]
    Bounds {
        /// The area's left edge in slide-level-0 pixels.
        x: u32,
        /// Its top edge.
        y: u32,
        /// The native tiles' side in pixels.
        stored: u32,
    },
    /// The tiles were asked for in another format.
    #[error("the slide's tiles are JPEG, and another format was asked for")]
    Format,
    /// The export was asked to start from a smaller size.
    #[error("the slide's tiles are of its full size, and a smaller one was asked for")]
    Resolution,
    /// The tiles were asked for turned or mirrored.
    #[error("the slide's tiles are stored upright, and --rotate or --flip was asked for")]
    Orientation,
    /// Each tile is reduced by itself, where it is read.
    #[error("{method} looks at pixels of the tiles round about, and lossless tiles are read one by one", method = .0.name())]
    Reduction(ReductionMethod),
    /// The tiles at the edges would have to be filled up.
    #[error(
        "tiles of the layout {} are filled up at the edges, and {area} is no multiple of the slide's tiles of {stored}", tile_layout.word()
    )]
    Padded {
        /// The layout asked for.
        tile_layout: TileLayout,
        /// The exported area's size.
        area: Size,
        /// The native tiles' side in pixels.
        stored: u32,
    },
}
