//! How a slide or an image is opened: shared by `export`, `tile` and `info`.

use std::fs::File;
use std::num::NonZeroU32;
use std::os::fd::AsFd;
use std::path::Path;

use crate::source::{self, OpenOptions, ReaderChoice, SampleRange, SlideError, Source};
use clap::{Args, ValueEnum};

use super::failure::Failure;
use super::values;

#[derive(Debug, Args)]
pub(super) struct Reading {
    /// How the full-size pixels of a slide are read; auto: JPEG tiles straight from TIFF files, several times faster, anything else
    /// through OpenSlide. The pixels are the same
    #[arg(long, value_enum, default_value_t = ReaderName::Auto)]
    reader: ReaderName,

    /// Of a TIFF file with several pictures, this one, counted from 1; TIFF files that are slides are then read as ordinary images [default: 1]
    #[arg(long, value_name = "N")]
    page: Option<NonZeroU32>,

    /// Of an ordinary image: which values of its samples become black and white. What lies between goes by a straight line, and what lies beyond
    /// is cut off [default: 0 and the greatest that the samples can have, for unsigned ones of up to 16 bits; all others need it]
    #[arg(long, value_name = "BLACK,WHITE", value_parser = values::range, allow_hyphen_values = true)]
    range: Option<SampleRange>,

    /// Memory for what cannot be read row by row: interlaced PNG, progressive JPEG, images that are turned or made smaller. Where it does not do, nothing is begun
    #[arg(long, value_name = "BYTES|nM|nG", default_value = "2G", value_parser = values::memory)]
    memory: u64,
}

/// How standard input is called as an input.
pub(super) const STANDARD_INPUT: &str = "-";

impl Reading {
    /// Opens a slide or an image by what was typed; `-` is standard input.
    ///
    /// # Errors
    /// [`Failure`] where it cannot be read.
    pub fn open(&self, path: &Path) -> Result<Box<dyn Source>, Failure> {
        if path != Path::new(STANDARD_INPUT) {
            return Ok(source::open_with(path, self.options())?);
        }
        let opened = source::open_pipe(Path::new("standard input"), Box::new(std::io::stdin()), &self.options());
        opened.map_err(|error| match error {
            error @ SlideError::NeedsFile { .. } if standard_input_is_a_file() => {
                Failure::from(error).hinted("give the file's name instead of -")
            }
            error @ SlideError::NothingCame { .. } if standard_input_is_a_file() => {
                Failure::from(error).hinted("the file is empty, or was read to its end before")
            }
            error => error.into(),
        })
    }

    fn options(&self) -> OpenOptions {
        let reader = match self.reader {
            ReaderName::Auto => ReaderChoice::Auto,
            ReaderName::Openslide => ReaderChoice::OpenSlide,
        };
        OpenOptions { reader, page: self.page, memory: self.memory, range: self.range }
    }
}

/// Whether standard input is a file (`< picture.tif`) and no pipe.
fn standard_input_is_a_file() -> bool {
    let input = std::io::stdin().as_fd().try_clone_to_owned().map(File::from);
    input.and_then(|input| input.metadata()).is_ok_and(|metadata| metadata.is_file())
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum ReaderName {
    Auto,
    Openslide,
}
