//! The gallery: one page over all exports that stand in one folder.
//!
//! It is made of what stands there and not of what was just exported, so that exports of earlier
//! runs are in it, and ones that were removed are not. What always holds: nothing is written over
//! that is not a gallery's, each file appears whole, by a rename, and `index.html` comes last. The
//! exports themselves are not touched.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::engine::metadata::{self, DescribedPyramid};
use crate::export::exported::{self, ExportedFiles};
use crate::layout::page;
use crate::layout::tile_layout::TileNames;
use crate::layout::{Container, Layout, is_descriptor};
use crate::sink::{OverwritePolicy, SinkError, failed, write_file};

/// The folder of everything that belongs to the gallery and is not its `index.html`.
pub const FOLDER: &str = "gallery";

/// Names that no export beside a gallery can have.
pub const RESERVED: [&str; 2] = [FOLDER, PAGE];

const PAGE: &str = "index.html";
const LIST: &str = "gallery.js";
const THUMBNAILS: &str = "thumbnails";

/// No thumbnail is longer: four bytes for each of its pixels, and room for what a file has besides.
const THUMBNAIL_BYTES_AT_MOST: u64 = 1 << 22;

/// A tile that serves as a thumbnail is at most so wide and high, in pixels.
const THUMBNAIL_AT_MOST: u32 = 512;

const LIST_BEGINS: &str = "// The exports beside this page, as a script, since browsers refuse to read a JSON file from a disk.\n\
    (globalThis.slidezoomGalleries ??= []).push(";
const LIST_ENDS: &str = ");\n";

/// Why there is no gallery, or an old one.
#[derive(Clone, Debug, thiserror::Error)]
pub enum GalleryError {
    /// Something else has a name that the gallery needs.
    #[error("{path}: is no part of a gallery", path = path.display())]
    NotAGallery {
        /// What stands there.
        path: PathBuf,
    },
    /// The folder cannot be read or written.
    #[error(transparent)]
    Destination(#[from] SinkError),
}

/// What became of a gallery.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GalleryReport {
    /// Its page.
    pub page: PathBuf,
    /// How many exports it shows.
    pub exports: usize,
    /// Archives beside it whose exports cannot be read, and are not shown.
    pub unreadable: Vec<PathBuf>,
}

/// What the page is told of an export; `viewer/src/gallery` reads it. Paths are relative to the
/// gallery's folder.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct GalleryEntry {
    name: String,
    /// The folder of its page.
    folder: Option<String>,
    archive: Option<String>,
    /// The archive's length and the time of its last change, by which it need not be opened again
    /// to make the next list.
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

/// What an export's description says of it.
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

/// A folder that has, or gets, a gallery.
#[derive(Clone, Debug)]
pub struct Gallery {
    root: PathBuf,
}

