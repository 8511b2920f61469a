//! IIIF Image API 2.1 and 3.0 as static files of compliance level 0.
//!
//! A request consists of a region in pixels of the full size and an output size, and each tile is
//! stored under the canonical form of its request. The region is `full` if it is the whole image
//! (libvips before 8.17.1 wrote numbers, which no client requests), and the size of an unreduced
//! whole image is `full` (2.1) or `max` (3.0). In 2.1, other sizes are a width alone. Two levels
//! can have tiles one pixel wide with the same region and width; the smaller one then has a height
//! too.

use std::fmt::Write;

use serde::Serialize;

use super::number;
use crate::geometry::Size;
use crate::pyramid::{PyramidPlan, TileAddress};

pub(crate) const DESCRIPTOR: &str = "info.json";

const FULL: &str = "full";

/// The URI under which an export's parent directory will be served.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResourceId(String);

/// The text is not a valid resource URI.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not an http:// or https:// address without ? and #")]
pub struct ResourceIdError {
    /// The text.
    pub text: String,
}

impl ResourceId {
    /// Checks an address.
    ///
    /// # Errors
    /// [`ResourceIdError`] if it is not an HTTP address, or contains a query or invalid characters.
    pub fn new(text: &str) -> Result<Self, ResourceIdError> {
        let base = text.trim_end_matches('/');
        let rest = base
            .strip_prefix("https://")
            .or_else(|| base.strip_prefix("http://"))
            .unwrap_or_default();
        let plain = |byte: u8| byte.is_ascii_graphic() && !b"\"<>\\^`{|}?#".contains(&byte);
        if rest.is_empty() || rest.starts_with('/') || !rest.bytes().all(plain) {
            return Err(ResourceIdError { text: text.to_owned() });
        }
        Ok(Self(base.to_owned()))
    }

    /// The URI of the export called `name`.
    #[must_use]
    pub fn of(&self, name: &str) -> String {
        let mut id = format!("{}/", self.0);
        for &byte in name.as_bytes() {
            if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
                id.push(char::from(byte));
            } else {
                // Writing to a String cannot fail.
                let _ = write!(id, "%{byte:02X}");
            }
        }
        id
    }

    /// The URI as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Default for ResourceId {
    /// A placeholder, the same as libvips'.
    fn default() -> Self {
        Self("https://example.com/iiif".to_owned())
    }
}

