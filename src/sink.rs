//! Where finished files go.
//!
//! A [`Sink`] takes named files from many threads at once and publishes them all together or not at all. What always
//! holds: until [`Sink::commit`] has returned `Ok`, nothing stands under the final name; after
//! [`Sink::abandon`], or when a sink is dropped without a commit, nothing of it is left.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::key::{Digest, EntryName, EntryNameError};

mod archive;
mod background_sync;
mod checkpoint;
mod directory;
mod existing;
mod memory;
mod single_file;
mod staging;

pub use archive::ArchiveSink;
pub use checkpoint::{Checkpoint, ResumeState, WriteState};
pub use directory::DirectorySink;
pub use existing::OverwritePolicy;
pub use memory::{MemorySink, Published};
pub use single_file::{NewFiles, write_file};

/// Takes the files of one export.
///
/// Methods take `&self` and may be called from any thread. The *entry number* says where a file stands in the export's own
/// order, which does not depend on how many threads there are: the numbers count up from 0 without a gap, each is used
/// once, for a file or for one that is left out, and they may come somewhat out of their order. A sink that is one stream sorts by it; others need not look.
pub trait Sink: Send + Sync {
    /// Makes a folder that files will be written into. Its parent was made before.
    ///
    /// # Errors
    /// [`SinkError`] where the destination refuses.
    fn create_folder(&self, name: &EntryName) -> Result<(), SinkError>;

    /// Makes a folder, and those above it, where they are not there yet. Many threads may ask for the same.
    ///
    /// # Errors
    /// [`SinkError`] where the destination refuses.
    fn create_folders(&self, name: &EntryName) -> Result<(), SinkError>;

    /// Writes one file, whole. A name is written once.
    ///
    /// # Errors
    /// [`SinkError`] where the destination refuses, or takes less than all of it.
    fn write(&self, entry: u64, name: &EntryName, contents: &[u8]) -> Result<(), SinkError>;

    /// Writes one file of whose contents, those of `digest`, an export has many: a sink that can keeps them once. As [`write`](Self::write)
    /// otherwise.
    ///
    /// # Errors
    /// As [`write`](Self::write).
    fn write_repeated(&self, entry: u64, name: &EntryName, contents: &[u8], _digest: Digest) -> Result<(), SinkError> {
        self.write(entry, name, contents)
    }

    /// No file has this entry number, nor will one.
    ///
    /// # Errors
    /// [`SinkError`] where the destination refuses what was written before.
    fn skip(&self, _entry: u64) -> Result<(), SinkError> {
        Ok(())
    }

    /// Writes one file that need not be in memory as a whole: a large slide's manifest is of 80 MB. As [`write`](Self::write) otherwise.
    ///
    /// # Errors
    /// As [`write`](Self::write).
    fn write_parts(
        &self,
        entry: u64,
        name: &EntryName,
        parts: &mut dyn Iterator<Item = Vec<u8>>,
    ) -> Result<(), SinkError> {
        self.write(entry, name, &parts.collect::<Vec<_>>().concat())
    }

    /// Keeps a state beside what has been written, once that is on the disk, so that a later run can go on from it. Nothing is being written
    /// when this is called. A sink that cannot be resumed need not do anything.
    ///
    /// # Errors
    /// [`SinkError`] where the destination refuses what was written before. That the state cannot be kept is no error.
    fn checkpoint(&self, _checkpoint: Checkpoint) -> Result<(), SinkError> {
        Ok(())
    }

    /// What an earlier run has left behind, where this sink was made to resume it, and where that run had come to a checkpoint.
    fn left_behind(&self) -> Option<&ResumeState> {
        None
    }

    /// Takes over what was left behind: the files that `trusted` knows, each with contents of that digest. All others are removed. `stop` is
    /// asked before each file whether to go on.
    ///
    /// # Errors
    /// [`SinkError::Disturbed`] and [`SinkError::Changed`] where they are not all there, unchanged; [`SinkError`] where the destination refuses.
    fn adopt(&self, _trusted: &dyn Fn(&str) -> Option<Digest>, _stop: &dyn Fn() -> bool) -> Result<(), SinkError> {
        Ok(())
    }

    /// Ends without publishing. A sink that was made to resume leaves what a later run can go on from; any other abandons.
    ///
    /// # Errors
    /// [`SinkError`] where something could not be removed.
    fn suspend(self: Box<Self>) -> Result<(), SinkError> {
        self.abandon()
    }

