//! The commit protocol of an export in the file system, whether a folder or a file.
//!
//! An export is written to a hidden, locked [staging](super::staging) folder or file next to the
//! destination, synced to the disk, checked, renamed into place, and the parent folder synced. The
//! result of every system call is checked.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use super::background_sync::BackgroundSync;
use super::checkpoint_file::CheckpointFile;
use super::contract::{Checkpoint, ResumeState};
use super::error::{SinkError, failed};
use super::file_ops::{
    create_missing, exists, is_named, parent_folder, remove_empty, remove_file, remove_folder,
};
use super::overwrite::{OverwritePolicy, refuse_existing};
use super::staging::{Claimed, Kind, StalePolicy, claim, lock, staging_path};
use crate::platform::{self, RenameError};

/// The staging output of one export, and how it is published.
#[derive(Debug)]
pub(super) struct Publication {
    kind: Kind,
    destination: PathBuf,
    staging: PathBuf,
    policy: OverwritePolicy,
    stale: StalePolicy,
    /// The open staging folder or file, which holds the lock. The final sync of a folder reports
    /// all write errors since it was opened.
    file: File,
    /// The open parent folder, to make the rename durable.
    parent: File,
    /// `None` once it has ended.
    background_sync: Option<BackgroundSync>,
    checkpoints: CheckpointFile,
    resume_state: Option<ResumeState>,
    /// The parent folders that were created, outermost first.
    created_parents: Vec<PathBuf>,
    finished: bool,
}

impl Publication {
    /// Prepares to write to `destination`, whose parent folder is created if it is missing.
    pub fn begin(
        kind: Kind,
        destination: &Path,
        policy: OverwritePolicy,
        stale: StalePolicy,
    ) -> Result<Self, SinkError> {
        let staging = staging_path(destination)?;
        let checkpoints = CheckpointFile::of(destination);
        refuse_existing(destination, policy, |path| kind.is_export(path))
            .inspect_err(|_| checkpoints.clear_up_after(&staging))?;
        let created_parents = create_missing(parent_folder(destination))?;
        match Self::begin_in(kind, destination, staging, policy, stale, checkpoints) {
            Ok(mut begun) => {
                begun.created_parents = created_parents;
                Ok(begun)
            }
            Err(error) => {
                remove_empty(&created_parents);
                Err(error)
            }
        }
    }

    fn begin_in(
        kind: Kind,
        destination: &Path,
        staging: PathBuf,
        policy: OverwritePolicy,
        stale: StalePolicy,
        checkpoints: CheckpointFile,
    ) -> Result<Self, SinkError> {
        let parent_path = parent_folder(destination);
        let parent = File::open(parent_path).map_err(failed("open", parent_path))?;
        let Claimed { file, resume_state } = claim(kind, &staging, destination, stale)?;
        let start = || {
            if kind == Kind::Folder {
                finish_replacing(destination, &backup(&staging))?;
            }
            let file = file.try_clone().map_err(failed("open", destination))?;
            BackgroundSync::start(destination, checkpoints.clone(), move || match kind {
                Kind::Folder => platform::sync_file_system(&file),
                Kind::File => file.sync_data(),
            })
        };
        let background_sync = match start() {
            Ok(background_sync) => Some(background_sync),
            Err(error) => {
                if resume_state.is_none() {
                    kind.remove(&staging)?;
                }
                return Err(error);
            }
        };
        Ok(Self {
            kind,
            destination: destination.to_owned(),
            staging,
            policy,
            stale,
            file,
            parent,
            background_sync,
            checkpoints,
            resume_state,
            created_parents: Vec::new(),
            finished: false,
        })
    }

    pub fn destination(&self) -> &Path {
        &self.destination
    }

    pub fn staging(&self) -> &Path {
        &self.staging
    }

    /// The open staging folder or file.
    pub const fn file(&self) -> &File {
        &self.file
    }

