//! What can go wrong with an export, grouped by who is at fault: the options, the slide, the destination, or this program.

use std::path::PathBuf;

use crate::codec::EncodeError;
use crate::key::EntryNameError;
use crate::plan::PlanError;
use crate::pyramid::TileAddress;
use crate::sink::SinkError;
use crate::source::SlideError;

/// Why an export failed.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Error {
    /// What was asked for cannot be done with this slide.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// The slide cannot be read.
    #[error(transparent)]
    Slide(#[from] SlideError),
    /// The destination failed.
    #[error(transparent)]
    Destination(#[from] SinkError),
    /// A tile could not be encoded.
    #[error("tile {tile}: {source}")]
    Encode {
        /// The tile.
        tile: TileAddress,
        /// Why.
        source: EncodeError,
    },
    /// The encoder could not be set up.
    #[error(transparent)]
    Encoder(#[from] EncodeError),
    /// The worker threads could not be started.
    #[error("cannot start {jobs} worker threads: {message}")]
    Workers {
        /// How many were asked for.
        jobs: usize,
        /// What the thread pool said.
        message: String,
    },
    /// What an earlier run has left is of another export.
    #[error("cannot be resumed: its {what} was {before}, and is {now}")]
    Differs {
        /// What differs.
        what: String,
        /// What it was.
        before: String,
        /// What it is.
        now: String,
    },
    /// A finished export is of another picture, or made with other options.
    #[error("{path}: is finished, but another export: its {what} is {before}, and would be {now}", path = path.display())]
    OtherExport {
        /// Where it is.
        path: PathBuf,
        /// What differs.
        what: String,
        /// What it is there.
        before: String,
        /// What it would be.
        now: String,
    },
    /// What an earlier run has left makes no sense.
    #[error("cannot be resumed: what an earlier run has left is damaged")]
    Unresumable,
    /// The export was told to stop.
    #[error("interrupted")]
    Interrupted,
    /// A defect of this program, caught before it could leave a wrong export.
    #[error("defect in slidezoom: {message}")]
    Defect {
        /// What was found.
        message: String,
    },
    /// The export failed, and what it had written could not be removed either.
    #[error("{cause}; and what was written so far could not be removed: {leftover}")]
    StalePolicy {
        /// Why the export failed.
        cause: Box<Error>,
        /// Why the rest could not be removed.
        leftover: SinkError,
    },
}

impl From<EntryNameError> for Error {
    fn from(error: EntryNameError) -> Self {
        Self::Destination(error.into())
    }
}