    /// Makes everything durable and publishes it under the final name.
    ///
    /// # Errors
    /// [`SinkError`] where any part of that fails. Nothing is published then, but for three cases that the error names: the new
    /// export stands, and its folder could not be synced, or the one that it replaced, or its own other name, could not be removed.
    fn commit(self: Box<Self>) -> Result<(), SinkError>;

    /// Removes everything written.
    ///
    /// # Errors
    /// [`SinkError`] where something could not be removed.
    fn abandon(self: Box<Self>) -> Result<(), SinkError>;
}

/// Why a destination failed. Trying again may help.
#[derive(Clone, Debug, thiserror::Error)]
pub enum SinkError {
    /// Something stands under the final name already.
    #[error("{path}: exists already", path = path.display())]
    Exists {
        /// The final name.
        path: PathBuf,
    },
    /// What stands under the final name is no export, and so is not ours to replace.
    #[error("{path}: exists already and is not an export, so it is not replaced", path = path.display())]
    NotAnExport {
        /// The final name.
        path: PathBuf,
    },
    /// Something that is no folder stands where the destination's folder should be.
    #[error("{path}: is not a folder", path = path.display())]
    NotAFolder {
        /// What stands there.
        path: PathBuf,
    },
    /// Something that is no file stands where the staging file should be.
    #[error("{path}: is not a file", path = path.display())]
    NotAFile {
        /// What stands there.
        path: PathBuf,
    },
    /// Another export is writing to the same destination now.
    #[error("{path}: another export is writing here", path = path.display())]
    Busy {
        /// The staging folder or file.
        path: PathBuf,
    },
    /// What was written is not all there any more: something else has been at it.
    #[error("{path}: {written} {unit} were written, {found} are there: something else has been at it", path = path.display())]
    Disturbed {
        /// The final name.
        path: PathBuf,
        /// How many files or bytes were written.
        written: u64,
        /// How many were found.
        found: u64,
        /// What was counted.
        unit: &'static str,
    },
    /// A file's entry number never came, so that those after it have no place.
    #[error("{path}: entry {waiting} was written, and entry {missing} was not", path = path.display())]
    Gap {
        /// The final name.
        path: PathBuf,
        /// The number that is missing.
        missing: u64,
        /// The lowest number that waits for it.
        waiting: u64,
    },
    /// An archive that was just written cannot be read.
    #[error("{path}: what was written cannot be read again: {message}", path = path.display())]
    Unreadable {
        /// The final name.
        path: PathBuf,
        /// What is wrong with it.
        message: String,
    },
    /// A file that an earlier run has left is not as that run wrote it.
    #[error("{path}: cannot be resumed: {name} was changed since", path = path.display())]
    Changed {
        /// The final name.
        path: PathBuf,
        /// The file.
        name: String,
    },
    /// Taking over what an earlier run has left was stopped.
    #[error("{path}: stopped", path = path.display())]
    Stopped {
        /// The final name.
        path: PathBuf,
    },
    /// The destination has no name that a folder could have.
    #[error("{path}: does not name a folder to make", path = path.display())]
    Destination {
        /// What was given.
        path: PathBuf,
    },
    /// A file's name could reach outside the export.
    #[error(transparent)]
    Name(#[from] EntryNameError),
    /// The export was published and is whole; what was to be done after that failed.
    #[error("{path}: the export, which stands, is whole, but {cause}", path = path.display())]
    AfterPublishing {
        /// The export.
        path: PathBuf,
        /// What failed.
        cause: Box<SinkError>,
    },
    /// A system call failed.
    #[error("{path}: cannot {action}: {source}", path = path.display())]
    Operation {
        /// What was attempted: create, write, close, sync, rename, remove, …
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// What the operating system said.
        source: Arc<std::io::Error>,
    },
}

impl SinkError {
    /// The same, of something that failed when the export at `path` had been published.
    pub(crate) fn after_publishing(self, path: &Path) -> Self {
        Self::AfterPublishing { path: path.to_owned(), cause: Box::new(self) }
    }
}

/// Makes an error of what the operating system said of an action on a path.
pub(crate) fn failed(action: &'static str, path: &Path) -> impl Fn(std::io::Error) -> SinkError {
    let path = path.to_owned();
    move |source| SinkError::Operation { action, path: path.clone(), source: Arc::new(source) }
}
