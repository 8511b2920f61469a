//! Tests of the binary: its output, messages, exit codes, and the files that remain after failures
//! and kills.
//!
//! Every test makes its slides in its own temporary folder. Tests that interrupt a run wait for one
//! of its progress lines, never for a time. Tests that need what a machine lacks (root, strace,
//! libvips, real slides) are skipped with a line on stderr.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests fail by panicking"
)]

/// Reports on stderr that a test or a part of it was skipped. Writes to stderr directly, because
/// the test harness captures the output of passing tests.
macro_rules! skipped {
    ($($reason:tt)+) => {{
        use std::io::Write;
        let line = format!("SKIPPED, {}: {}\n", module_path!(), format_args!($($reason)+));
        std::io::stderr().write_all(line.as_bytes()).unwrap();
    }};
}

mod deep_zoom;
mod injection;
mod layout_expectation;
mod rgb_image;
mod slides;
mod tiff_files;
mod tools;
mod tree;
mod verify_report;
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
mod gray_tiles;
mod help;
mod hostile_archives;
mod iiif;
mod images;
mod information;
mod interruption;
mod kills;
mod layout;
mod layout_damage;
mod lossless;
mod names;
mod notes;
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
mod standard_input;
mod tile_index;
mod tile_layouts;
mod tiled_images;
mod unreadable;
mod usage;
mod verify;
mod verify_archives;
