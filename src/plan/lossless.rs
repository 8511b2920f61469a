//! Conditions for copying the slide's native JPEG tiles instead of encoding them again.

use super::{ExportOptions, FormatOption, Placement};
use crate::geometry::{Orientation, Point, Size};
use crate::layout::tile_layout::TileLayout;
use crate::pixels::ReductionMethod;
use crate::pyramid::TileGeometry;
use crate::source::{NoNativeTiles, SlideInfo};

/// Reasons why a slide's native tiles cannot be an export's tiles.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NotLossless {
    /// The slide has no native tiles that can be read directly.
    #[error(transparent)]
    NoNativeTiles(NoNativeTiles),
    /// Deep Zoom tiles are square.
    #[error("the slide's native tiles of {tile} are not square, as Deep Zoom tiles are")]
    NotSquare {
        /// The native tiles' size in pixels.
        tile: Size,
    },
    /// The next smaller level is downsampled tile by tile, which needs an even tile size.
    #[error("the slide's native tiles of {tile} cannot be halved")]
    TileSize {
        /// The native tiles' size in pixels.
        tile: Size,
    },
    /// The requested tile size or overlap differs from the native tiles'.
    #[error(
        "the slide's native tiles have {native} pixels without overlap, not {tile_size} with an overlap of {overlap}"
    )]
    Geometry {
        /// The native tiles' side in pixels.
        native: u32,
        /// The requested tile size.
        tile_size: u32,
        /// The requested overlap.
        overlap: u32,
    },
    /// The exported area does not begin at a tile boundary.
    #[error("the exported area begins at ({x}, {y}), inside a native tile of {native} pixels")]
    Bounds {
        /// The area's left edge in pixels of slide level 0.
        x: u32,
        /// Its top edge.
        y: u32,
        /// The native tiles' side in pixels.
        native: u32,
    },
    /// Another format was requested.
    #[error("the slide's native tiles are JPEG, not the requested format")]
    Format,
    /// A smaller size was requested.
    #[error("the slide's native tiles have its full size, not the requested smaller one")]
    Resolution,
    /// A rotation or flip was requested.
    #[error("the slide's native tiles can be neither rotated nor flipped")]
    Orientation,
    /// The reduction method reads pixels of neighboring tiles.
    #[error("the reduction method {} reads neighboring tiles, but lossless tiles are reduced one by one", .0.name())]
    Reduction(ReductionMethod),
    /// The layout pads tiles at the edges.
    #[error("the layout {} pads edge tiles, and {area} is not a multiple of the native tile size {native}", tile_layout.word())]
    Padded {
        /// The requested layout.
        tile_layout: TileLayout,
        /// The exported area's size.
        area: Size,
        /// The native tiles' side in pixels.
        native: u32,
    },
}

/// The tile geometry of an export whose full-size tiles are the slide's native tiles.
///
/// # Errors
/// [`NotLossless`] if the slide or the options rule it out.
pub(crate) fn geometry(
    info: &SlideInfo,
    placement: Placement,
    options: &ExportOptions,
) -> Result<TileGeometry, NotLossless> {
    let tile = info.reader.native_tiles().map_err(NotLossless::NoNativeTiles)?.size;
    if options.format != FormatOption::Jpeg {
        return Err(NotLossless::Format);
    }
    if !placement.is_full_size() {
        return Err(NotLossless::Resolution);
    }
    if placement.orientation() != Orientation::UPRIGHT {
        return Err(NotLossless::Orientation);
    }
    if options.reduction.margin() > 0 {
        return Err(NotLossless::Reduction(options.reduction));
    }
    let native = tile.width();
    if tile.height() != native {
        return Err(NotLossless::NotSquare { tile });
    }
    let geometry = TileGeometry::new(native, 0).ok().filter(|_| native.is_multiple_of(2));
    let geometry = geometry.ok_or(NotLossless::TileSize { tile })?;
    if let Some(asked) = options.geometry.filter(|asked| *asked != geometry) {
        return Err(NotLossless::Geometry {
            native,
            tile_size: asked.tile_size(),
            overlap: asked.overlap(),
        });
    }
    let Point { x, y } = placement.area().origin();
    if !x.is_multiple_of(native) || !y.is_multiple_of(native) {
        return Err(NotLossless::Bounds { x, y, native });
    }
    let size = placement.size();
    if options.tile_layout.pads()
        && !(size.width().is_multiple_of(native) && size.height().is_multiple_of(native))
    {
        return Err(NotLossless::Padded { tile_layout: options.tile_layout, area: size, native });
    }
    Ok(geometry)
}
