//! `<name>.json`: all that a viewer or a script needs to know of an export, and nothing that should stay at home.
//!
//! A slide's properties can hold names, dates and serial numbers. Only those on a list of harmless ones are
//! published, unless all are asked for. No clock and no folder goes in: the file is a function of slide and options, like every other.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::codec::TileFormat;
use crate::geometry::MicronsPerPixel;
use crate::geometry::{Flip, Rect, Rotation, Size};
use crate::layout::manifest::MANIFEST;
use crate::layout::tile_layout::{ResourceId, TileLayout};
use crate::pixels::{ReductionMethod, Rgb};
use crate::plan::{
    BaseTiles, BlankTiles, Bounds, Color, ExportPlan, Page, PublishedProperties, ReadErrorPolicy, Resolution,
    SlideTransform,
};
use crate::pyramid::Level;
use crate::pyramid::TileSet;
use crate::source::{Reader, SlideInfo, SourceFile, SourceIdentity, openslide_version};

mod described;

pub(crate) use described::DescribedPyramid;

/// Properties that tell of the picture and not of persons, places or times.
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

/// No description is longer: that of forty gigapixels, every native tile of which is damaged and named, has some 60 MB.
pub(crate) const LONGEST: u64 = 1 << 26;

/// The properties that an export publishes.
#[must_use]
pub fn published_properties(info: &SlideInfo, which: PublishedProperties) -> BTreeMap<&str, &str> {
    let all = info.properties.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    match which {
        PublishedProperties::Listed => all.filter(|(name, _)| LISTED.contains(name)).collect(),
        PublishedProperties::All => all.collect(),
    }
}

/// An associated image that was written.
#[derive(Clone, Debug, Serialize)]
pub struct PublishedImage {
    /// The slide's name for it.
    pub name: String,
    /// Its file, relative to the export's folder.
    pub path: String,
    /// Its size in pixels.
    #[serde(flatten)]
    pub size: Size,
    /// What became of its colors.
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
    /// By whose convention the tiles' files are named.
    layout: TileLayout,
    /// Where IIIF's clients are told to look for them, but for the name.
    #[serde(skip_serializing_if = "Option::is_none")]
    resource_id: Option<&'a ResourceId>,
    width: u32,
    height: u32,
    levels: usize,
    /// The number of the first of them.
    smallest_level: Level,
    tile_size: u32,
    overlap: u32,
    /// Whether the full size's tiles were encoded as `encoding` says, or are the slide's own.
    base_tiles: BaseTiles,
    #[serde(flatten)]
    encoding: TileFormat,
    tiles: u64,
    microns_per_pixel: Option<MicronsPerPixel>,
    objective_power: Option<f64>,
    /// The exported area in slide-level-0 pixels.
    area: Area,
    /// An ordinary image's format and kind, with the page and the range of samples that were asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    image: Option<String>,
    /// Where each point of the export's full size lies in slide level 0.
    to_slide: SlideTransform,
    color: &'a Color,
    background: Rgb,
    associated_images: &'a [PublishedImage],
    properties: BTreeMap<&'a str, &'a str>,
    /// What could not be read and is shown as background, in slide-level-0 pixels.
    unreadable: Vec<Area>,
    /// How many of the tiles have no file, since they are blank.
    #[serde(skip_serializing_if = "Option::is_none")]
    skipped_tiles: Option<u64>,
    /// Which, as a [`TileSet`].
    #[serde(skip_serializing_if = "Option::is_none")]
    blank_tiles: Option<String>,
    /// The slide's file.
    source: Option<&'a SourceFile>,
    /// The file with every file's SHA-256: beside this one, in a bag beside `data/`.
    manifest: &'static str,
    options: Options,
    written_by: WrittenBy,
}

/// What was asked for and is not said elsewhere.
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

/// What came of an export, beyond what was planned.
#[derive(Clone, Copy, Debug)]
pub struct ExportOutcome<'a> {
    /// The associated images that were written.
    pub associated_images: &'a [PublishedImage],
    /// What could not be read and is shown as background, in slide-level-0 pixels.
    pub unreadable: &'a [Rect],
    /// The tiles that have no file, since they are blank.
    pub left_out: &'a TileSet,
    /// The slide's file.
    pub source: Option<&'a SourceFile>,
}

/// The text of `<name>.json`.
#[must_use]
pub fn describe(info: &SlideInfo, plan: &ExportPlan, findings: ExportOutcome<'_>) -> String {
    let pyramid = plan.pyramid();
    let ExportOutcome { associated_images, unreadable, left_out, source } = findings;
    let left_out = Some(left_out).filter(|left_out| !left_out.is_empty());
    let description = Description {
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
        skipped_tiles: left_out.map(TileSet::len),
        blank_tiles: left_out.map(TileSet::to_base64),
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
        written_by: WrittenBy { slidezoom: env!("CARGO_PKG_VERSION"), openslide: openslide_version().ok() },
    };
    let mut text = to_json(&description);
    text.push('\n');
    text
}

/// What is known of an export that another tool has made, in the words of [`describe`].
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct PlainDescription<'a> {
    pub name: &'a str,
    #[serde(flatten)]
    pub size: Size,
    pub tile_size: u32,
    pub overlap: u32,
    /// The tiles' file name extension.
    pub format: &'a str,
    pub microns_per_pixel: Option<MicronsPerPixel>,
    pub objective_power: Option<f64>,
    pub background: Rgb,
}

/// JSON for people to read: two spaces, one line a value.
#[expect(clippy::expect_used, reason = "numbers, texts and lists of our own types always have a JSON form")]
pub(crate) fn to_json(value: &impl Serialize) -> String {
    serde_json::to_string_pretty(value).expect("a value of this crate's own types")
}
