//! What the engine asks of a destination.

use std::fmt;
use std::io::{self, Write};

use super::error::SinkError;
use crate::key::{Digest, EntryName};

/// The purpose of a file. Most sinks can ignore it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Role {
    /// A tile.
    Tile,
    /// A tile whose contents, with this digest, occur many times. A sink can store them once.
    RepeatedTile(Digest),
    /// Any other file: the page, an associated image, the descriptor, the manifest.
    Auxiliary,
}

/// Takes the files of one export and publishes them.
///
/// Nothing is visible under the final name until [`commit`](Self::commit) has returned `Ok`, and
/// nothing ever is if the sink is aborted ([`abort`](Self::abort)) or dropped.
///
/// Methods may be called from many threads. `order` is the position of a file in the export, which
/// is the same for any number of threads: the numbers count up from 0 without a gap, each is used
/// once, for a file or for [`skip`](Self::skip), and they may arrive somewhat out of order. A sink
/// that writes one stream sorts by it; others can ignore it.
///
/// Only `write`, `commit` and `abort` are required. A sink that keeps nothing is the shortest
/// example:
///
/// ```
/// use std::sync::atomic::{AtomicU64, Ordering};
/// use slidezoom::internals::key::EntryName;
/// use slidezoom::internals::sink::{Role, Sink, SinkError};
///
/// /// Counts bytes.
/// struct CountingSink(AtomicU64);
///
/// impl Sink for CountingSink {
///     fn write(&self, _: &EntryName, _: Role, _: u64, contents: &[u8]) -> Result<(), SinkError> {
///         self.0.fetch_add(contents.len() as u64, Ordering::Relaxed);
///         Ok(())
///     }
///
///     fn commit(self: Box<Self>) -> Result<(), SinkError> {
///         Ok(())
///     }
///
///     fn abort(self: Box<Self>) -> Result<(), SinkError> {
///         Ok(())
///     }
/// }
/// ```
pub trait Sink: Send + Sync {
    /// Writes one file. Each key is written once; folders are implied by `/` in it.
    ///
    /// # Errors
    /// [`SinkError`] if the destination fails or takes less than all of `contents`, or if a file of
    /// this key was written before.
    fn write(
        &self,
        key: &EntryName,
        role: Role,
        order: u64,
        contents: &[u8],
    ) -> Result<(), SinkError>;

    /// Writes one file that is too large to hold in memory: a large slide's manifest has 80 MB.
    ///
    /// # Errors
    /// See [`write`](Self::write).
    fn write_parts(
        &self,
        key: &EntryName,
        role: Role,
        order: u64,
        parts: &mut dyn Iterator<Item = Vec<u8>>,
    ) -> Result<(), SinkError> {
        self.write(key, role, order, &parts.collect::<Vec<_>>().concat())
    }

    /// Marks a position that has no file.
    ///
    /// # Errors
    /// [`SinkError`] if writing files that waited for this position fails.
    fn skip(&self, _order: u64) -> Result<(), SinkError> {
        Ok(())
    }

    /// The interface for resuming, if this sink supports it.
    fn resume(&self) -> Option<&dyn Resume> {
        None
    }

    /// Makes everything durable and publishes it under the final name.
    ///
    /// # Errors
    /// [`SinkError`] if any step fails. Nothing is published then, except with
    /// [`SinkError::AfterPublishing`]: the new export is in place and whole, but its folder could
    /// not be synced, or something that is no longer needed could not be removed.
    fn commit(self: Box<Self>) -> Result<(), SinkError>;

    /// Ends without publishing, and removes everything that was written. A sink that was made to
    /// resume and has kept a checkpoint leaves both for a later run instead.
    ///
    /// # Errors
    /// [`SinkError`] if something could not be removed.
    fn abort(self: Box<Self>) -> Result<(), SinkError>;
}

/// Lets a later run resume an interrupted one.
pub trait Resume: Send + Sync {
    /// Keeps the state of the export once everything written so far is durable. No write is in
    /// progress during the call. A failure to store the state is not an error: the export merely
    /// cannot be resumed from this point.
    ///
    /// # Errors
    /// [`SinkError`] if flushing what was written before fails.
    fn checkpoint(&self, checkpoint: Checkpoint) -> Result<(), SinkError>;

    /// The last checkpoint of an interrupted run, if there is one.
    fn resume_state(&self) -> Option<&ResumeState>;

    /// Takes over the files of the interrupted run for which `trusted` returns the digest of their
    /// contents, and removes all others. `stop` is called before each file.
    ///
    /// # Errors
    /// [`SinkError::Disturbed`] or [`SinkError::Changed`] if files are missing or changed,
    /// [`SinkError::Stopped`] if `stop` returned `true`.
    fn adopt(
        &self,
        trusted: &dyn Fn(&str) -> Option<Digest>,
        stop: &dyn Fn() -> bool,
    ) -> Result<(), SinkError>;
}

/// Writes the state of an export.
pub type WriteState = Box<dyn FnOnce(&mut dyn Write) -> io::Result<()> + Send>;

/// A point from which a later run can resume an export.
pub struct Checkpoint {
    /// All positions below this number have been written or skipped, and none above.
    pub entries: u64,
    /// The number of files written.
    pub files: u64,
    /// The approximate size of the state in bytes.
    pub bytes: u64,
    /// The approximate number of bytes still to be written.
    pub remaining_bytes: u64,
    /// Writes the state.
    pub state: WriteState,
}

impl fmt::Debug for Checkpoint {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { entries, files, bytes, remaining_bytes, state: _ } = self;
        formatter
            .debug_struct("Checkpoint")
            .field("entries", entries)
            .field("files", files)
            .field("bytes", bytes)
            .field("remaining_bytes", remaining_bytes)
            .finish_non_exhaustive()
    }
}

/// The last checkpoint of an interrupted run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResumeState {
    /// All positions below this number are on the disk, unless they were skipped.
    pub entries: u64,
    /// The number of files on the disk.
    pub files: u64,
    /// The length that those files take of an archive, in bytes.
    pub container_bytes: u64,
    /// The state of the export.
    pub state: Vec<u8>,
}
