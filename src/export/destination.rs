//! Creates the sink that a plan requires.

use std::path::Path;

use crate::key::EntryName;
use crate::layout::tile_index::TileIndexBuilder;
use crate::layout::tile_layout::TileNames;
use crate::layout::{Container, Layout};
use crate::plan::ExportPlan;
use crate::pyramid::PyramidPlan;
use crate::sink::{ArchiveSink, DirectorySink, OverwritePolicy, Sink, SinkError};

/// Creates the sink that writes the export of `plan` to `destination`, in the plan's container.
///
/// # Errors
/// [`SinkError`] if the destination exists and may not be replaced, if another export is writing to
/// it, or if the file system refuses.
pub fn create_sink(
    plan: &ExportPlan,
    destination: &Path,
    existing: OverwritePolicy,
) -> Result<Box<dyn Sink>, SinkError> {
    sink_for(&plan.layout(), plan.pyramid(), plan.names(), destination, existing)
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
    make(&plan.layout(), plan.pyramid(), plan.names(), destination, existing, Begin::Resume)
}

/// Whether the output of an interrupted run is removed or resumed.
#[derive(Clone, Copy)]
enum Begin {
    Anew,
    Resume,
}

/// Creates the sink of an export with this layout, whose tiles are those of `pyramid`.
pub(crate) fn sink_for(
    layout: &Layout,
    pyramid: &PyramidPlan,
    names: TileNames,
    destination: &Path,
    existing: OverwritePolicy,
) -> Result<Box<dyn Sink>, SinkError> {
    make(layout, pyramid, names, destination, existing, Begin::Anew)
}

fn make(
    layout: &Layout,
    pyramid: &PyramidPlan,
    names: TileNames,
    destination: &Path,
    existing: OverwritePolicy,
    begin: Begin,
) -> Result<Box<dyn Sink>, SinkError> {
    match layout.container() {
        Container::Folder | Container::Bag => {
            let make = match begin {
                Begin::Anew => DirectorySink::create,
                Begin::Resume => DirectorySink::resuming,
            };
            Ok(Box::new(make(destination, existing)?))
        }
        Container::Zip | Container::Szi => {
            let index = TileIndexBuilder::new(
                EntryName::new(layout.tile_index())?,
                layout.description(),
                pyramid.clone(),
                names,
            );
            let root = EntryName::new(layout.name().to_owned())?;
            let make = match begin {
                Begin::Anew => ArchiveSink::create,
                Begin::Resume => ArchiveSink::resuming,
            };
            Ok(Box::new(make(destination, existing, root, Some(Box::new(index)))?))
        }
    }
}
