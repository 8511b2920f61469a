//! What an export should contain: the files that its manifest lists, and the tiles of the pyramid
//! that its descriptor describes.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::{Problem, TileFileFormat, VerifyError};
use crate::engine::metadata::{self, DescribedPyramid};
use crate::export::existing::ExportFiles;
use crate::geometry::Size;
use crate::key::Digest;
use crate::layout::descriptor::Descriptor;
use crate::layout::manifest::{self, MANIFEST};
use crate::layout::tile_layout::{TileLayout, TileNames};
use crate::layout::{
    BAG_DECLARATION, BAG_INFORMATION, Container, Layout, TAG_MANIFEST, is_descriptor,
};
use crate::pyramid::TileSet;
use crate::pyramid::{PyramidPlan, TileAddress};

/// The maximum length of a descriptor or a tag file, except manifests.
const MAX_TEXT_BYTES: u64 = 1 << 20;

/// The maximum number of missing tiles that are named one by one. If more are missing, the
/// descriptor itself is reported as wrong.
const MAX_NAMED_MISSING: u64 = 1_000_000;

/// The digests of files by name.
type Listed = BTreeMap<String, Digest>;

/// What an export should contain.
#[derive(Debug)]
pub(crate) struct Expectations {
    pub layout: Layout,
    /// The files in the manifest; `None` if there is no readable manifest.
    pub listed: Option<Listed>,
    /// The files in the tag manifest of a bag; `None` if there is no readable tag manifest.
    tags: Option<Listed>,
    pub pyramid: Option<ExpectedPyramid>,
}

/// The pyramid that the descriptor describes, or in layouts other than Deep Zoom the description.
#[derive(Debug)]
pub(crate) struct ExpectedPyramid {
    /// The file that describes the pyramid.
    described_in: String,
    /// The required contents of the layout's descriptor; `None` for Deep Zoom, where the pyramid is
    /// read from it.
    descriptor_text: Option<String>,
    pub plan: PyramidPlan,
    /// The blank tiles that have no file, according to the description.
    skipped: Option<TileSet>,
    pub names: TileNames,
    format: TileFileFormat,
}

impl ExpectedPyramid {
    /// Whether a tile is blank and has no file.
    pub fn is_skipped(&self, tile: TileAddress) -> bool {
        self.skipped.as_ref().is_some_and(|skipped| skipped.has(tile, &self.plan))
    }
}

fn contradiction(name: &str, message: String) -> Problem {
    Problem::Contradiction { name: name.to_owned(), message }
}

impl Expectations {
    /// Reads what the export should contain. Files that cannot be read are added to `problems`.
    pub fn read(
        path: &Path,
        export: &dyn ExportFiles,
        problems: &mut Vec<Problem>,
    ) -> Result<Self, VerifyError> {
        let nameless = Layout::new("", export.container());
        let listed = read_manifest(export, &nameless.manifest(), problems);
        let mut tags = None;
        if nameless.container() == Container::Bag {
            tags = read_manifest(export, TAG_MANIFEST, problems);
            if !export.has(TAG_MANIFEST) {
                problems.push(Problem::Missing { name: TAG_MANIFEST.to_owned() });
            }
            check_payload_sum(export, problems);
        }
        let source = find_pyramid_source(path, export, &nameless, listed.as_ref(), problems)?;
        let export_name = match &source {
            Some(PyramidSource::Descriptor(file)) => {
                let name = file.strip_suffix(".dzi").unwrap_or_default();
                name.strip_prefix(nameless.payload()).unwrap_or(name)
            }
            Some(PyramidSource::Description(name, _)) => name,
            None => "",
        };
        let layout = Layout::new(export_name, nameless.container());
        let pyramid = match &source {
            Some(PyramidSource::Descriptor(file)) => read_descriptor(export, file, &layout),
            Some(PyramidSource::Description(_, described)) => described_pyramid(described, &layout),
            None => Ok(None),
        };
        let pyramid = pyramid.unwrap_or_else(|damage| {
            problems.push(damage);
            None
        });
        let mut expectations = Self { layout, listed, tags, pyramid };
        expectations.check_description(export, problems);
        expectations.check_descriptor(export, problems);
        Ok(expectations)
    }

    /// Returns the description; `None` if there is no readable one.
    pub fn description(&self, export: &dyn ExportFiles) -> Option<serde_json::Value> {
        serde_json::from_str(&export.read_text(&self.layout.description(), metadata::LONGEST).ok()?)
            .ok()
    }

