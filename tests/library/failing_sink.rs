//! A sink that fails at a chosen call, around one that works.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use nix::errno::Errno;
use slidezoom::key::Digest;
use slidezoom::key::EntryName;
use slidezoom::sink::{Sink, SinkError};

/// Which calls fail, and how.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Failure {
    /// How many calls succeed before.
    pub good: u64,
    /// What the failing one says.
    pub errno: Errno,
    /// Whether all after it fail too, as on a full disk, or all go well again, as when another program has made room.
    pub lasting: bool,
}

pub struct FailingSink {
    inner: Box<dyn Sink>,
    failure: Failure,
    calls: Arc<AtomicU64>,
}

impl FailingSink {
    pub fn new(inner: Box<dyn Sink>, failure: Failure) -> Self {
        Self { inner, failure, calls: Arc::new(AtomicU64::new(0)) }
    }

    /// Counts the calls.
    pub fn calls(&self) -> Arc<AtomicU64> {
        Arc::clone(&self.calls)
    }

    fn count(&self) -> Result<(), SinkError> {
        let Failure { good, errno, lasting } = self.failure;
        let before = self.calls.fetch_add(1, Ordering::SeqCst);
        if before < good || before > good && !lasting {
            return Ok(());
        }
        let path = PathBuf::from("made to fail");
        Err(SinkError::Operation { action: "write", path, source: Arc::new(errno.into()) })
    }
}

impl Sink for FailingSink {
    fn create_folder(&self, name: &EntryName) -> Result<(), SinkError> {
        self.count()?;
        self.inner.create_folder(name)
    }

    fn create_folders(&self, name: &EntryName) -> Result<(), SinkError> {
        self.count()?;
        self.inner.create_folders(name)
    }

    fn write(&self, entry: u64, name: &EntryName, contents: &[u8]) -> Result<(), SinkError> {
        self.count()?;
        self.inner.write(entry, name, contents)
    }

    fn skip(&self, entry: u64) -> Result<(), SinkError> {
        self.inner.skip(entry)
    }

    fn write_repeated(&self, entry: u64, name: &EntryName, contents: &[u8], digest: Digest) -> Result<(), SinkError> {
        self.count()?;
        self.inner.write_repeated(entry, name, contents, digest)
    }

    fn write_parts(
        &self,
        entry: u64,
        name: &EntryName,
        parts: &mut dyn Iterator<Item = Vec<u8>>,
    ) -> Result<(), SinkError> {
        self.count()?;
        self.inner.write_parts(entry, name, parts)
    }

    fn commit(self: Box<Self>) -> Result<(), SinkError> {
        if let Err(error) = self.count() {
            self.inner.abandon()?;
            return Err(error);
        }
        self.inner.commit()
    }

    fn abandon(self: Box<Self>) -> Result<(), SinkError> {
        self.inner.abandon()
    }
}
