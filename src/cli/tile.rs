//! `slidezoom tile`: one tile on demand.

use std::io::IsTerminal;
use std::path::{Path, PathBuf};

use crate::codec::TileEncoder;
use crate::engine::{exact_tile, nearest_tile};
use crate::layout::Container;
use crate::layout::tile_layout::TileLayout;
use crate::pixels::ReductionMethod;
use crate::plan::{BaseTiles, FormatOption};
use crate::sink::{OverwritePolicy, write_file};
use crate::{Error, ExportPlan};
use clap::Args;

use super::failure::Failure;
use super::options::{Jobs, PyramidOptions};
use super::reading::Reading;

/// Write one tile: from the slide's own level that is nearest in size, as openslide-python does
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The slide
    slide: PathBuf,

    /// The Deep Zoom level: 0 is the smallest
    level: u32,

    /// The tile's column, from 0 at the left
    column: u32,

    /// The tile's row, from 0 at the top
    row: u32,

    /// The file to write [default: stdout]
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,

    /// Replace the file where it exists
    #[arg(long)]
    overwrite: bool,

    /// The same bytes that export writes, by reducing the full size: slow for small levels
    #[arg(long)]
    exact: bool,

    #[command(flatten)]
    pyramid: PyramidOptions,

    #[command(flatten)]
    reading: Reading,

    #[command(flatten)]
    jobs: Jobs,
}

/// A JPEG called .png would be taken for damaged.
fn refuse_other_ending(output: Option<&Path>, format: FormatOption) -> Result<(), Failure> {
    let ending = output.and_then(Path::extension).and_then(|ending| ending.to_str()).map(str::to_ascii_lowercase);
    let fits = match ending.as_deref() {
        Some("jpg" | "jpeg") => format == FormatOption::Jpeg,
        Some("png") => format == FormatOption::Png,
        Some("webp") => matches!(format, FormatOption::WebP | FormatOption::WebPLossless),
        _ => true,
    };
    if fits {
        return Ok(());
    }
    Err(Failure::usage(
        "the file's ending does not fit the tile's format",
        "choose the format with --format jpeg, png, webp or webp-lossless",
    ))
}

pub(super) fn run(arguments: &Arguments) -> Result<(), Failure> {
    if arguments.output.is_none() && std::io::stdout().is_terminal() {
        return Err(Failure::usage("a tile is no text for a terminal", "give -o FILE, or send stdout elsewhere"));
    }
    let options = arguments.pyramid.resolve(Container::Folder, TileLayout::DeepZoom, BaseTiles::Encoded)?;
    if options.reduction != ReductionMethod::Mean && !arguments.exact {
        return Err(Failure::usage(
            "--reduce says how an export's levels are made, and this tile comes from the slide's own",
            "with --exact it is as an export has it",
        ));
    }
    refuse_other_ending(arguments.output.as_deref(), options.format)?;
    let canonical = |path: &Path| path.canonicalize().ok();
    if arguments.output.as_deref().and_then(canonical).is_some_and(|output| Some(output) == canonical(&arguments.slide))
    {
        return Err(Failure::usage("the tile would replace the slide itself", "give -o another name"));
    }
    let source = arguments.reading.open(&arguments.slide)?;
    let plan = ExportPlan::new(source.info(), "tile", &options)?;
    let tile = plan.tile(arguments.level, arguments.column, arguments.row)?;
    let pixels = if arguments.exact {
        exact_tile(source.as_ref(), &plan, tile, arguments.jobs.count())?
    } else {
        nearest_tile(source.as_ref(), &plan, tile)?
    };
    let mut encoder = TileEncoder::new(plan.format(), plan.color().embedded()).map_err(Error::from)?;
    let contents = encoder.encode(pixels.view()).map_err(|source| Error::Encode { tile, source })?;
    match &arguments.output {
        None => super::print(contents),
        Some(path) => {
            let existing = if arguments.overwrite { OverwritePolicy::Replace } else { OverwritePolicy::Refuse };
            write_file(path, contents, existing).map_err(Failure::from)
        }
    }
}
