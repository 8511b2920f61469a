//! Existing exports: opens, recognizes, verifies and repacks them, and lists them in a gallery.

mod destination;
pub mod existing;
mod finished;
pub mod gallery;
pub mod repack;
pub mod verify;

pub(crate) use destination::{StartMode, sink_for};
pub use destination::{create_sink, resume_sink};
pub use finished::check_finished;
