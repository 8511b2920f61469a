//! Operations on files and folders that name the path in their errors.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use super::error::{SinkError, failed};
use crate::platform;

/// Whether anything has this name, including a dangling link.
pub(super) fn exists(path: &Path) -> Result<bool, SinkError> {
    match fs::symlink_metadata(path) {
        Ok(_) => Ok(true),
        // A file in place of a parent folder is reported when the folder is needed.
        Err(error)
            if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) =>
        {
            Ok(false)
        }
        Err(error) => Err(failed("inspect", path)(error)),
    }
}

/// Whether `opened` is the file or folder that has this name now.
pub(super) fn is_named(opened: &File, name: &Path) -> Result<bool, SinkError> {
    let opened = opened.metadata().map_err(failed("inspect", name))?;
    match fs::symlink_metadata(name) {
        Ok(named) => Ok(platform::is_same_file(&named, &opened)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(failed("inspect", name)(error)),
    }
}

/// Returns the names in a folder, or `None` if `folder` is not one. Links are not followed.
pub(super) fn names_in(folder: &Path) -> Result<Option<Vec<String>>, SinkError> {
    let cannot_list = failed("list", folder);
    if !exists(folder)? || !fs::symlink_metadata(folder).map_err(&cannot_list)?.is_dir() {
        return Ok(None);
    }
    let mut names = Vec::new();
    for entry in fs::read_dir(folder).map_err(&cannot_list)? {
        names.push(entry.map_err(&cannot_list)?.file_name().to_string_lossy().into_owned());
    }
    Ok(Some(names))
}

/// Removes a folder and everything in it, if it exists.
pub(super) fn remove_folder(folder: &Path) -> Result<(), SinkError> {
    unless_missing(fs::remove_dir_all(folder)).map_err(failed("remove", folder))
}

/// Removes a file, if it exists.
pub(super) fn remove_file(file: &Path) -> Result<(), SinkError> {
    unless_missing(fs::remove_file(file)).map_err(failed("remove", file))
}

fn unless_missing(removed: io::Result<()>) -> io::Result<()> {
    match removed {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Creates a folder and its missing parents; returns those created, outermost first.
pub(super) fn create_missing(folder: &Path) -> Result<Vec<PathBuf>, SinkError> {
    let mut missing: Vec<&Path> = Vec::new();
    for ancestor in folder.ancestors().filter(|ancestor| !ancestor.as_os_str().is_empty()) {
        match fs::metadata(ancestor) {
            Ok(found) if found.is_dir() => break,
            Ok(_) => return Err(SinkError::NotAFolder { path: ancestor.to_owned() }),
            Err(error)
                if matches!(
                    error.kind(),
                    io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
                ) =>
            {
                missing.push(ancestor);
            }
            Err(error) => return Err(failed("inspect", ancestor)(error)),
        }
    }
    let mut created = Vec::new();
    for folder in missing.into_iter().rev() {
        match fs::create_dir(folder) {
            Ok(()) => created.push(folder.to_owned()),
            // Another export has just created it.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => {
                remove_empty(&created);
                return Err(failed("create", folder)(error));
            }
        }
    }
    Ok(created)
}

/// Removes folders, innermost first, until one is not empty: another export may be using it.
pub(super) fn remove_empty(folders: &[PathBuf]) {
    for folder in folders.iter().rev() {
        if fs::remove_dir(folder).is_err() {
            return;
        }
    }
}

/// The folder that `path` is in.
pub(super) fn parent_folder(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// `.<name><ending>` next to `path`.
pub(super) fn hidden_sibling(path: &Path, ending: &str) -> PathBuf {
    let mut name = OsString::from(".");
    name.push(path.file_name().unwrap_or_default());
    name.push(ending);
    parent_folder(path).join(name)
}
