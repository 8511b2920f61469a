//! An export as one `.zip` or `.szi` file.
//!
//! Entries are stored, never compressed: tiles are, already. They come in the order of their entry numbers, whatever thread hands them in when,
//! so that the archive is the same byte for byte for any number of workers: a file that comes early waits until those before it are there. Each has its
//! CRC-32 and size in its local header, a fixed time stamp, and no extra field that is not needed; ZIP64 appears exactly where the format's old
//! limits are passed.
//!
//! Everything is written into a hidden, locked file beside the destination, in one pass; it is read again as any reader would (`archive`)
//! before it is renamed into place.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use nix::errno::Errno;
use nix::fcntl::{AT_FDCWD, RenameFlags, renameat2};

use super::background_sync::BackgroundSync;
use super::checkpoint::{Checkpoint, CheckpointFile, ResumeState};
use super::existing::{OverwritePolicy, exists, refuse_existing_archive};
use super::staging::{
    Claimed, StalePolicy, claim_file, create_missing, is_named, parent_folder, remove_empty, remove_file, staging_path,
};
use super::{Sink, SinkError, failed};
use crate::archive::{Archive, first_entry};
use crate::key::Digest;
use crate::key::EntryName;
use crate::layout::ArchiveIndex;

mod entries;
mod stream;
#[cfg(test)]
mod tests;

use entries::{Entries, prepare};
use stream::ArchiveStream;

/// Writes an export into an archive.
#[derive(Debug)]
pub struct ArchiveSink {
    destination: PathBuf,
    staging: PathBuf,
    existing: OverwritePolicy,
    /// The open staging file: holds the lock.
    file: File,
    /// The open folder above the destination, to make the rename durable.
    parent: File,
    /// The one folder that all entries stand in.
    root: EntryName,
    entries: Mutex<Entries>,
    /// `None` once it has ended.
    background_sync: Option<BackgroundSync>,
    checkpoints: CheckpointFile,
    /// Whether what was written is left for a later run where this one fails.
    leftover: StalePolicy,
    left: Option<ResumeState>,
    /// Folders above the destination that did not exist before, outermost first.
    made_for_it: Vec<PathBuf>,
    finished: bool,
}

impl ArchiveSink {
    /// Prepares to write the archive `destination`, whose files stand in the folder `root`. Its parent is made where it is missing. `index` makes the
    /// last entry.
    ///
    /// # Errors
    /// [`SinkError`] where the destination exists and may not be replaced, where another export is writing to it, or where the file system
    /// refuses.
    pub fn create(
        destination: &Path,
        existing: OverwritePolicy,
        root: EntryName,
        index: Option<Box<dyn ArchiveIndex>>,
    ) -> Result<Self, SinkError> {
        Self::begin(destination, existing, root, index, StalePolicy::Remove)
    }

    /// The same, but what a killed run has left behind is kept where that run had come to a checkpoint: see [`Sink::left_behind`].
    ///
    /// # Errors
    /// As [`create`](Self::create).
    pub fn resume(
        destination: &Path,
        existing: OverwritePolicy,
        root: EntryName,
        index: Option<Box<dyn ArchiveIndex>>,
    ) -> Result<Self, SinkError> {
        Self::begin(destination, existing, root, index, StalePolicy::Keep)
    }

    fn begin(
        destination: &Path,
        existing: OverwritePolicy,
        root: EntryName,
        index: Option<Box<dyn ArchiveIndex>>,
        leftover: StalePolicy,
    ) -> Result<Self, SinkError> {
        let staging = staging_path(destination)?;
        let parent = parent_folder(destination);
        let checkpoints = CheckpointFile::beside(destination);
        refuse_existing_archive(destination, existing).inspect_err(|_| checkpoints.clear_up_after(&staging))?;
        let made_for_it = create_missing(parent)?;
        let begin = || {
            let parent = File::open(parent).map_err(failed("open", parent))?;
            let Claimed { file, left } = claim_file(&staging, destination, leftover)?;
            let started = file.try_clone().map_err(failed("open", destination)).and_then(|for_sync| {
                let background_sync =
                    BackgroundSync::start(destination, checkpoints.clone(), move || nix::unistd::fdatasync(&for_sync))?;
                Ok((file.try_clone().map_err(failed("open", destination))?, background_sync))
            });
            match started {
                Ok((stream, background_sync)) => Ok((parent, file, left, stream, background_sync)),
                Err(error) => {
                    if left.is_none() {
                        remove_file(&staging)?;
                    }
                    Err(error)
                }
            }
        };
        let (parent, file, left, stream, background_sync) = begin().inspect_err(|_| remove_empty(&made_for_it))?;
        let stream = ArchiveStream::new(stream, left.as_ref().map_or(0, |left| left.container_bytes));
        Ok(Self {
            destination: destination.to_owned(),
            staging,
            existing,
            file,
            parent,
            entries: Mutex::new(Entries::new(stream, destination, root.clone(), index)),
            root,
            background_sync: Some(background_sync),
            checkpoints,
            leftover,
            left,
            made_for_it,
            finished: false,
        })
    }

