//! Exports that exist: opened, recognized, verified, repacked and listed in a gallery.

mod destination;
pub mod exported;
mod finished;
pub mod gallery;
pub mod repack;
pub mod verify;

pub(crate) use destination::sink_for;
pub use destination::{create_sink, resume_sink};
pub use finished::check_finished;
