//! An export as a folder.
//!
//! Everything is written under `.<name>.partial/` beside the destination and renamed into place when all of it
//! is on the disk. The staging folder is locked while it is written: one that a killed run left behind is
//! removed, one that another run is writing is refused. The result of every system call is looked at, `close` among
//! them: that is where a network or a quota says that a file did not fit.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{self, Write};
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use nix::errno::Errno;
use nix::fcntl::{AT_FDCWD, RenameFlags, renameat2};

use super::background_sync::BackgroundSync;
use super::checkpoint::{Checkpoint, CheckpointFile, ResumeState};
use super::existing::{OverwritePolicy, backup, exists, finish_replacing, refuse_existing};
use super::staging::{
    Claimed, StalePolicy, claim_folder, create_missing, is_named, lock_folder, parent_folder, remove_empty,
    remove_file, remove_folder, staging_path,
};
use super::{Sink, SinkError, failed};
use crate::key::Digest;
use crate::key::EntryName;

/// Writes an export into a folder.
#[derive(Debug)]
pub struct DirectorySink {
    destination: PathBuf,
    staging: PathBuf,
    existing: OverwritePolicy,
    /// The open staging folder: holds the lock, and remembers write errors from its opening on for the final sync.
    folder: File,
    /// The open folder above the destination, to make the rename durable.
    parent: File,
    /// `None` once it has ended.
    background_sync: Option<BackgroundSync>,
    /// How many files were written, to be counted again before they are published.
    files: AtomicU64,
    /// Of contents that many files have: the file that further ones are second names of.
    originals: Mutex<HashMap<Digest, PathBuf>>,
    checkpoints: CheckpointFile,
    /// Whether what was written is left for a later run where this one fails.
    leftover: StalePolicy,
    left: Option<ResumeState>,
    /// Folders above the destination that did not exist before, outermost first.
    made_for_it: Vec<PathBuf>,
    finished: bool,
}

impl DirectorySink {
    /// Prepares to write the folder `destination`. Its parent is made where it is missing.
    ///
    /// # Errors
    /// [`SinkError`] where the destination exists and may not be replaced, where another export is writing to it, or where
    /// the file system refuses.
    pub fn create(destination: &Path, existing: OverwritePolicy) -> Result<Self, SinkError> {
        Self::begin(destination, existing, StalePolicy::Remove)
    }

    /// The same, but what a killed run has left behind is kept where that run had come to a checkpoint: see [`Sink::left_behind`].
    ///
    /// # Errors
    /// As [`create`](Self::create).
    pub fn resume(destination: &Path, existing: OverwritePolicy) -> Result<Self, SinkError> {
        Self::begin(destination, existing, StalePolicy::Keep)
    }

    fn begin(destination: &Path, existing: OverwritePolicy, leftover: StalePolicy) -> Result<Self, SinkError> {
        let staging = staging_path(destination)?;
        let parent = parent_folder(destination);
        let checkpoints = CheckpointFile::beside(destination);
        refuse_existing(destination, existing).inspect_err(|_| checkpoints.clear_up_after(&staging))?;
        let made_for_it = create_missing(parent)?;
        let opened = File::open(parent).map_err(failed("open", parent)).and_then(|parent| {
            let Claimed { file: folder, left } = claim_folder(&staging, destination, leftover)?;
            let for_sync = folder.try_clone().map_err(failed("open", destination));
            let start = |for_sync: File| {
                BackgroundSync::start(destination, checkpoints.clone(), move || nix::unistd::syncfs(for_sync.as_fd()))
            };
            match finish_replacing(destination, &backup(&staging)).and(for_sync).and_then(start) {
                Ok(background_sync) => Ok((folder, left, parent, background_sync)),
                Err(error) => {
                    if left.is_none() {
                        remove_folder(&staging)?;
                    }
                    Err(error)
                }
            }
        });
        let (folder, left, parent, background_sync) = opened.inspect_err(|_| remove_empty(&made_for_it))?;
        Ok(Self {
            destination: destination.to_owned(),
            staging,
            existing,
            folder,
            parent,
            background_sync: Some(background_sync),
            files: AtomicU64::new(0),
            originals: Mutex::default(),
            checkpoints,
            leftover,
            left,
            made_for_it,
            finished: false,
        })
    }

    /// Removes everything written, and the folders that were made to write it in.
    fn remove_all(&self) -> Result<(), SinkError> {
        if let Some(background_sync) = &self.background_sync {
            background_sync.stop_keeping();
        }
        // Where something else has taken the staging folder's name, it is not ours to remove.
        if is_named(&self.folder, &self.staging)? {
            remove_folder(&self.staging)?;
            self.checkpoints.remove()?;
        }
        remove_empty(&self.made_for_it);
        Ok(())
    }

