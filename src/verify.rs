//! Whether an export is whole and unchanged.
//!
//! Three things are held against each other: the files that are there, the manifest, and the pyramid that the descriptor promises. What
//! always holds: every file that is missing, too many, altered or no picture of its planned size is *named*; nothing outside the export is read, links are
//! not followed, and neither a hostile descriptor nor a hostile file can make the check hang or fill the memory.
//!
//! Exports of other tools, which have no manifest, can be checked too: then every tile is decoded, where for a file whose hash is right that
//! would tell nothing new.

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rayon::prelude::*;
use serde::Serialize;

use crate::descriptor::Descriptor;
use crate::export::start_workers;
use crate::geometry::Size;
use crate::manifest::{self, Digest, MANIFEST};
use crate::progress::Progress;
use crate::pyramid::PyramidPlan;
use crate::sink::EntryName;

mod folder;
mod tile_file;

use folder::{Entry, Folder};
use tile_file::TileFileFormat;

/// How much is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Depth {
    /// Every byte of every file.
    #[default]
    Full,
    /// Which files there are, and the beginning and the end of each tile: finds what is missing, cut short or of the wrong size, and not an
    /// altered byte.
    Quick,
}

/// Something that is wrong with an export.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, thiserror::Error)]
#[serde(tag = "damage", rename_all = "kebab-case")]
pub enum Damage {
    /// A file that belongs to the export is not there.
    #[error("{name}: missing")]
    Missing {
        /// The file.
        name: String,
    },
    /// A file is there that does not belong to the export.
    #[error("{name}: does not belong to this export")]
    Unexpected {
        /// The file.
        name: String,
    },
    /// A file's contents are others than the manifest says.
    #[error("{name}: altered (SHA-256 {found}, and the manifest says {expected})")]
    Altered {
        /// The file.
        name: String,
        /// What the manifest says.
        expected: Digest,
        /// What it has.
        found: Digest,
    },
    /// A tile is no picture that can be decoded.
    #[error("{name}: cannot be decoded: {message}")]
    Undecodable {
        /// The file.
        name: String,
        /// Why.
        message: String,
    },
    /// A tile is larger or smaller than its place in the pyramid.
    #[error("{name}: is of {found} pixels and should be of {expected}")]
    WrongSize {
        /// The file.
        name: String,
        /// What the pyramid's arithmetic says.
        expected: Size,
        /// What the tile's header says.
        found: Size,
    },
    /// A file could not be read.
    #[error("{name}: cannot be read: {message}")]
    Unreadable {
        /// The file.
        name: String,
        /// What the operating system said.
        message: String,
    },
    /// A link, a device or a pipe stands where a file should be.
    #[error("{name}: is no file of its own (a link or a device)")]
    NotAFile {
        /// What stands there.
        name: String,
    },
    /// The descriptor, the description or the manifest cannot be what it should be.
    #[error("{name}: {message}")]
    Contradiction {
        /// The file.
        name: String,
        /// What is wrong.
        message: String,
    },
}

impl Damage {
    /// The file that it is about.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Missing { name }
            | Self::Unexpected { name }
            | Self::Altered { name, .. }
            | Self::Undecodable { name, .. }
            | Self::WrongSize { name, .. }
            | Self::Unreadable { name, .. }
            | Self::NotAFile { name }
            | Self::Contradiction { name, .. } => name,
        }
    }
}

/// What a check came to.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Verification {
    /// Files that were looked at.
    pub files: u64,
    /// Those of them that are tiles.
    pub tiles: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Whether there was a manifest to hold them against.
    pub manifest: bool,
    /// All that is wrong, by name; empty where the export is whole.
    pub damages: Vec<Damage>,
}

