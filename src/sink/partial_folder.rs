//! The hidden folder that an export is written in, and the folders above it: made, locked, and removed again.

use std::fs::{self, File, TryLockError};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::{SinkError, failed};

/// Makes the partial folder and locks it; removes one that a killed run left behind.
/// Errors name the destination: nobody has typed the hidden name.
pub(super) fn claim(partial: &Path, destination: &Path) -> Result<File, SinkError> {
    loop {
        match fs::create_dir(partial) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                // A link or a file with this name is none of ours.
                if fs::symlink_metadata(partial).is_ok_and(|found| !found.is_dir()) {
                    return Err(SinkError::NotAFolder { path: partial.to_owned() });
                }
                let Some(_stale) = lock(partial)? else { continue };
                remove_folder(partial)?;
                continue;
            }
            Err(error) => return Err(failed("create", destination)(error)),
        }
        match lock(partial) {
            Ok(Some(folder)) => return Ok(folder),
            Ok(None) => {}
            Err(error) => {
                // It was made just now and holds nothing; unless another run was quicker to lock it, it goes. What went wrong first is what the
                // caller is told.
                if !matches!(error, SinkError::Busy { .. }) {
                    let _ = fs::remove_dir(partial);
                }
                return Err(error);
            }
        }
    }
}

/// Opens and locks a folder. `None` where it was replaced or removed in the meantime.
pub(super) fn lock(folder: &Path) -> Result<Option<File>, SinkError> {
    let opened = match File::open(folder) {
        Ok(opened) => opened,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(failed("open", folder)(error)),
    };
    match opened.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => return Err(SinkError::Busy { path: folder.to_owned() }),
        Err(TryLockError::Error(error)) => return Err(failed("lock", folder)(error)),
    }
    Ok(is_named(&opened, folder)?.then_some(opened))
}

/// Whether an open folder is the one that has this name now.
pub(super) fn is_named(opened: &File, name: &Path) -> Result<bool, SinkError> {
    let opened = opened.metadata().map_err(failed("look at", name))?;
    match fs::symlink_metadata(name) {
        Ok(named) => Ok((named.dev(), named.ino()) == (opened.dev(), opened.ino())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(failed("look at", name)(error)),
    }
}

pub(super) fn remove_folder(folder: &Path) -> Result<(), SinkError> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(failed("remove", folder)(error)),
        _ => Ok(()),
    }
}

/// Makes a folder and those above it that are missing; returns what was made, outermost first.
pub(super) fn create_missing(folder: &Path) -> Result<Vec<PathBuf>, SinkError> {
    let mut missing: Vec<&Path> = Vec::new();
    for ancestor in folder.ancestors().filter(|ancestor| !ancestor.as_os_str().is_empty()) {
        match fs::metadata(ancestor) {
            Ok(found) if found.is_dir() => break,
            Ok(_) => return Err(SinkError::NotAFolder { path: ancestor.to_owned() }),
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
                missing.push(ancestor);
            }
            Err(error) => return Err(failed("look at", ancestor)(error)),
        }
    }
    let mut made = Vec::new();
    for folder in missing.into_iter().rev() {
        match fs::create_dir(folder) {
            Ok(()) => made.push(folder.to_owned()),
            // Another export has just made it.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => {
                remove_empty(&made);
                return Err(failed("create", folder)(error));
            }
        }
    }
    Ok(made)
}

/// Removes folders from the innermost on, as far as they are empty: another export may be in them by now.
pub(super) fn remove_empty(folders: &[PathBuf]) {
    for folder in folders.iter().rev() {
        if fs::remove_dir(folder).is_err() {
            return;
        }
    }
}

pub(super) fn parent_folder(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}
