//! The real binary, as a user runs it: what it writes, what it says, what it answers, and what it
//! leaves behind.
//!
//! Every test works in a folder of its own, on slides of its own making. Nothing waits by the
//! clock: a test that has to strike in the middle of a run waits for the run's own progress lines.
//! What a machine lacks (root for a small disk, the real slides beside the checkout) is skipped
//! with a line on stderr that says so.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that cannot go on says so and stops"
)]

/// Says that a test, or a part of one, was skipped, and why: on stderr itself, because the test
/// harness keeps what a passing test prints to itself.
macro_rules! skipped {
    ($($reason:tt)+) => {{
        use std::io::Write;
        let line = format!("SKIPPED, {}: {}\n", module_path!(), format_args!($($reason)+));
        std::io::stderr().write_all(line.as_bytes()).unwrap();
    }};
}

mod deep_zoom;
mod injection;
mod pictures;
mod random;
mod slides;
mod tiff_files;
mod tools;
mod tree;
mod verdict;
mod workspace;
mod zip_file;

mod archives;
mod associated;
mod bad_images;
mod bags;
mod blank_tiles;
mod colors;
mod containers;
mod depth;
mod descriptions;
mod destinations;
mod existing_archives;
mod existing_output;
mod failing_calls;
mod finished;
mod foreign_archives;
mod formats;
mod full_disk;
mod gallery;
mod geometry;
mod golden;
mod gray_and_cmyk;
mod help;
mod hostile_archives;
mod images;
mod information;
mod interruption;
mod kills;
mod layout;
mod lossless;
mod names;
mod pixels;
mod plan;
mod progress;
mod read_errors;
mod reductions;
mod repack;
mod resolution;
mod scales;
mod several_inputs;
mod shared_slides;
mod short_writes;
mod single_tile;
mod smart_zoom;
mod tile_index;
mod tile_layouts;
mod tiled_images;
mod unreadable;
mod unshown;
mod usage;
mod verify;
mod verify_archives;
