//! Tests of the library: the engine against an independent rendering, and the contracts of sources
//! and sinks.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "tests say what broke by panicking"
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

mod archive_limits;
mod archive_sink;
mod associated_colors;
mod checkpoints;
mod cmyk;
mod damaged_images;
mod drawn_source;
mod engine;
mod failing_sink;
mod images;
mod pyramid;
mod quality;
mod readers;
mod reduction;
mod reference_image;
mod resume;
mod sample;
mod saved_images;
mod single_tile;
mod sink_faults;
mod sinks;
mod slide_pyramid;
mod sources;
mod unpackers;
mod zip_by_hand;
