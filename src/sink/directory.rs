//! An export as a folder.
//!
//! Everything is written under `.<name>.partial/` beside the destination and renamed into place when all of it
//! is on the disk. The partial folder is locked while it is written: one that a killed run left behind is
//! removed, one that another run is writing is refused. The result of every system call is looked at, `close` among
//! them: that is where a network or a quota says that a file did not fit.

use std::fs::{self, File, TryLockError};
use std::io::{self, Write};
use std::os::fd::AsFd;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use nix::errno::Errno;
use nix::fcntl::{AT_FDCWD, RenameFlags, renameat2};

use super::early_sync::EarlySync;
use super::{EntryName, Sink, SinkError};

/// What to do where something stands under the final name already.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Existing {
    /// Leave it alone and fail.
    #[default]
    Refuse,
    /// Replace an earlier export, in one step, when the new one is whole. Anything that is no export is left alone.
    Replace,
}

/// Writes an export into a folder.
#[derive(Debug)]
pub struct DirectorySink {
    destination: PathBuf,
    partial: PathBuf,
    existing: Existing,
    /// The open partial folder: holds the lock, and remembers write errors from its opening on for the final sync.
    folder: File,
    /// The open folder above the destination, to make the rename durable.
    parent: File,
    /// `None` once it has ended.
    early_sync: Option<EarlySync>,
    /// How many files were written, to be counted again before they are published.
    files: AtomicU64,
    /// Folders above the destination that did not exist before, outermost first.
    made_for_it: Vec<PathBuf>,
    finished: bool,
}

impl DirectorySink {
    /// Prepares to write the folder `destination`. Its parent is made where it is missing.
    ///
    /// # Errors
    /// [`SinkError`] where the destination exists and may not be replaced, where another export is writing to it, or where
    /// the file system refuses.
    pub fn create(destination: &Path, existing: Existing) -> Result<Self, SinkError> {
        let unnamed = || SinkError::Destination { path: destination.to_owned() };
        let name = destination.file_name().ok_or_else(unnamed)?;
        let parent = parent_folder(destination);
        refuse_existing(destination, existing)?;
        let made_for_it = create_missing(parent)?;
        let mut partial_name = std::ffi::OsString::from(".");
        partial_name.push(name);
        partial_name.push(".partial");
        let partial = parent.join(partial_name);
        let opened = File::open(parent).map_err(failed("open", parent)).and_then(|parent| {
            let folder = claim(&partial, destination)?;
            match finish_replacing(destination, &aside(&partial)).and_then(|()| EarlySync::start(&folder, destination))
            {
                Ok(early_sync) => Ok((folder, parent, early_sync)),
                Err(error) => {
                    remove_folder(&partial)?;
                    Err(error)
                }
            }
        });
        let (folder, parent, early_sync) = opened.inspect_err(|_| remove_empty(&made_for_it))?;
        Ok(Self {
            destination: destination.to_owned(),
            partial,
            existing,
            folder,
            parent,
            early_sync: Some(early_sync),
            files: AtomicU64::new(0),
            made_for_it,
            finished: false,
        })
    }

    /// Removes everything written, and the folders that were made to write it in.
    fn remove_all(&self) -> Result<(), SinkError> {
        // Where something else has taken the partial folder's name, it is not ours to remove.
        if is_named(&self.folder, &self.partial)? {
            remove_folder(&self.partial)?;
        }
        remove_empty(&self.made_for_it);
        Ok(())
    }

    /// Makes a file, lets `write` fill it and tell its bytes, and closes it.
    fn write_file(
        &self,
        name: &EntryName,
        write: impl FnOnce(&mut File) -> io::Result<usize>,
    ) -> Result<(), SinkError> {
        let path = self.partial.join(name.as_str());
        let mut file = File::create_new(&path).map_err(failed("create", &path))?;
        let bytes = write(&mut file).map_err(failed("write", &path))?;
        nix::unistd::close(file).map_err(|errno| failed("close", &path)(errno.into()))?;
        self.files.fetch_add(1, Ordering::Relaxed);
        if let Some(early_sync) = &self.early_sync {
            early_sync.count(bytes);
        }
        Ok(())
    }