impl Serialize for ResourceId {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

/// Left, top, width and height of a tile's region, in pixels of the full size.
fn region(tile: TileAddress, pyramid: &PyramidPlan) -> [u64; 4] {
    let step = step(tile, pyramid);
    let span = |index: u32, length: u32| {
        let start = u64::from(index) * step;
        (start, step.min(u64::from(length) - start))
    };
    let size = pyramid.size();
    let ((left, width), (top, height)) =
        (span(tile.column(), size.width()), span(tile.row(), size.height()));
    [left, top, width, height]
}

/// The distance between tiles, in pixels of the full size.
fn step(tile: TileAddress, pyramid: &PyramidPlan) -> u64 {
    u64::from(pyramid.geometry().tile_size()) << pyramid.reduction_levels(tile.level())
}

fn is_whole(tile: TileAddress, pyramid: &PyramidPlan) -> bool {
    pyramid.level_tile_count(tile.level()) == 1
}

fn is_full_size(tile: TileAddress, pyramid: &PyramidPlan) -> bool {
    tile.level() == pyramid.max_level()
}

fn region_text(tile: TileAddress, pyramid: &PyramidPlan) -> String {
    if is_whole(tile, pyramid) {
        return FULL.to_owned();
    }
    let [left, top, width, height] = region(tile, pyramid);
    format!("{left},{top},{width},{height}")
}

/// Whether the next larger level has a tile of the same region and the same width of one pixel.
fn needs_height(tile: TileAddress, pyramid: &PyramidPlan) -> bool {
    let [_, _, width, height] = region(tile, pyramid);
    let reduction_levels = pyramid.reduction_levels(tile.level());
    reduction_levels > 0 && 2 * width <= 1 << reduction_levels && 2 * height <= step(tile, pyramid)
}

/// Region and size of a tile, in version 2.1.
pub(crate) fn request_of_version_2(tile: TileAddress, pyramid: &PyramidPlan) -> String {
    let (region, size) = (region_text(tile, pyramid), pyramid.region(tile).core.size());
    if is_full_size(tile, pyramid) && size.width() == pyramid.size().width() {
        format!("{region}/full")
    } else if needs_height(tile, pyramid) {
        format!("{region}/{},{}", size.width(), size.height())
    } else {
        format!("{region}/{},", size.width())
    }
}

/// Region and size of a tile, in version 3.0.
pub(crate) fn request_of_version_3(tile: TileAddress, pyramid: &PyramidPlan) -> String {
    let (region, size) = (region_text(tile, pyramid), pyramid.region(tile).core.size());
    if is_full_size(tile, pyramid) && is_whole(tile, pyramid) {
        format!("{region}/max")
    } else {
        format!("{region}/{},{}", size.width(), size.height())
    }
}

/// The alternative request for an image listed in `sizes`, in version 2.1. Returns `None` for tiles
/// that are not listed, or are stored under this request.
pub(crate) fn alias_request(tile: TileAddress, pyramid: &PyramidPlan) -> Option<String> {
    let is_listed =
        is_whole(tile, pyramid) && !is_full_size(tile, pyramid) && !needs_height(tile, pyramid);
    let size = pyramid.region(tile).core.size();
    is_listed.then(|| format!("{FULL}/{},{}", size.width(), size.height()))
}

/// The tiles of all levels whose region has the same origin as the request's.
pub(crate) fn tiles_at(request: &str, pyramid: &PyramidPlan) -> Vec<TileAddress> {
    let origin = |region: &str| {
        if region == FULL {
            return Some((0, 0));
        }
        let mut numbers = region.splitn(4, ',').map(number);
        Some((numbers.next()??, numbers.next()??))
    };
    let Some((left, top)) = request.split_once('/').and_then(|(region, _)| origin(region)) else {
        return Vec::new();
    };
    let at = |level| {
        let step = u64::from(pyramid.geometry().tile_size()) << pyramid.reduction_levels(level);
        let index =
            |start: u32| u64::from(start).is_multiple_of(step).then(|| u64::from(start) / step);
        pyramid.tile(level, index(left)? as u32, index(top)? as u32)
    };
    pyramid.levels().filter_map(at).collect()
}

/// Whether a directory name is a region.
pub(crate) fn is_region(name: &str) -> bool {
    name == FULL || name.split(',').filter_map(number).count() == 4 && name.split(',').count() == 4
}

/// Finds tiles of consecutive levels with equal requests. Only tiles of one pixel, at the lower
/// right corner, can have them.
pub(crate) fn name_collision(
    pyramid: &PyramidPlan,
    request: fn(TileAddress, &PyramidPlan) -> String,
) -> Option<(TileAddress, TileAddress)> {
    pyramid.levels().zip(pyramid.levels().skip(1)).find_map(|(level, larger)| {
        let grid = pyramid.grid(level);
        let tile = pyramid.tile(level, grid.width() - 1, grid.height() - 1)?;
        let other = pyramid.tile(larger, 2 * tile.column(), 2 * tile.row())?;
        (request(tile, pyramid) == request(other, pyramid)).then_some((tile, other))
    })
}

/// The available tiles: squares at these reductions.
#[derive(Serialize)]
struct Tiles {
    width: u32,
    #[serde(rename = "scaleFactors")]
    scale_factors: Vec<u64>,
}

/// The fields that both versions share.
#[derive(Serialize)]
struct Pyramid {
    width: u32,
    height: u32,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    sizes: Vec<Size>,
    tiles: [Tiles; 1],
}

impl Pyramid {
    fn of(pyramid: &PyramidPlan) -> Self {
        let reduced = pyramid.levels().filter(|&level| level != pyramid.max_level());
        let single = reduced.filter(|&level| pyramid.level_tile_count(level) == 1);
        let scale_factors =
            pyramid.levels().rev().map(|level| 1 << pyramid.reduction_levels(level)).collect();
        Self {
            width: pyramid.size().width(),
            height: pyramid.size().height(),
            sizes: single.map(|level| pyramid.level_size(level)).collect(),
            tiles: [Tiles { width: pyramid.geometry().tile_size(), scale_factors }],
        }
    }
}

const PROTOCOL: &str = "http://iiif.io/api/image";

/// The image information of version 2.1.
pub(crate) fn info_of_version_2(pyramid: &PyramidPlan, id: &str, extension: &str) -> String {
    #[derive(Serialize)]
    struct Profile<'a> {
        formats: [&'a str; 1],
        qualities: [&'a str; 1],
    }

    #[derive(Serialize)]
    struct Information<'a> {
        #[serde(rename = "@context")]
        context: &'a str,
        #[serde(rename = "@id")]
        id: &'a str,
        protocol: &'a str,
        profile: (&'a str, Profile<'a>),
        #[serde(flatten)]
        pyramid: Pyramid,
    }

    text(&Information {
        context: "http://iiif.io/api/image/2/context.json",
        id,
        protocol: PROTOCOL,
        profile: (
            "http://iiif.io/api/image/2/level0.json",
            Profile { formats: [extension], qualities: ["default"] },
        ),
        pyramid: Pyramid::of(pyramid),
    })
}

/// The image information of version 3.0.
pub(crate) fn info_of_version_3(pyramid: &PyramidPlan, id: &str, extension: &str) -> String {
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Information<'a> {
        #[serde(rename = "@context")]
        context: &'a str,
        id: &'a str,
        #[serde(rename = "type")]
        kind: &'a str,
        protocol: &'a str,
        profile: &'a str,
        #[serde(flatten)]
        pyramid: Pyramid,
        // Level 0 implies JPEG; other formats are listed.
        #[serde(skip_serializing_if = "Option::is_none")]
        preferred_formats: Option<[&'a str; 1]>,
        #[serde(skip_serializing_if = "Option::is_none")]
        extra_formats: Option<[&'a str; 1]>,
    }

    let other_format = (extension != "jpg").then_some([extension]);
    text(&Information {
        context: "http://iiif.io/api/image/3/context.json",
        id,
        kind: "ImageService3",
        protocol: PROTOCOL,
        profile: "level0",
        pyramid: Pyramid::of(pyramid),
        preferred_formats: other_format,
        extra_formats: other_format,
    })
}

#[expect(clippy::expect_used, reason = "the types of this file always serialize")]
fn text(value: &impl Serialize) -> String {
    serde_json::to_string_pretty(value).expect("a serializable value") + "\n"
}
