//! What an export says of itself: the files that its manifest lists, and the tiles that its
//! descriptor promises.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::{Problem, TileFileFormat, VerifyError};
use crate::engine::metadata::{self, DescribedPyramid};
use crate::export::exported::ExportedFiles;
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

/// No descriptor, and none of a bag's tag files but the manifests, is longer.
const TEXT_AT_MOST: u64 = 1 << 20;

/// More tiles than these that are planned and not there are not named one by one: a descriptor that
/// promises so many is wrong itself.
const MISSING_AT_MOST: u64 = 1_000_000;

/// Files by name.
type Listed = BTreeMap<String, Digest>;

/// What should be there.
#[derive(Debug)]
pub(crate) struct Expectations {
    layout: Layout,
    /// What the manifest lists; `None` where there is none that can be read.
    listed: Option<Listed>,
    /// What a bag's tag manifest lists; `None` where there is none that can be read.
    tags: Option<Listed>,
    pyramid: Option<ExpectedPyramid>,
}

/// What the descriptor promises, or in other layouts than Deep Zoom's the description.
#[derive(Debug)]
pub(crate) struct ExpectedPyramid {
    /// The file that promises it.
    told_by: String,
    /// What the layout's own descriptor must say; `None` for one that is read itself.
    descriptor_text: Option<String>,
    pub plan: PyramidPlan,
    /// The tiles that the description says were left out, being blank.
    left_out: Option<TileSet>,
    pub names: TileNames,
    format: TileFileFormat,
}

impl ExpectedPyramid {
    /// Whether a tile is blank and has no file.
    pub fn is_left_out(&self, tile: TileAddress) -> bool {
        self.left_out.as_ref().is_some_and(|left_out| left_out.has(tile, &self.plan))
    }
}

fn contradiction(name: &str, message: String) -> Problem {
    Problem::Contradiction { name: name.to_owned(), message }
}

impl Expectations {
    /// Reads them. What cannot be read is told of.
    pub fn read(
        path: &Path,
        export: &dyn ExportedFiles,
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
        let told_by = find_teller(path, export, &nameless, listed.as_ref(), problems)?;
        let own_name = match &told_by {
            Some(PyramidSource::Descriptor(file)) => {
                let name = file.strip_suffix(".dzi").unwrap_or_default();
                name.strip_prefix(nameless.payload()).unwrap_or(name)
            }
            Some(PyramidSource::Description(name, _)) => name,
            None => "",
        };
        let layout = Layout::new(own_name, nameless.container());
        let pyramid = match &told_by {
            Some(PyramidSource::Descriptor(file)) => read_descriptor(export, file, &layout),
            Some(PyramidSource::Description(_, described)) => described_pyramid(described, &layout),
            None => Ok(None),
        };
        let pyramid = pyramid.unwrap_or_else(|damage| {
            problems.push(damage);
            None
        });
        let mut expectations = Self { layout, listed, tags, pyramid };
        expectations.take_description(export, problems);
        expectations.check_descriptor(export, problems);
        Ok(expectations)
    }

    pub fn has_manifest(&self) -> bool {
        self.listed.is_some()
    }

    pub fn layout(&self) -> &Layout {
        &self.layout
    }

    /// The description, where there is one that can be read.
    pub fn description(&self, export: &dyn ExportedFiles) -> Option<serde_json::Value> {
        serde_json::from_str(&export.read_text(&self.layout.description(), metadata::LONGEST).ok()?)
            .ok()
    }

    pub fn pyramid(&self) -> Option<&ExpectedPyramid> {
        self.pyramid.as_ref()
    }

    /// The tile index's file, and the description's that it tells of.
    pub fn indexed(&self) -> (String, String) {
        (self.layout.tile_index(), self.layout.description())
    }

    /// What a file's contents should hash to.
    pub fn digest(&self, name: &str) -> Option<Digest> {
        self.listed.iter().chain(&self.tags).find_map(|listed| listed.get(name)).copied()
    }

    /// Whether a file is a tile.
    pub fn is_tile(&self, name: &str) -> bool {
        self.pyramid
            .as_ref()
            .is_some_and(|pyramid| pyramid.names.tile_named(name, &pyramid.plan).is_some())
    }

    /// The planned size of a tile, or of another picture of the pyramid's, by its file's name;
    /// `None` for a file that is none.
    pub fn picture(&self, name: &str) -> Option<(Size, TileFileFormat)> {
        let ExpectedPyramid { plan, names, format, .. } = self.pyramid.as_ref()?;
        let size = |tile| names.layout().image_size(tile, plan);
        if let Some(tile) = names.tile_named(name, plan) {
            return Some((size(tile), *format));
        }
        if names.blank().is_some_and(|blank| blank == name) {
            let tile_size = plan.geometry().tile_size();
            return Some((Size::new(tile_size, tile_size)?, TileFileFormat::Png));
        }
        names
            .aliases(plan)
            .find(|(_, second)| second == name)
            .map(|(tile, _)| (size(tile), *format))
    }

