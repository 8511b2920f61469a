//! An export as a folder.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::contract::{Checkpoint, Resume, ResumeState, Role, Sink};
use super::error::{SinkError, failed};
use super::file_ops::remove_file;
use super::overwrite::OverwritePolicy;
use super::publication::Publication;
use super::staging::{Kind, StalePolicy};
use crate::key::{Digest, EntryName};
use crate::platform;

/// Writes an export to a folder.
#[derive(Debug)]
pub struct DirectorySink {
    publication: Publication,
    /// The number of files written, which is checked before they are published.
    files: AtomicU64,
    /// The file that holds contents that repeat. Further files become second names of it.
    originals: Mutex<HashMap<Digest, PathBuf>>,
}

impl DirectorySink {
    /// Prepares to write the folder `destination`. Its parent is created if it is missing.
    ///
    /// # Errors
    /// [`SinkError`] if the destination exists and may not be replaced, if another export is
    /// writing to it, or if the file system refuses.
    pub fn create(destination: &Path, policy: OverwritePolicy) -> Result<Self, SinkError> {
        Self::begin(destination, policy, StalePolicy::Remove)
    }

    /// Like [`create`](Self::create), but keeps the output of an interrupted run that has a
    /// checkpoint. See [`Sink::resume`].
    ///
    /// # Errors
    /// See [`create`](Self::create).
    pub fn resuming(destination: &Path, policy: OverwritePolicy) -> Result<Self, SinkError> {
        Self::begin(destination, policy, StalePolicy::Keep)
    }

    fn begin(
        destination: &Path,
        policy: OverwritePolicy,
        stale: StalePolicy,
    ) -> Result<Self, SinkError> {
        let publication = Publication::begin(Kind::Folder, destination, policy, stale)?;
        Ok(Self { publication, files: AtomicU64::new(0), originals: Mutex::default() })
    }

    fn originals(&self) -> MutexGuard<'_, HashMap<Digest, PathBuf>> {
        self.originals.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn path_of(&self, key: &EntryName) -> PathBuf {
        self.publication.staging().join(key.as_str())
    }

    /// Creates a file, lets `write` fill it and return its length, and closes it.
    fn write_file(
        &self,
        path: &Path,
        write: impl FnOnce(&mut File) -> io::Result<u64>,
    ) -> Result<(), SinkError> {
        let mut file =
            with_folder(path, |path| File::options().write(true).create_new(true).open(path))
                .map_err(failed("create", path))?;
        let bytes = write(&mut file).map_err(failed("write", path))?;
        platform::close(file).map_err(failed("close", path))?;
        self.files.fetch_add(1, Ordering::Relaxed);
        self.publication.count(bytes);
        Ok(())
    }

    fn write_contents(&self, path: &Path, contents: &[u8]) -> Result<(), SinkError> {
        self.write_file(path, |file| file.write_all(contents).map(|()| contents.len() as u64))
    }

    /// Writes a file as a second name of one with the same contents, if possible: ext4 allows
    /// 65,000 names per file, and some file systems only one.
    fn write_repeated(
        &self,
        path: &Path,
        contents: &[u8],
        digest: Digest,
    ) -> Result<(), SinkError> {
        let original = self.originals().get(&digest).cloned();
        if original.is_some_and(|original| {
            with_folder(path, |path| fs::hard_link(&original, path)).is_ok()
        }) {
            self.files.fetch_add(1, Ordering::Relaxed);
            return Ok(());
        }
        self.write_contents(path, contents)?;
        self.originals().insert(digest, path.to_owned());
        Ok(())
    }
}

impl Sink for DirectorySink {
    fn write(
        &self,
        key: &EntryName,
        role: Role,
        _order: u64,
        contents: &[u8],
    ) -> Result<(), SinkError> {
        let path = self.path_of(key);
        match role {
            Role::RepeatedTile(digest) => self.write_repeated(&path, contents, digest),
            _ => self.write_contents(&path, contents),
        }
    }

    fn write_parts(
        &self,
        key: &EntryName,
        _role: Role,
        _order: u64,
        parts: &mut dyn Iterator<Item = Vec<u8>>,
    ) -> Result<(), SinkError> {
        self.write_file(&self.path_of(key), |file| {
            let mut bytes = 0;
            for part in parts {
                file.write_all(&part)?;
                bytes += part.len() as u64;
            }
            Ok(bytes)
        })
    }

    fn resume(&self) -> Option<&dyn Resume> {
        Some(self)
    }

    fn commit(mut self: Box<Self>) -> Result<(), SinkError> {
        let files = self.files.load(Ordering::Relaxed);
        self.publication.commit(|publication| check_written(publication, files))
    }

    fn abort(mut self: Box<Self>) -> Result<(), SinkError> {
        self.publication.abort()
    }
}

impl Resume for DirectorySink {
    fn checkpoint(&self, checkpoint: Checkpoint) -> Result<(), SinkError> {
        self.publication.checkpoint(checkpoint, 0);
        Ok(())
    }

    fn resume_state(&self) -> Option<&ResumeState> {
        self.publication.resume_state()
    }

    fn adopt(
        &self,
        trusted: &dyn Fn(&str) -> Option<Digest>,
        stop: &dyn Fn() -> bool,
    ) -> Result<(), SinkError> {
        let (staging, destination) = (self.publication.staging(), self.publication.destination());
        let mut found = 0;
        for entry in walkdir::WalkDir::new(staging).min_depth(1).contents_first(true) {
            let entry = entry.map_err(|error| failed("list", staging)(error.into()))?;
            if stop() {
                return Err(SinkError::Stopped { path: destination.to_owned() });
            }
            let path = entry.path();
            if entry.file_type().is_dir() {
                // Only folders that are not empty are kept; the export creates the others again.
                match fs::remove_dir(path) {
                    Err(error) if error.kind() != io::ErrorKind::DirectoryNotEmpty => {
                        return Err(failed("remove", path)(error));
                    }
                    _ => continue,
                }
            }
            let name = path.strip_prefix(staging).unwrap_or(path).to_string_lossy();
            let Some(expected) = trusted(&name).filter(|_| entry.file_type().is_file()) else {
                remove_file(path)?;
                continue;
            };
            if Digest::of(&fs::read(path).map_err(failed("read", path))?) != expected {
                return Err(SinkError::Changed {
                    path: destination.to_owned(),
                    name: name.into_owned(),
                });
            }
            found += 1;
        }
        let written = self.resume_state().map_or(0, |state| state.files);
        self.files.store(written, Ordering::Relaxed);
        if found == written {
            return Ok(());
        }
        Err(self.publication.disturbed(written, found, "files"))
    }
}

/// Creates the file `path` with `create`, and its folder if it is missing.
fn with_folder<T>(path: &Path, create: impl Fn(&Path) -> io::Result<T>) -> io::Result<T> {
    match create(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            path.parent().map_or(Ok(()), fs::create_dir_all)?;
            create(path)
        }
        created => created,
    }
}

/// Checks that the folder to publish is the one that was locked and holds every file written.
fn check_written(publication: &Publication, written: u64) -> Result<(), SinkError> {
    let staging = publication.staging();
    let mut found = 0;
    for entry in walkdir::WalkDir::new(staging) {
        let entry = entry.map_err(|error| failed("list", staging)(error.into()))?;
        found += u64::from(entry.file_type().is_file());
    }
    if found == written && publication.is_intact()? {
        return Ok(());
    }
    Err(publication.disturbed(written, found, "files"))
}