    /// Looks again at what is about to be published: it must be the folder that was locked, and hold every file that was written.
    fn check_written(&self) -> Result<(), SinkError> {
        let written = self.files.load(Ordering::Relaxed);
        let mut found = 0;
        for entry in walkdir::WalkDir::new(&self.partial) {
            let entry = entry.map_err(|error| failed("look through", &self.partial)(error.into()))?;
            found += u64::from(entry.file_type().is_file());
        }
        if found == written && is_named(&self.folder, &self.partial)? {
            return Ok(());
        }
        Err(SinkError::Disturbed { path: self.destination.clone(), written, found })
    }

    /// Renames the partial folder into place. `true` where it changed places with an earlier export, which is then the partial one.
    fn publish(&self) -> Result<bool, SinkError> {
        let renamed = failed("rename into place", &self.destination);
        if self.existing == Existing::Replace && exists(&self.destination)? {
            // It may have come, or changed, since the export began.
            refuse_existing(&self.destination, self.existing)?;
            match rename_with(&self.partial, &self.destination, RenameFlags::RENAME_EXCHANGE) {
                Ok(()) => {}
                Err(Errno::EINVAL | Errno::ENOSYS) => self.exchange_in_three_steps()?,
                Err(errno) => return Err(renamed(errno.into())),
            }
            return Ok(true);
        }
        match rename_with(&self.partial, &self.destination, RenameFlags::RENAME_NOREPLACE) {
            Ok(()) => Ok(false),
            Err(Errno::EEXIST | Errno::ENOTEMPTY) => Err(SinkError::Exists { path: self.destination.clone() }),
            // Some file systems cannot promise not to replace. A folder that is not empty is never replaced by rename(2).
            Err(Errno::EINVAL | Errno::ENOSYS) => {
                refuse_existing(&self.destination, Existing::Refuse)?;
                fs::rename(&self.partial, &self.destination).map_err(renamed)?;
                Ok(false)
            }
            Err(errno) => Err(renamed(errno.into())),
        }
    }

    /// Where the file system cannot exchange two folders in one step: the old one steps aside, and comes back if the new one
    /// cannot take its place.
    fn exchange_in_three_steps(&self) -> Result<(), SinkError> {
        let aside = aside(&self.partial);
        fs::rename(&self.destination, &aside).map_err(failed("rename", &self.destination))?;
        if let Err(error) = fs::rename(&self.partial, &self.destination) {
            fs::rename(&aside, &self.destination).map_err(failed("rename back", &aside))?;
            return Err(failed("rename into place", &self.destination)(error));
        }
        fs::rename(&aside, &self.partial).map_err(failed("rename", &aside))
    }
}

impl Sink for DirectorySink {
    fn create_folder(&self, name: &EntryName) -> Result<(), SinkError> {
        let path = self.partial.join(name.as_str());
        fs::create_dir(&path).map_err(failed("create", &path))
    }

    fn write(&self, _entry: u64, name: &EntryName, contents: &[u8]) -> Result<(), SinkError> {
        self.write_file(name, |file| {
            file.write_all(contents)?;
            Ok(contents.len())
        })
    }

    fn write_parts(
        &self,
        _entry: u64,
        name: &EntryName,
        parts: &mut dyn Iterator<Item = Vec<u8>>,
    ) -> Result<(), SinkError> {
        self.write_file(name, |file| {
            let mut bytes = 0;
            for part in parts {
                file.write_all(&part)?;
                bytes += part.len();
            }
            Ok(bytes)
        })
    }

    fn commit(mut self: Box<Self>) -> Result<(), SinkError> {
        if let Some(early_sync) = self.early_sync.take() {
            early_sync.end(&self.partial)?;
        }
        sync_tree(&self.folder, &self.partial)?;
        self.check_written()?;
        let replaced = self.publish()?;
        self.finished = true;
        let durable =
            self.parent.sync_all().map_err(failed("sync the folder of the export, which stands,", &self.destination));
        if replaced {
            remove_folder(&self.partial)?;
        }
        durable
    }