    fn lock(&self) -> MutexGuard<'_, Entries> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Removes everything written, and the folders that were made to write it in.
    fn remove_all(&self) -> Result<(), SinkError> {
        self.give_up();
        // Where something else has taken the staging file's name, it is not ours to remove.
        if is_named(&self.file, &self.staging)? {
            remove_file(&self.staging)?;
            self.checkpoints.remove()?;
        }
        remove_empty(&self.made_for_it);
        Ok(())
    }

    /// Writes nothing more.
    fn give_up(&self) {
        if let Some(background_sync) = &self.background_sync {
            background_sync.stop_keeping();
        }
        self.lock().discard();
    }

    fn count(&self, bytes: u64) {
        if let Some(background_sync) = &self.background_sync {
            background_sync.count(bytes as usize);
        }
    }

    /// Looks again at what is about to be published: it must be the file that was locked, and any reader must find all entries in it.
    fn check_written(&self, length: u64) -> Result<(), SinkError> {
        let found = self.file.metadata().map_err(failed("look at", &self.staging))?.len();
        if found != length || !is_named(&self.file, &self.staging)? {
            return Err(SinkError::Disturbed { path: self.destination.clone(), written: length, found, unit: "bytes" });
        }
        let archive = Archive::open(&self.staging)
            .map_err(|error| SinkError::Unreadable { path: self.destination.clone(), message: error.to_string() })?;
        let written = self.lock().files();
        match archive.faults().first() {
            Some(fault) => Err(SinkError::Unreadable { path: self.destination.clone(), message: fault.to_string() }),
            None if (archive.entries().len() as u64) < written => Err(SinkError::Disturbed {
                path: self.destination.clone(),
                written,
                found: archive.entries().len() as u64,
                unit: "files",
            }),
            None => Ok(()),
        }
    }

    /// Whether what was written is left for a later run where this one fails.
    fn is_resumable(&self) -> bool {
        self.leftover == StalePolicy::Keep && self.checkpoints.exists()
    }

    /// Ends the archive, makes it durable, looks at it again, and publishes it.
    fn publish(&mut self) -> Result<(), SinkError> {
        let length = self.lock().finish()?;
        if let Some(background_sync) = self.background_sync.take() {
            background_sync.end(&self.destination)?;
        }
        self.file.sync_all().map_err(failed("sync", &self.destination))?;
        self.check_written(length)?;
        self.move_into_place()
    }

    /// Renames the staging file into place.
    fn move_into_place(&self) -> Result<(), SinkError> {
        let renamed = failed("rename into place", &self.destination);
        if self.existing == OverwritePolicy::Replace && exists(&self.destination)? {
            // It may have come, or changed, since the export began.
            refuse_existing_archive(&self.destination, self.existing)?;
            return fs::rename(&self.staging, &self.destination).map_err(renamed);
        }
        match renameat2(AT_FDCWD, &self.staging, AT_FDCWD, &self.destination, RenameFlags::RENAME_NOREPLACE) {
            Ok(()) => Ok(()),
            Err(Errno::EEXIST) => Err(SinkError::Exists { path: self.destination.clone() }),
            // Some file systems cannot promise not to replace; a second name for the file is never put over another.
            Err(Errno::EINVAL | Errno::ENOSYS) => {
                match fs::hard_link(&self.staging, &self.destination) {
                    Ok(()) => {}
                    Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                        return Err(SinkError::Exists { path: self.destination.clone() });
                    }
                    // Nor has every one second names. What came in between the look and the renaming would be replaced.
                    Err(_) => {
                        refuse_existing_archive(&self.destination, OverwritePolicy::Refuse)?;
                        return fs::rename(&self.staging, &self.destination).map_err(renamed);
                    }
                }
                // What is left of its other name, the next run clears away.
                remove_file(&self.staging).map_err(|error| error.after_publishing(&self.destination))
            }
            Err(errno) => Err(renamed(errno.into())),
        }
    }
}

impl Sink for ArchiveSink {
    /// An archive's folders are in its files' names.
    fn create_folder(&self, _name: &EntryName) -> Result<(), SinkError> {
        Ok(())
    }

    fn create_folders(&self, _name: &EntryName) -> Result<(), SinkError> {
        Ok(())
    }

