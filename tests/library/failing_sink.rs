//! A sink that fails at a chosen call, around one that works.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use slidezoom::sink::{EntryName, Sink, SinkError};

pub struct FailingSink<S> {
    inner: S,
    /// How many calls succeed.
    good: u64,
    calls: Arc<AtomicU64>,
}

impl<S> FailingSink<S> {
    pub fn new(inner: S, good: u64) -> Self {
        Self { inner, good, calls: Arc::new(AtomicU64::new(0)) }
    }

    /// Counts the calls.
    pub fn calls(&self) -> Arc<AtomicU64> {
        Arc::clone(&self.calls)
    }

    fn count(&self) -> Result<(), SinkError> {
        if self.calls.fetch_add(1, Ordering::SeqCst) < self.good {
            return Ok(());
        }
        Err(SinkError::Operation {
            action: "write",
            path: PathBuf::from("made to fail"),
            source: Arc::new(std::io::Error::from(std::io::ErrorKind::StorageFull)),
        })
    }
}

impl<S: Sink> Sink for FailingSink<S> {
    fn create_folder(&self, name: &EntryName) -> Result<(), SinkError> {
        self.count()?;
        self.inner.create_folder(name)
    }

    fn write(&self, entry: u64, name: &EntryName, contents: &[u8]) -> Result<(), SinkError> {
        self.count()?;
        self.inner.write(entry, name, contents)
    }

    fn commit(self: Box<Self>) -> Result<(), SinkError> {
        if let Err(error) = self.count() {
            Box::new(self.inner).abandon()?;
            return Err(error);
        }
        Box::new(self.inner).commit()
    }

    fn abandon(self: Box<Self>) -> Result<(), SinkError> {
        Box::new(self.inner).abandon()
    }
}