/// Why an export could not be checked at all.
#[derive(Clone, Debug, thiserror::Error)]
pub enum VerifyError {
    /// The path cannot be looked into.
    #[error("{path}: cannot be opened: {source}", path = path.display())]
    Open {
        /// The path.
        path: PathBuf,
        /// What the operating system said.
        source: Arc<std::io::Error>,
    },
    /// It is no export: neither a descriptor nor a manifest is there.
    #[error("{path}: no export (it holds neither a .dzi nor a manifest)", path = path.display())]
    NotAnExport {
        /// The path.
        path: PathBuf,
    },
    /// The check was told to stop.
    #[error("interrupted")]
    Interrupted,
    /// The worker threads could not be started.
    #[error("cannot start worker threads: {message}")]
    Workers {
        /// What the thread pool said.
        message: String,
    },
}

/// No descriptor, and no description, is longer.
const TEXT_AT_MOST: u64 = 1 << 20;

/// More tiles than these that are planned and not there are not named one by one: a descriptor that promises so many is wrong itself.
const MISSING_AT_MOST: u64 = 1_000_000;

/// Checks the export in the folder `path` on `jobs` worker threads.
///
/// # Errors
/// [`VerifyError`] where there is nothing that could be checked, or `progress` asks to stop. What is wrong with the export is no error but the
/// [`Verification::damages`].
pub fn verify(
    path: &Path,
    depth: Depth,
    jobs: NonZeroUsize,
    progress: &dyn Progress,
) -> Result<Verification, VerifyError> {
    let folder = Folder::read(path)?;
    let mut damages: Vec<Damage> = folder.not_files().map(|name| Damage::NotAFile { name: name.clone() }).collect();
    let listed = read_manifest(&folder, &mut damages);
    let plan = Plan::read(path, &folder, listed.as_ref(), &mut damages)?;
    compare_names(&folder, listed.as_ref(), plan.as_ref(), &mut damages);

    let entries: Vec<&Entry> = folder.files().collect();
    let workers = start_workers(jobs).map_err(|error| VerifyError::Workers { message: error.to_string() })?;
    let checked: Vec<Result<Option<Damage>, VerifyError>> = workers.install(|| {
        let check = |entry: &&Entry| {
            if progress.stop_requested() {
                return Err(VerifyError::Interrupted);
            }
            let expected = listed.as_ref().and_then(|listed| listed.get(entry.name.as_str()).copied());
            let tile = plan.as_ref().and_then(|plan| plan.tile_size(&entry.name));
            Ok(check_file(&folder, entry, depth, expected, tile))
        };
        entries.par_iter().map(check).collect()
    });
    for result in checked {
        damages.extend(result?);
    }
    damages.sort_by(|one, other| one.name().cmp(other.name()));
    let is_tile = |entry: &&&Entry| plan.as_ref().is_some_and(|plan| plan.tile_size(&entry.name).is_some());
    Ok(Verification {
        files: entries.len() as u64,
        tiles: entries.iter().filter(is_tile).count() as u64,
        bytes: entries.iter().map(|entry| entry.bytes).sum(),
        manifest: listed.is_some(),
        damages,
    })
}

/// The manifest's files by name; `None` where there is none that can be read.
fn read_manifest(folder: &Folder, damages: &mut Vec<Damage>) -> Option<BTreeMap<String, Digest>> {
    let entry = folder.file(MANIFEST)?;
    let contradiction = |message: String| Damage::Contradiction { name: MANIFEST.to_owned(), message };
    let parsed =
        folder.read_text(entry, u64::MAX).and_then(|text| manifest::parse(&text).map_err(|error| error.to_string()));
    match parsed {
        Ok(files) => Some(files.into_iter().map(|(name, digest)| (name.as_str().to_owned(), digest)).collect()),
        Err(message) => {
            damages.push(contradiction(message));
            None
        }
    }
}

/// What the descriptor promises.
struct Plan {
    name: String,
    pyramid: PyramidPlan,
    extension: String,
    format: TileFileFormat,
}

