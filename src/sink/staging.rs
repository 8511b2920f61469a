//! The hidden folder or file that an export is written to: created, locked, and taken over from an
//! interrupted run.

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use super::checkpoint_file::CheckpointFile;
use super::contract::ResumeState;
use super::error::{SinkError, failed};
use super::file_ops::{hidden_sibling, is_named, remove_file, remove_folder};
use super::overwrite::{is_archive_of_export, is_folder_of_export};

/// What an export is: a folder or a single file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Folder,
    File,
}

impl Kind {
    fn create(self, path: &Path) -> io::Result<()> {
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

    pub fn remove(self, path: &Path) -> Result<(), SinkError> {
        match self {
            Self::Folder => remove_folder(path),
            Self::File => remove_file(path),
        }
    }

    /// Whether an export of this kind, and nothing else, is at `path`.
    pub fn is_export(self, path: &Path) -> Result<bool, SinkError> {
        match self {
            Self::Folder => is_folder_of_export(path),
            Self::File => is_archive_of_export(path),
        }
    }

    fn mismatch(self, path: &Path) -> SinkError {
        let path = path.to_owned();
        match self {
            Self::Folder => SinkError::NotAFolder { path },
            Self::File => SinkError::NotAFile { path },
        }
    }
}

/// `.<name>.partial` next to a destination.
pub(super) fn staging_path(destination: &Path) -> Result<PathBuf, SinkError> {
    match destination.file_name() {
        Some(_) => Ok(hidden_sibling(destination, ".partial")),
        None => Err(SinkError::Destination { path: destination.to_owned() }),
    }
}

/// What to do with the staging output of an interrupted run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum StalePolicy {
    Remove,
    /// Keep it if that run kept a checkpoint.
    Keep,
}

/// A locked staging folder or file.
#[derive(Debug)]
pub(super) struct Claimed {
    pub file: File,
    /// The last checkpoint of the run that left it.
    pub resume_state: Option<ResumeState>,
}

/// Creates and locks the staging folder or file, or takes over that of an interrupted run. Errors
/// name the destination, as the user does not know the hidden name.
pub(super) fn claim(
    kind: Kind,
    staging: &Path,
    destination: &Path,
    stale: StalePolicy,
) -> Result<Claimed, SinkError> {
    let checkpoints = CheckpointFile::of(destination);
    if stale == StalePolicy::Keep
        && fs::symlink_metadata(staging).is_ok_and(|found| kind.is_of(&found))
        && let Some(file) = lock(kind, staging)?
        && let Some(state) = checkpoints.read()?
    {
        return Ok(Claimed { file, resume_state: Some(state) });
    }
    let file = create_locked(kind, staging, destination)?;
    // A checkpoint without its staging output is useless.
    match checkpoints.remove() {
        Ok(()) => Ok(Claimed { file, resume_state: None }),
        Err(error) => {
            kind.remove(staging)?;
            Err(error)
        }
    }
}

fn create_locked(kind: Kind, staging: &Path, destination: &Path) -> Result<File, SinkError> {
    loop {
        match kind.create(staging) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                // A link, or anything else that no export creates, is not ours to remove.
                if fs::symlink_metadata(staging).is_ok_and(|found| !kind.is_of(&found)) {
                    return Err(kind.mismatch(staging));
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
                // It was created just now and is empty. Remove it unless another run has locked it;
                // the first error is the one to report.
                if !matches!(error, SinkError::Busy { .. }) {
                    let _ = kind.remove(staging);
                }
                return Err(error);
            }
        }
    }
}

/// Opens and locks a staging folder or file. `None` if it was replaced or removed meanwhile.
pub(super) fn lock(kind: Kind, path: &Path) -> Result<Option<File>, SinkError> {
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
