//! Creates the sink that a plan requires.

use std::path::Path;

use crate::key::EntryName;
use crate::layout::tile_index::TileIndexBuilder;
use crate::layout::tile_layout::TileNames;
use crate::layout::{Container, Layout};
use crate::plan::ExportPlan;
use crate::pyramid::PyramidPlan;
use crate::sink::{ArchiveSink, DirectorySink, OverwritePolicy, Sink, SinkError};

/// Prepares to write the export that `plan` settles as `destination`: a folder or an archive, as
/// the plan says.
///
/// # Errors
/// [`SinkError`] where the destination exists and may not be replaced, where another export is
/// writing to it, or where the file system refuses.
pub fn create_sink(
    plan: &ExportPlan,
    destination: &Path,
    existing: OverwritePolicy,
) -> Result<Box<dyn Sink>, SinkError> {
    sink_for(&plan.layout(), plan.pyramid(), plan.names(), destination, existing)
}

/// The same, but what a killed run has left behind is kept, and [`export`](crate::export()) goes on
/// from it. Where such an export fails, what it has written is left in turn for a later one.
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

/// Whether what a killed run has left is removed or taken up.
#[derive(Clone, Copy)]
enum Begin {
    Anew,
    Resume,
}

/// Prepares to write an export of this layout, whose tiles are those of `pyramid` under these
/// names.
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