impl Plan {
    /// Reads the descriptor. `None` where it is missing or wrong, which is told of.
    fn read(
        path: &Path,
        folder: &Folder,
        listed: Option<&BTreeMap<String, Digest>>,
        damages: &mut Vec<Damage>,
    ) -> Result<Option<Self>, VerifyError> {
        let at_root = |name: &&str| name.strip_suffix(".dzi").is_some_and(|stem| !stem.contains('/'));
        let there: Vec<&str> = folder.files().map(|entry| entry.name.as_str()).filter(at_root).collect();
        let Some(listed) = listed else {
            return match there[..] {
                [] => Err(VerifyError::NotAnExport { path: path.to_owned() }),
                [one] => Ok(Self::parse(folder, one, damages)),
                [_, ref others @ ..] => {
                    let message = "a second descriptor, and no manifest says which is the export's".to_owned();
                    damages.extend(
                        others
                            .iter()
                            .map(|name| Damage::Contradiction { name: (*name).to_owned(), message: message.clone() }),
                    );
                    Ok(None)
                }
            };
        };
        let listed: Vec<&str> = listed.keys().map(String::as_str).filter(at_root).collect();
        let [name] = listed[..] else {
            let message = format!("it lists {} descriptors", listed.len());
            damages.push(Damage::Contradiction { name: MANIFEST.to_owned(), message });
            return Ok(None);
        };
        // Where it is missing, the comparison of names tells.
        Ok(if there.contains(&name) { Self::parse(folder, name, damages) } else { None })
    }

    fn parse(folder: &Folder, name: &str, damages: &mut Vec<Damage>) -> Option<Self> {
        let parsed = folder.file(name).ok_or_else(|| "is not there".to_owned()).and_then(|entry| {
            let text = folder.read_text(entry, TEXT_AT_MOST)?;
            let descriptor = Descriptor::from_xml(&text).map_err(|error| error.to_string())?;
            let format = TileFileFormat::of_extension(&descriptor.format)
                .ok_or_else(|| format!("its tiles are {:?}, which cannot be checked", descriptor.format))?;
            let name = name.trim_end_matches(".dzi").to_owned();
            let pyramid = PyramidPlan::new(descriptor.size, descriptor.geometry);
            Ok(Self { name, pyramid, extension: descriptor.format, format })
        });
        match parsed {
            Ok(plan) => {
                plan.check_description(folder, damages);
                Some(plan)
            }
            Err(message) => {
                damages.push(Damage::Contradiction { name: name.to_owned(), message });
                None
            }
        }
    }

    /// Holds `<name>.json` against the descriptor, where it is there.
    fn check_description(&self, folder: &Folder, damages: &mut Vec<Damage>) {
        let name = format!("{}.json", self.name);
        let Some(entry) = folder.file(&name) else { return };
        let contradiction = |message: String| Damage::Contradiction { name: name.clone(), message };
        let parsed = folder.read_text(entry, TEXT_AT_MOST).and_then(|text| {
            serde_json::from_str::<serde_json::Value>(&text).map_err(|error| format!("is no JSON: {error}"))
        });
        let description = match parsed {
            Ok(description) => description,
            Err(message) => return damages.push(contradiction(message)),
        };
        let geometry = self.pyramid.geometry();
        for (key, expected) in [
            ("width", u64::from(self.pyramid.size().width())),
            ("height", u64::from(self.pyramid.size().height())),
            ("levels", self.pyramid.levels().len() as u64),
            ("tileSize", u64::from(geometry.tile_size())),
            ("overlap", u64::from(geometry.overlap())),
            ("tiles", self.pyramid.tile_count()),
        ] {
            let found = &description[key];
            if !found.is_null() && found.as_u64() != Some(expected) {
                damages.push(contradiction(format!("says {key} {found}, and the descriptor says {expected}")));
            }
        }
        // It names the manifest: somebody has taken that away.
        if description["manifest"] == MANIFEST && !folder.has(MANIFEST) {
            damages.push(Damage::Missing { name: MANIFEST.to_owned() });
        }
    }

    fn tiles_folder(&self) -> String {
        format!("{}_files/", self.name)
    }

