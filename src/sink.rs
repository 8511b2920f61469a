//! Destinations of an export.
//!
//! A [`Sink`] takes named files from many threads and publishes all of them together or none. Each
//! destination is one file of this module. [`DirectorySink`] and [`ArchiveSink`] share the commit
//! protocol (staging, sync, check, rename) in `publication`; writing a zip archive is separate
//! (`ordered_zip`).

mod archive;
mod background_sync;
mod checkpoint_file;
mod contract;
mod directory;
mod error;
mod file_ops;
mod memory;
mod ordered_zip;
mod overwrite;
mod publication;
mod single_file;
mod staging;
mod zip_stream;

pub use archive::ArchiveSink;
pub use contract::{Checkpoint, Resume, ResumeState, Role, Sink, WriteState};
pub use directory::DirectorySink;
pub use error::SinkError;
pub(crate) use error::failed;
pub use memory::{MemorySink, Published};
pub use overwrite::OverwritePolicy;
pub use single_file::{NewFiles, write_file};