    pub const fn resume_state(&self) -> Option<&ResumeState> {
        self.resume_state.as_ref()
    }

    /// Counts bytes that were written.
    pub fn count(&self, bytes: u64) {
        if let Some(background_sync) = &self.background_sync {
            background_sync.count(bytes);
        }
    }

    /// Keeps a checkpoint once everything written so far is on the disk.
    pub fn checkpoint(&self, checkpoint: Checkpoint, container_bytes: u64) {
        if let Some(background_sync) = &self.background_sync {
            background_sync.keep(checkpoint, container_bytes);
        }
    }

    /// Whether the staging name still belongs to the folder or file that was locked.
    pub fn is_intact(&self) -> Result<bool, SinkError> {
        is_named(&self.file, &self.staging)
    }

    /// An error that says that other than `written` files or bytes were found.
    pub fn disturbed(&self, written: u64, found: u64, unit: &'static str) -> SinkError {
        SinkError::Disturbed { path: self.destination.clone(), written, found, unit }
    }

    /// Syncs the staging output to the disk, lets `check` verify it, and publishes it.
    pub fn commit(
        &mut self,
        check: impl FnOnce(&Self) -> Result<(), SinkError>,
    ) -> Result<(), SinkError> {
        if let Some(background_sync) = self.background_sync.take() {
            background_sync.end(&self.destination)?;
        }
        let synced = match self.kind {
            Kind::Folder => platform::sync_file_system(&self.file),
            Kind::File => self.file.sync_all(),
        };
        synced.map_err(failed("sync", &self.destination))?;
        check(self)?;
        let replaced = self.move_into_place()?;
        self.finished = true;
        let durable =
            self.parent.sync_all().map_err(failed("sync", parent_folder(&self.destination)));
        let cleared = self.checkpoints.remove().and_then(|()| self.remove_replaced(replaced));
        durable.and(cleared).map_err(|error| error.after_publishing(&self.destination))
    }

    /// Ends without publishing. Keeps the staging output if a later run can resume it, and removes
    /// it otherwise.
    pub fn abort(&mut self) -> Result<(), SinkError> {
        if std::mem::replace(&mut self.finished, true) {
            return Ok(());
        }
        if let Some(background_sync) = &self.background_sync {
            background_sync.stop_keeping();
        }
        if self.stale == StalePolicy::Keep && self.checkpoints.exists() {
            // The thread holds the lock too. A sync that failed kept no checkpoint, so its error is
            // of no consequence.
            if let Some(background_sync) = self.background_sync.take() {
                let _ = background_sync.end(&self.staging);
            }
            return Ok(());
        }
        // If something else has the staging name now, it is not ours to remove.
        if self.is_intact()? {
            self.kind.remove(&self.staging)?;
            self.checkpoints.remove()?;
        }
        remove_empty(&self.created_parents);
        Ok(())
    }

    /// Renames the staging output into place. If it changed names with an earlier export, returns
    /// that one, locked.
    fn move_into_place(&self) -> Result<Option<File>, SinkError> {
        let renamed = failed("rename into place", &self.destination);
        if self.policy == OverwritePolicy::Replace && exists(&self.destination)? {
            // It may have appeared or changed since the export began.
            self.refuse_existing(OverwritePolicy::Replace)?;
            return match self.kind {
                Kind::Folder => self.exchange(),
                Kind::File => {
                    fs::rename(&self.staging, &self.destination).map(|()| None).map_err(renamed)
                }
            };
        }
        match platform::rename_no_replace(&self.staging, &self.destination) {
            Ok(()) => {}
            Err(RenameError::Exists) => return Err(self.exists_error()),
            Err(RenameError::Failed(error)) => return Err(renamed(error)),
            Err(RenameError::Unsupported) => match self.kind {
                // rename(2) never replaces a folder that is not empty.
                Kind::Folder => {
                    self.refuse_existing(OverwritePolicy::Refuse)?;
                    fs::rename(&self.staging, &self.destination).map_err(renamed)?;
                }
                Kind::File => self.link_into_place()?,
            },
        }
        Ok(None)
    }

