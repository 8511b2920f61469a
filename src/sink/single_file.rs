//! Single files outside any export. A file gets its name only when it is complete.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};

use super::error::{SinkError, failed};
use super::file_ops::{create_missing, exists, hidden_sibling, remove_empty};
use super::overwrite::OverwritePolicy;
use crate::key::EntryNameError;
use crate::platform::{self, RenameError};

/// Writes a file under a hidden name and renames it into place. A pipe or a device is written to
/// directly.
///
/// # Errors
/// [`SinkError`] if the file exists and may not be replaced, or if the file system refuses. An
/// existing file is unchanged then.
pub fn write_file(path: &Path, contents: &[u8], policy: OverwritePolicy) -> Result<(), SinkError> {
    if path.file_name().is_none() {
        return Err(SinkError::Destination { path: path.to_owned() });
    }
    if exists(path)? {
        let found = fs::metadata(path).map_err(failed("inspect", path))?;
        if found.is_dir() {
            return Err(SinkError::NotAFile { path: path.to_owned() });
        }
        if !found.is_file() {
            let mut stream =
                fs::OpenOptions::new().write(true).open(path).map_err(failed("open", path))?;
            return stream.write_all(contents).map_err(failed("write", path));
        }
        if policy == OverwritePolicy::Refuse {
            return Err(SinkError::Exists { path: path.to_owned() });
        }
    }
    write_and_rename(path, contents, policy)
}

/// Writes a file under a hidden name and renames it.
fn write_and_rename(
    path: &Path,
    contents: &[u8],
    policy: OverwritePolicy,
) -> Result<(), SinkError> {
    let staging = hidden_sibling(path, &format!(".{}.partial", std::process::id()));
    let mut file = File::create_new(&staging).map_err(failed("create", path))?;
    let written = file
        .write_all(contents)
        .and_then(|()| file.sync_all())
        .map_err(failed("write", path))
        .and_then(|()| platform::close(file).map_err(failed("close", path)))
        .and_then(|()| put_in_place(&staging, path, policy));
    if written.is_err() {
        // The first error is the one to report.
        let _ = fs::remove_file(&staging);
    }
    written
}

fn put_in_place(staging: &Path, path: &Path, policy: OverwritePolicy) -> Result<(), SinkError> {
    if policy == OverwritePolicy::Refuse {
        match platform::rename_no_replace(staging, path) {
            Ok(()) => return Ok(()),
            Err(RenameError::Failed(error)) => {
                return Err(failed("rename into place", path)(error));
            }
            // Without such a rename, a file that appears between check and rename is replaced.
            Err(RenameError::Unsupported) if !exists(path)? => {}
            Err(RenameError::Exists | RenameError::Unsupported) => {
                return Err(SinkError::Exists { path: path.to_owned() });
            }
        }
    }
    fs::rename(staging, path).map_err(failed("rename into place", path))
}

/// New files in one folder: all or none. Dropping it removes the files written, unless
/// [`finish`](Self::finish) was called.
#[derive(Debug)]
pub struct NewFiles {
    folder: PathBuf,
    /// The folders created, outermost first.
    created: Vec<PathBuf>,
    written: Vec<PathBuf>,
}

impl NewFiles {
    /// Prepares to write files to `folder`, which is created if it is missing.
    ///
    /// # Errors
    /// [`SinkError::Exists`] if one of the `names` exists, [`SinkError::Name`] if one is not a
    /// plain file name, or [`SinkError`] if the file system refuses.
    pub fn create<'n>(
        folder: &Path,
        names: impl IntoIterator<Item = &'n str>,
    ) -> Result<Self, SinkError> {
        let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
        for name in names {
            let path = folder.join(plain(name)?);
            if exists(&path)? {
                return Err(SinkError::Exists { path });
            }
        }
        Ok(Self {
            folder: folder.to_owned(),
            created: create_missing(folder)?,
            written: Vec::new(),
        })
    }

    /// Writes a file and returns its path.
    ///
    /// # Errors
    /// See [`create`](Self::create).
    pub fn write(&mut self, name: &str, contents: &[u8]) -> Result<PathBuf, SinkError> {
        let path = self.folder.join(plain(name)?);
        write_and_rename(&path, contents, OverwritePolicy::Refuse)?;
        self.written.push(path.clone());
        Ok(path)
    }

    /// Makes the names of the files durable and keeps the files.
    ///
    /// # Errors
    /// [`SinkError`] if the file system refuses. The files are removed then.
    pub fn finish(mut self) -> Result<(), SinkError> {
        let folder = File::open(&self.folder).map_err(failed("open", &self.folder))?;
        folder.sync_all().map_err(failed("sync", &self.folder))?;
        self.written.clear();
        self.created.clear();
        Ok(())
    }
}

impl Drop for NewFiles {
    /// Removes the files. Errors are ignored, as one has been reported already.
    fn drop(&mut self) {
        for path in &self.written {
            let _ = fs::remove_file(path);
        }
        remove_empty(&self.created);
    }
}

/// Checks that a name stays in its folder.
fn plain(name: &str) -> Result<&str, SinkError> {
    let stays = !matches!(name, "" | "." | "..") && !name.contains(['/', '\0']);
    if stays { Ok(name) } else { Err(EntryNameError { name: name.to_owned() }.into()) }
}