    /// Holds a descriptor that tells nothing new against what it must say.
    fn check_descriptor(&self, export: &dyn ExportedFiles, problems: &mut Vec<Problem>) {
        let Some(pyramid) = &self.pyramid else { return };
        let name = pyramid.names.descriptor().filter(|name| export.files().contains_key(name));
        let (Some(name), Some(expected)) = (name, &pyramid.descriptor_text) else { return };
        match export.read_text(&name, TEXT_AT_MOST) {
            Ok(text) if text == *expected => {}
            Ok(_) => {
                let message = format!("says something else than follows from {}", pyramid.told_by);
                problems.push(contradiction(&name, message));
            }
            Err(message) => problems.push(contradiction(&name, message)),
        }
    }

    /// Holds the description against the descriptor, where it is there, and takes from it which
    /// tiles were left out.
    fn take_description(&mut self, export: &dyn ExportedFiles, problems: &mut Vec<Problem>) {
        let name = self.layout.description();
        let Some(pyramid) = &mut self.pyramid else { return };
        if !export.files().contains_key(&name) {
            return;
        }
        let parsed = export.read_text(&name, metadata::LONGEST).and_then(|text| {
            serde_json::from_str::<serde_json::Value>(&text)
                .map_err(|error| format!("is no JSON: {error}"))
        });
        let description = match parsed {
            Ok(description) => description,
            Err(message) => return problems.push(contradiction(&name, message)),
        };
        // The descriptor does not tell how far down the pyramid goes. Levels that are not those of
        // its image say nothing of that.
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
                let told_by =
                    if pyramid.told_by == name { "the rest of it" } else { "the descriptor" };
                problems.push(contradiction(
                    &name,
                    format!("says {key} {found}, and {told_by} says {expected}"),
                ));
            }
        }
        if let Some(text) = description["blankTiles"].as_str() {
            match TileSet::from_base64(text, &pyramid.plan) {
                Ok(left_out) => {
                    let said = &description["skippedTiles"];
                    if !said.is_null() && said.as_u64() != Some(left_out.len()) {
                        let message = format!(
                            "says that {said} tiles were left out, and names {}",
                            left_out.len()
                        );
                        problems.push(contradiction(&name, message));
                    }
                    pyramid.left_out = Some(left_out);
                }
                Err(error) => {
                    problems.push(contradiction(&name, format!("its blankTiles {error}")));
                }
            }
        }
        // It names the manifest: somebody has taken that away. Where a tag manifest lists it, the
        // comparison of names tells.
        let manifest = self.layout.manifest();
        let is_tag = self.tags.as_ref().is_some_and(|tags| tags.contains_key(&manifest));
        if description["manifest"] == MANIFEST && !is_tag && !export.has(&manifest) {
            problems.push(Problem::Missing { name: manifest });
        }
        // And somebody has taken away the index; another program's archive of an export never had
        // one.
        let index = self.layout.tile_index();
        if export.is_our_archive() && !export.has(&index) {
            problems.push(Problem::Missing { name: index });
        }
    }

    /// Which files there are, against which there should be.
    pub fn compare_names(&self, export: &dyn ExportedFiles, problems: &mut Vec<Problem>) {
        // The pyramid's own tiles, against the manifest or against the files.
        let mut missing = BTreeSet::new();
        if let Some(pyramid) = &self.pyramid {
            let known = |name: &str| {
                self.listed
                    .as_ref()
                    .map_or_else(|| export.has(name), |listed| listed.contains_key(name))
            };
            let tiles =
                pyramid.plan.tile_count() - pyramid.left_out.as_ref().map_or(0, TileSet::len);
            let there = self.listed.as_ref().map_or(export.files().len(), BTreeMap::len) as u64;
            if tiles > there.saturating_add(MISSING_AT_MOST) {
                let message = format!("promises {tiles} tiles, and there are {there} files");
                problems.push(contradiction(&pyramid.told_by, message));
            } else {
                let planned = pyramid.plan.tiles().filter(|&tile| !pyramid.is_left_out(tile));
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
        // Without the tag manifest, which is told of, the other tag files still belong to a bag.
        let tells_of_payload = if let Some(tags) = &self.tags {
            tags.contains_key(name) || name == TAG_MANIFEST
        } else {
            let is_bag = self.layout.container() == Container::Bag;
            is_bag && [TAG_MANIFEST, BAG_DECLARATION, BAG_INFORMATION].contains(&name)
        };
        match (&self.listed, &self.pyramid) {
            (Some(listed), _) => {
                listed.contains_key(name)
                    || tells_of_payload
                    || name == self.layout.manifest()
                    || name == self.layout.tile_index()
            }
            // Without a manifest, nobody can say what else may stand beside the tiles.
            (None, Some(pyramid)) => {
                !pyramid.names.looks_like_a_tile(name) || self.picture(name).is_some()
            }
            (None, None) => true,
        }
    }
}

/// A manifest's files; `None` where there is none that can be read.
fn read_manifest(
    export: &dyn ExportedFiles,
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

/// What a bag says of the bytes and files of its payload.
fn check_payload_sum(export: &dyn ExportedFiles, problems: &mut Vec<Problem>) {
    let Ok(text) = export.read_text(BAG_INFORMATION, TEXT_AT_MOST) else { return };
    let Some(said) = text.lines().find_map(|line| line.strip_prefix("Payload-Oxum: ")) else {
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
    if said != found {
        problems.push(contradiction(
            BAG_INFORMATION,
            format!("says that the payload is {said}, and it is {found} (bytes.files)"),
        ));
    }
}

/// What tells which pyramid an export is.
enum PyramidSource<'a> {
    /// A `.dzi` file.
    Descriptor(&'a str),
    /// Of another layout, by the export's name.
    Description(String, DescribedPyramid),
}

/// What tells of the pyramid. `None` where it is missing, or where nobody can say which it is,
/// which is told of.
fn find_teller<'a>(
    path: &Path,
    export: &'a dyn ExportedFiles,
    layout: &Layout,
    listed: Option<&Listed>,
    problems: &mut Vec<Problem>,
) -> Result<Option<PyramidSource<'a>>, VerifyError> {
    let at_root = |name: &&str| name.strip_prefix(layout.payload()).is_some_and(is_descriptor);
    let there: Vec<&str> = export.files().keys().map(String::as_str).filter(at_root).collect();
    let described = || {
        let mut described = export.described();
        described
            .next()
            .filter(|_| described.next().is_none())
            .map(|(name, pyramid)| PyramidSource::Description(name, pyramid))
    };
    let Some(listed) = listed else {
        return match there[..] {
            [] => described()
                .map(Some)
                .ok_or_else(|| VerifyError::NotAnExport { path: path.to_owned() }),
            [one] => Ok(Some(PyramidSource::Descriptor(one))),
            [_, ref others @ ..] => {
                let message = "a second descriptor, and no manifest says which is the export's";
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
            format!("it lists {} descriptors", listed.len()),
        ));
        return Ok(None);
    };
    // Where it is missing, the comparison of names tells.
    Ok(there.into_iter().find(|there| *there == name).map(PyramidSource::Descriptor))
}

fn checked_format(format: &str) -> Result<TileFileFormat, String> {
    TileFileFormat::of_extension(format)
        .ok_or_else(|| format!("its tiles are {format:?}, which cannot be checked"))
}

fn read_descriptor(
    export: &dyn ExportedFiles,
    name: &str,
    layout: &Layout,
) -> Result<Option<ExpectedPyramid>, Problem> {
    let parsed = export.read_text(name, TEXT_AT_MOST).and_then(|text| {
        let descriptor = Descriptor::from_xml(&text).map_err(|error| error.to_string())?;
        Ok(Some(ExpectedPyramid {
            told_by: name.to_owned(),
            descriptor_text: None,
            plan: PyramidPlan::new(descriptor.size, descriptor.geometry),
            left_out: None,
            names: layout.tiles(TileLayout::DeepZoom, &descriptor.format),
            format: checked_format(&descriptor.format)?,
        }))
    });
    parsed.map_err(|message| contradiction(name, message))
}

fn described_pyramid(
    described: &DescribedPyramid,
    layout: &Layout,
) -> Result<Option<ExpectedPyramid>, Problem> {
    let read = || {
        let plan = described.pyramid().ok_or("describes a pyramid that cannot be")?;
        if plan.geometry().overlap() > 0 || described.layout.name_collision(&plan).is_some() {
            return Err("describes tiles that its layout cannot name".to_owned());
        }
        let names = described.names(layout);
        let id = described.resource_id().ok_or("has a resourceId that is no address")?;
        Ok(Some(ExpectedPyramid {
            told_by: layout.description(),
            descriptor_text: names.descriptor_text(&plan, &id),
            format: checked_format(names.extension())?,
            plan,
            left_out: None,
            names,
        }))
    };
    read().map_err(|message: String| contradiction(&layout.description(), message))
}
