//! What stands under an export's name already, and whether it may be replaced.
//!
//! What always holds: only a folder that is an export and nothing else is ever moved or removed.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::partial::remove_folder;
use super::{SinkError, failed};
use crate::archive::{Archive, ArchiveError};
use crate::layout::{BAG_DECLARATION, BAG_INFORMATION, TAG_MANIFEST, TILE_INDEX, is_descriptor};
use crate::manifest::MANIFEST;

/// What to do where something stands under the final name already.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Existing {
    /// Leave it alone and fail.
    #[default]
    Refuse,
    /// Replace an earlier export, in one step, when the new one is whole. Anything that is no export is left alone.
    Replace,
}

/// Where an earlier export steps aside while a new one takes its place, on file systems that cannot exchange the two.
pub(super) fn aside(partial: &Path) -> PathBuf {
    partial.with_extension("former")
}

/// Ends what a kill between two of the three steps has left: the earlier export comes back, or goes where the new one stands.
pub(super) fn finish_replacing(destination: &Path, aside: &Path) -> Result<(), SinkError> {
    if !exists(aside)? {
        return Ok(());
    }
    // Only what can have stepped aside is moved or removed: somebody else may have called a folder so.
    if !is_export(aside)? {
        return Err(SinkError::NotAnExport { path: aside.to_owned() });
    }
    if exists(destination)? {
        return remove_folder(aside);
    }
    fs::rename(aside, destination).map_err(failed("rename back", aside))
}

/// Whether anything has this name, be it a link that leads nowhere.
pub(super) fn exists(path: &Path) -> Result<bool, SinkError> {
    match fs::symlink_metadata(path) {
        Ok(_) => Ok(true),
        // A file where a folder should be is told of when the folder is needed.
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => Ok(false),
        Err(error) => Err(failed("look at", path)(error)),
    }
}

pub(super) fn refuse_existing(destination: &Path, existing: Existing) -> Result<(), SinkError> {
    if !exists(destination)? {
        return Ok(());
    }
    if !is_export(destination)? {
        return Err(SinkError::NotAnExport { path: destination.to_owned() });
    }
    match existing {
        Existing::Refuse => Err(SinkError::Exists { path: destination.to_owned() }),
        Existing::Replace => Ok(()),
    }
}

/// The same for an archive.
pub(super) fn refuse_existing_archive(destination: &Path, existing: Existing) -> Result<(), SinkError> {
    if !exists(destination)? {
        return Ok(());
    }
    if !is_export_archive(destination)? {
        return Err(SinkError::NotAnExport { path: destination.to_owned() });
    }
    match existing {
        Existing::Refuse => Err(SinkError::Exists { path: destination.to_owned() }),
        Existing::Replace => Ok(()),
    }
}

/// Whether a file is an archive with one descriptor, in the one folder that all else stands in.
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
    let mut names = archive.entries().iter().map(|entry| entry.unicode_name().and_then(|name| name.split_once('/')));
    let Some(Some((root, _))) = names.clone().next() else { return Ok(false) };
    let descriptors = names.clone().flatten().filter(|(_, name)| is_descriptor(name)).count();
    Ok(descriptors == 1 && names.all(|name| name.is_some_and(|(folder, _)| folder == root)))
}

/// Whether a folder is an export and nothing else, or empty: `--overwrite` must not remove what anybody else has put there. One
/// descriptor, and beside it only names that an export has.
pub(super) fn is_export(folder: &Path) -> Result<bool, SinkError> {
    let look = failed("look into", folder);
    if !fs::symlink_metadata(folder).map_err(&look)?.is_dir() {
        return Ok(false);
    }
    let mut names = Vec::new();
    for entry in fs::read_dir(folder).map_err(&look)? {
        names.push(entry.map_err(&look)?.file_name().to_string_lossy().into_owned());
    }
    if names.iter().any(|name| name == BAG_DECLARATION) {
        let of_bags = ["data", BAG_DECLARATION, BAG_INFORMATION, TAG_MANIFEST, MANIFEST];
        return Ok(names.iter().all(|name| of_bags.contains(&name.as_str())) && is_export(&folder.join("data"))?);
    }
    let descriptors: Vec<&str> = names.iter().filter_map(|name| name.strip_suffix(".dzi")).collect();
    Ok(match descriptors[..] {
        [] => names.is_empty(),
        [export] => names.iter().all(|name| {
            let own = name.strip_prefix(export).is_some_and(|rest| matches!(rest, ".dzi" | "_files" | ".json"));
            own || ["index.html", "viewer", "associated", MANIFEST, TILE_INDEX].contains(&name.as_str())
        }),
        _ => false,
    })
}