    /// Returns the digest that a file should have.
    pub fn digest(&self, name: &str) -> Option<Digest> {
        self.listed.iter().chain(&self.tags).find_map(|listed| listed.get(name)).copied()
    }

    /// Whether a file is a tile.
    pub fn is_tile(&self, name: &str) -> bool {
        self.pyramid
            .as_ref()
            .is_some_and(|pyramid| pyramid.names.tile_named(name, &pyramid.plan).is_some())
    }

    /// Returns the planned size of a tile or another image of the pyramid; `None` for other files.
    pub fn image(&self, name: &str) -> Option<(Size, TileFileFormat)> {
        let ExpectedPyramid { plan, names, format, .. } = self.pyramid.as_ref()?;
        let size = |tile| names.layout().image_size(tile, plan);
        if let Some(tile) = names.tile_named(name, plan) {
            return Some((size(tile), *format));
        }
        if names.blank().is_some_and(|blank| blank == name) {
            let tile_size = plan.geometry().tile_size();
            return Some((Size::new(tile_size, tile_size)?, TileFileFormat::Png));
        }
        names.aliases(plan).find(|(_, alias)| alias == name).map(|(tile, _)| (size(tile), *format))
    }

    /// Checks the descriptor of a layout whose pyramid was read from the description.
    fn check_descriptor(&self, export: &dyn ExportFiles, problems: &mut Vec<Problem>) {
        let Some(pyramid) = &self.pyramid else { return };
        let name = pyramid.names.descriptor().filter(|name| export.files().contains_key(name));
        let (Some(name), Some(expected)) = (name, &pyramid.descriptor_text) else { return };
        match export.read_text(&name, MAX_TEXT_BYTES) {
            Ok(text) if text == *expected => {}
            Ok(_) => {
                let message = format!("contradicts {}", pyramid.described_in);
                problems.push(contradiction(&name, message));
            }
            Err(message) => problems.push(contradiction(&name, message)),
        }
    }

    /// Compares the description, if there is one, with the descriptor, and reads from it which
    /// tiles were skipped.
    fn check_description(&mut self, export: &dyn ExportFiles, problems: &mut Vec<Problem>) {
        let name = self.layout.description();
        let Some(pyramid) = &mut self.pyramid else { return };
        if !export.files().contains_key(&name) {
            return;
        }
        let parsed = export.read_text(&name, metadata::LONGEST).and_then(|text| {
            serde_json::from_str::<serde_json::Value>(&text)
                .map_err(|error| format!("is not valid JSON: {error}"))
        });
        let description = match parsed {
            Ok(description) => description,
            Err(message) => return problems.push(contradiction(&name, message)),
        };
        // Only the description says which level is the smallest. It is ignored if its levels do not
        // fit the size of the image.
        let (levels, smallest) = (&description["levels"], &description["smallestLevel"]);
        if let (Some(levels), Some(smallest)) = (levels.as_u64(), smallest.as_u64())
            && levels.checked_add(smallest) == Some(pyramid.plan.levels().len() as u64)
            && let Some(plan) = pyramid.plan.clone().with_levels(levels as usize)
        {
            pyramid.plan = plan;
        }
        let plan = &pyramid.plan;
        for (key, expected) in [
            ("width", u64::from(plan.size().width())),
            ("height", u64::from(plan.size().height())),
            ("levels", plan.levels().len() as u64),
            ("smallestLevel", u64::from(plan.smallest_level().number())),
            ("tileSize", u64::from(plan.geometry().tile_size())),
            ("overlap", u64::from(plan.geometry().overlap())),
            ("tiles", plan.tile_count()),
        ] {
            let found = &description[key];
            if !found.is_null() && found.as_u64() != Some(expected) {
                let other =
                    if pyramid.described_in == name { "the rest of it" } else { "the descriptor" };
                problems.push(contradiction(
                    &name,
                    format!("says {key} {found}, but {other} says {expected}"),
                ));
            }
        }
        if let Some(text) = description["blankTiles"].as_str() {
            match TileSet::from_base64(text, &pyramid.plan) {
                Ok(skipped) => {
                    let count = &description["skippedTiles"];
                    if !count.is_null() && count.as_u64() != Some(skipped.len()) {
                        let message =
                            format!("says {count} tiles were skipped, but lists {}", skipped.len());
                        problems.push(contradiction(&name, message));
                    }
                    pyramid.skipped = Some(skipped);
                }
                Err(error) => {
                    problems.push(contradiction(&name, format!("its blankTiles {error}")));
                }
            }
        }
        // An export with such a description had a manifest. If a tag manifest lists it,
        // `compare_names` reports it.
        let manifest = self.layout.manifest();
        let is_tag = self.tags.as_ref().is_some_and(|tags| tags.contains_key(&manifest));
        if description["manifest"] == MANIFEST && !is_tag && !export.has(&manifest) {
            problems.push(Problem::Missing { name: manifest });
        }
        // An archive of slidezoom had an index; those of other programs do not.
        let index = self.layout.tile_index();
        if export.is_our_archive() && !export.has(&index) {
            problems.push(Problem::Missing { name: index });
        }
    }