    fn originals(&self) -> MutexGuard<'_, HashMap<Digest, PathBuf>> {
        self.originals.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes a file, lets `write` fill it and tell its bytes, and closes it.
    fn write_file(
        &self,
        name: &EntryName,
        write: impl FnOnce(&mut File) -> io::Result<usize>,
    ) -> Result<(), SinkError> {
        let path = self.staging.join(name.as_str());
        let mut file = File::create_new(&path).map_err(failed("create", &path))?;
        let bytes = write(&mut file).map_err(failed("write", &path))?;
        nix::unistd::close(file).map_err(|errno| failed("close", &path)(errno.into()))?;
        self.files.fetch_add(1, Ordering::Relaxed);
        if let Some(background_sync) = &self.background_sync {
            background_sync.count(bytes);
        }
        Ok(())
    }

    /// Looks again at what is about to be published: it must be the folder that was locked, and hold every file that was written.
    fn check_written(&self) -> Result<(), SinkError> {
        let written = self.files.load(Ordering::Relaxed);
        let mut found = 0;
        for entry in walkdir::WalkDir::new(&self.staging) {
            let entry = entry.map_err(|error| failed("look through", &self.staging)(error.into()))?;
            found += u64::from(entry.file_type().is_file());
        }
        if found == written && is_named(&self.folder, &self.staging)? {
            return Ok(());
        }
        Err(SinkError::Disturbed { path: self.destination.clone(), written, found, unit: "files" })
    }

    /// Whether what was written is left for a later run where this one fails.
    fn is_resumable(&self) -> bool {
        self.leftover == StalePolicy::Keep && self.checkpoints.exists()
    }

    /// Makes everything durable, looks at it again, and publishes it; returns the earlier export that is the staging one now.
    fn publish(&mut self) -> Result<Option<File>, SinkError> {
        if let Some(background_sync) = self.background_sync.take() {
            background_sync.end(&self.staging)?;
        }
        sync_tree(&self.folder, &self.staging)?;
        self.check_written()?;
        self.move_into_place()
    }

    /// Renames the staging folder into place. Where it changed places with an earlier export, that is returned, locked.
    fn move_into_place(&self) -> Result<Option<File>, SinkError> {
        let renamed = failed("rename into place", &self.destination);
        if self.existing == OverwritePolicy::Replace && exists(&self.destination)? {
            // It may have come, or changed, since the export began.
            refuse_existing(&self.destination, self.existing)?;
            // Locked, so that no other run takes it for one that was killed.
            let earlier = lock_folder(&self.destination)?;
            match rename_with(&self.staging, &self.destination, RenameFlags::RENAME_EXCHANGE) {
                Ok(()) => {}
                Err(Errno::EINVAL | Errno::ENOSYS) => self.exchange_in_three_steps()?,
                Err(errno) => return Err(renamed(errno.into())),
            }
            return Ok(earlier);
        }
        match rename_with(&self.staging, &self.destination, RenameFlags::RENAME_NOREPLACE) {
            Ok(()) => Ok(None),
            Err(Errno::EEXIST | Errno::ENOTEMPTY) => Err(SinkError::Exists { path: self.destination.clone() }),
            // Some file systems cannot promise not to replace. A folder that is not empty is never replaced by rename(2).
            Err(Errno::EINVAL | Errno::ENOSYS) => {
                refuse_existing(&self.destination, OverwritePolicy::Refuse)?;
                fs::rename(&self.staging, &self.destination).map_err(renamed)?;
                Ok(None)
            }
            Err(errno) => Err(renamed(errno.into())),
        }
    }

    /// Where the file system cannot exchange two folders in one step: the old one steps backup, and comes back if the new one
    /// cannot take its place.
    fn exchange_in_three_steps(&self) -> Result<(), SinkError> {
        let backup = backup(&self.staging);
        fs::rename(&self.destination, &backup).map_err(failed("rename", &self.destination))?;
        if let Err(error) = fs::rename(&self.staging, &self.destination) {
            fs::rename(&backup, &self.destination).map_err(failed("rename back", &backup))?;
            return Err(failed("rename into place", &self.destination)(error));
        }
        let stepped_aside = fs::rename(&backup, &self.staging).map_err(failed("rename", &backup));
        stepped_aside.map_err(|error| error.after_publishing(&self.destination))
    }

    /// Removes the earlier export, which has the staging folder's name now, unless another run has taken that meanwhile.
    fn remove_replaced(&self, replaced: Option<File>) -> Result<(), SinkError> {
        match replaced {
            Some(replaced) if is_named(&replaced, &self.staging)? => remove_folder(&self.staging),
            _ => Ok(()),
        }
    }
}

impl Sink for DirectorySink {
    fn create_folder(&self, name: &EntryName) -> Result<(), SinkError> {
        let path = self.staging.join(name.as_str());
        match fs::create_dir(&path) {
            // Of the run that is resumed.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists && self.left.is_some() => Ok(()),
            made => made.map_err(failed("create", &path)),
        }
    }

