//! Whether what exists at a destination may be replaced. Only an export ever is.

use std::fs;
use std::path::Path;

use super::error::{SinkError, failed};
use super::file_ops::{exists, names_in};
use crate::archive::{Archive, ArchiveError};
use crate::layout::recognition::{
    PAYLOAD, is_bag, is_export_archive, is_export_bag, is_export_folder,
};

/// What to do if the destination exists.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum OverwritePolicy {
    /// Fail and leave it alone.
    #[default]
    Refuse,
    /// Replace an earlier export, in one step, once the new one is whole. Anything else is left
    /// alone.
    Replace,
}

/// Refuses a destination that exists and may not be replaced; `is_export` tells whether it is an
/// export of the right kind.
pub(super) fn refuse_existing(
    destination: &Path,
    policy: OverwritePolicy,
    is_export: impl Fn(&Path) -> Result<bool, SinkError>,
) -> Result<(), SinkError> {
    if !exists(destination)? {
        return Ok(());
    }
    if !is_export(destination)? {
        return Err(SinkError::NotAnExport { path: destination.to_owned() });
    }
    match policy {
        OverwritePolicy::Refuse => Err(SinkError::Exists { path: destination.to_owned() }),
        OverwritePolicy::Replace => Ok(()),
    }
}

/// Whether a file is an archive of an export and nothing else.
pub(super) fn is_archive_of_export(file: &Path) -> Result<bool, SinkError> {
    if !fs::symlink_metadata(file).map_err(failed("inspect", file))?.is_file() {
        return Ok(false);
    }
    match Archive::open(file) {
        Ok(archive) => {
            Ok(is_export_archive(archive.entries().iter().map(|entry| entry.unicode_name())))
        }
        Err(ArchiveError::Read { source, .. }) => {
            Err(SinkError::Operation { action: "read", path: file.to_owned(), source })
        }
        Err(_) => Ok(false),
    }
}

/// Whether a folder is an export and nothing else, or empty.
pub(super) fn is_folder_of_export(folder: &Path) -> Result<bool, SinkError> {
    let Some(names) = names_in(folder)? else { return Ok(false) };
    if !is_bag(&names) {
        return Ok(is_export_folder(&names));
    }
    let payload = names_in(&folder.join(PAYLOAD))?;
    Ok(payload.is_some_and(|payload| is_export_bag(&names, &payload)))
}
