//! Decides where each file of an export goes in its copy, and generates the files that cannot be
//! copied.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::{RepackError, RepackOptions};
use crate::engine::metadata::{self, PlainDescription};
use crate::export::existing::ExportFiles;
use crate::export::verify::{ExpectedPyramid, Inspection, Problem};
use crate::geometry::MicronsPerPixel;
use crate::layout::manifest::MANIFEST;
use crate::layout::page;
use crate::layout::scan_properties::{self, SCAN_PROPERTIES, ScanFacts};
use crate::layout::tile_layout::TileNames;
use crate::layout::{BAG_DECLARATION, BAG_INFORMATION, Container, Layout, TAG_MANIFEST};
use crate::pixels::Rgb;
use crate::plan::Page;
use crate::pyramid::TileAddress;

/// The maximum length of a descriptor, a tag file or scan properties.
const MAX_TEXT_BYTES: u64 = 1 << 20;

/// A file that is copied byte for byte.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Move {
    pub from: String,
    pub to: String,
    /// The pixels of a tile, without overlap.
    pub pixels: Option<u64>,
}

/// All files of a copy.
#[derive(Debug)]
pub(crate) struct Arrangement {
    pub layout: Layout,
    /// The names of the copy's tiles.
    pub tile_names: TileNames,
    /// The tiles in their order, then the other files that are copied.
    pub moves: Vec<Move>,
    /// The number of moves that are tiles.
    pub tiles: usize,
    /// Generated files.
    pub generated: Vec<(String, Vec<u8>)>,
    /// Tag files of the bag that slidezoom did not write and that are not copied.
    pub skipped: Vec<String>,
    /// The description and the descriptor, which are written after the manifest.
    pub last: Vec<(String, Vec<u8>)>,
}

/// The viewer page of a copy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum CopyPage {
    /// No page: it is not wanted, or files of another program have its names.
    None,
    /// That of the export.
    Copied,
    /// A generated one.
    New,
}

/// The role of a file in the export.
enum Role<'a> {
    Tile,
    /// A file that the copy generates.
    Generated,
    Page,
    Associated {
        image: &'a str,
        extension: &'a str,
    },
    /// A file that another program added.
    Foreign(&'a str),
}

