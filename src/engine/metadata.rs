//! `<name>.json`: what a viewer or a script needs to know about an export.
//!
//! Slide properties can hold names, dates and serial numbers, so only those on a list of harmless
//! ones are published unless all are requested. The file has no date and no path: like every file
//! of an export, it is a function of slide and options.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::{Map, Value};

use crate::codec::TileFormat;
use crate::geometry::MicronsPerPixel;
use crate::geometry::{Flip, Rect, Rotation, Size};
use crate::layout::manifest::MANIFEST;
use crate::layout::tile_layout::{ResourceId, TileLayout};
use crate::pixels::{ReductionMethod, Rgb};
use crate::plan::{
    BaseTiles, BlankTiles, Bounds, Color, ExportPlan, Page, PublishedProperties, ReadErrorPolicy,
    Resolution, SlideTransform,
};
use crate::pyramid::Level;
use crate::pyramid::TileSet;
use crate::source::{Reader, SlideInfo, SourceFile, SourceIdentity, openslide_version};

mod described;

pub(crate) use described::DescribedPyramid;

/// Properties of the image, without persons, places or dates.
const LISTED: [&str; 12] = [
    "openslide.vendor",
    "openslide.mpp-x",
    "openslide.mpp-y",
    "openslide.objective-power",
    "openslide.background-color",
    "openslide.bounds-x",
    "openslide.bounds-y",
    "openslide.bounds-width",
    "openslide.bounds-height",
    "openslide.level-count",
    "openslide.icc-size",
    "openslide.quickhash-1",
];

/// The maximum length of a description. That of forty gigapixels in which every native tile is
/// damaged has some 60 MB.
pub(crate) const LONGEST: u64 = 1 << 26;

/// Returns the properties that an export publishes.
#[must_use]
pub fn published_properties(info: &SlideInfo, which: PublishedProperties) -> BTreeMap<&str, &str> {
    let all = info.properties.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    match which {
        PublishedProperties::Listed => all.filter(|(name, _)| LISTED.contains(name)).collect(),
        PublishedProperties::All => all.collect(),
    }
}

/// An associated image in an export.
#[derive(Clone, Debug, Serialize)]
pub struct PublishedImage {
    /// The slide's name for it.
    pub name: String,
    /// The path of its file in the export.
    pub path: String,
    /// Its size in pixels.
    #[serde(flatten)]
    pub size: Size,
    /// How its colors were handled.
    #[serde(skip_serializing_if = "has_no_profile")]
    pub color: Color,
}

fn has_no_profile(color: &Color) -> bool {
    *color == Color::WithoutProfile
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Description<'a> {
    name: &'a str,
    /// The naming convention of the tiles.
    layout: TileLayout,
    /// The identifier of the IIIF resource, without its name.
    #[serde(skip_serializing_if = "Option::is_none")]
    resource_id: Option<&'a ResourceId>,
    width: u32,
    height: u32,
    levels: usize,
    /// The number of the smallest level.
    smallest_level: Level,
    tile_size: u32,
    overlap: u32,
    /// Whether the tiles of the full size are encoded as `encoding` says or are native.
    base_tiles: BaseTiles,
    #[serde(flatten)]
    encoding: TileFormat,
    tiles: u64,
    microns_per_pixel: Option<MicronsPerPixel>,
    objective_power: Option<f64>,
    /// The exported area in slide-level-0 pixels.
    area: Area,
    /// The format of an ordinary image, with the requested page and range of samples.
    #[serde(skip_serializing_if = "Option::is_none")]
    image: Option<String>,
    /// Maps points of the export's full size to slide level 0.
    to_slide: SlideTransform,
    color: &'a Color,
    background: Rgb,
    associated_images: &'a [PublishedImage],
    properties: BTreeMap<&'a str, &'a str>,
    /// The regions that could not be read and are shown as background, in slide-level-0 pixels.
    unreadable: Vec<Area>,
    /// The number of blank tiles that have no file.
    #[serde(skip_serializing_if = "Option::is_none")]
    skipped_tiles: Option<u64>,
    /// The blank tiles as a [`TileSet`].
    #[serde(skip_serializing_if = "Option::is_none")]
    blank_tiles: Option<String>,
    /// The slide's file.
    source: Option<&'a SourceFile>,
    /// The file with the SHA-256 of every file: next to this one, or in a bag next to `data/`.
    manifest: &'static str,
    options: Options,
    written_by: WrittenBy,
}

/// Options that do not appear elsewhere in the description.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Options {
    bounds: Bounds,
    resolution: Resolution,
    rotation: Rotation,
    flip: Option<Flip>,
    reduction: ReductionMethod,
    on_read_error: ReadErrorPolicy,
    source_identity: SourceIdentity,
    properties: PublishedProperties,
    page: Page,
    blank_tiles: BlankTiles,
}