    fn create_folders(&self, name: &EntryName) -> Result<(), SinkError> {
        let name = name.as_str();
        // Most of them are there, or only the innermost is not.
        match fs::create_dir(self.staging.join(name)) {
            Ok(()) => return Ok(()),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Ok(()),
            Err(_) => {}
        }
        for end in name.match_indices('/').map(|(end, _)| end).chain([name.len()]) {
            let path = self.staging.join(&name[..end]);
            match fs::create_dir(&path) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                made => made.map_err(failed("create", &path))?,
            }
        }
        Ok(())
    }

    fn write(&self, _entry: u64, name: &EntryName, contents: &[u8]) -> Result<(), SinkError> {
        self.write_file(name, |file| {
            file.write_all(contents)?;
            Ok(contents.len())
        })
    }

    /// A second name for the first such file, or for the latest: a file has no more than 65,000 names on ext4, and on some file systems no second.
    fn write_repeated(&self, entry: u64, name: &EntryName, contents: &[u8], digest: Digest) -> Result<(), SinkError> {
        let path = self.staging.join(name.as_str());
        let original = self.originals().get(&digest).cloned();
        if original.is_some_and(|original| fs::hard_link(original, &path).is_ok()) {
            self.files.fetch_add(1, Ordering::Relaxed);
            return Ok(());
        }
        self.write(entry, name, contents)?;
        self.originals().insert(digest, path);
        Ok(())
    }

    fn write_parts(
        &self,
        _entry: u64,
        name: &EntryName,
        parts: &mut dyn Iterator<Item = Vec<u8>>,
    ) -> Result<(), SinkError> {
        self.write_file(name, |file| {
            let mut bytes = 0;
            for part in parts {
                file.write_all(&part)?;
                bytes += part.len();
            }
            Ok(bytes)
        })
    }

    fn checkpoint(&self, checkpoint: Checkpoint) -> Result<(), SinkError> {
        if let Some(background_sync) = &self.background_sync {
            background_sync.keep(checkpoint, 0);
        }
        Ok(())
    }

    fn left_behind(&self) -> Option<&ResumeState> {
        self.left.as_ref()
    }

    fn adopt(&self, trusted: &dyn Fn(&str) -> Option<Digest>, stop: &dyn Fn() -> bool) -> Result<(), SinkError> {
        let mut found = 0;
        for entry in walkdir::WalkDir::new(&self.staging).min_depth(1).contents_first(true) {
            let entry = entry.map_err(|error| failed("look through", &self.staging)(error.into()))?;
            if stop() {
                return Err(SinkError::Stopped { path: self.destination.clone() });
            }
            let path = entry.path();
            if entry.file_type().is_dir() {
                // Only those that hold what is kept stay; the export makes its other folders anew.
                match fs::remove_dir(path) {
                    Err(error) if error.kind() != io::ErrorKind::DirectoryNotEmpty => {
                        return Err(failed("remove", path)(error));
                    }
                    _ => continue,
                }
            }
            let name = path.strip_prefix(&self.staging).unwrap_or(path).to_string_lossy();
            let Some(expected) = trusted(&name).filter(|_| entry.file_type().is_file()) else {
                remove_file(path)?;
                continue;
            };
            if Digest::of(&fs::read(path).map_err(failed("read", path))?) != expected {
                return Err(SinkError::Changed { path: self.destination.clone(), name: name.into_owned() });
            }
            found += 1;
        }
        let written = self.left.as_ref().map_or(0, |left| left.files);
        self.files.store(written, Ordering::Relaxed);
        if found == written {
            return Ok(());
        }
        Err(SinkError::Disturbed { path: self.destination.clone(), written, found, unit: "files" })
    }

    fn suspend(mut self: Box<Self>) -> Result<(), SinkError> {
        if !self.is_resumable() {
            return self.abandon();
        }
        self.finished = true;
        // The thread holds the lock as well, and so is waited for; a sync that failed has only kept a checkpoint from being kept.
        if let Some(background_sync) = self.background_sync.take() {
            background_sync.stop_keeping();
            let _ = background_sync.end(&self.staging);
        }
        Ok(())
    }

    fn commit(mut self: Box<Self>) -> Result<(), SinkError> {
        let replaced = self.publish().inspect_err(|_| self.finished = self.is_resumable())?;
        self.finished = true;
        let durable = self.parent.sync_all().map_err(failed("sync", parent_folder(&self.destination)));
        let cleared = self.checkpoints.remove().and_then(|()| self.remove_replaced(replaced));
        durable.and(cleared).map_err(|error| error.after_publishing(&self.destination))
    }

    fn abandon(mut self: Box<Self>) -> Result<(), SinkError> {
        self.finished = true;
        self.remove_all()
    }
}

impl Drop for DirectorySink {
    /// The net under a caller that neither commits nor abandons, or panics: there is nobody left to tell of a failure.
    fn drop(&mut self) {
        if !self.finished {
            let _ = self.remove_all();
        }
    }
}

fn rename_with(from: &Path, to: &Path, flags: RenameFlags) -> nix::Result<()> {
    renameat2(AT_FDCWD, from, AT_FDCWD, to, flags)
}

/// Brings all files to the disk. One call for the whole file system: a call for each of 100,000 files takes minutes. From Linux
/// 5.8 on it also reports what failed to be written since `folder` was opened.
fn sync_tree(folder: &File, path: &Path) -> Result<(), SinkError> {
    nix::unistd::syncfs(folder.as_fd()).map_err(|errno| failed("sync", path)(errno.into()))
}
