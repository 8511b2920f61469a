//! The file next to the staging output that holds the last checkpoint.
//!
//! It describes only files that are on the disk already. It is renamed into place once it is on the
//! disk itself. It ends with the SHA-256 of its contents, so that a truncated one is ignored.

use std::fs::{self, File};
use std::io::{self, BufWriter, Read, Write};
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};

use super::contract::{Checkpoint, ResumeState};
use super::error::{SinkError, failed};
use super::file_ops::{exists, hidden_sibling, parent_folder, remove_file};
use crate::platform;

const SIGNATURE: &[u8; 8] = b"SZRESUM3";
const DIGEST_BYTES: usize = 32;
/// The signature, the numbers of entries and files, and the length of the archive.
const HEAD_BYTES: usize = 32;

/// A checkpoint is kept only if the disk has room for this many times its size plus twice the bytes
/// that remain to be written, so that no export fails because of it.
const ROOM: u64 = 8;

/// The maximum length of a state. That of forty gigapixels has 100 MB.
const MAX_STATE_BYTES: u64 = 1 << 33;

/// The checkpoint file of one destination.
#[derive(Clone, Debug)]
pub(super) struct CheckpointFile {
    path: PathBuf,
    unfinished: PathBuf,
}

impl CheckpointFile {
    pub fn of(destination: &Path) -> Self {
        Self {
            path: hidden_sibling(destination, ".resume"),
            unfinished: hidden_sibling(destination, ".resume~"),
        }
    }

    /// Stores a checkpoint in place of the one before.
    pub fn keep(&self, checkpoint: Checkpoint, container_bytes: u64) -> io::Result<()> {
        let needed =
            (ROOM * checkpoint.bytes).saturating_add(checkpoint.remaining_bytes.saturating_mul(2));
        if platform::available_bytes(parent_folder(&self.path))? < needed {
            return Err(io::ErrorKind::StorageFull.into());
        }
        self.write(checkpoint, container_bytes).inspect_err(|_| {
            // It is incomplete, and may be what the disk has no room for.
            let _ = fs::remove_file(&self.unfinished);
        })
    }

    fn write(&self, checkpoint: Checkpoint, container_bytes: u64) -> io::Result<()> {
        match fs::remove_file(&self.unfinished) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        // Never writes through a link of this name.
        let mut file = Hashed {
            inner: BufWriter::new(File::create_new(&self.unfinished)?),
            hasher: Sha256::new(),
        };
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

    /// Reads the last checkpoint; `None` if there is none that is whole.
    pub fn read(&self) -> Result<Option<ResumeState>, SinkError> {
        // A link, a device or a pipe of this name is not ours.
        match fs::symlink_metadata(&self.path) {
            Ok(found) if found.is_file() && found.len() <= MAX_STATE_BYTES => {}
            Ok(_) => return Ok(None),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(failed("inspect", &self.path)(error)),
        }
        let opened = platform::open_untrusted(&self.path);
        let mut bytes = Vec::new();
        let read = opened.and_then(|file| file.take(MAX_STATE_BYTES).read_to_end(&mut bytes));
        read.map_err(failed("read", &self.path))?;
        let Some(end) = bytes.len().checked_sub(DIGEST_BYTES).filter(|&end| end >= HEAD_BYTES)
        else {
            return Ok(None);
        };
        let (kept, digest) = bytes.split_at(end);
        if !kept.starts_with(SIGNATURE) || Sha256::digest(kept).as_slice() != digest {
            return Ok(None);
        }
        let number = |at: usize| {
            kept[at..at + 8].iter().rev().fold(0, |sum, &byte| sum << 8 | u64::from(byte))
        };
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

    /// Removes the checkpoint of a run that was killed just after publishing: it is useless without
    /// the staging output. Errors are ignored, as the export is not affected.
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

/// Hashes what is written through it.
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
            remaining_bytes: 0,
            state: Box::new(|file| file.write_all(state)),
        }
    }

    #[test]
    fn reads_back_the_last_and_ignores_damaged_ones() {
        let folder = tempfile::tempdir().unwrap();
        let file = CheckpointFile::of(&folder.path().join("x.zip"));
        assert_eq!(file.read().unwrap(), None);
        file.keep(checkpoint(3, b"one"), 17).unwrap();
        file.keep(checkpoint(5, b"two"), 19).unwrap();
        let expected =
            ResumeState { entries: 5, files: 4, container_bytes: 19, state: b"two".to_vec() };
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

    #[test]
    fn ignores_links_and_pipes() {
        let folder = tempfile::tempdir().unwrap();
        let file = CheckpointFile::of(&folder.path().join("x"));
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
    fn keeps_nothing_if_the_disk_is_nearly_full() {
        let folder = tempfile::tempdir().unwrap();
        let file = CheckpointFile::of(&folder.path().join("x"));
        let large = Checkpoint { bytes: u64::MAX / 16, ..checkpoint(1, b"") };
        assert_eq!(file.keep(large, 0).unwrap_err().kind(), io::ErrorKind::StorageFull);
        let early = Checkpoint { remaining_bytes: u64::MAX / 2, ..checkpoint(1, b"") };
        assert_eq!(file.keep(early, 0).unwrap_err().kind(), io::ErrorKind::StorageFull);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}