impl Gallery {
    /// That of the exports in `root`, which need not exist yet.
    ///
    /// # Errors
    /// [`GalleryError`] where something else has one of the names that it needs.
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
            // What a killed run has left of a file is hidden.
            if !ours.contains(&name.as_str()) && !name.starts_with('.') {
                return Err(GalleryError::NotAGallery { path: gallery.folder().join(name) });
            }
        }
        Ok(gallery)
    }

    fn folder(&self) -> PathBuf {
        self.root.join(FOLDER)
    }

    /// Writes the gallery of what stands in the folder now.
    ///
    /// # Errors
    /// [`GalleryError`] where the folder cannot be read or written. The gallery before it is still
    /// there then.
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
                slides.extend(self.exhibit_of_folder(&name));
            } else if let Some(state) = state_of(&path) {
                match known.get(&name).filter(|exhibit| self.is_still(exhibit, state)) {
                    Some(exhibit) => slides.push(exhibit.clone()),
                    None => match self.exhibit_of_archive(&name, state)? {
                        Some(exhibit) => slides.push(exhibit),
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
        self.remove_other_thumbnails(&list.slides)?;
        Ok(report)
    }

    fn write(&self, name: &str, contents: &[u8]) -> Result<(), SinkError> {
        write_changed(&self.folder().join(name), contents)
    }

    /// The archives of the list as it is, by name; none where there is no list that can be read,
    /// and each archive is opened then.
    fn known_archives(&self) -> BTreeMap<String, GalleryEntry> {
        let script = fs::read_to_string(self.folder().join(LIST)).unwrap_or_default();
        let slides = List::read(&script).map_or_else(Vec::new, |list| list.slides);
        slides.into_iter().filter_map(|exhibit| Some((exhibit.archive.clone()?, exhibit))).collect()
    }

    fn is_still(&self, exhibit: &GalleryEntry, state: [u64; 2]) -> bool {
        let has_thumbnail =
            exhibit.thumbnail.as_ref().is_none_or(|thumbnail| self.root.join(thumbnail).is_file());
        exhibit.state == Some(state) && has_thumbnail
    }

    /// A folder, or a bag, that holds an export with a page.
    fn exhibit_of_folder(&self, name: &str) -> Option<GalleryEntry> {
        [Container::Folder, Container::Bag].into_iter().find_map(|container| {
            let layout = Layout::new(name, container);
            let inside = |file: &str| self.root.join(name).join(file);
            let description = File::open(inside(&layout.description())).ok()?;
            let mut json = Vec::new();
            description.take(metadata::LONGEST).read_to_end(&mut json).ok()?;
            let description = description_of(&json)?;
            let has_page = inside(&layout.slide_script()).is_file();
            let names = description.pyramid.as_ref()?.names(&layout);
            let has_descriptor =
                names.descriptor().is_none_or(|descriptor| inside(&descriptor).is_file());
            if !has_page || !has_descriptor {
                return None;
            }
            let mut exhibit = description.exhibit();
            exhibit.folder =
                Some(format!("{name}/{}", layout.payload()).trim_end_matches('/').to_owned());
            exhibit.thumbnail = description.thumbnail(&names).map(|tile| format!("{name}/{tile}"));
            Some(exhibit)
        })
    }

    /// `None` where it holds no export of ours that can be read.
    fn exhibit_of_archive(
        &self,
        name: &str,
        state: [u64; 2],
    ) -> Result<Option<GalleryEntry>, GalleryError> {
        let Ok(export) = exported::open(&self.root.join(name)) else { return Ok(None) };
        let Some((layout, description)) = described(export.as_ref()) else { return Ok(None) };
        let mut exhibit = description.exhibit();
        exhibit.archive = Some(name.to_owned());
        exhibit.state = Some(state);
        let names = description.pyramid.as_ref().map(|pyramid| pyramid.names(&layout));
        let tile = names.as_ref().and_then(|names| Some((names, description.thumbnail(names)?)));
        let read = |(names, tile): (&TileNames, String)| {
            Some((names.extension().to_owned(), export.read(&tile, THUMBNAIL_BYTES_AT_MOST).ok()?))
        };
        if let Some((extension, contents)) = tile.and_then(|tile| read((tile.0, tile.1))) {
            let file = format!("{THUMBNAILS}/{name}.{extension}");
            self.write(&file, &contents)?;
            exhibit.thumbnail = Some(format!("{FOLDER}/{file}"));
        }
        Ok(Some(exhibit))
    }

    /// Thumbnails of archives that are no longer there.
    fn remove_other_thumbnails(&self, slides: &[GalleryEntry]) -> Result<(), SinkError> {
        let used: BTreeSet<&str> =
            slides.iter().filter_map(|exhibit| exhibit.thumbnail.as_deref()).collect();
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
        reason = "numbers, texts and lists of our own types always have a JSON form"
    )]
    fn script(&self) -> String {
        let json = serde_json::to_string(self).expect("a value of this crate's own types");
        format!("{LIST_BEGINS}{json}{LIST_ENDS}")
    }

    fn read(script: &str) -> Option<Self> {
        serde_json::from_str(script.strip_prefix(LIST_BEGINS)?.strip_suffix(LIST_ENDS)?).ok()
    }
}

impl Description {
    fn exhibit(&self) -> GalleryEntry {
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

    /// The tile that shows the whole slide and is largest, but not too large.
    fn thumbnail(&self, names: &TileNames) -> Option<String> {
        let pyramid = self.pyramid.as_ref()?.pyramid()?;
        let level = pyramid.levels().rev().find(|&level| {
            let size = pyramid.level_size(level);
            pyramid.level_tile_count(level) == 1
                && size.width().max(size.height()) <= THUMBNAIL_AT_MOST
        })?;
        Some(names.tile(pyramid.tile(level, 0, 0)?, &pyramid))
    }
}

fn description_of(json: &[u8]) -> Option<Description> {
    let description: Description = serde_json::from_slice(json).ok()?;
    Some(Description { pyramid: Some(DescribedPyramid::read(json)?), ..description })
}

/// The description of an archive's export.
fn described(export: &dyn ExportedFiles) -> Option<(Layout, Description)> {
    let descriptor = export.files().keys().find(|name| is_descriptor(name));
    let name = match descriptor {
        Some(descriptor) => descriptor.strip_suffix(".dzi")?.to_owned(),
        None => export.described().next()?.0,
    };
    let layout = Layout::new(&name, export.container());
    let description = description_of(&export.read(&layout.description(), metadata::LONGEST).ok()?)?;
    Some((layout, description))
}

/// A file's length in bytes and the time of its last change in nanoseconds; `None` for what is no
/// file.
fn state_of(path: &Path) -> Option<[u64; 2]> {
    let found = fs::metadata(path).ok().filter(fs::Metadata::is_file)?;
    let changed = found.modified().ok()?.duration_since(std::time::UNIX_EPOCH).ok()?;
    Some([found.len(), u64::try_from(changed.as_nanos()).ok()?])
}

/// The names in a folder, in their order, as far as they are Unicode: a page could not ask for
/// others. None where there is no such folder.
fn names_in(folder: &Path) -> Result<BTreeSet<String>, SinkError> {
    let look = failed("look into", folder);
    let entries = match fs::read_dir(folder) {
        Err(error) if is_absent(&error) => return Ok(BTreeSet::new()),
        entries => entries.map_err(&look)?,
    };
    let mut names = BTreeSet::new();
    for entry in entries {
        names.extend(entry.map_err(&look)?.file_name().into_string());
    }
    Ok(names)
}

/// Writes a file that does not have these contents already, and the folder that it stands in.
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