#[derive(Serialize)]
struct Area {
    x: u32,
    y: u32,
    width: u32,
    height: u32,
}

impl From<Rect> for Area {
    fn from(rect: Rect) -> Self {
        let (origin, size) = (rect.origin(), rect.size());
        Self { x: origin.x, y: origin.y, width: size.width(), height: size.height() }
    }
}

#[derive(Serialize)]
struct WrittenBy {
    slidezoom: &'static str,
    openslide: Option<String>,
}

/// What is known of an export only after it was made.
#[derive(Clone, Copy, Debug)]
pub struct ExportOutcome<'a> {
    /// The associated images that were written.
    pub associated_images: &'a [PublishedImage],
    /// The regions that could not be read and are shown as background, in slide-level-0 pixels.
    pub unreadable: &'a [Rect],
    /// The blank tiles that have no file.
    pub skipped: &'a TileSet,
    /// The slide's file.
    pub source: Option<&'a SourceFile>,
}

/// Returns the text of `<name>.json`.
#[must_use]
pub fn describe(info: &SlideInfo, plan: &ExportPlan, outcome: ExportOutcome<'_>) -> String {
    let mut text = to_json(&description(info, plan, outcome));
    text.push('\n');
    text
}

/// Returns the fields of the description of an export before it is made.
pub(crate) fn planned(info: &SlideInfo, plan: &ExportPlan) -> Map<String, Value> {
    let outcome = ExportOutcome {
        associated_images: &[],
        unreadable: &[],
        skipped: &TileSet::default(),
        source: None,
    };
    match serde_json::to_value(description(info, plan, outcome)) {
        Ok(Value::Object(fields)) => fields,
        _ => Map::new(),
    }
}

fn description<'a>(
    info: &'a SlideInfo,
    plan: &'a ExportPlan,
    outcome: ExportOutcome<'a>,
) -> Description<'a> {
    let pyramid = plan.pyramid();
    let ExportOutcome { associated_images, unreadable, skipped, source } = outcome;
    let skipped = Some(skipped).filter(|skipped| !skipped.is_empty());
    Description {
        name: plan.name(),
        layout: plan.tile_layout(),
        resource_id: plan.resource_id(),
        width: pyramid.size().width(),
        height: pyramid.size().height(),
        levels: pyramid.levels().len(),
        smallest_level: pyramid.smallest_level(),
        tile_size: pyramid.geometry().tile_size(),
        overlap: pyramid.geometry().overlap(),
        base_tiles: plan.base_tiles(),
        encoding: plan.format(),
        tiles: pyramid.tile_count(),
        microns_per_pixel: plan.microns_per_pixel(),
        objective_power: plan.objective_power(),
        area: plan.area().into(),
        image: matches!(info.reader, Reader::Image(_)).then(|| info.reader.to_string()),
        to_slide: plan.placement().to_slide(),
        color: plan.color(),
        background: plan.background(),
        associated_images,
        properties: published_properties(info, plan.properties()),
        unreadable: unreadable.iter().map(|&rect| rect.into()).collect(),
        skipped_tiles: skipped.map(TileSet::len),
        blank_tiles: skipped.map(TileSet::to_base64),
        source,
        manifest: MANIFEST,
        options: Options {
            bounds: plan.bounds(),
            resolution: plan.resolution(),
            rotation: plan.rotation(),
            flip: plan.flip(),
            reduction: plan.reduction(),
            on_read_error: plan.on_read_error(),
            source_identity: plan.source_identity(),
            properties: plan.properties(),
            page: plan.page(),
            blank_tiles: plan.blank_tiles(),
        },
        written_by: WrittenBy {
            slidezoom: env!("CARGO_PKG_VERSION"),
            openslide: openslide_version().ok(),
        },
    }
}

/// The description of an export made by another tool, with the field names of [`describe`].
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct PlainDescription<'a> {
    pub name: &'a str,
    #[serde(flatten)]
    pub size: Size,
    pub tile_size: u32,
    pub overlap: u32,
    /// The file name extension of the tiles.
    pub format: &'a str,
    pub microns_per_pixel: Option<MicronsPerPixel>,
    pub objective_power: Option<f64>,
    pub background: Rgb,
}

/// Formats JSON for people: indented by two spaces, one value per line.
#[expect(clippy::expect_used, reason = "values of this crate's own types always have a JSON form")]
pub(crate) fn to_json(value: &impl Serialize) -> String {
    serde_json::to_string_pretty(value).expect("a value of this crate's own types")
}
