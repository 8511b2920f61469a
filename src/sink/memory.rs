//! An export in memory, for tests and for callers that store the files themselves.

use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use super::contract::{Role, Sink};
use super::error::SinkError;
use crate::key::EntryName;

/// The files of a published export by name, each with its position in the export.
pub type Published = BTreeMap<EntryName, (u64, Vec<u8>)>;

/// Collects files in memory. After a commit they are in [`published`](Self::published).
#[derive(Debug, Default)]
pub struct MemorySink {
    files: Mutex<Published>,
    published: Arc<Mutex<Option<Published>>>,
}

impl MemorySink {
    /// Creates an empty sink.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The files, once the sink is committed; `None` until then.
    #[must_use]
    pub fn published(&self) -> Arc<Mutex<Option<Published>>> {
        Arc::clone(&self.published)
    }
}

impl Sink for MemorySink {
    fn write(
        &self,
        key: &EntryName,
        _role: Role,
        order: u64,
        contents: &[u8],
    ) -> Result<(), SinkError> {
        let mut files = self.files.lock().unwrap_or_else(PoisonError::into_inner);
        if files.contains_key(key) {
            return Err(SinkError::Operation {
                action: "write twice",
                path: PathBuf::from(key.as_str()),
                source: Arc::new(io::Error::from(io::ErrorKind::AlreadyExists)),
            });
        }
        files.insert(key.clone(), (order, contents.to_vec()));
        Ok(())
    }

    fn commit(self: Box<Self>) -> Result<(), SinkError> {
        let files = self.files.into_inner().unwrap_or_else(PoisonError::into_inner);
        *self.published.lock().unwrap_or_else(PoisonError::into_inner) = Some(files);
        Ok(())
    }

    fn abort(self: Box<Self>) -> Result<(), SinkError> {
        Ok(())
    }
}
