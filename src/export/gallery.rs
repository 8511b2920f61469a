//! The gallery: one page that shows all exports in a folder.
//!
//! It lists what is in the folder, not what was just exported: exports of earlier runs are included
//! and removed ones are not. Only files of a gallery are overwritten, and exports are never
//! changed. Each file is published by a rename, `index.html` last.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::engine::metadata::{self, DescribedPyramid};
use crate::export::existing::{self, ExportFiles};
use crate::layout::page;
use crate::layout::tile_layout::TileNames;
use crate::layout::{Container, Layout, is_descriptor};
use crate::sink::{OverwritePolicy, SinkError, failed, write_file};

/// The folder of all gallery files except `index.html`.
pub const FOLDER: &str = "gallery";

/// Names that exports in a folder with a gallery cannot have.
pub const RESERVED: [&str; 2] = [FOLDER, PAGE];

const PAGE: &str = "index.html";
const LIST: &str = "gallery.js";
const THUMBNAILS: &str = "thumbnails";

/// The maximum length of a thumbnail file: four bytes per pixel, and 3 MB for metadata such as an
/// ICC profile.
const MAX_THUMBNAIL_BYTES: u64 = 1 << 22;

/// The maximum width and height of a thumbnail in pixels.
const MAX_THUMBNAIL_SIDE: u32 = 512;

const LIST_PREFIX: &str = "// The exports beside this page, as a script, since browsers refuse to read a JSON file from a disk.\n\
    (globalThis.slidezoomGalleries ??= []).push(";
const LIST_SUFFIX: &str = ");\n";

/// Why a gallery cannot be created or updated.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum GalleryError {
    /// A file that is not part of a gallery has a name that the gallery needs.
    #[error("{path}: is not part of a gallery", path = path.display())]
    NotAGallery {
        /// That file.
        path: PathBuf,
    },
    /// The folder cannot be read or written.
    #[error(transparent)]
    Destination(#[from] SinkError),
}

/// The result of updating a gallery.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct GalleryReport {
    /// The path of the page.
    pub page: PathBuf,
    /// The number of exports that it shows.
    pub exports: usize,
    /// Archives that cannot be read as exports and are not shown.
    pub unreadable: Vec<PathBuf>,
}

/// An export in the list that `viewer/src/gallery` reads. Paths are relative to the folder of the
/// exports.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct GalleryEntry {
    name: String,
    /// The folder that contains its page; `None` for an archive.
    folder: Option<String>,
    archive: Option<String>,
    /// The archive's length and modification time. While they are the same, the archive is not
    /// opened again.
    #[serde(skip_serializing_if = "Option::is_none")]
    state: Option<[u64; 2]>,
    thumbnail: Option<String>,
    width: u32,
    height: u32,
    microns_per_pixel: Value,
    objective_power: Value,
}

#[derive(Serialize, Deserialize)]
struct List {
    slides: Vec<GalleryEntry>,
}

/// The fields of an export's description that the gallery needs.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Description {
    name: String,
    width: u32,
    height: u32,
    #[serde(skip)]
    pyramid: Option<DescribedPyramid>,
    #[serde(default)]
    microns_per_pixel: Value,
    #[serde(default)]
    objective_power: Value,
}

/// A folder with a gallery.
#[derive(Clone, Debug)]
pub struct Gallery {
    root: PathBuf,
}

impl Gallery {
    /// Prepares the gallery of the exports in `root`, which need not exist yet.
    ///
    /// # Errors
    /// [`GalleryError`] if a file that is not part of a gallery has a name that the gallery needs.
    pub fn of(root: &Path) -> Result<Self, GalleryError> {
        let root = if root.as_os_str().is_empty() { PathBuf::from(".") } else { root.to_owned() };
        let gallery = Self { root };
        let page = gallery.root.join(PAGE);
        let is_ours = |text: &str| text.contains("<script src=\"gallery/gallery.js\"></script>");
        match fs::read(&page) {
            Ok(text) if !is_ours(&String::from_utf8_lossy(&text)) => {
                return Err(GalleryError::NotAGallery { path: page });
            }
            Err(error) if !is_absent(&error) => return Err(failed("read", &page)(error).into()),
            _ => {}
        }
        let files = page::GALLERY_FILES.map(|(name, _)| name);
        let ours: Vec<&str> = files.into_iter().chain([LIST, THUMBNAILS]).collect();
        for name in names_in(&gallery.folder())? {
            // Hidden files are the staging files of an interrupted run.
            if !ours.contains(&name.as_str()) && !name.starts_with('.') {
                return Err(GalleryError::NotAGallery { path: gallery.folder().join(name) });
            }
        }
        Ok(gallery)
    }

