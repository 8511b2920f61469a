//! An export as one `.zip` or `.szi` file.
//!
//! Entries are stored without compression, in the order of the export, whichever thread writes
//! them. An archive is therefore the same, byte for byte, for any number of workers. It is read
//! back before it is published.

use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::contract::{Checkpoint, Resume, ResumeState, Role, Sink};
use super::error::{SinkError, failed};
use super::ordered_zip::{OrderedZip, prepare};
use super::overwrite::OverwritePolicy;
use super::publication::Publication;
use super::staging::{Kind, StalePolicy};
use super::zip_stream::ZipStream;
use crate::archive::{Archive, first_entry};
use crate::key::{Digest, EntryName};
use crate::layout::ArchiveIndex;
use crate::platform::FileExt;

#[cfg(test)]
mod tests;

/// Writes an export to an archive.
#[derive(Debug)]
pub struct ArchiveSink {
    publication: Publication,
    /// The folder in the archive that holds all entries.
    root: EntryName,
    zip: Mutex<OrderedZip>,
}

impl ArchiveSink {
    /// Prepares to write the archive `destination`, whose files are in the folder `root`. Its
    /// parent is created if it is missing. `index` makes the last entry.
    ///
    /// # Errors
    /// [`SinkError`] if the destination exists and may not be replaced, if another export is
    /// writing to it, or if the file system refuses.
    pub fn create(
        destination: &Path,
        policy: OverwritePolicy,
        root: EntryName,
        index: Option<Box<dyn ArchiveIndex>>,
    ) -> Result<Self, SinkError> {
        Self::begin(destination, policy, root, index, StalePolicy::Remove)
    }

    /// Like [`create`](Self::create), but keeps the output of an interrupted run that has a
    /// checkpoint. See [`Sink::resume`].
    ///
    /// # Errors
    /// See [`create`](Self::create).
    pub fn resuming(
        destination: &Path,
        policy: OverwritePolicy,
        root: EntryName,
        index: Option<Box<dyn ArchiveIndex>>,
    ) -> Result<Self, SinkError> {
        Self::begin(destination, policy, root, index, StalePolicy::Keep)
    }

    fn begin(
        destination: &Path,
        policy: OverwritePolicy,
        root: EntryName,
        index: Option<Box<dyn ArchiveIndex>>,
        stale: StalePolicy,
    ) -> Result<Self, SinkError> {
        let publication = Publication::begin(Kind::File, destination, policy, stale)?;
        let file = publication.file().try_clone().map_err(failed("open", destination))?;
        let existing_bytes = publication.resume_state().map_or(0, |state| state.container_bytes);
        let zip =
            OrderedZip::new(ZipStream::new(file, existing_bytes), destination, root.clone(), index);
        Ok(Self { publication, root, zip: Mutex::new(zip) })
    }

    fn zip(&self) -> MutexGuard<'_, OrderedZip> {
        self.zip.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn changed(&self, name: String) -> SinkError {
        SinkError::Changed { path: self.publication.destination().to_owned(), name }
    }
}

impl Sink for ArchiveSink {
    fn write(
        &self,
        key: &EntryName,
        _role: Role,
        order: u64,
        contents: &[u8],
    ) -> Result<(), SinkError> {
        // The CRC-32, which takes time, is computed before the lock is taken.
        let file = prepare(self.publication.destination(), &self.root, key, contents)?;
        let appended = self.zip().add(order, Some((key.clone(), file)))?;
        self.publication.count(appended);
        Ok(())
    }

    fn write_parts(
        &self,
        key: &EntryName,
        role: Role,
        order: u64,
        parts: &mut dyn Iterator<Item = Vec<u8>>,
    ) -> Result<(), SinkError> {
        let mut zip = self.zip();
        if zip.next() == order {
            let appended = zip.append_parts(key, parts)?;
            drop(zip);
            self.publication.count(appended);
            return Ok(());
        }
        drop(zip);
        self.write(key, role, order, &parts.collect::<Vec<_>>().concat())
    }

