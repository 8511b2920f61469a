//! Errors of destinations.

use std::error::Error as StdError;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::key::EntryNameError;

/// Why a destination failed. Trying again may help.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SinkError {
    /// The destination exists already.
    #[error("{path}: exists already", path = path.display())]
    Exists {
        /// The destination.
        path: PathBuf,
    },
    /// The destination exists and is not an export, so it must not be replaced.
    #[error("{path}: exists already and is not an export, so it is not replaced", path = path.display())]
    NotAnExport {
        /// The destination.
        path: PathBuf,
    },
    /// A folder is needed where something else is.
    #[error("{path}: is not a folder", path = path.display())]
    NotAFolder {
        /// The path.
        path: PathBuf,
    },
    /// A file is needed where something else is.
    #[error("{path}: is not a file", path = path.display())]
    NotAFile {
        /// The path.
        path: PathBuf,
    },
    /// Another export is being written to the same destination.
    #[error("{path}: another export is writing here", path = path.display())]
    Busy {
        /// The staging folder or file.
        path: PathBuf,
    },
    /// Another program has changed the staging folder or file.
    #[error(
        "{path}: {written} {unit} were written and {found} were found: another program has changed them",
        path = path.display()
    )]
    Disturbed {
        /// The destination.
        path: PathBuf,
        /// The number of files or bytes written.
        written: u64,
        /// The number found.
        found: u64,
        /// What was counted: `files` or `bytes`.
        unit: &'static str,
    },
    /// A position was neither written nor skipped, so that those after it cannot be written.
    #[error("{path}: entry {waiting} was written and entry {missing} was not", path = path.display())]
    Gap {
        /// The destination.
        path: PathBuf,
        /// The missing position.
        missing: u64,
        /// The first position that waits for it.
        waiting: u64,
    },
    /// An archive that was just written cannot be read.
    #[error("{path}: cannot read back what was written", path = path.display())]
    Unreadable {
        /// The destination.
        path: PathBuf,
        /// What is wrong with the archive.
        source: Arc<dyn StdError + Send + Sync>,
    },
    /// A file of the run to resume has been changed.
    #[error("{path}: cannot be resumed: {name} was changed since", path = path.display())]
    Changed {
        /// The destination.
        path: PathBuf,
        /// The file.
        name: String,
    },
    /// The caller stopped the check of the files of an interrupted run.
    #[error("{path}: stopped", path = path.display())]
    Stopped {
        /// The destination.
        path: PathBuf,
    },
    /// The destination has no file name, like `/` or `..`.
    #[error("{path}: is not a name for an export", path = path.display())]
    Destination {
        /// The destination.
        path: PathBuf,
    },
    /// A file name could reach outside the export.
    #[error(transparent)]
    Name(#[from] EntryNameError),
    /// The export was published and is whole, but a step after that failed.
    #[error(
        "{path}: the export is in place and whole, but a later step failed",
        path = path.display()
    )]
    AfterPublishing {
        /// The export.
        path: PathBuf,
        /// The error of that step.
        source: Box<SinkError>,
    },
    /// A system call failed.
    #[error("{path}: cannot {action}", path = path.display())]
    Operation {
        /// The action: create, write, close, sync, rename, remove, …
        action: &'static str,
        /// The path that it acted on.
        path: PathBuf,
        /// The error of the operating system.
        source: Arc<io::Error>,
    },
}

impl SinkError {
    /// Marks an error that occurred after the export at `path` was published.
    pub(crate) fn after_publishing(self, path: &Path) -> Self {
        Self::AfterPublishing { path: path.to_owned(), source: Box::new(self) }
    }
}

/// Turns an error of the operating system into one that names the action and the path.
pub(crate) fn failed(action: &'static str, path: &Path) -> impl Fn(io::Error) -> SinkError + use<> {
    let path = path.to_owned();
    move |source| SinkError::Operation { action, path: path.clone(), source: Arc::new(source) }
}