    fn folder(&self) -> PathBuf {
        self.root.join(FOLDER)
    }

    /// Writes the gallery of the exports that are in the folder now.
    ///
    /// # Errors
    /// [`GalleryError`] if the folder cannot be read or written. An earlier gallery still works
    /// then.
    pub fn update(&self) -> Result<GalleryReport, GalleryError> {
        let page = self.root.join(PAGE);
        let known = self.known_archives();
        let mut report = GalleryReport { page: page.clone(), exports: 0, unreadable: Vec::new() };
        let mut slides = Vec::new();
        for name in names_in(&self.root)? {
            if name.starts_with('.') || RESERVED.contains(&name.as_str()) {
                continue;
            }
            let path = self.root.join(&name);
            if !Container::of_path(&path).is_archive() {
                slides.extend(self.entry_of_folder(&name));
            } else if let Some(state) = state_of(&path) {
                match known.get(&name).filter(|entry| self.is_unchanged(entry, state)) {
                    Some(entry) => slides.push(entry.clone()),
                    None => match self.entry_of_archive(&name, state)? {
                        Some(entry) => slides.push(entry),
                        None => report.unreadable.push(path),
                    },
                }
            }
        }
        report.exports = slides.len();
        for (name, contents) in page::GALLERY_FILES {
            self.write(name, contents.as_bytes())?;
        }
        let list = List { slides };
        self.write(LIST, list.script().as_bytes())?;
        write_changed(&page, page::gallery_page().as_bytes())?;
        self.remove_stale_thumbnails(&list.slides)?;
        Ok(report)
    }

    fn write(&self, name: &str, contents: &[u8]) -> Result<(), SinkError> {
        write_changed(&self.folder().join(name), contents)
    }

    /// Returns the archives in the existing list by name, so that unchanged ones need not be
    /// opened. Empty if there is no readable list.
    fn known_archives(&self) -> BTreeMap<String, GalleryEntry> {
        let script = fs::read_to_string(self.folder().join(LIST)).unwrap_or_default();
        let slides = List::read(&script).map_or_else(Vec::new, |list| list.slides);
        slides.into_iter().filter_map(|entry| Some((entry.archive.clone()?, entry))).collect()
    }

    fn is_unchanged(&self, entry: &GalleryEntry, state: [u64; 2]) -> bool {
        let has_thumbnail =
            entry.thumbnail.as_ref().is_none_or(|thumbnail| self.root.join(thumbnail).is_file());
        entry.state == Some(state) && has_thumbnail
    }

    /// Returns the entry of a folder or bag; `None` if it is not an export with a page.
    fn entry_of_folder(&self, name: &str) -> Option<GalleryEntry> {
        [Container::Folder, Container::Bag].into_iter().find_map(|container| {
            let layout = Layout::new(name, container);
            let inside = |file: &str| self.root.join(name).join(file);
            let description = File::open(inside(&layout.description())).ok()?;
            let mut json = Vec::new();
            description.take(metadata::LONGEST).read_to_end(&mut json).ok()?;
            let description = parse_description(&json)?;
            let has_page = inside(&layout.slide_script()).is_file();
            let names = description.pyramid.as_ref()?.names(&layout);
            let has_descriptor =
                names.descriptor().is_none_or(|descriptor| inside(&descriptor).is_file());
            if !has_page || !has_descriptor {
                return None;
            }
            let mut entry = description.to_entry();
            entry.folder =
                Some(format!("{name}/{}", layout.payload()).trim_end_matches('/').to_owned());
            entry.thumbnail = description.thumbnail(&names).map(|tile| format!("{name}/{tile}"));
            Some(entry)
        })
    }

    /// Returns the entry of an archive; `None` if it is not a readable export with a description.
    fn entry_of_archive(
        &self,
        name: &str,
        state: [u64; 2],
    ) -> Result<Option<GalleryEntry>, GalleryError> {
        let Ok(export) = existing::open(&self.root.join(name)) else { return Ok(None) };
        let Some((layout, description)) = describe(export.as_ref()) else { return Ok(None) };
        let mut entry = description.to_entry();
        entry.archive = Some(name.to_owned());
        entry.state = Some(state);
        let names = description.pyramid.as_ref().map(|pyramid| pyramid.names(&layout));
        let tile = names.as_ref().and_then(|names| Some((names, description.thumbnail(names)?)));
        let read = |(names, tile): (&TileNames, String)| {
            Some((names.extension().to_owned(), export.read(&tile, MAX_THUMBNAIL_BYTES).ok()?))
        };
        if let Some((extension, contents)) = tile.and_then(|tile| read((tile.0, tile.1))) {
            let file = format!("{THUMBNAILS}/{name}.{extension}");
            self.write(&file, &contents)?;
            entry.thumbnail = Some(format!("{FOLDER}/{file}"));
        }
        Ok(Some(entry))
    }