    /// Publishes a file on a file system without renames that never replace: a second name for the
    /// file never replaces another.
    fn link_into_place(&self) -> Result<(), SinkError> {
        match fs::hard_link(&self.staging, &self.destination) {
            // If the first name cannot be removed, the next run does it.
            Ok(()) => remove_file(&self.staging)
                .map_err(|error| error.after_publishing(&self.destination)),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Err(self.exists_error()),
            // The file system has no hard links either. A file that appears between check and
            // rename is replaced.
            Err(_) => {
                self.refuse_existing(OverwritePolicy::Refuse)?;
                fs::rename(&self.staging, &self.destination)
                    .map_err(failed("rename into place", &self.destination))
            }
        }
    }

    /// Exchanges the staging folder and an earlier export, and returns the latter. It is locked, so
    /// that no other run takes it for the output of an interrupted one.
    fn exchange(&self) -> Result<Option<File>, SinkError> {
        let earlier = lock(Kind::Folder, &self.destination)?;
        match platform::exchange(&self.staging, &self.destination) {
            Ok(()) => {}
            Err(RenameError::Unsupported) => self.exchange_in_three_steps()?,
            Err(RenameError::Exists) => return Err(self.exists_error()),
            Err(RenameError::Failed(error)) => {
                return Err(failed("rename into place", &self.destination)(error));
            }
        }
        Ok(earlier)
    }

    /// Exchanges the two on a file system that cannot do it in one step. The earlier export is
    /// renamed to its backup name, and back if the new one cannot take its place.
    fn exchange_in_three_steps(&self) -> Result<(), SinkError> {
        let backup = backup(&self.staging);
        fs::rename(&self.destination, &backup).map_err(failed("rename", &self.destination))?;
        if let Err(error) = fs::rename(&self.staging, &self.destination) {
            fs::rename(&backup, &self.destination).map_err(failed("rename back", &backup))?;
            return Err(failed("rename into place", &self.destination)(error));
        }
        let moved = fs::rename(&backup, &self.staging).map_err(failed("rename", &backup));
        moved.map_err(|error| error.after_publishing(&self.destination))
    }

    /// Removes the earlier export, which has the staging name now, unless another run has taken it.
    fn remove_replaced(&self, replaced: Option<File>) -> Result<(), SinkError> {
        match replaced {
            Some(replaced) if is_named(&replaced, &self.staging)? => remove_folder(&self.staging),
            _ => Ok(()),
        }
    }

    fn refuse_existing(&self, policy: OverwritePolicy) -> Result<(), SinkError> {
        refuse_existing(&self.destination, policy, |path| self.kind.is_export(path))
    }

    fn exists_error(&self) -> SinkError {
        SinkError::Exists { path: self.destination.clone() }
    }
}

impl Drop for Publication {
    /// Cleans up after a caller that panics, or neither commits nor aborts. A failure cannot be
    /// reported any more.
    fn drop(&mut self) {
        let _ = self.abort();
    }
}

/// The name of an earlier export while a new one takes its place, on file systems that cannot
/// exchange the two.
fn backup(staging: &Path) -> PathBuf {
    staging.with_extension("former")
}

/// Completes an exchange in three steps that was interrupted: the earlier export is renamed back,
/// or removed if the new one is in place.
fn finish_replacing(destination: &Path, backup: &Path) -> Result<(), SinkError> {
    if !exists(backup)? {
        return Ok(());
    }
    // Something else may have this name: only an export is renamed or removed.
    if !Kind::Folder.is_export(backup)? {
        return Err(SinkError::NotAnExport { path: backup.to_owned() });
    }
    if exists(destination)? {
        return remove_folder(backup);
    }
    fs::rename(backup, destination).map_err(failed("rename back", backup))
}
