//! Copies an export into another container: folder, bag, `.zip`, or `.szi`.
//!
//! Tiles are copied byte for byte. Names and structure are checked before anything is written, and
//! the contents of every file while they are copied: against the manifest, or against the pyramid
//! if another tool wrote the export. The copy gets its own manifest.

use std::collections::HashSet;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use crate::engine::ordered_executor;
use crate::engine::progress::{Progress, Workload};
use crate::engine::{Files, start_workers, write_tags};
use crate::error::Error;
use crate::export::verify::{Depth, Inspection, Problem, VerifyError};
use crate::export::{StartMode, sink_for};
use crate::geometry::MicronsPerPixel;
use crate::key::Digest;
use crate::layout::Container;
use crate::layout::tile_layout::TileLayout;
use crate::plan::Page;
use crate::sink::{OverwritePolicy, Sink};

mod arrangement;
mod copying;

use arrangement::{Arrangement, Move};
use copying::Copying;

option_struct! {
    /// Options of a copy. `Default` is the default of the command line.
    #[derive(Clone, Copy, Debug, PartialEq, Default)]
    pub struct RepackOptions {
        /// The container of the copy; a folder by default.
        pub container: Container,
        /// What to do if the destination exists; refuse by default.
        pub existing: OverwritePolicy,
        /// Whether the copy gets a viewer page: that of the export, or else a new one. A `.szi`
        /// never has one.
        pub page: Page,
        /// Micrometers per pixel at full size; by default the export's.
        pub microns_per_pixel: Option<MicronsPerPixel>,
    }
}

/// The result of [`repack`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RepackReport {
    /// The number of tiles copied.
    pub tiles: u64,
    /// The total size of the tiles in bytes.
    pub tile_bytes: u64,
    /// Tag files of a bag that were not copied, because they describe the bag itself.
    pub skipped: Vec<String>,
}

/// Why an export cannot be copied. Nothing was published.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RepackError {
    /// The export cannot be opened.
    #[error(transparent)]
    Unreadable(#[from] VerifyError),
    /// The export is damaged.
    #[error("{path}: is damaged: {first}", path = path.display())]
    Damaged {
        /// The export.
        path: PathBuf,
        /// The first problem; verification lists all.
        first: Problem,
    },
    /// A `.szi` cannot hold these tiles.
    #[error("tiles of a .szi cannot overlap (the overlap is {overlap})")]
    Overlap {
        /// The tiles' overlap.
        overlap: u32,
    },
    /// A `.szi` is Deep Zoom.
    #[error("a .szi must contain Deep Zoom tiles (the layout is {})", tile_layout.word())]
    Layout {
        /// The tiles' layout.
        tile_layout: TileLayout,
    },
    /// A `.szi` cannot hold tiles of this format.
    #[error("tiles of a .szi must be JPEG or PNG (these are {extension})")]
    Format {
        /// The tiles' file name extension.
        extension: String,
    },
    /// A `.szi` must contain the micrometers per pixel, which are unknown.
    #[error("the export does not state its micrometers per pixel, which a .szi must contain")]
    NoMicronsPerPixel,
    /// Two of the files would have the same name.
    #[error("two files would have the name {name}")]
    Collision {
        /// The name.
        name: String,
    },
    /// The copy could not be written, or was interrupted.
    #[error(transparent)]
    Copy(Error),
}

impl<E: Into<Error>> From<E> for RepackError {
    fn from(error: E) -> Self {
        Self::Copy(error.into())
    }
}