impl Arrangement {
    pub fn new(
        inspection: &Inspection,
        pyramid: &ExpectedPyramid,
        options: &RepackOptions,
    ) -> Result<Self, RepackError> {
        let from = &inspection.expectations.layout;
        let layout = Layout::new(from.name(), options.container);
        let export = inspection.export.as_ref();
        let description = inspection.expectations.description(export);
        let names = layout.tiles(pyramid.names.layout(), pyramid.names.extension());
        if layout.container() == Container::Szi && !names.layout().is_deep_zoom() {
            return Err(RepackError::Layout { tile_layout: names.layout() });
        }
        let page_fits = layout.container() != Container::Szi && options.page == Page::Include;

        let has_file = |tile: &TileAddress| !pyramid.is_skipped(*tile);
        let tile_moves = pyramid.plan.tiles().filter(has_file).map(|tile| Move {
            from: pyramid.names.tile(tile, &pyramid.plan),
            to: names.tile(tile, &pyramid.plan),
            pixels: Some(pyramid.plan.region(tile).core.size().area()),
        });
        let mut moves: Vec<Move> = tile_moves.collect();
        let tiles = moves.len();
        let mut page = if page_fits { CopyPage::New } else { CopyPage::None };
        for name in export.files().keys() {
            let to = match role(name, from, pyramid, description.is_some()) {
                Role::Tile | Role::Generated => continue,
                Role::Page if !page_fits => continue,
                Role::Page => {
                    page = CopyPage::Copied;
                    format!("{}{}", layout.payload(), in_payload(name, from))
                }
                Role::Associated { image, extension } => layout.associated(image, extension),
                Role::Foreign(name) => layout.foreign(name),
            };
            if page == CopyPage::New && page::place_of(in_payload(&to, &layout)) > 0 {
                page = CopyPage::None;
            }
            moves.push(Move { from: name.clone(), to, pixels: None });
        }
        // Ordered as in an export, so that the same files always give the same archive.
        moves[tiles..].sort_by_key(|moved| page::place_of(in_payload(&moved.to, &layout)));
        let foreign = export.read_text(SCAN_PROPERTIES, MAX_TEXT_BYTES).ok();
        let foreign = foreign.and_then(|text| scan_properties::microns_per_pixel(&text));
        let facts = Facts::new(description.as_ref(), options.microns_per_pixel, foreign);
        let mut generated = Vec::new();
        if page == CopyPage::New {
            let placed = |(name, contents): (String, std::borrow::Cow<'static, str>)| {
                (format!("{}{name}", layout.payload()), contents.into_owned().into_bytes())
            };
            generated.extend(page::files(layout.name()).into_iter().map(placed));
        }
        let described = description
            .clone()
            .map(|description| renamed_description(description, &layout, options));
        if page != CopyPage::None {
            let plain = || facts.describe(&layout, pyramid);
            let script = page::slide_script(&described.clone().unwrap_or_else(plain));
            generated.push((layout.slide_script(), script.into_bytes()));
        }
        if layout.container() == Container::Szi {
            generated
                .push((SCAN_PROPERTIES.to_owned(), facts.scan_properties(pyramid)?.into_bytes()));
        }
        let mut last = Vec::new();
        if let Some(description) = described {
            last.push((layout.description(), description.into_bytes()));
        }
        if let Some((from, to)) = pyramid.names.descriptor().zip(names.descriptor()) {
            let descriptor =
                export.read(&from, MAX_TEXT_BYTES).map_err(|error| RepackError::Damaged {
                    path: from.clone().into(),
                    first: Problem::unreadable(&from, &error),
                })?;
            last.push((to, descriptor));
        }
        let skipped = foreign_tag_files(export, from);
        let arrangement =
            Self { layout, tile_names: names, moves, tiles, generated, skipped, last };
        arrangement.check_names()?;
        Ok(arrangement)
    }

    fn names(&self) -> impl Iterator<Item = &String> {
        self.moves
            .iter()
            .map(|moved| &moved.to)
            .chain(self.generated.iter().chain(&self.last).map(|(name, _)| name))
    }

    fn check_names(&self) -> Result<(), RepackError> {
        let mut seen = BTreeSet::new();
        match self.names().find(|name| !seen.insert(*name)) {
            Some(name) => Err(RepackError::Collision { name: name.clone() }),
            None => Ok(()),
        }
    }
}

/// Returns the tag files of a bag that slidezoom did not write.
fn foreign_tag_files(export: &dyn ExportFiles, layout: &Layout) -> Vec<String> {
    if layout.container() != Container::Bag {
        return Vec::new();
    }
    let ours =
        |line: &str| line.starts_with("Bag-Software-Agent: ") || line.starts_with("Payload-Oxum: ");
    let is_ours = |name: &str| match name {
        BAG_INFORMATION => {
            export.read_text(name, MAX_TEXT_BYTES).is_ok_and(|text| text.lines().all(ours))
        }
        name => [BAG_DECLARATION, TAG_MANIFEST, MANIFEST].contains(&name),
    };
    let tags = export.files().keys().filter(|name| !name.starts_with(layout.payload()));
    tags.filter(|name| !is_ours(name)).cloned().collect()
}

/// Returns a name without the payload folder of a bag.
fn in_payload<'a>(name: &'a str, layout: &Layout) -> &'a str {
    name.strip_prefix(layout.payload()).unwrap_or(name)
}