    fn abandon(mut self: Box<Self>) -> Result<(), SinkError> {
        self.finished = true;
        self.remove_all()
    }
}

impl Drop for DirectorySink {
    /// The net under a caller that neither commits nor abandons, or panics: there is nobody left to tell of a failure.
    fn drop(&mut self) {
        if !self.finished {
            let _ = self.remove_all();
        }
    }
}

pub(super) fn failed(action: &'static str, path: &Path) -> impl Fn(io::Error) -> SinkError {
    let path = path.to_owned();
    move |source| SinkError::Operation { action, path: path.clone(), source: Arc::new(source) }
}

/// Writes one file beside its final name and renames it into place. What is no regular file (a pipe, a device) is written to.
///
/// # Errors
/// [`SinkError`] where a file exists and may not be replaced, or the file system refuses; what stood under the name before stands.
pub fn write_file(path: &Path, contents: &[u8], existing: Existing) -> Result<(), SinkError> {
    let name = path.file_name().ok_or_else(|| SinkError::Destination { path: path.to_owned() })?;
    if exists(path)? {
        let found = fs::metadata(path).map_err(failed("look at", path))?;
        if found.is_dir() {
            return Err(SinkError::Destination { path: path.to_owned() });
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

fn parent_folder(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Where an earlier export steps aside while a new one takes its place, on file systems that cannot exchange the two.
fn aside(partial: &Path) -> PathBuf {
    partial.with_extension("former")
}

/// Ends what a kill between two of the three steps has left: the earlier export comes back, or goes where the new one stands.
fn finish_replacing(destination: &Path, aside: &Path) -> Result<(), SinkError> {
    if !exists(aside)? {
        return Ok(());
    }
    // Only what can have stepped aside is moved or removed: somebody else may have called a folder so.
    if !is_export(aside)? {
        return Err(SinkError::NotAnExport { path: aside.to_owned() });
    }
    if exists(destination)? {
        return remove_folder(aside);
    }
    fs::rename(aside, destination).map_err(failed("rename back", aside))
}

/// Makes a folder and those above it that are missing; returns what was made, outermost first.
fn create_missing(folder: &Path) -> Result<Vec<PathBuf>, SinkError> {
    let mut missing: Vec<&Path> = Vec::new();
    for ancestor in folder.ancestors().filter(|ancestor| !ancestor.as_os_str().is_empty()) {
        match fs::metadata(ancestor) {
            Ok(found) if found.is_dir() => break,
            Ok(_) => return Err(SinkError::NotAFolder { path: ancestor.to_owned() }),
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
                missing.push(ancestor);
            }
            Err(error) => return Err(failed("look at", ancestor)(error)),
        }
    }
    let mut made = Vec::new();
    for folder in missing.into_iter().rev() {
        match fs::create_dir(folder) {
            Ok(()) => made.push(folder.to_owned()),
            // Another export has just made it.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => {
                remove_empty(&made);
                return Err(failed("create", folder)(error));
            }
        }
    }
    Ok(made)
}

/// Removes folders from the innermost on, as far as they are empty: another export may be in them by now.
fn remove_empty(folders: &[PathBuf]) {
    for folder in folders.iter().rev() {
        if fs::remove_dir(folder).is_err() {
            return;
        }
    }
}

/// Whether anything has this name, be it a link that leads nowhere.
fn exists(path: &Path) -> Result<bool, SinkError> {
    match fs::symlink_metadata(path) {
        Ok(_) => Ok(true),
        // A file where a folder should be is told of when the folder is needed.
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => Ok(false),
        Err(error) => Err(failed("look at", path)(error)),
    }
}

fn refuse_existing(destination: &Path, existing: Existing) -> Result<(), SinkError> {
    if !exists(destination)? {
        return Ok(());
    }
    if !is_export(destination)? {
        return Err(SinkError::NotAnExport { path: destination.to_owned() });
    }
    match existing {
        Existing::Refuse => Err(SinkError::Exists { path: destination.to_owned() }),
        Existing::Replace => Ok(()),
    }
}

/// Whether a folder is an export and nothing else, or empty: `--overwrite` must not remove what anybody else has put there. One
/// descriptor, and beside it only names that an export has.
fn is_export(folder: &Path) -> Result<bool, SinkError> {
    let look = failed("look into", folder);
    if !fs::symlink_metadata(folder).map_err(&look)?.is_dir() {
        return Ok(false);
    }
    let mut names = Vec::new();
    for entry in fs::read_dir(folder).map_err(&look)? {
        names.push(entry.map_err(&look)?.file_name().to_string_lossy().into_owned());
    }
    let descriptors: Vec<&str> = names.iter().filter_map(|name| name.strip_suffix(".dzi")).collect();
    Ok(match descriptors[..] {
        [] => names.is_empty(),
        [export] => names.iter().all(|name| {
            let own = name.strip_prefix(export).is_some_and(|rest| matches!(rest, ".dzi" | "_files" | ".json"));
            own || matches!(name.as_str(), "index.html" | "viewer" | "associated" | "manifest-sha256.txt")
        }),
        _ => false,
    })
}

/// Makes the partial folder and locks it; removes one that a killed run left behind.
/// Errors name the destination: nobody has typed the hidden name.
fn claim(partial: &Path, destination: &Path) -> Result<File, SinkError> {
    loop {
        match fs::create_dir(partial) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                // A link or a file with this name is none of ours.
                if fs::symlink_metadata(partial).is_ok_and(|found| !found.is_dir()) {
                    return Err(SinkError::NotAFolder { path: partial.to_owned() });
                }
                let Some(_stale) = lock(partial)? else { continue };
                remove_folder(partial)?;
                continue;
            }
            Err(error) => return Err(failed("create", destination)(error)),
        }
        match lock(partial) {
            Ok(Some(folder)) => return Ok(folder),
            Ok(None) => {}
            Err(error) => {
                // It was made just now and holds nothing; unless another run was quicker to lock it, it goes. What went wrong first is what the
                // caller is told.
                if !matches!(error, SinkError::Busy { .. }) {
                    let _ = fs::remove_dir(partial);
                }
                return Err(error);
            }
        }
    }
}

