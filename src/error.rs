//! Errors of an export, by who is at fault: the options, the slide, the destination, or this
//! program.

use std::error::Error as StdError;
use std::path::PathBuf;
use std::sync::Arc;

use crate::codec::EncodeError;
use crate::key::EntryNameError;
use crate::plan::PlanError;
use crate::pyramid::TileAddress;
use crate::sink::SinkError;
use crate::source::SlideError;

/// Why an export failed.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The options do not fit the slide.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// The slide cannot be read.
    #[error(transparent)]
    Slide(#[from] SlideError),
    /// The destination failed.
    #[error(transparent)]
    Destination(#[from] SinkError),
    /// A tile could not be encoded.
    #[error("cannot encode tile {tile}")]
    Encode {
        /// The tile.
        tile: TileAddress,
        /// The error of the encoder.
        source: EncodeError,
    },
    /// The encoder could not be set up.
    #[error(transparent)]
    Encoder(#[from] EncodeError),
    /// The worker threads could not be started.
    #[error(transparent)]
    Workers(#[from] WorkersError),
    /// The interrupted export is a different one.
    #[error("cannot be resumed: the {what} was {before} and is now {now}")]
    Differs {
        /// The field that differs.
        what: String,
        /// Its value in the interrupted export.
        before: String,
        /// Its value now.
        now: String,
    },
    /// The finished export at the destination is a different one.
    #[error(
        "{path}: is a different export: its {what} is {before} and would be {now}",
        path = path.display()
    )]
    OtherExport {
        /// The export.
        path: PathBuf,
        /// The field that differs.
        what: String,
        /// Its value in the export.
        before: String,
        /// Its value in the export that would be made.
        now: String,
    },
    /// The state of the interrupted export is damaged.
    #[error("cannot be resumed: the state of the interrupted export is damaged")]
    Unresumable,
    /// The caller stopped the export.
    #[error("interrupted")]
    Interrupted,
    /// A defect of this program, caught before it could produce a wrong export.
    #[error("defect in slidezoom: {message}")]
    Defect {
        /// A description of the defect.
        message: String,
    },
    /// The export failed, and its staging output could not be removed either.
    #[error(
        "{}; cannot remove the incomplete output: {}",
        with_causes(cause),
        with_causes(cleanup)
    )]
    Cleanup {
        /// Why the export failed.
        cause: Box<Error>,
        /// Why the output could not be removed.
        cleanup: SinkError,
    },
}

/// The worker threads could not be started.
#[derive(Clone, Debug, thiserror::Error)]
#[error("cannot start {jobs} worker threads")]
pub struct WorkersError {
    /// The number of threads.
    pub jobs: usize,
    /// The error of the thread pool or of the operating system.
    pub source: Arc<dyn StdError + Send + Sync>,
}

impl WorkersError {
    pub(crate) fn new(jobs: usize, source: impl StdError + Send + Sync + 'static) -> Self {
        Self { jobs, source: Arc::new(source) }
    }
}

/// Returns the message of an error, followed by those of its causes.
pub(crate) fn with_causes(error: &dyn StdError) -> String {
    let mut message = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        message = format!("{message}: {cause}");
        next = cause.source();
    }
    message
}

impl From<EntryNameError> for Error {
    fn from(error: EntryNameError) -> Self {
        Self::Destination(error.into())
    }
}