    /// Compares the names of the files with those that should exist.
    pub fn compare_names(&self, export: &dyn ExportFiles, problems: &mut Vec<Problem>) {
        // The tiles of the pyramid must be in the manifest, or exist if there is none.
        let mut missing = BTreeSet::new();
        if let Some(pyramid) = &self.pyramid {
            let known = |name: &str| {
                self.listed
                    .as_ref()
                    .map_or_else(|| export.has(name), |listed| listed.contains_key(name))
            };
            let tiles =
                pyramid.plan.tile_count() - pyramid.skipped.as_ref().map_or(0, TileSet::len);
            let known_files =
                self.listed.as_ref().map_or(export.files().len(), BTreeMap::len) as u64;
            if tiles > known_files.saturating_add(MAX_NAMED_MISSING) {
                let message =
                    format!("promises {tiles} tiles, but there are only {known_files} files");
                problems.push(contradiction(&pyramid.described_in, message));
            } else {
                let planned = pyramid.plan.tiles().filter(|&tile| !pyramid.is_skipped(tile));
                let names = planned.map(|tile| pyramid.names.tile(tile, &pyramid.plan));
                missing.extend(
                    names
                        .chain(pyramid.names.auxiliary_files(&pyramid.plan))
                        .filter(|name| !known(name)),
                );
            }
        }
        let listed = self.listed.iter().chain(&self.tags).flat_map(BTreeMap::keys);
        missing.extend(listed.filter(|name| !export.has(name)).cloned());
        problems.extend(missing.into_iter().map(|name| Problem::Missing { name }));

        let unexpected = export.files().keys().filter(|name| !self.belongs(name));
        problems.extend(unexpected.map(|name| Problem::Unexpected { name: name.clone() }));
    }

    fn belongs(&self, name: &str) -> bool {
        // A missing tag manifest is already reported; the other tag files still belong to the bag.
        let is_tag_file = if let Some(tags) = &self.tags {
            tags.contains_key(name) || name == TAG_MANIFEST
        } else {
            let is_bag = self.layout.container() == Container::Bag;
            is_bag && [TAG_MANIFEST, BAG_DECLARATION, BAG_INFORMATION].contains(&name)
        };
        match (&self.listed, &self.pyramid) {
            (Some(listed), _) => {
                listed.contains_key(name)
                    || is_tag_file
                    || name == self.layout.manifest()
                    || name == self.layout.tile_index()
            }
            // Without a manifest, any file that is not named like a tile can belong to the export.
            (None, Some(pyramid)) => {
                !pyramid.names.looks_like_a_tile(name) || self.image(name).is_some()
            }
            (None, None) => true,
        }
    }
}

/// Reads the files in a manifest; `None` if there is no readable manifest.
fn read_manifest(
    export: &dyn ExportFiles,
    name: &str,
    problems: &mut Vec<Problem>,
) -> Option<Listed> {
    if !export.files().contains_key(name) {
        return None;
    }
    let parsed = export
        .read_text(name, u64::MAX)
        .and_then(|text| manifest::parse(&text).map_err(|error| error.to_string()));
    match parsed {
        Ok(files) => Some(
            files.into_iter().map(|(name, digest)| (name.as_str().to_owned(), digest)).collect(),
        ),
        Err(message) => {
            problems.push(contradiction(name, message));
            None
        }
    }
}

