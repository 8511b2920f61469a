//! What a killed export leaves for the next one: a file beside the staging output that says how far it had come.
//!
//! What always holds: the file speaks only of entries that were on the disk before it was; it takes its name when it is on the disk itself, and it
//! ends with the SHA-256 of all of it, so that half of one is none. That none can be written is no failure of an export: it is finished just as
//! well, and only could not be resumed.

use std::ffi::OsString;
use std::fmt;
use std::fs::{self, File};
use std::io::{self, BufWriter, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use nix::fcntl::OFlag;
use sha2::{Digest as _, Sha256};

use super::existing::exists;
use super::staging::{parent_folder, remove_file};
use super::{SinkError, failed};

const SIGNATURE: &[u8; 8] = b"SZRESUM2";
const DIGEST_BYTES: usize = 32;
/// The signature, the numbers of entries and files, and the length of the container.
const HEAD_BYTES: usize = 32;

/// PageSummary the state, the disk should have room for this many times more, and for twice what is still to be written: an export must not fail for
/// the sake of it.
const ROOM: u64 = 8;

/// No state is longer: that of forty gigapixels has 100 MB.
const STATE_AT_MOST: u64 = 1 << 33;

/// Writes the state of an export.
pub type WriteState = Box<dyn FnOnce(&mut dyn Write) -> io::Result<()> + Send>;

/// A moment of an export that a later run can go on from.
pub struct Checkpoint {
    /// The entries with lower numbers have all been written or left out, and none with higher ones.
    pub entries: u64,
    /// How many files were written.
    pub files: u64,
    /// About how long the state is.
    pub bytes: u64,
    /// About how much is still to be written.
    pub to_come: u64,
    /// Writes what the export needs to go on.
    pub state: WriteState,
}

impl fmt::Debug for Checkpoint {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { entries, bytes, .. } = self;
        write!(formatter, "a checkpoint of {entries} entries, {bytes} bytes")
    }
}

/// What an earlier run has left.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResumeState {
    /// The entries with lower numbers are on the disk, where they were not left out.
    pub entries: u64,
    /// How many files that are.
    pub files: u64,
    /// How many bytes of a one-file container they take.
    pub container_bytes: u64,
    /// What the export needs to go on.
    pub state: Vec<u8>,
}

/// The file that the checkpoints of one destination are kept in.
#[derive(Clone, Debug)]
pub(crate) struct CheckpointFile {
    path: PathBuf,
    unfinished: PathBuf,
}

impl CheckpointFile {
    pub fn beside(destination: &Path) -> Self {
        let named = |ending: &str| {
            let mut name = OsString::from(".");
            name.push(destination.file_name().unwrap_or_default());
            name.push(ending);
            parent_folder(destination).join(name)
        };
        Self { path: named(".resume"), unfinished: named(".resume~") }
    }

    /// Keeps a checkpoint in place of the one before.
    pub fn keep(&self, checkpoint: Checkpoint, container_bytes: u64) -> io::Result<()> {
        let room = nix::sys::statvfs::statvfs(parent_folder(&self.path))?;
        let needed = (ROOM * checkpoint.bytes).saturating_add(checkpoint.to_come.saturating_mul(2));
        if room.blocks_available() * room.fragment_size() < needed {
            return Err(io::ErrorKind::StorageFull.into());
        }
        self.write(checkpoint, container_bytes).inspect_err(|_| {
            // Of no use, and perhaps what the disk has no room for.
            let _ = fs::remove_file(&self.unfinished);
        })
    }

    fn write(&self, checkpoint: Checkpoint, container_bytes: u64) -> io::Result<()> {
        match fs::remove_file(&self.unfinished) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        // A new file, and none that a link by this name leads to.
        let mut file = Hashed { inner: BufWriter::new(File::create_new(&self.unfinished)?), hasher: Sha256::new() };
        file.write_all(SIGNATURE)?;
        file.write_all(&checkpoint.entries.to_le_bytes())?;
        file.write_all(&checkpoint.files.to_le_bytes())?;
        file.write_all(&container_bytes.to_le_bytes())?;
        (checkpoint.state)(&mut file)?;
        let digest = file.hasher.finalize();
        file.inner.write_all(&digest)?;
        file.inner.into_inner().map_err(io::IntoInnerError::into_error)?.sync_all()?;
        fs::rename(&self.unfinished, &self.path)
    }

