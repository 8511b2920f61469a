//! Single files outside any export.
//!
//! What always holds: under a file's final name stands either all of it or what stood there before.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::fcntl::{AT_FDCWD, RenameFlags, renameat2};

use super::existing::{OverwritePolicy, exists};
use super::staging::{create_missing, remove_empty};
use super::{SinkError, failed};
use crate::key::EntryNameError;

/// Writes one file beside its final name and renames it into place. What is no regular file (a pipe, a device) is written to.
///
/// # Errors
/// [`SinkError`] where a file exists and may not be replaced, or the file system refuses; what stood under the name before stands.
pub fn write_file(path: &Path, contents: &[u8], existing: OverwritePolicy) -> Result<(), SinkError> {
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
        if existing == OverwritePolicy::Refuse {
            return Err(SinkError::Exists { path: path.to_owned() });
        }
    }
    write_beside(path, name, contents, existing)
}

/// Writes a file under a hidden name and renames it.
fn write_beside(
    path: &Path,
    name: &std::ffi::OsStr,
    contents: &[u8],
    existing: OverwritePolicy,
) -> Result<(), SinkError> {
    let mut staging_name = std::ffi::OsString::from(".");
    staging_name.push(name);
    staging_name.push(format!(".{}.partial", std::process::id()));
    let staging = path.with_file_name(staging_name);
    let mut file = File::create_new(&staging).map_err(failed("create", path))?;
    let written = file
        .write_all(contents)
        .and_then(|()| file.sync_all())
        .map_err(failed("write", path))
        .and_then(|()| nix::unistd::close(file).map_err(|errno| failed("close", path)(errno.into())))
        .and_then(|()| put_in_place(&staging, path, existing));
    if written.is_err() {
        // What went wrong first is what the caller is told.
        let _ = fs::remove_file(&staging);
    }
    written
}

fn put_in_place(staging: &Path, path: &Path, existing: OverwritePolicy) -> Result<(), SinkError> {
    if existing == OverwritePolicy::Refuse {
        match renameat2(AT_FDCWD, staging, AT_FDCWD, path, RenameFlags::RENAME_NOREPLACE) {
            Ok(()) => return Ok(()),
            Err(Errno::EEXIST) => return Err(SinkError::Exists { path: path.to_owned() }),
            // Some file systems cannot promise not to replace: what came in between the look and the renaming would be replaced.
            Err(Errno::EINVAL | Errno::ENOSYS) if exists(path)? => {
                return Err(SinkError::Exists { path: path.to_owned() });
            }
            Err(Errno::EINVAL | Errno::ENOSYS) => {}
            Err(errno) => return Err(failed("rename into place", path)(errno.into())),
        }
    }
    fs::rename(staging, path).map_err(failed("rename into place", path))
}

/// New files in one folder: all of them, or none. What was written goes again unless [`finish`](Self::finish) was called.
#[derive(Debug)]
pub struct NewFiles {
    folder: PathBuf,
    /// The folders that were made, outermost first.
    made: Vec<PathBuf>,
    written: Vec<PathBuf>,
}

impl NewFiles {
    /// Begins to write files into `folder`, which is made where it is missing.
    ///
    /// # Errors
    /// [`SinkError::Exists`] where anything has one of the `names` already, [`SinkError::Name`] where one is not a plain file's;
    /// [`SinkError`] where the file system refuses.
    pub fn create<'n>(folder: &Path, names: impl IntoIterator<Item = &'n str>) -> Result<Self, SinkError> {
        let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
        for name in names {
            let path = folder.join(plain(name)?);
            if exists(&path)? {
                return Err(SinkError::Exists { path });
            }
        }
        Ok(Self { folder: folder.to_owned(), made: create_missing(folder)?, written: Vec::new() })
    }

    /// Writes a file; returns its path.
    ///
    /// # Errors
    /// As [`create`](Self::create).
    pub fn write(&mut self, name: &str, contents: &[u8]) -> Result<PathBuf, SinkError> {
        let path = self.folder.join(plain(name)?);
        write_beside(&path, name.as_ref(), contents, OverwritePolicy::Refuse)?;
        self.written.push(path.clone());
        Ok(path)
    }

    /// Brings the files' names to the disk, and lets the files stand.
    ///
    /// # Errors
    /// [`SinkError`] where the file system refuses; nothing is left then.
    pub fn finish(mut self) -> Result<(), SinkError> {
        let folder = File::open(&self.folder).map_err(failed("open", &self.folder))?;
        folder.sync_all().map_err(failed("sync", &self.folder))?;
        self.written.clear();
        self.made.clear();
        Ok(())
    }
}

impl Drop for NewFiles {
    /// What went wrong first is what the caller is told.
    fn drop(&mut self) {
        for path in &self.written {
            let _ = fs::remove_file(path);
        }
        remove_empty(&self.made);
    }
}

/// A name that stays in its folder.
fn plain(name: &str) -> Result<&str, SinkError> {
    let stays = !matches!(name, "" | "." | "..") && !name.contains(['/', '\0']);
    if stays { Ok(name) } else { Err(EntryNameError { name: name.to_owned() }.into()) }
}
