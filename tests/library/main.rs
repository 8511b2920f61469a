//! The library as its users see it: the pyramid's arithmetic against another tool's, the engine against an independent
//! rendering, and the contracts that every source and every sink keeps.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "tests say what broke by panicking"
)]

mod drawn_source;
mod engine;
mod failing_sink;
mod pyramid;
mod quality;
mod readers;
mod resume;
mod single_tile;
mod sinks;
mod sources;
