//! A sink that fails at a chosen call and passes the others on.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use nix::errno::Errno;
use slidezoom::internals::key::EntryName;
use slidezoom::internals::sink::{Role, Sink, SinkError};

/// The calls that fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Failure {
    /// The number of calls that succeed first.
    pub good: u64,
    /// The error.
    pub errno: Errno,
    /// Whether all later calls fail too, as on a full disk, or succeed, as when space was freed.
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
    fn write(
        &self,
        key: &EntryName,
        role: Role,
        order: u64,
        contents: &[u8],
    ) -> Result<(), SinkError> {
        self.count()?;
        self.inner.write(key, role, order, contents)
    }

    fn skip(&self, order: u64) -> Result<(), SinkError> {
        self.inner.skip(order)
    }

    fn write_parts(
        &self,
        key: &EntryName,
        role: Role,
        order: u64,
        parts: &mut dyn Iterator<Item = Vec<u8>>,
    ) -> Result<(), SinkError> {
        self.count()?;
        self.inner.write_parts(key, role, order, parts)
    }

    fn commit(self: Box<Self>) -> Result<(), SinkError> {
        if let Err(error) = self.count() {
            self.inner.abort()?;
            return Err(error);
        }
        self.inner.commit()
    }

    fn abort(self: Box<Self>) -> Result<(), SinkError> {
        self.inner.abort()
    }
}