fn role<'a>(name: &'a str, layout: &Layout, pyramid: &ExpectedPyramid, is_ours: bool) -> Role<'a> {
    if pyramid.names.tile_named(name, &pyramid.plan).is_some() {
        return Role::Tile;
    }
    let mut generated = [layout.manifest(), layout.tile_index(), layout.description()]
        .into_iter()
        .chain(pyramid.names.descriptor());
    let is_script = is_ours && name == layout.slide_script();
    let is_tag = layout.container() == Container::Bag && !name.starts_with(layout.payload());
    let is_scan = is_ours && layout.container() == Container::Szi && name == SCAN_PROPERTIES;
    if generated.any(|generated| generated == name) || is_tag || is_scan || is_script {
        return Role::Generated;
    }
    let inside = in_payload(name, layout);
    if is_ours && (inside == "index.html" || inside.starts_with("viewer/")) {
        return Role::Page;
    }
    match layout.associated_named(name) {
        Some((image, extension)) => Role::Associated { image, extension },
        None => Role::Foreign(inside),
    }
}

/// The facts about an export that its copy needs. All are unknown if it has no description.
struct Facts<'a> {
    microns_per_pixel: Option<MicronsPerPixel>,
    objective_power: Option<f64>,
    background: Rgb,
    properties: BTreeMap<&'a str, &'a str>,
}

impl<'a> Facts<'a> {
    /// Takes the micrometers per pixel that the user `requested`, else those of the description,
    /// else those that another program wrote (`foreign`).
    fn new(
        description: Option<&'a Value>,
        requested: Option<MicronsPerPixel>,
        foreign: Option<MicronsPerPixel>,
    ) -> Self {
        let value = |key: &str| description.map_or(&Value::Null, |description| &description[key]);
        let described = value("micronsPerPixel");
        let described = described["x"]
            .as_f64()
            .zip(described["y"].as_f64())
            .and_then(|(x, y)| MicronsPerPixel::stated(x, y));
        let properties = value("properties").as_object().into_iter().flatten();
        Self {
            microns_per_pixel: requested.or(described).or(foreign),
            objective_power: value("objectivePower").as_f64(),
            background: value("background").as_str().and_then(Rgb::from_hex).unwrap_or(Rgb::WHITE),
            properties: properties
                .filter_map(|(name, value)| Some((name.as_str(), value.as_str()?)))
                .collect(),
        }
    }

    /// Returns a description for the page of an export that has none.
    fn describe(&self, layout: &Layout, pyramid: &ExpectedPyramid) -> String {
        let geometry = pyramid.plan.geometry();
        metadata::to_json(&PlainDescription {
            name: layout.name(),
            size: pyramid.plan.size(),
            tile_size: geometry.tile_size(),
            overlap: geometry.overlap(),
            format: pyramid.names.extension(),
            microns_per_pixel: self.microns_per_pixel,
            objective_power: self.objective_power,
            background: self.background,
        })
    }

    /// Returns the scan properties, which a `.szi` must contain.
    fn scan_properties(&self, pyramid: &ExpectedPyramid) -> Result<String, RepackError> {
        let overlap = pyramid.plan.geometry().overlap();
        if overlap > 0 {
            return Err(RepackError::Overlap { overlap });
        }
        if !["jpeg", "jpg", "png"].contains(&pyramid.names.extension()) {
            return Err(RepackError::Format { extension: pyramid.names.extension().to_owned() });
        }
        Ok(scan_properties::describe(&ScanFacts {
            size: pyramid.plan.size(),
            microns_per_pixel: self.microns_per_pixel.ok_or(RepackError::NoMicronsPerPixel)?,
            objective_power: self.objective_power,
            properties: self.properties.clone(),
        }))
    }
}

/// Returns the description with the file names of the copy.
fn renamed_description(mut description: Value, layout: &Layout, options: &RepackOptions) -> String {
    for image in description["associatedImages"].as_array_mut().into_iter().flatten() {
        let Some(path) = image["path"].as_str() else { continue };
        let named = path.rsplit_once('/').and_then(|(_, file)| file.rsplit_once('.'));
        if let Some((name, extension)) = named {
            let path = layout.associated(name, extension);
            image["path"] = Value::from(in_payload(&path, layout));
        }
    }
    if let Some(microns_per_pixel) = options.microns_per_pixel {
        description["micronsPerPixel"] =
            serde_json::json!({ "x": microns_per_pixel.x(), "y": microns_per_pixel.y() });
    }
    metadata::to_json(&description) + "\n"
}