    /// Removes the thumbnails of archives that no longer exist.
    fn remove_stale_thumbnails(&self, slides: &[GalleryEntry]) -> Result<(), SinkError> {
        let used: BTreeSet<&str> =
            slides.iter().filter_map(|entry| entry.thumbnail.as_deref()).collect();
        for name in names_in(&self.folder().join(THUMBNAILS))? {
            if !used.contains(format!("{FOLDER}/{THUMBNAILS}/{name}").as_str()) {
                let path = self.folder().join(THUMBNAILS).join(name);
                fs::remove_file(&path).map_err(failed("remove", &path))?;
            }
        }
        Ok(())
    }
}

impl List {
    #[expect(
        clippy::expect_used,
        reason = "values of this crate's own types always have a JSON form"
    )]
    fn script(&self) -> String {
        let json = serde_json::to_string(self).expect("a value of this crate's own types");
        format!("{LIST_PREFIX}{json}{LIST_SUFFIX}")
    }

    fn read(script: &str) -> Option<Self> {
        serde_json::from_str(script.strip_prefix(LIST_PREFIX)?.strip_suffix(LIST_SUFFIX)?).ok()
    }
}

impl Description {
    fn to_entry(&self) -> GalleryEntry {
        GalleryEntry {
            name: self.name.clone(),
            folder: None,
            archive: None,
            state: None,
            thumbnail: None,
            width: self.width,
            height: self.height,
            microns_per_pixel: self.microns_per_pixel.clone(),
            objective_power: self.objective_power.clone(),
        }
    }

    /// Returns the file of the largest tile that shows the whole slide and is small enough.
    fn thumbnail(&self, names: &TileNames) -> Option<String> {
        let pyramid = self.pyramid.as_ref()?.pyramid()?;
        let level = pyramid.levels().rev().find(|&level| {
            let size = pyramid.level_size(level);
            pyramid.level_tile_count(level) == 1
                && size.width().max(size.height()) <= MAX_THUMBNAIL_SIDE
        })?;
        Some(names.tile(pyramid.tile(level, 0, 0)?, &pyramid))
    }
}

fn parse_description(json: &[u8]) -> Option<Description> {
    let description: Description = serde_json::from_slice(json).ok()?;
    Some(Description { pyramid: Some(DescribedPyramid::read(json)?), ..description })
}

/// Returns the layout and the description of an archived export.
fn describe(export: &dyn ExportFiles) -> Option<(Layout, Description)> {
    let descriptor = export.files().keys().find(|name| is_descriptor(name));
    let name = match descriptor {
        Some(descriptor) => descriptor.strip_suffix(".dzi")?.to_owned(),
        None => export.described().next()?.0,
    };
    let layout = Layout::new(&name, export.container());
    let description =
        parse_description(&export.read(&layout.description(), metadata::LONGEST).ok()?)?;
    Some((layout, description))
}

/// Returns a file's length in bytes and its modification time in nanoseconds; `None` if it is not a
/// file.
fn state_of(path: &Path) -> Option<[u64; 2]> {
    let found = fs::metadata(path).ok().filter(fs::Metadata::is_file)?;
    let changed = found.modified().ok()?.duration_since(std::time::UNIX_EPOCH).ok()?;
    Some([found.len(), u64::try_from(changed.as_nanos()).ok()?])
}

/// Returns the sorted names in a folder; none if the folder does not exist. Names that are not
/// Unicode are omitted, because a page cannot request them.
fn names_in(folder: &Path) -> Result<BTreeSet<String>, SinkError> {
    let cannot_list = failed("list", folder);
    let entries = match fs::read_dir(folder) {
        Err(error) if is_absent(&error) => return Ok(BTreeSet::new()),
        entries => entries.map_err(&cannot_list)?,
    };
    let mut names = BTreeSet::new();
    for entry in entries {
        names.extend(entry.map_err(&cannot_list)?.file_name().into_string());
    }
    Ok(names)
}

/// Writes a file and creates its folder, unless the file already has these contents.
fn write_changed(path: &Path, contents: &[u8]) -> Result<(), SinkError> {
    if fs::read(path).is_ok_and(|found| found == contents) {
        return Ok(());
    }
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(failed("create", folder))?;
    }
    write_file(path, contents, OverwritePolicy::Replace)
}

fn is_absent(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::NotFound
}
