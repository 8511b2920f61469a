//! An export in another container: folder, bag, `.zip` and `.szi`, each into each other, tiles byte for byte.
//!
//! What always holds: nothing is published but what was checked. Names and structure are looked at before anything is written, every file's
//! contents while they are copied, against the manifest or, where another tool wrote the export, against the pyramid; and the copy gets a manifest of
//! its own.

use std::collections::HashSet;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use crate::engine::ordered_executor;
use crate::engine::progress::{Progress, Workload};
use crate::engine::{Files, start_workers, write_tags};
use crate::error::Error;
use crate::export::sink_for;
use crate::export::verify::{Depth, Inspection, Problem, VerifyError};
use crate::geometry::MicronsPerPixel;
use crate::key::Digest;
use crate::key::EntryNameError;
use crate::layout::Container;
use crate::layout::tile_layout::TileLayout;
use crate::plan::Page;
use crate::sink::{OverwritePolicy, Sink, SinkError};

mod arrangement;
mod copying;

use arrangement::{Arrangement, Move};
use copying::Copying;

/// What is asked of a copy. `Default` is what the command line does without options.
#[derive(Clone, Copy, Debug, PartialEq, Default)]
pub struct RepackOptions {
    /// What the copy is kept in: a folder.
    pub container: Container,
    /// What stands under its name already: refuse.
    pub existing: OverwritePolicy,
    /// With a page, where the container can have one: the export's own, or a new one where it has none.
    pub page: Page,
    /// Micrometers per pixel, where the export does not say or is wrong; by default the export's.
    pub microns_per_pixel: Option<MicronsPerPixel>,
}

/// What a copy came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RepackReport {
    /// Tiles copied.
    pub tiles: u64,
    /// The tiles' bytes.
    pub tile_bytes: u64,
    /// Files that the copy does not have since they are about the container: what a bag's owner has written into its tags.
    pub left_out: Vec<String>,
}

/// Why an export was not repacked. Nothing was published then.
#[derive(Debug, thiserror::Error)]
pub enum RepackError {
    /// The export cannot be looked at.
    #[error(transparent)]
    Unreadable(#[from] VerifyError),
    /// The export is damaged.
    #[error("{path}: is damaged: {first}", path = path.display())]
    Damaged {
        /// The export.
        path: PathBuf,
        /// What is wrong first; verification tells all.
        first: Problem,
    },
    /// A `.szi` cannot hold these tiles.
    #[error("the tiles of a .szi have no overlap, and these have an overlap of {overlap}")]
    Overlap {
        /// The tiles' overlap.
        overlap: u32,
    },
    /// A `.szi` is Deep Zoom.
    #[error("a .szi holds Deep Zoom tiles, and these are laid out as {}", tile_layout.word())]
    Layout {
        /// The tiles' layout.
        tile_layout: TileLayout,
    },
    /// A `.szi` cannot hold tiles of this format.
    #[error("the tiles of a .szi are JPEG or PNG, and these are {extension}")]
    Format {
        /// The tiles' file name extension.
        extension: String,
    },
    /// A `.szi` must say how large a pixel is, and nobody does.
    #[error("the export does not say how many micrometers a pixel has, and a .szi must")]
    NoMicronsPerPixel,
    /// Two of the files would have the same name.
    #[error("two files would be called {name}")]
    Collision {
        /// The name.
        name: String,
    },
    /// The copy could not be written, or was told to stop.
    #[error(transparent)]
    Copy(#[from] Error),
}

impl From<EntryNameError> for RepackError {
    fn from(error: EntryNameError) -> Self {
        Self::Copy(error.into())
    }
}

impl From<SinkError> for RepackError {
    fn from(error: SinkError) -> Self {
        Self::Copy(error.into())
    }
}

/// Copies the export at `source` into `destination` on `jobs` worker threads.
///
/// # Errors
/// [`RepackError`] where the export is damaged, does not fit the container, or cannot be written. Nothing is published then.
pub fn repack(
    source: &Path,
    destination: &Path,
    options: &RepackOptions,
    jobs: NonZeroUsize,
    progress: &dyn Progress,
) -> Result<RepackReport, RepackError> {
    let mut inspection = Inspection::open(source)?;
    if !inspection.problems.is_empty() {
        return Err(RepackError::Damaged { path: source.to_owned(), first: inspection.problems.swap_remove(0) });
    }
    let pyramid = inspection.expectations.pyramid();
    let pyramid = pyramid.ok_or_else(|| VerifyError::NotAnExport { path: source.to_owned() })?;
    let arrangement = Arrangement::new(&inspection, pyramid, options)?;
    check_what_is_not_copied(source, &inspection, &arrangement)?;
    let sink = {
        let Arrangement { layout, tile_names, .. } = &arrangement;
        sink_for(layout, &pyramid.plan, tile_names.clone(), destination, options.existing)?
    };
    let pixels = arrangement.moves.iter().filter_map(|moved| moved.pixels).sum();
    progress.started(Workload { tiles: arrangement.tiles as u64, pixels });
    let written = write_all(source, &inspection, &arrangement, sink.as_ref(), jobs, progress);
    let in_time = |report| if progress.stop_requested() { Err(Error::Interrupted.into()) } else { Ok(report) };
    match written.and_then(in_time) {
        Ok(report) => {
            progress.committing();
            sink.commit()?;
            Ok(report)
        }
        Err(cause) => match (sink.abort(), cause) {
            (Ok(()), cause) => Err(cause),
            (Err(leftover), RepackError::Copy(cause)) => {
                Err(Error::Cleanup { cause: Box::new(cause), cleanup: leftover }.into())
            }
            (Err(leftover), _) => Err(leftover.into()),
        },
    }
}

/// The files that are made anew or left out are looked at as well: what is said of a damaged export would be wrong.
fn check_what_is_not_copied(
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
    ordered_executor::run(&start_workers(jobs)?, &mut copying, |number, _worker| {
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
        let unreadable =
            |error: std::io::Error| damaged(Problem::Unreadable { name: from.clone(), message: error.to_string() });
        let mut contents = inspection.export.open(from).map_err(unreadable)?;
        files.copy(to.clone(), &mut contents)?.map_err(unreadable)?;
    }
    for (name, contents) in &arrangement.made {
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
    Ok(RepackReport { tiles: tiles.len() as u64, tile_bytes, left_out: arrangement.left_out.clone() })
}
