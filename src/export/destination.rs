//! Creates the sink that a plan requires.

use std::path::Path;

use crate::key::EntryName;
use crate::layout::tile_index::TileIndexBuilder;
use crate::layout::tile_layout::TileNames;
use crate::layout::{Container, Layout};
use crate::plan::ExportPlan;
use crate::pyramid::PyramidPlan;
use crate::sink::{ArchiveSink, DirectorySink, OverwritePolicy, Sink, SinkError};

/// Creates the sink that writes the export of `plan` to `destination`. The plan chooses between a
/// folder and an archive.
///
/// # Errors
/// [`SinkError`] if the destination exists and must not be replaced, if another export is being
/// written to it, or if the file system refuses.
pub fn create_sink(
    plan: &ExportPlan,
    destination: &Path,
    existing: OverwritePolicy,
) -> Result<Box<dyn Sink>, SinkError> {
    let mode = StartMode::Create;
    sink_for(&plan.layout(), plan.pyramid(), plan.names(), destination, existing, mode)
}

/// Like [`create_sink`], but keeps the output of an interrupted run that has a checkpoint, so that
/// [`export`](crate::export()) resumes it. If the export fails again, its output is kept once more.
/// A container whose sink cannot resume starts from the beginning.
///
/// # Errors
/// As [`create_sink`].
pub fn resume_sink(
    plan: &ExportPlan,
    destination: &Path,
    existing: OverwritePolicy,
) -> Result<Box<dyn Sink>, SinkError> {
    let mode = StartMode::Resume;
    sink_for(&plan.layout(), plan.pyramid(), plan.names(), destination, existing, mode)
}

/// Whether the staging output of an interrupted run is removed or resumed.
#[derive(Clone, Copy)]
pub(crate) enum StartMode {
    Create,
    Resume,
}

/// Creates the sink for an export with this layout, pyramid and tile names.
pub(crate) fn sink_for(
    layout: &Layout,
    pyramid: &PyramidPlan,
    names: TileNames,
    destination: &Path,
    existing: OverwritePolicy,
    mode: StartMode,
) -> Result<Box<dyn Sink>, SinkError> {
    match layout.container() {
        Container::Folder | Container::Bag => {
            let create = match mode {
                StartMode::Create => DirectorySink::create,
                StartMode::Resume => DirectorySink::resuming,
            };
            Ok(Box::new(create(destination, existing)?))
        }
        Container::Zip | Container::Szi => {
            let index = TileIndexBuilder::new(
                EntryName::new(layout.tile_index())?,
                layout.description(),
                pyramid.clone(),
                names,
            );
            let root = EntryName::new(layout.name().to_owned())?;
            let create = match mode {
                StartMode::Create => ArchiveSink::create,
                StartMode::Resume => ArchiveSink::resuming,
            };
            Ok(Box::new(create(destination, existing, root, Some(Box::new(index)))?))
        }
    }
}
