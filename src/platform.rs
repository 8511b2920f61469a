//! The calls that depend on the operating system. No other file of the library makes any.

use std::fs::{File, Metadata};
use std::io;
use std::os::fd::AsFd;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt, OpenOptionsExt};
use std::path::Path;

use nix::errno::Errno;
use nix::fcntl::{AT_FDCWD, OFlag, RenameFlags, renameat2};

/// Positional reads and writes: `read_at`, `read_exact_at`, `write_all_at`.
pub(crate) use std::os::unix::fs::FileExt;

/// Why a rename failed.
#[derive(Debug)]
pub(crate) enum RenameError {
    /// Something has the new name already.
    Exists,
    /// The file system has no such rename.
    Unsupported,
    Failed(io::Error),
}

/// Renames a file or folder, unless something has the new name already.
pub(crate) fn rename_no_replace(from: &Path, to: &Path) -> Result<(), RenameError> {
    rename_with(from, to, RenameFlags::RENAME_NOREPLACE)
}

/// Exchanges the names of two files or folders in one step.
pub(crate) fn exchange(one: &Path, other: &Path) -> Result<(), RenameError> {
    rename_with(one, other, RenameFlags::RENAME_EXCHANGE)
}

fn rename_with(from: &Path, to: &Path, flags: RenameFlags) -> Result<(), RenameError> {
    renameat2(AT_FDCWD, from, AT_FDCWD, to, flags).map_err(|errno| match errno {
        Errno::EEXIST | Errno::ENOTEMPTY => RenameError::Exists,
        Errno::EINVAL | Errno::ENOSYS => RenameError::Unsupported,
        other => RenameError::Failed(other.into()),
    })
}

/// Closes a file and reports an error, as dropping it does not: this is where a network file system
/// or a quota says that the contents did not fit.
pub(crate) fn close(file: File) -> io::Result<()> {
    Ok(nix::unistd::close(file)?)
}

/// Writes everything that the file system of `file` has in memory to the disk. One call for each of
/// 100,000 files would take minutes. Since Linux 5.8 this also reports any write that has failed
/// since `file` was opened.
pub(crate) fn sync_file_system(file: &File) -> io::Result<()> {
    Ok(nix::unistd::syncfs(file.as_fd())?)
}

/// The number of bytes that can be written to the file system of `path`.
pub(crate) fn available_bytes(path: &Path) -> io::Result<u64> {
    let found = nix::sys::statvfs::statvfs(path)?;
    Ok(found.blocks_available() * found.fragment_size())
}

/// Opens a file for reading that may have been replaced by a link, which is not followed, or by a
/// pipe, which is not waited for.
pub(crate) fn open_untrusted(path: &Path) -> io::Result<File> {
    File::options()
        .read(true)
        .custom_flags((OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK).bits())
        .open(path)
}

/// Whether a file is a named pipe.
pub(crate) fn is_pipe(found: &Metadata) -> bool {
    found.file_type().is_fifo()
}

/// Whether standard input is redirected from a file, as in `< image.tif`.
#[cfg(feature = "cli")]
pub(crate) fn is_stdin_a_file() -> bool {
    let input = io::stdin().as_fd().try_clone_to_owned().map(File::from);
    input.and_then(|input| input.metadata()).is_ok_and(|metadata| metadata.is_file())
}

/// Whether both describe the same file.
pub(crate) fn is_same_file(one: &Metadata, other: &Metadata) -> bool {
    (one.dev(), one.ino()) == (other.dev(), other.ino())
}

/// Describes the state of a file. A file that is rewritten gets another inode or change time, even
/// if its modification time is set back.
pub(crate) fn change_stamp(found: &Metadata) -> String {
    let times = (found.mtime(), found.mtime_nsec(), found.ctime(), found.ctime_nsec());
    format!("{} {} {} {times:?}", found.dev(), found.ino(), found.len())
}