    fn skip(&self, order: u64) -> Result<(), SinkError> {
        let appended = self.zip().add(order, None)?;
        self.publication.count(appended);
        Ok(())
    }

    fn resume(&self) -> Option<&dyn Resume> {
        Some(self)
    }

    fn commit(mut self: Box<Self>) -> Result<(), SinkError> {
        let (length, files) = {
            let mut zip = self.zip();
            (zip.finish()?, zip.files())
        };
        self.publication.commit(|publication| check_written(publication, length, files))
    }

    fn abort(mut self: Box<Self>) -> Result<(), SinkError> {
        self.zip().discard();
        self.publication.abort()
    }
}

impl Drop for ArchiveSink {
    /// Keeps the zip writer from ending the archive.
    fn drop(&mut self) {
        self.zip().discard();
    }
}

impl Resume for ArchiveSink {
    fn checkpoint(&self, checkpoint: Checkpoint) -> Result<(), SinkError> {
        let mut zip = self.zip();
        let length = zip.flush()?;
        if zip.next() == checkpoint.entries {
            self.publication.checkpoint(checkpoint, length);
        }
        Ok(())
    }

    fn resume_state(&self) -> Option<&ResumeState> {
        self.publication.resume_state()
    }

    /// Reads each entry and writes it again, the same bytes in the same place, so that the central
    /// directory and the index include it.
    fn adopt(
        &self,
        trusted: &dyn Fn(&str) -> Option<Digest>,
        stop: &dyn Fn() -> bool,
    ) -> Result<(), SinkError> {
        let Some(state) = self.resume_state() else { return Ok(()) };
        let (file, staging) = (self.publication.file(), self.publication.staging());
        let reading = failed("read", staging);
        let bytes = file.metadata().map_err(&reading)?.len();
        if bytes < state.container_bytes {
            return Err(self.publication.disturbed(state.container_bytes, bytes, "bytes"));
        }
        // Everything after the checkpoint is written again.
        file.set_len(state.container_bytes).map_err(failed("truncate", staging))?;
        let mut position = 0;
        for number in 0..state.files {
            if stop() {
                return Err(SinkError::Stopped { path: self.publication.destination().to_owned() });
            }
            let entry = first_entry(file, position, state.container_bytes).map_err(&reading)?;
            let Some((name, place)) = entry else {
                return Err(self.changed(format!("entry {number}")));
            };
            let inside =
                name.strip_prefix(self.root.as_str()).and_then(|name| name.strip_prefix('/'));
            let Some(inside) = inside else { return Err(self.changed(name)) };
            let mut contents = vec![0; (place.end - place.start) as usize];
            file.read_exact_at(&mut contents, place.start).map_err(&reading)?;
            if trusted(inside) != Some(Digest::of(&contents)) {
                return Err(self.changed(inside.to_owned()));
            }
            self.write(&EntryName::new(inside.to_owned())?, Role::Tile, number, &contents)?;
            position = place.end;
        }
        (state.files..state.entries).try_for_each(|number| self.skip(number))?;
        if position != state.container_bytes {
            return Err(self.publication.disturbed(state.container_bytes, position, "bytes"));
        }
        Ok(())
    }
}

/// Checks that the file to publish is the one that was locked, and that a reader finds all entries.
fn check_written(publication: &Publication, length: u64, written: u64) -> Result<(), SinkError> {
    let staging = publication.staging();
    let found = publication.file().metadata().map_err(failed("inspect", staging))?.len();
    if found != length || !publication.is_intact()? {
        return Err(publication.disturbed(length, found, "bytes"));
    }
    let archive = Archive::open(staging).map_err(|error| unreadable(publication, error))?;
    if let Some(fault) = archive.faults().first() {
        return Err(unreadable(publication, fault.clone()));
    }
    let found = archive.entries().len() as u64;
    if found < written {
        return Err(publication.disturbed(written, found, "files"));
    }
    Ok(())
}

fn unreadable(
    publication: &Publication,
    source: impl std::error::Error + Send + Sync + 'static,
) -> SinkError {
    SinkError::Unreadable { path: publication.destination().to_owned(), source: Arc::new(source) }
}
