//! What stands under an export's name already, and whether it may be replaced.
//!
//! What always holds: only a folder or an archive that is an export and nothing else is ever moved, removed or replaced.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::staging::remove_folder;
use super::{SinkError, failed};
use crate::archive::{Archive, ArchiveError};
use crate::layout::manifest::MANIFEST;
use crate::layout::scan_properties::SCAN_PROPERTIES;
use crate::layout::tile_layout::TileLayout;
use crate::layout::{BAG_DECLARATION, BAG_INFORMATION, TAG_MANIFEST, TILE_INDEX};

/// What to do where something stands under the final name already.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum OverwritePolicy {
    /// Leave it alone and fail.
    #[default]
    Refuse,
    /// Replace an earlier export, in one step, when the new one is whole. Anything that is no export is left alone.
    Replace,
}

/// Where an earlier export steps backup while a new one takes its place, on file systems that cannot exchange the two.
pub(crate) fn backup(staging: &Path) -> PathBuf {
    staging.with_extension("former")
}

/// Ends what a kill between two of the three steps has left: the earlier export comes back, or goes where the new one stands.
pub(crate) fn finish_replacing(destination: &Path, backup: &Path) -> Result<(), SinkError> {
    if !exists(backup)? {
        return Ok(());
    }
    // Only what can have stepped backup is moved or removed: somebody else may have called a folder so.
    if !is_export(backup)? {
        return Err(SinkError::NotAnExport { path: backup.to_owned() });
    }
    if exists(destination)? {
        return remove_folder(backup);
    }
    fs::rename(backup, destination).map_err(failed("rename back", backup))
}

/// Whether anything has this name, be it a link that leads nowhere.
pub(crate) fn exists(path: &Path) -> Result<bool, SinkError> {
    match fs::symlink_metadata(path) {
        Ok(_) => Ok(true),
        // A file where a folder should be is told of when the folder is needed.
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => Ok(false),
        Err(error) => Err(failed("look at", path)(error)),
    }
}

/// Refuses a destination where something stands that may not be replaced by a folder.
pub(crate) fn refuse_existing(destination: &Path, existing: OverwritePolicy) -> Result<(), SinkError> {
    refuse(destination, existing, is_export)
}

/// The same for an archive.
pub(crate) fn refuse_existing_archive(destination: &Path, existing: OverwritePolicy) -> Result<(), SinkError> {
    refuse(destination, existing, is_export_archive)
}

fn refuse(
    destination: &Path,
    existing: OverwritePolicy,
    is_replaceable: impl Fn(&Path) -> Result<bool, SinkError>,
) -> Result<(), SinkError> {
    if !exists(destination)? {
        return Ok(());
    }
    if !is_replaceable(destination)? {
        return Err(SinkError::NotAnExport { path: destination.to_owned() });
    }
    match existing {
        OverwritePolicy::Refuse => Err(SinkError::Exists { path: destination.to_owned() }),
        OverwritePolicy::Replace => Ok(()),
    }
}

/// Where a `.szi` keeps what is ours alone.
const OURS: &str = "vendor/slidezoom/";

/// Whether a file is an archive of an export and nothing else, in one folder.
fn is_export_archive(file: &Path) -> Result<bool, SinkError> {
    if !fs::symlink_metadata(file).map_err(failed("look at", file))?.is_file() {
        return Ok(false);
    }
    let archive = match Archive::open(file) {
        Ok(archive) => archive,
        Err(ArchiveError::Read { source, .. }) => {
            return Err(SinkError::Operation { action: "read", path: file.to_owned(), source });
        }
        Err(_) => return Ok(false),
    };
    let names = archive.entries().iter().map(|entry| entry.unicode_name().and_then(|name| name.split_once('/')));
    let Some(names) = names.collect::<Option<Vec<_>>>() else { return Ok(false) };
    let Some(&(root, _)) = names.first() else { return Ok(false) };
    // What stands directly in the root folder, which can be an entry of its own: then nothing follows its name.
    let directly =
        |name: &'_ str| if name.starts_with(OURS) { OURS.len() } else { name.find('/').unwrap_or(name.len()) };
    let inside: BTreeSet<&str> = names.iter().map(|(_, name)| &name[..directly(name)]).collect();
    let inside: Vec<&str> = inside.into_iter().filter(|name| !name.is_empty()).collect();
    let of_szi = [SCAN_PROPERTIES, "associated_images", OURS];
    Ok(names.iter().all(|(folder, _)| *folder == root) && are_of_one_export(&inside, &of_szi))
}

/// Whether a folder is an export and nothing else, or empty: `--overwrite` must not remove what anybody else has put there. One
/// descriptor, and beside it only names that an export has.
pub(crate) fn is_export(folder: &Path) -> Result<bool, SinkError> {
    let Some(names) = names_in(folder)? else { return Ok(false) };
    let mut names: Vec<&str> = names.iter().map(String::as_str).collect();
    if !names.contains(&BAG_DECLARATION) {
        return Ok(names.is_empty() || are_of_one_export(&names, &[]));
    }
    let Some(payload) = names_in(&folder.join("data"))? else { return Ok(false) };
    let of_bags = ["data", BAG_DECLARATION, BAG_INFORMATION, TAG_MANIFEST, MANIFEST];
    let is_bag = names.iter().all(|name| of_bags.contains(name));
    names.retain(|name| *name == MANIFEST);
    let payload: Vec<&str> = payload.iter().map(String::as_str).collect();
    Ok(is_bag && (payload.is_empty() || are_of_one_export(&[payload, names].concat(), &[])))
}

/// The names of what stands directly in a folder; `None` where it is none.
fn names_in(folder: &Path) -> Result<Option<Vec<String>>, SinkError> {
    let look = failed("look into", folder);
    if !exists(folder)? || !fs::symlink_metadata(folder).map_err(&look)?.is_dir() {
        return Ok(None);
    }
    let mut names = Vec::new();
    for entry in fs::read_dir(folder).map_err(&look)? {
        names.push(entry.map_err(&look)?.file_name().to_string_lossy().into_owned());
    }
    Ok(Some(names))
}

/// Whether these are the names of what stands directly in an export's folder: one descriptor, or what another layout has instead, and beside it only
/// what an export has, or what is in `besides`.
fn are_of_one_export(names: &[&str], besides: &[&str]) -> bool {
    let mut descriptors = names.iter().filter_map(|name| name.strip_suffix(".dzi"));
    let is_common = |name: &&str| {
        ["index.html", "slide.js", "viewer", "associated", MANIFEST, TILE_INDEX].contains(name)
            || besides.contains(name)
    };
    match (descriptors.next(), descriptors.next()) {
        (Some(export), None) => names.iter().all(|name| {
            let own = name.strip_prefix(export).is_some_and(|rest| matches!(rest, ".dzi" | "_files" | ".json"));
            own || is_common(name)
        }),
        (Some(_), Some(_)) => false,
        // The tiles of other layouts stand there themselves, and only together with a manifest and a description are they an export of ours.
        (None, _) => TileLayout::OTHERS.into_iter().any(|layout| {
            let (known, others): (Vec<&&str>, Vec<&&str>) = names.iter().partition(|name| layout.knows(name));
            let mut besides = others.into_iter().filter(|name| !is_common(name));
            let is_description = |name: &&str| name.strip_suffix(".json").is_some_and(|stem| !stem.is_empty());
            let described = besides.next().is_some_and(is_description) && besides.next().is_none();
            described && !known.is_empty() && names.contains(&MANIFEST)
        }),
    }
}
