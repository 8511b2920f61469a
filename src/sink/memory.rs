//! An export kept in memory: for tests, and for a caller that passes the files on itself.

use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use super::{Sink, SinkError};
use crate::key::EntryName;

/// The files of a published export, by name, each with its entry number.
pub type Published = BTreeMap<EntryName, (u64, Vec<u8>)>;

/// Collects files in memory. [`published`](Self::published) shows them once they are committed.
#[derive(Debug, Default)]
pub struct MemorySink {
    files: Mutex<Published>,
    published: Arc<Mutex<Option<Published>>>,
}

impl MemorySink {
    /// An empty one.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Where the files will be once the sink is committed; `None` until then.
    #[must_use]
    pub fn published(&self) -> Arc<Mutex<Option<Published>>> {
        Arc::clone(&self.published)
    }
}

impl Sink for MemorySink {
    fn create_folder(&self, _name: &EntryName) -> Result<(), SinkError> {
        Ok(())
    }

    fn create_folders(&self, _name: &EntryName) -> Result<(), SinkError> {
        Ok(())
    }

    fn write(&self, entry: u64, name: &EntryName, contents: &[u8]) -> Result<(), SinkError> {
        let mut files = self.files.lock().unwrap_or_else(PoisonError::into_inner);
        if files.contains_key(name) {
            return Err(SinkError::Operation {
                action: "write twice",
                path: PathBuf::from(name.as_str()),
                source: Arc::new(io::Error::from(io::ErrorKind::AlreadyExists)),
            });
        }
        files.insert(name.clone(), (entry, contents.to_vec()));
        Ok(())
    }

    fn commit(self: Box<Self>) -> Result<(), SinkError> {
        let files = self.files.into_inner().unwrap_or_else(PoisonError::into_inner);
        *self.published.lock().unwrap_or_else(PoisonError::into_inner) = Some(files);
        Ok(())
    }

    fn abandon(self: Box<Self>) -> Result<(), SinkError> {
        Ok(())
    }
}
