//! `slidezoom tile`: writes one tile on demand.

use std::io::IsTerminal;
use std::path::{Path, PathBuf};

use clap::Args;

use super::failure::Failure;
use super::options::{Jobs, PyramidOptions};
use super::reading::Reading;
use super::terminal;
use crate::codec::TileEncoder;
use crate::engine::{exact_tile, nearest_tile};
use crate::layout::Container;
use crate::layout::tile_layout::TileLayout;
use crate::pixels::ReductionMethod;
use crate::plan::{BaseTiles, FormatOption};
use crate::sink::{OverwritePolicy, write_file};
use crate::{Error, ExportPlan};

/// Write one tile, from the slide level that is nearest in size
///
/// This is what openslide-python does. With --exact, the tile is the one that `slidezoom export`
/// writes.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  slidezoom tile CMU-1.svs 12 3 5 -o tile.jpeg")]
pub(super) struct Arguments {
    /// Slide or image
    slide: PathBuf,

    /// Deep Zoom level; 0 is the smallest
    level: u32,

    /// Column, counted from 0 at the left
    column: u32,

    /// Row, counted from 0 at the top
    row: u32,

    /// File to write [default: stdout]
    #[arg(short, long, value_name = "FILE", help_heading = "Output")]
    output: Option<PathBuf>,

    /// Replace an existing file
    #[arg(long, help_heading = "Output")]
    overwrite: bool,

    /// Write the same bytes as `slidezoom export`, by downsampling the full size
    ///
    /// Tiles of small levels are slow, because each needs most of the slide.
    #[arg(long, help_heading = "Output")]
    exact: bool,

    #[command(flatten)]
    pyramid: PyramidOptions,

    #[command(flatten)]
    reading: Reading,

    #[command(flatten)]
    jobs: Jobs,
}

/// Refuses an output whose extension is that of another format.
fn check_extension(output: &Path, format: FormatOption) -> Result<(), Failure> {
    let extension =
        output.extension().and_then(|extension| extension.to_str()).map(str::to_ascii_lowercase);
    let fits = match extension.as_deref() {
        Some("jpg" | "jpeg") => format == FormatOption::Jpeg,
        Some("png") => format == FormatOption::Png,
        Some("webp") => matches!(format, FormatOption::WebP | FormatOption::WebPLossless),
        _ => true,
    };
    if fits {
        return Ok(());
    }
    let message =
        format!("{}: the extension does not fit the format of the tile", output.display());
    Err(Failure::usage(
        message,
        "choose the format with --format jpeg, png, webp, or webp-lossless",
    ))
}

pub(super) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let output = arguments.output.as_deref();
    if output.is_none() && std::io::stdout().is_terminal() {
        return Err(Failure::usage(
            "cannot write a tile to a terminal",
            "add -o FILE, or redirect stdout",
        ));
    }
    let options =
        arguments.pyramid.resolve(Container::Folder, TileLayout::DeepZoom, BaseTiles::Encoded)?;
    if options.reduction != ReductionMethod::Mean && !arguments.exact {
        return Err(Failure::usage(
            "--reduce requires --exact: without it, tiles come from the slide's own levels",
            "add --exact, or omit --reduce",
        ));
    }
    if let Some(output) = output {
        check_extension(output, options.format)?;
        if output
            .canonicalize()
            .is_ok_and(|output| arguments.slide.canonicalize().is_ok_and(|slide| slide == output))
        {
            let message = format!("{}: the tile would replace the slide", output.display());
            return Err(Failure::usage(message, "choose another file with -o"));
        }
    }
    let source = arguments.reading.open(&arguments.slide)?;
    let plan = ExportPlan::new(source.info(), "tile", &options)?;
    let tile = plan.tile(arguments.level, arguments.column, arguments.row)?;
    let pixels = if arguments.exact {
        exact_tile(source.as_ref(), &plan, tile, arguments.jobs.count())?
    } else {
        nearest_tile(source.as_ref(), &plan, tile)?
    };
    let mut encoder =
        TileEncoder::new(plan.format(), plan.color().embedded()).map_err(Error::from)?;
    let contents =
        encoder.encode(pixels.view()).map_err(|source| Error::Encode { tile, source })?;
    match output {
        None => terminal::print(contents),
        Some(path) => {
            let existing = if arguments.overwrite {
                OverwritePolicy::Replace
            } else {
                OverwritePolicy::Refuse
            };
            write_file(path, contents, existing).map_err(Failure::from)
        }
    }
}
