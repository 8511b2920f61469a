//! Opening a slide or an image, with the options that `export`, `tile`, and `info` share.

use std::num::NonZeroU32;
use std::path::Path;

use crate::platform::is_stdin_a_file;
use crate::source::{self, OpenOptions, ReaderChoice, SampleRange, SlideError, Source};
use clap::Args;

use super::failure::Failure;
use super::values::{self, one_of};

#[derive(Debug, Args)]
#[command(next_help_heading = "Reading")]
pub(super) struct Reading {
    /// How to read the full-size pixels of a slide
    #[arg(long, value_name = "READER", default_value = "auto", hide_short_help = true, value_parser = one_of([
        ("auto", "Read JPEG tiles of TIFF files directly, everything else with OpenSlide", ReaderChoice::Auto),
        ("openslide", "Always use OpenSlide; the pixels are the same", ReaderChoice::OpenSlide),
    ]))]
    reader: ReaderChoice,

    /// Page of a multi-page TIFF file, counted from 1 [default: 1]
    ///
    /// TIFF slides are then read as ordinary images.
    #[arg(long, value_name = "N", hide_short_help = true)]
    page: Option<NonZeroU32>,

    /// Sample values of black and white in an ordinary image, such as 0,4095
    ///
    /// Values between them are scaled linearly, and values beyond them are clipped. Without
    /// --range, unsigned samples of up to 16 bits use their full range; all other samples require
    /// it.
    #[arg(long, value_name = "BLACK,WHITE", value_parser = values::range, allow_hyphen_values = true, hide_short_help = true)]
    range: Option<SampleRange>,

    /// Memory limit for images that cannot be streamed, such as 500M or 4G
    ///
    /// Interlaced PNG and progressive JPEG are decoded in memory, and so are ordinary images that
    /// are rotated, flipped, or downsampled. An image that needs more is refused before it is
    /// decoded.
    #[arg(long, value_name = "BYTES", default_value = "2G", hide_short_help = true, value_parser = values::memory)]
    max_memory: u64,
}

/// The input that stands for standard input.
pub(super) const STANDARD_INPUT: &str = "-";

impl Reading {
    /// Opens a slide or an image; `-` is standard input.
    ///
    /// # Errors
    /// [`Failure`] if it cannot be read.
    pub fn open(&self, path: &Path) -> Result<Box<dyn Source>, Failure> {
        if path != Path::new(STANDARD_INPUT) {
            return Ok(source::open_with(path, self.options())?);
        }
        let opened = source::open_pipe(
            Path::new("standard input"),
            Box::new(std::io::stdin()),
            &self.options(),
        );
        opened.map_err(|error| match error {
            error @ SlideError::NeedsFile { .. } if is_stdin_a_file() => {
                Failure::from(error).with_hint("give the name of the file instead of -")
            }
            error @ SlideError::EmptyInput { .. } if is_stdin_a_file() => Failure::from(error)
                .with_hint("the file is empty, or has already been read to its end"),
            error => error.into(),
        })
    }

    fn options(&self) -> OpenOptions {
        let Self { reader, page, range, max_memory } = *self;
        OpenOptions { reader, page, memory: max_memory, range }
    }
}