/// Compares the payload of a bag with the number of bytes and files in its metadata.
fn check_payload_sum(export: &dyn ExportFiles, problems: &mut Vec<Problem>) {
    let Ok(text) = export.read_text(BAG_INFORMATION, MAX_TEXT_BYTES) else { return };
    let Some(expected) = text.lines().find_map(|line| line.strip_prefix("Payload-Oxum: ")) else {
        return;
    };
    let payload = export
        .files()
        .range("data/".to_owned()..)
        .take_while(|(name, _)| name.starts_with("data/"));
    let (bytes, files) = payload.fold((0_u64, 0_u64), |(bytes, files), (_, file)| {
        (bytes.saturating_add(file.bytes), files + 1)
    });
    let found = format!("{bytes}.{files}");
    if expected != found {
        problems.push(contradiction(
            BAG_INFORMATION,
            format!("says that the payload is {expected}, but it is {found} (bytes.files)"),
        ));
    }
}

/// The file from which the pyramid is read.
enum PyramidSource<'a> {
    /// A `.dzi` file.
    Descriptor(&'a str),
    /// The description of another layout, and the name of the export.
    Description(String, DescribedPyramid),
}

/// Finds the file from which the pyramid is read. Returns `None` if it is missing, or if there are
/// several candidates, which are added to `problems`.
fn find_pyramid_source<'a>(
    path: &Path,
    export: &'a dyn ExportFiles,
    layout: &Layout,
    listed: Option<&Listed>,
    problems: &mut Vec<Problem>,
) -> Result<Option<PyramidSource<'a>>, VerifyError> {
    let at_root = |name: &&str| name.strip_prefix(layout.payload()).is_some_and(is_descriptor);
    let descriptors: Vec<&str> =
        export.files().keys().map(String::as_str).filter(at_root).collect();
    let described = || {
        let mut described = export.described();
        described
            .next()
            .filter(|_| described.next().is_none())
            .map(|(name, pyramid)| PyramidSource::Description(name, pyramid))
    };
    let Some(listed) = listed else {
        return match descriptors[..] {
            [] => described()
                .map(Some)
                .ok_or_else(|| VerifyError::NotAnExport { path: path.to_owned() }),
            [one] => Ok(Some(PyramidSource::Descriptor(one))),
            [_, ref others @ ..] => {
                let message = "is a second descriptor, and there is no manifest to choose by";
                problems.extend(others.iter().map(|name| contradiction(name, message.to_owned())));
                Ok(None)
            }
        };
    };
    let listed: Vec<&str> = listed.keys().map(String::as_str).filter(at_root).collect();
    if let ([], Some(described)) = (&listed[..], described()) {
        return Ok(Some(described));
    }
    let [name] = listed[..] else {
        problems.push(contradiction(
            &layout.manifest(),
            format!("lists {} descriptors instead of one", listed.len()),
        ));
        return Ok(None);
    };
    // `compare_names` reports a missing descriptor.
    Ok(descriptors.into_iter().find(|found| *found == name).map(PyramidSource::Descriptor))
}

fn tile_format(format: &str) -> Result<TileFileFormat, String> {
    TileFileFormat::of_extension(format)
        .ok_or_else(|| format!("describes tiles of the format {format:?}, which cannot be checked"))
}

fn read_descriptor(
    export: &dyn ExportFiles,
    name: &str,
    layout: &Layout,
) -> Result<Option<ExpectedPyramid>, Problem> {
    let parsed = export.read_text(name, MAX_TEXT_BYTES).and_then(|text| {
        let descriptor = Descriptor::from_xml(&text).map_err(|error| error.to_string())?;
        Ok(Some(ExpectedPyramid {
            described_in: name.to_owned(),
            descriptor_text: None,
            plan: PyramidPlan::new(descriptor.size, descriptor.geometry),
            skipped: None,
            names: layout.tiles(TileLayout::DeepZoom, &descriptor.format),
            format: tile_format(&descriptor.format)?,
        }))
    });
    parsed.map_err(|message| contradiction(name, message))
}

fn described_pyramid(
    described: &DescribedPyramid,
    layout: &Layout,
) -> Result<Option<ExpectedPyramid>, Problem> {
    let read = || {
        let plan = described.pyramid().ok_or("describes an impossible pyramid")?;
        if plan.geometry().overlap() > 0 || described.layout.name_collision(&plan).is_some() {
            return Err("describes tiles that its layout cannot name".to_owned());
        }
        let names = described.names(layout);
        let id = described.resource_id().ok_or("has a resourceId that is not a URL")?;
        Ok(Some(ExpectedPyramid {
            described_in: layout.description(),
            descriptor_text: names.descriptor_text(&plan, &id),
            format: tile_format(names.extension())?,
            plan,
            skipped: None,
            names,
        }))
    };
    read().map_err(|message: String| contradiction(&layout.description(), message))
}