/// Copies the export at `source` into `destination` on `jobs` worker threads.
///
/// # Errors
/// [`RepackError`] if the export is damaged, does not fit the container, or cannot be written.
/// Nothing is published then.
pub fn repack(
    source: &Path,
    destination: &Path,
    options: &RepackOptions,
    jobs: NonZeroUsize,
    progress: &dyn Progress,
) -> Result<RepackReport, RepackError> {
    let mut inspection = Inspection::open(source)?;
    if !inspection.problems.is_empty() {
        return Err(RepackError::Damaged {
            path: source.to_owned(),
            first: inspection.problems.swap_remove(0),
        });
    }
    let pyramid = inspection.expectations.pyramid.as_ref();
    let pyramid = pyramid.ok_or_else(|| VerifyError::NotAnExport { path: source.to_owned() })?;
    let arrangement = Arrangement::new(&inspection, pyramid, options)?;
    check_uncopied_files(source, &inspection, &arrangement)?;
    let sink = {
        let Arrangement { layout, tile_names, .. } = &arrangement;
        sink_for(
            layout,
            &pyramid.plan,
            tile_names.clone(),
            destination,
            options.existing,
            StartMode::Create,
        )?
    };
    let pixels = arrangement.moves.iter().filter_map(|moved| moved.pixels).sum();
    progress.started(Workload { tiles: arrangement.tiles as u64, pixels });
    let written = write_all(source, &inspection, &arrangement, sink.as_ref(), jobs, progress);
    let unless_stopped = |report| {
        if progress.stop_requested() { Err(Error::Interrupted.into()) } else { Ok(report) }
    };
    match written.and_then(unless_stopped) {
        Ok(report) => {
            progress.committing();
            sink.commit()?;
            Ok(report)
        }
        Err(cause) => match (sink.abort(), cause) {
            (Ok(()), cause) => Err(cause),
            (Err(cleanup), RepackError::Copy(cause)) => {
                Err(Error::Cleanup { cause: Box::new(cause), cleanup }.into())
            }
            (Err(cleanup), _) => Err(cleanup.into()),
        },
    }
}

/// Checks the files that are skipped or generated again. The copy's metadata comes from them, so
/// they must not be damaged either.
fn check_uncopied_files(
    source: &Path,
    inspection: &Inspection,
    arrangement: &Arrangement,
) -> Result<(), RepackError> {
    let copied: HashSet<&str> = arrangement.moves.iter().map(|moved| moved.from.as_str()).collect();
    let names = inspection.export.files().keys().filter(|name| !copied.contains(name.as_str()));
    match names.into_iter().find_map(|name| inspection.check(name, Depth::Full)) {
        Some(first) => Err(RepackError::Damaged { path: source.to_owned(), first }),
        None => Ok(()),
    }
}

fn write_all(
    source: &Path,
    inspection: &Inspection,
    arrangement: &Arrangement,
    sink: &dyn Sink,
    jobs: NonZeroUsize,
    progress: &dyn Progress,
) -> Result<RepackReport, RepackError> {
    let (tiles, others) = arrangement.moves.split_at(arrangement.tiles);
    let mut copying = Copying::new(tiles.len());
    let workers = start_workers(jobs)?;
    ordered_executor::run(&workers, &mut copying, |number, _worker| {
        copying::copy(inspection, &tiles[number], number, sink, progress)
    })?;
    let copied = match copying.into_copied() {
        Ok(copied) => copied,
        Err(first) => return Err(RepackError::Damaged { path: source.to_owned(), first }),
    };
    let layout = &arrangement.layout;
    let tile_bytes = copied.iter().map(|(_, bytes)| bytes).sum();
    let mut files = Files::new(sink, copied.len() as u64, copied.len() as u64);
    for Move { from, to, .. } in others {
        let damaged = |first| RepackError::Damaged { path: source.to_owned(), first };
        if let Some(first) = inspection.check(from, Depth::Full) {
            return Err(damaged(first));
        }
        let unreadable = |error| damaged(Problem::unreadable(from, &error));
        let mut contents = inspection.export.open(from).map_err(unreadable)?;
        files.copy(to.clone(), &mut contents)?.map_err(unreadable)?;
    }
    for (name, contents) in &arrangement.generated {
        files.write(name.clone(), contents)?;
    }
    let moved = tiles.iter().zip(&copied).map(|(moved, (digest, _))| (moved.to.clone(), *digest));
    let last = arrangement.last.iter().map(|(name, contents)| (name.clone(), Digest::of(contents)));
    let listed = moved.chain(files.take_digests()).chain(last);
    let manifest = files.write_manifest(layout.manifest(), listed)?;
    for (name, contents) in &arrangement.last {
        files.write(name.clone(), contents)?;
    }
    if layout.container() == Container::Bag {
        write_tags(&mut files, tile_bytes, (&layout.manifest(), manifest))?;
    }
    Ok(RepackReport { tiles: tiles.len() as u64, tile_bytes, skipped: arrangement.skipped.clone() })
}