    fn write(&self, entry: u64, name: &EntryName, contents: &[u8]) -> Result<(), SinkError> {
        // What takes time, the CRC-32, is done before the lock is taken.
        let file = prepare(&self.destination, &self.root, name, contents)?;
        let appended = self.lock().take(entry, Some((name.clone(), file)))?;
        self.count(appended);
        Ok(())
    }

    fn skip(&self, entry: u64) -> Result<(), SinkError> {
        let appended = self.lock().take(entry, None)?;
        self.count(appended);
        Ok(())
    }

    fn write_parts(
        &self,
        entry: u64,
        name: &EntryName,
        parts: &mut dyn Iterator<Item = Vec<u8>>,
    ) -> Result<(), SinkError> {
        let mut entries = self.lock();
        if entries.next() == entry {
            let appended = entries.take_parts(name, parts)?;
            drop(entries);
            self.count(appended);
            return Ok(());
        }
        drop(entries);
        self.write(entry, name, &parts.collect::<Vec<_>>().concat())
    }

    fn checkpoint(&self, checkpoint: Checkpoint) -> Result<(), SinkError> {
        let mut entries = self.lock();
        let length = entries.flush_gathered()?;
        if let (true, Some(background_sync)) = (entries.next() == checkpoint.entries, &self.background_sync) {
            background_sync.keep(checkpoint, length);
        }
        Ok(())
    }

    fn left_behind(&self) -> Option<&ResumeState> {
        self.left.as_ref()
    }

    /// Reads each entry and writes it again: the same bytes at the same place, whereby the directory and the index come to know them.
    fn adopt(&self, trusted: &dyn Fn(&str) -> Option<Digest>, stop: &dyn Fn() -> bool) -> Result<(), SinkError> {
        let Some(left) = &self.left else { return Ok(()) };
        let reading = failed("read", &self.staging);
        let changed = |name: String| SinkError::Changed { path: self.destination.clone(), name };
        let bytes = self.file.metadata().map_err(&reading)?.len();
        if bytes < left.container_bytes {
            let written = left.container_bytes;
            return Err(SinkError::Disturbed { path: self.destination.clone(), written, found: bytes, unit: "bytes" });
        }
        // What was written after the checkpoint is written anew.
        self.file.set_len(left.container_bytes).map_err(failed("cut", &self.staging))?;
        let mut position = 0;
        for number in 0..left.files {
            if stop() {
                return Err(SinkError::Stopped { path: self.destination.clone() });
            }
            let place = first_entry(&self.file, position, left.container_bytes).map_err(&reading)?;
            let Some((name, place)) = place else { return Err(changed(format!("entry {number}"))) };
            let inside = name.strip_prefix(self.root.as_str()).and_then(|name| name.strip_prefix('/'));
            let Some(inside) = inside else { return Err(changed(name)) };
            let mut contents = vec![0; (place.end - place.start) as usize];
            self.file.read_exact_at(&mut contents, place.start).map_err(&reading)?;
            if trusted(inside) != Some(Digest::of(&contents)) {
                return Err(changed(inside.to_owned()));
            }
            self.write(number, &EntryName::new(inside.to_owned())?, &contents)?;
            position = place.end;
        }
        (left.files..left.entries).try_for_each(|number| self.skip(number))?;
        if position != left.container_bytes {
            let (written, found) = (left.container_bytes, position);
            return Err(SinkError::Disturbed { path: self.destination.clone(), written, found, unit: "bytes" });
        }
        Ok(())
    }

    fn suspend(mut self: Box<Self>) -> Result<(), SinkError> {
        if !self.is_resumable() {
            return self.abandon();
        }
        self.finished = true;
        self.give_up();
        // The thread holds the lock as well, and so is waited for; a sync that failed has only kept a checkpoint from being kept.
        if let Some(background_sync) = self.background_sync.take() {
            let _ = background_sync.end(&self.staging);
        }
        Ok(())
    }

    fn commit(mut self: Box<Self>) -> Result<(), SinkError> {
        self.publish().inspect_err(|_| {
            self.finished = self.is_resumable();
            self.lock().discard();
        })?;
        self.finished = true;
        let durable = self.parent.sync_all().map_err(failed("sync", parent_folder(&self.destination)));
        let cleared = self.checkpoints.remove();
        durable.and(cleared).map_err(|error| error.after_publishing(&self.destination))
    }

    fn abandon(mut self: Box<Self>) -> Result<(), SinkError> {
        self.finished = true;
        self.remove_all()
    }
}

impl Drop for ArchiveSink {
    /// The net under a caller that neither commits nor abandons, or panics: there is nobody left to tell of a failure.
    fn drop(&mut self) {
        if !self.finished {
            let _ = self.remove_all();
        }
    }
}
