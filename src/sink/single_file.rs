//! One file outside any export.

use std::fs::{self, File};
use std::io::Write;
use std::path::Path;

use super::existing::{Existing, exists};
use super::{SinkError, failed};

/// Writes one file beside its final name and renames it into place. What is no regular file (a pipe, a device) is written to.
///
/// # Errors
/// [`SinkError`] where a file exists and may not be replaced, or the file system refuses; what stood under the name before stands.
pub fn write_file(path: &Path, contents: &[u8], existing: Existing) -> Result<(), SinkError> {
    let name = path.file_name().ok_or_else(|| SinkError::Destination { path: path.to_owned() })?;
    if exists(path)? {
        let found = fs::metadata(path).map_err(failed("look at", path))?;
        if found.is_dir() {
            return Err(SinkError::NotAFile { path: path.to_owned() });
        }
        if !found.is_file() {
            let mut stream = fs::OpenOptions::new().write(true).open(path).map_err(failed("open", path))?;
            return stream.write_all(contents).map_err(failed("write", path));
        }
        if existing == Existing::Refuse {
            return Err(SinkError::Exists { path: path.to_owned() });
        }
    }
    let mut partial_name = std::ffi::OsString::from(".");
    partial_name.push(name);
    partial_name.push(format!(".{}.partial", std::process::id()));
    let partial = path.with_file_name(partial_name);
    let mut file = File::create_new(&partial).map_err(failed("create", path))?;
    let written = file
        .write_all(contents)
        .and_then(|()| file.sync_all())
        .map_err(failed("write", path))
        .and_then(|()| nix::unistd::close(file).map_err(|errno| failed("close", path)(errno.into())))
        .and_then(|()| fs::rename(&partial, path).map_err(failed("rename into place", path)));
    if written.is_err() {
        // What went wrong first is what the caller is told.
        let _ = fs::remove_file(&partial);
    }
    written
}