    /// The planned size of a tile, by its file's name; `None` for a file that is none of the pyramid's.
    fn tile_size(&self, name: &str) -> Option<(Size, TileFileFormat)> {
        let (level, file) = name.strip_prefix(&self.name)?.strip_prefix("_files/")?.split_once('/')?;
        let (column, row) = file.strip_suffix(&self.extension)?.strip_suffix('.')?.split_once('_')?;
        // As the names are written: no leading zero, no sign.
        let number = |text: &str| text.parse::<u32>().ok().filter(|number| number.to_string() == text);
        let level = self.pyramid.level(number(level)?)?;
        let tile = self.pyramid.tile(level, number(column)?, number(row)?)?;
        Some((self.pyramid.region(tile).full.size(), self.format))
    }
}

/// Which files there are, against which there should be.
fn compare_names(
    folder: &Folder,
    listed: Option<&BTreeMap<String, Digest>>,
    plan: Option<&Plan>,
    damages: &mut Vec<Damage>,
) {
    // The pyramid's own tiles, against the manifest or against the files.
    let mut missing = BTreeSet::new();
    if let Some(plan) = plan {
        let known = |name: &str| listed.map_or_else(|| folder.has(name), |listed| listed.contains_key(name));
        let tiles = plan.pyramid.tile_count();
        let there = listed.map_or(folder.len(), BTreeMap::len) as u64;
        if tiles > there.saturating_add(MISSING_AT_MOST) {
            let message = format!("promises {tiles} tiles, and there are {there} files");
            damages.push(Damage::Contradiction { name: format!("{}.dzi", plan.name), message });
        } else {
            let names = plan.pyramid.tiles().map(|tile| {
                let (folder, extension) = (plan.tiles_folder(), &plan.extension);
                format!("{folder}{}/{}_{}.{extension}", tile.level(), tile.column(), tile.row())
            });
            missing.extend(names.filter(|name| !known(name)));
        }
    }
    if let Some(listed) = listed {
        missing.extend(listed.keys().filter(|name| !folder.has(name)).cloned());
    }
    damages.extend(missing.into_iter().map(|name| Damage::Missing { name }));

    for Entry { name, .. } in folder.files() {
        let belongs = match (listed, plan) {
            (Some(listed), _) => name == MANIFEST || listed.contains_key(name),
            // Without a manifest, nobody can say what else may stand beside the tiles.
            (None, Some(plan)) => !name.starts_with(&plan.tiles_folder()) || plan.tile_size(name).is_some(),
            (None, None) => true,
        };
        if !belongs {
            damages.push(Damage::Unexpected { name: name.clone() });
        }
    }
}

/// Looks at one file.
fn check_file(
    folder: &Folder,
    entry: &Entry,
    depth: Depth,
    expected: Option<Digest>,
    tile: Option<(Size, TileFileFormat)>,
) -> Option<Damage> {
    let name = || entry.name.clone();
    let unreadable = |error: std::io::Error| Damage::Unreadable { name: name(), message: error.to_string() };
    let mut known_good = false;
    if let (Depth::Full, Some(expected)) = (depth, expected) {
        match folder.digest(entry) {
            Err(error) => return Some(unreadable(error)),
            Ok(found) if found != expected => return Some(Damage::Altered { name: name(), expected, found }),
            Ok(_) => known_good = true,
        }
    }
    let (planned, format) = tile?;
    let contents = match folder.read_tile(entry) {
        Ok(contents) => contents,
        Err(error) => return Some(unreadable(error)),
    };
    let found = match format.size(&contents) {
        Ok(size) => size,
        Err(message) => return Some(Damage::Undecodable { name: name(), message }),
    };
    if found != planned {
        return Some(Damage::WrongSize { name: name(), expected: planned, found });
    }
    let whole = match depth {
        Depth::Quick => format.check_end(&contents),
        Depth::Full if known_good => Ok(()),
        Depth::Full => format.decode(&contents),
    };
    whole.err().map(|message| Damage::Undecodable { name: name(), message })
}

/// Whether a name could be a file's inside an export.
fn is_plain(name: &str) -> bool {
    EntryName::new(name.to_owned()).is_ok()
}
