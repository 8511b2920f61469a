//! The format of tiles and associated images.

use super::{Color, ExportOptions, FormatOption, PlanError, SubsamplingOption};
use crate::codec::{JpegCoding, Quality, Subsampling, TileFormat, WebPCompression};
use crate::geometry::Size;
use crate::layout::Container;
use crate::layout::tile_layout::TileLayout;
use crate::pixels::Rgb;
use crate::pyramid::PyramidPlan;
use crate::source::SlideInfo;

/// Settles the format of tiles.
///
/// # Errors
/// [`PlanError::Subsampling`], [`PlanError::SziFormat`] or [`PlanError::TileSize`] if the requested
/// format contradicts other options.
pub(crate) fn settle(
    info: &SlideInfo,
    options: &ExportOptions,
    pyramid: &PyramidPlan,
    color: &Color,
    background: Rgb,
) -> Result<TileFormat, PlanError> {
    let quality = options.quality;
    let format = match options.format {
        FormatOption::Png => TileFormat::Png,
        FormatOption::WebP => match options.subsampling {
            SubsamplingOption::Auto | SubsamplingOption::Fixed(Subsampling::Quarter) => {
                TileFormat::WebP { compression: WebPCompression::Lossy { quality } }
            }
            SubsamplingOption::Fixed(_) => return Err(PlanError::Subsampling),
        },
        FormatOption::WebPLossless => TileFormat::WebP { compression: WebPCompression::Lossless },
        FormatOption::Jpeg => {
            let is_gray = color.keeps_gray() && is_neutral(background);
            let subsampling = match (options.subsampling, info.native_subsampling) {
                (SubsamplingOption::Fixed(subsampling), _) => subsampling,
                (SubsamplingOption::Auto, Some(Subsampling::Gray)) if !is_gray => Subsampling::Full,
                (SubsamplingOption::Auto, stored) => stored.unwrap_or(Subsampling::Full),
            };
            TileFormat::Jpeg { quality, subsampling, coding: options.jpeg_coding }
        }
    };
    if options.container == Container::Szi && matches!(format, TileFormat::WebP { .. }) {
        return Err(PlanError::SziFormat);
    }
    let most = format.longest_side();
    match largest_tile(pyramid).filter(|&tile| longest_side(tile) > most) {
        Some(tile) => Err(PlanError::TileSize { tile, extension: format.extension(), most }),
        None => Ok(format),
    }
}

/// Whether tiles of gray pixels are gray files, provided that colors are not converted.
pub(crate) fn keeps_gray(info: &SlideInfo, options: &ExportOptions, background: Rgb) -> bool {
    options.format == FormatOption::Jpeg
        && options.subsampling == SubsamplingOption::Auto
        && info.native_subsampling == Some(Subsampling::Gray)
        && is_neutral(background)
        // This layout's substitute for skipped tiles is an RGB PNG.
        && options.tile_layout != TileLayout::Google
}

fn is_neutral(Rgb([red, green, blue]): Rgb) -> bool {
    red == green && green == blue
}

/// The format of associated images, given that of tiles. They may have colors where the slide is
/// gray, and a `.szi` stores them as JPEG.
pub(crate) fn of_associated(format: TileFormat, container: Container) -> TileFormat {
    match format {
        TileFormat::Jpeg { quality, subsampling: Subsampling::Gray, coding } => {
            TileFormat::Jpeg { quality, subsampling: Subsampling::Full, coding }
        }
        TileFormat::Png if container == Container::Szi => TileFormat::Jpeg {
            quality: Quality::default(),
            subsampling: Subsampling::Full,
            coding: JpegCoding::default(),
        },
        format => format,
    }
}

/// The tile with the longest side. It is in the first two columns and rows of the full size: tiles
/// of the second one have an overlap on both sides, and later ones are not longer.
fn largest_tile(pyramid: &PyramidPlan) -> Option<Size> {
    let level = pyramid.max_level();
    let tiles = [(0, 0), (1, 0), (0, 1), (1, 1)];
    let tiles = tiles.into_iter().filter_map(|(column, row)| pyramid.tile(level, column, row));
    tiles.map(|tile| pyramid.region(tile).full.size()).max_by_key(|&size| longest_side(size))
}

fn longest_side(size: Size) -> u32 {
    size.width().max(size.height())
}