    /// The last checkpoint that was kept; `None` where there is none that is whole.
    pub fn read(&self) -> Result<Option<ResumeState>, SinkError> {
        // Only a file of its own, and no pipe that nobody writes into.
        match fs::symlink_metadata(&self.path) {
            Ok(found) if found.is_file() && found.len() <= STATE_AT_MOST => {}
            Ok(_) => return Ok(None),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(failed("look at", &self.path)(error)),
        }
        let flags = (OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK).bits();
        let opened = File::options().read(true).custom_flags(flags).open(&self.path);
        let mut bytes = Vec::new();
        let read = opened.and_then(|file| file.take(STATE_AT_MOST).read_to_end(&mut bytes));
        read.map_err(failed("read", &self.path))?;
        let Some(end) = bytes.len().checked_sub(DIGEST_BYTES).filter(|&end| end >= HEAD_BYTES) else { return Ok(None) };
        let (kept, digest) = bytes.split_at(end);
        if !kept.starts_with(SIGNATURE) || Sha256::digest(kept).as_slice() != digest {
            return Ok(None);
        }
        let number = |at: usize| kept[at..at + 8].iter().rev().fold(0, |sum, &byte| sum << 8 | u64::from(byte));
        Ok(Some(ResumeState {
            entries: number(8),
            files: number(16),
            container_bytes: number(24),
            state: kept[HEAD_BYTES..].to_vec(),
        }))
    }

    pub fn exists(&self) -> bool {
        self.path.exists()
    }

    /// A run that was killed just after it had published leaves its checkpoint, which is of no use without the staging output: it goes when the
    /// finished export is met. What keeps it from going keeps nobody from the export.
    pub fn clear_up_after(&self, staging: &Path) {
        if matches!(exists(staging), Ok(false)) {
            let _ = self.remove();
        }
    }

    pub fn remove(&self) -> Result<(), SinkError> {
        for file in [&self.unfinished, &self.path] {
            if exists(file)? {
                remove_file(file)?;
            }
        }
        Ok(())
    }
}

/// Hashes what passes.
struct Hashed<W> {
    inner: W,
    hasher: Sha256,
}

impl<W: Write> Write for Hashed<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.inner.write(bytes)?;
        self.hasher.update(&bytes[..written]);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checkpoint(entries: u64, state: &'static [u8]) -> Checkpoint {
        Checkpoint {
            entries,
            files: entries - 1,
            bytes: state.len() as u64,
            to_come: 0,
            state: Box::new(|file| file.write_all(state)),
        }
    }

    #[test]
    fn the_last_one_is_read_back_and_half_of_one_is_none() {
        let folder = tempfile::tempdir().unwrap();
        let file = CheckpointFile::beside(&folder.path().join("x.zip"));
        assert_eq!(file.read().unwrap(), None);
        file.keep(checkpoint(3, b"one"), 17).unwrap();
        file.keep(checkpoint(5, b"two"), 19).unwrap();
        let expected = ResumeState { entries: 5, files: 4, container_bytes: 19, state: b"two".to_vec() };
        assert_eq!(file.read().unwrap(), Some(expected));
        let whole = fs::read(&file.path).unwrap();
        for length in 0..whole.len() {
            fs::write(&file.path, &whole[..length]).unwrap();
            assert_eq!(file.read().unwrap(), None, "{length} bytes");
        }
        for bit in 0..whole.len() * 8 {
            let mut flipped = whole.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            fs::write(&file.path, flipped).unwrap();
            assert_eq!(file.read().unwrap(), None, "bit {bit}");
        }
        file.remove().unwrap();
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    /// What stands under the names of a checkpoint is none of ours to write through or to wait for.
    #[test]
    fn links_and_pipes_are_no_checkpoints() {
        let folder = tempfile::tempdir().unwrap();
        let file = CheckpointFile::beside(&folder.path().join("x"));
        let letter = folder.path().join("letter");
        fs::write(&letter, "dear").unwrap();
        std::os::unix::fs::symlink(&letter, &file.unfinished).unwrap();
        file.keep(checkpoint(1, b"state"), 0).unwrap();
        assert_eq!(fs::read(&letter).unwrap(), b"dear");
        assert!(file.read().unwrap().is_some());
        fs::remove_file(&file.path).unwrap();
        std::os::unix::fs::symlink("/dev/zero", &file.path).unwrap();
        assert_eq!(file.read().unwrap(), None);
        fs::remove_file(&file.path).unwrap();
        nix::unistd::mkfifo(&file.path, nix::sys::stat::Mode::S_IRWXU).unwrap();
        assert_eq!(file.read().unwrap(), None);
    }

    #[test]
    fn the_export_comes_first_where_the_disk_is_nearly_full() {
        let folder = tempfile::tempdir().unwrap();
        let file = CheckpointFile::beside(&folder.path().join("x"));
        let large = Checkpoint { bytes: u64::MAX / 16, ..checkpoint(1, b"") };
        assert_eq!(file.keep(large, 0).unwrap_err().kind(), io::ErrorKind::StorageFull);
        let early = Checkpoint { to_come: u64::MAX / 2, ..checkpoint(1, b"") };
        assert_eq!(file.keep(early, 0).unwrap_err().kind(), io::ErrorKind::StorageFull);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}
