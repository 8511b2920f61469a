//! The arguments of `slidezoom export`.

use std::path::PathBuf;

use clap::Args;

use super::options::{Jobs, PublishingOptions, PyramidOptions};
use super::progress::Mode;
use super::reading::Reading;
use super::values::one_of;
use crate::layout::Container;

/// Convert slides and images into static Deep Zoom pyramids
#[derive(Debug, Args)]
#[command(
    after_help = "\
Use --help to list all options.",
    after_long_help = "\
Examples:
  slidezoom export CMU-1.svs                     opens by double-click on CMU-1/index.html
  slidezoom export CMU-1.svs -o out/1 --quality 90
  slidezoom export CMU-1.svs -o CMU-1.zip        the same in one file
  slidezoom export CMU-1.svs -o CMU-1.szi --lossless
  slidezoom export a.svs b.ndpi slides/ -o out   one export each: out/a, out/b, …"
)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
pub(super) struct Arguments {
    /// Slides, images, or folders to search for slides; - reads an image from standard input
    ///
    /// Folders are searched for files with slide extensions. Standard input can be PNG, JPEG, WebP,
    /// BMP, or PNM.
    #[arg(required = true, value_name = "INPUT")]
    pub(super) inputs: Vec<PathBuf>,

    /// Folder, .zip, or .szi to write [default: the input's name without extension]
    ///
    /// With several inputs, OUT is a folder that gets one export each and a gallery page of all
    /// exports in it. It defaults to the current folder.
    #[arg(short, long, value_name = "OUT", help_heading = "Output")]
    pub(super) output: Option<PathBuf>,

    /// Container of each export [default: by the extension of OUT, else folder]
    #[arg(long, value_name = "KIND", help_heading = "Output", value_parser = one_of(
        Container::ALL.map(|container| (container.name(), container.description(), container)),
    ))]
    pub(super) container: Option<Container>,

    /// Replace an existing export, once the new one is complete
    #[arg(long, help_heading = "Output")]
    pub(super) overwrite: bool,

    /// Continue an interrupted export, and skip finished ones
    ///
    /// The result is byte for byte that of an uninterrupted run. Slide, options, and versions must
    /// be those of the interrupted run. If this run fails or is stopped, it keeps its progress for
    /// the next one.
    #[arg(long, help_heading = "Output")]
    pub(super) resume: bool,

    #[command(flatten)]
    pub(super) publishing: PublishingOptions,

    /// Copy native JPEG tiles to the full-size level without re-encoding
    ///
    /// Tiles have the native size and no overlap; --quality and --subsampling apply to the smaller
    /// levels. If the slide does not allow it, nothing is written and the message says why.
    #[arg(long, help_heading = "Tiles")]
    pub(super) lossless: bool,

    #[command(flatten)]
    pub(super) pyramid: PyramidOptions,

    #[command(flatten)]
    pub(super) reading: Reading,

    #[command(flatten)]
    pub(super) jobs: Jobs,

    /// Progress display on stderr
    #[arg(long, value_enum, value_name = "MODE", help_heading = "Run", default_value_t = Mode::Auto)]
    pub(super) progress: Mode,

    /// Print how each slide is read, and why
    #[arg(short, long, help_heading = "Run")]
    pub(super) verbose: bool,

    /// Print the plan with levels, tiles, and estimated bytes, and write nothing
    #[arg(long, help_heading = "Run")]
    pub(super) dry_run: bool,
}

impl Arguments {
    /// Whether there is exactly one slide, whose export `--output` names.
    pub fn is_single(&self) -> bool {
        self.inputs.len() == 1 && !self.inputs[0].is_dir()
    }
}
