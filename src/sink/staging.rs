//! The hidden folder or file that an export is written in, and the folders above it: made, locked, and removed again.

use std::ffi::OsString;
use std::fs::{self, File, TryLockError};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::checkpoint::{CheckpointFile, ResumeState};
use super::{SinkError, failed};

/// What an export is written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Folder,
    File,
}

impl Kind {
    fn make(self, path: &Path) -> io::Result<()> {
        match self {
            Self::Folder => fs::create_dir(path),
            Self::File => File::create_new(path).map(drop),
        }
    }

    fn open(self, path: &Path) -> io::Result<File> {
        match self {
            Self::Folder => File::open(path),
            Self::File => File::options().read(true).write(true).open(path),
        }
    }

    fn is_of(self, found: &fs::Metadata) -> bool {
        match self {
            Self::Folder => found.is_dir(),
            Self::File => found.is_file(),
        }
    }

    fn remove(self, path: &Path) -> Result<(), SinkError> {
        match self {
            Self::Folder => remove_folder(path),
            Self::File => remove_file(path),
        }
    }

    fn mistaken(self, path: &Path) -> SinkError {
        let path = path.to_owned();
        match self {
            Self::Folder => SinkError::NotAFolder { path },
            Self::File => SinkError::NotAFile { path },
        }
    }
}

/// `.<name>.partial` beside a destination.
pub(crate) fn staging_path(destination: &Path) -> Result<PathBuf, SinkError> {
    let name = destination.file_name().ok_or_else(|| SinkError::Destination { path: destination.to_owned() })?;
    let mut staging = OsString::from(".");
    staging.push(name);
    staging.push(".partial");
    Ok(parent_folder(destination).join(staging))
}

/// What to do with what a killed run has left behind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum StalePolicy {
    Remove,
    /// Keep it where that run had come to a checkpoint.
    Keep,
}

/// A staging folder or file, locked.
#[derive(Debug)]
pub(crate) struct Claimed {
    pub file: File,
    /// How far the run had come that left it behind.
    pub left: Option<ResumeState>,
}

/// Makes the staging folder and locks it, or takes the one that a killed run left behind, as `leftover` says.
/// Errors name the destination: nobody has typed the hidden name.
pub(crate) fn claim_folder(staging: &Path, destination: &Path, leftover: StalePolicy) -> Result<Claimed, SinkError> {
    claim_as(Kind::Folder, staging, destination, leftover)
}

/// The same for a staging file, opened for writing.
pub(crate) fn claim_file(staging: &Path, destination: &Path, leftover: StalePolicy) -> Result<Claimed, SinkError> {
    claim_as(Kind::File, staging, destination, leftover)
}

fn claim_as(kind: Kind, staging: &Path, destination: &Path, leftover: StalePolicy) -> Result<Claimed, SinkError> {
    let checkpoints = CheckpointFile::beside(destination);
    if leftover == StalePolicy::Keep
        && fs::symlink_metadata(staging).is_ok_and(|found| kind.is_of(&found))
        && let Some(file) = lock(kind, staging)?
        && let Some(left) = checkpoints.read()?
    {
        return Ok(Claimed { file, left: Some(left) });
    }
    let file = claim(kind, staging, destination)?;
    // Of a run whose staging output is gone, or is not to be kept.
    match checkpoints.remove() {
        Ok(()) => Ok(Claimed { file, left: None }),
        Err(error) => {
            kind.remove(staging)?;
            Err(error)
        }
    }
}

fn claim(kind: Kind, staging: &Path, destination: &Path) -> Result<File, SinkError> {
    loop {
        match kind.make(staging) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                // A link, or something else with this name, is none of ours.
                if fs::symlink_metadata(staging).is_ok_and(|found| !kind.is_of(&found)) {
                    return Err(kind.mistaken(staging));
                }
                let Some(_stale) = lock(kind, staging)? else { continue };
                kind.remove(staging)?;
                continue;
            }
            Err(error) => return Err(failed("create", destination)(error)),
        }
        match lock(kind, staging) {
            Ok(Some(locked)) => return Ok(locked),
            Ok(None) => {}
            Err(error) => {
                // It was made just now and holds nothing; unless another run was quicker to lock it, it goes. What went wrong first is what the
                // caller is told.
                if !matches!(error, SinkError::Busy { .. }) {
                    let _ = kind.remove(staging);
                }
                return Err(error);
            }
        }
    }
}

/// Opens and locks a folder. `None` where it was replaced or removed in the meantime.
pub(crate) fn lock_folder(path: &Path) -> Result<Option<File>, SinkError> {
    lock(Kind::Folder, path)
}

/// Opens and locks what an export is written in. `None` where it was replaced or removed in the meantime.
fn lock(kind: Kind, path: &Path) -> Result<Option<File>, SinkError> {
    let opened = match kind.open(path) {
        Ok(opened) => opened,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(failed("open", path)(error)),
    };
    match opened.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => return Err(SinkError::Busy { path: path.to_owned() }),
        Err(TryLockError::Error(error)) => return Err(failed("lock", path)(error)),
    }
    Ok(is_named(&opened, path)?.then_some(opened))
}

/// Whether an open folder or file is the one that has this name now.
pub(crate) fn is_named(opened: &File, name: &Path) -> Result<bool, SinkError> {
    let opened = opened.metadata().map_err(failed("look at", name))?;
    match fs::symlink_metadata(name) {
        Ok(named) => Ok((named.dev(), named.ino()) == (opened.dev(), opened.ino())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(failed("look at", name)(error)),
    }
}

pub(crate) fn remove_folder(folder: &Path) -> Result<(), SinkError> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(failed("remove", folder)(error)),
        _ => Ok(()),
    }
}

pub(crate) fn remove_file(file: &Path) -> Result<(), SinkError> {
    match fs::remove_file(file) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(failed("remove", file)(error)),
        _ => Ok(()),
    }
}

/// Makes a folder and those above it that are missing; returns what was made, outermost first.
pub(crate) fn create_missing(folder: &Path) -> Result<Vec<PathBuf>, SinkError> {
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
pub(crate) fn remove_empty(folders: &[PathBuf]) {
    for folder in folders.iter().rev() {
        if fs::remove_dir(folder).is_err() {
            return;
        }
    }
}

pub(crate) fn parent_folder(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}
