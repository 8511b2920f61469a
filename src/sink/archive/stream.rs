//! The bytes of an archive on their way to its file: gathered into large writes, and counted.
//!
//! What always holds: once a write has failed, or the archive was given up, nothing more is written. (The `zip` crate ends an archive that
//! is dropped before its end; that must not touch the file.)

use std::fs::File;
use std::io::{self, Seek, SeekFrom, Write};
use std::os::unix::fs::FileExt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// How much is gathered before it is written.
const GATHERED_BYTES: usize = 1 << 20;

/// An archive's file, written from its beginning to its end.
#[derive(Debug)]
pub(crate) struct ArchiveStream {
    /// `None` once it is closed.
    file: Option<File>,
    /// What was taken last and is not written yet.
    gathered: Vec<u8>,
    /// Where the next byte goes: the end, or a local header that is filled in once its contents are known.
    position: u64,
    end: u64,
    /// How long the file is: what was written, or was there before and is written once more.
    file_bytes: AtomicU64,
    discarded: AtomicBool,
}

impl ArchiveStream {
    /// Begins at the beginning of a file that has so many bytes.
    pub fn new(file: File, file_bytes: u64) -> Self {
        let gathered = Vec::with_capacity(GATHERED_BYTES + GATHERED_BYTES / 4);
        Self {
            file: Some(file),
            gathered,
            position: 0,
            end: 0,
            file_bytes: file_bytes.into(),
            discarded: AtomicBool::new(false),
        }
    }

    /// One that leads nowhere.
    pub fn closed() -> Self {
        Self {
            file: None,
            gathered: Vec::new(),
            position: 0,
            end: 0,
            file_bytes: 0.into(),
            discarded: AtomicBool::new(true),
        }
    }

    /// How many bytes have been taken.
    pub fn length(&self) -> u64 {
        self.end
    }

    /// From now on everything is taken and nothing written.
    pub fn discard(&self) {
        self.discarded.store(true, Ordering::Relaxed);
    }

    /// Brings what is gathered to the file already: it stays gathered, and is written there once more.
    pub fn flush_gathered(&self) -> io::Result<()> {
        self.write_at(&self.gathered, self.end - self.gathered.len() as u64)
    }

    fn write_at(&self, bytes: &[u8], at: u64) -> io::Result<()> {
        let written = match &self.file {
            Some(file) => file.write_all_at(bytes, at),
            None => Err(io::Error::other("the archive is closed already")),
        };
        self.file_bytes.fetch_max(at + bytes.len() as u64, Ordering::Relaxed);
        written.inspect_err(|_| self.discard())
    }

    /// If something else had cut the file short, the next bytes would come after a hole, and nobody would see it.
    fn check_length(&self) -> io::Result<()> {
        let expected = self.file_bytes.load(Ordering::Relaxed);
        let found = self.file.as_ref().map_or(Ok(expected), |file| file.metadata().map(|found| found.len()));
        let checked = found.and_then(|found| {
            let disturbed =
                || format!("{expected} bytes were written, {found} are there: something else has been at it");
            if found == expected { Ok(()) } else { Err(io::Error::other(disturbed())) }
        });
        checked.inspect_err(|_| self.discard())
    }

    /// Closes the file. Everything was flushed before.
    pub fn close(&mut self) -> io::Result<()> {
        self.file.take().map_or(Ok(()), |file| nix::unistd::close(file).map_err(io::Error::from))
    }
}

impl ArchiveStream {
    fn take(&mut self, bytes: &[u8]) -> io::Result<()> {
        if self.position < self.end {
            self.flush()?;
            return self.write_at(bytes, self.position);
        }
        self.gathered.extend_from_slice(bytes);
        self.end += bytes.len() as u64;
        if self.gathered.len() >= GATHERED_BYTES { self.flush() } else { Ok(()) }
    }
}

impl Write for ArchiveStream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        // Who ends an archive that was given up goes by where things would be; after a failure in the middle of a header, that is the end.
        if !*self.discarded.get_mut() {
            self.take(bytes).inspect_err(|_| self.position = self.end)?;
        }
        self.position += bytes.len() as u64;
        self.end = self.end.max(self.position);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        if *self.discarded.get_mut() {
            return Ok(());
        }
        let gathered = std::mem::take(&mut self.gathered);
        let at = self.end - gathered.len() as u64;
        let written = self.check_length().and_then(|()| self.write_at(&gathered, at));
        self.gathered = gathered;
        self.gathered.clear();
        written
    }
}

impl Seek for ArchiveStream {
    /// Goes back to a local header, or to the end.
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let place = match to {
            SeekFrom::Start(start) => Some(start),
            SeekFrom::Current(by) => self.position.checked_add_signed(by),
            SeekFrom::End(by) => self.end.checked_add_signed(by),
        };
        let nothing = || io::Error::new(io::ErrorKind::Unsupported, "an archive has nothing there");
        self.position = place.filter(|&place| place <= self.end).ok_or_else(nothing)?;
        Ok(self.position)
    }
}