/// Opens and locks a folder. `None` where it was replaced or removed in the meantime.
fn lock(folder: &Path) -> Result<Option<File>, SinkError> {
    let opened = match File::open(folder) {
        Ok(opened) => opened,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(failed("open", folder)(error)),
    };
    match opened.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => return Err(SinkError::Busy { path: folder.to_owned() }),
        Err(TryLockError::Error(error)) => return Err(failed("lock", folder)(error)),
    }
    Ok(is_named(&opened, folder)?.then_some(opened))
}

/// Whether an open folder is the one that has this name now.
fn is_named(opened: &File, name: &Path) -> Result<bool, SinkError> {
    let opened = opened.metadata().map_err(failed("look at", name))?;
    match fs::symlink_metadata(name) {
        Ok(named) => Ok((named.dev(), named.ino()) == (opened.dev(), opened.ino())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(failed("look at", name)(error)),
    }
}

fn remove_folder(folder: &Path) -> Result<(), SinkError> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(failed("remove", folder)(error)),
        _ => Ok(()),
    }
}

fn rename_with(from: &Path, to: &Path, flags: RenameFlags) -> nix::Result<()> {
    renameat2(AT_FDCWD, from, AT_FDCWD, to, flags)
}

/// Brings all files to the disk. One call for the whole file system: a call for each of 100,000 files takes minutes. From Linux
/// 5.8 on it also reports what failed to be written since `folder` was opened.
fn sync_tree(folder: &File, path: &Path) -> Result<(), SinkError> {
    nix::unistd::syncfs(folder.as_fd()).map_err(|errno| failed("sync", path)(errno.into()))
}
