//! The file of an archive being written: buffers small writes and tracks the length.
//!
//! After a failed write, or once it is discarded, nothing more is written. The `zip` crate
//! completes an archive that is dropped early, and that must not touch the file.

use std::fs::File;
use std::io::{self, Seek, SeekFrom, Write};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use crate::platform::{self, FileExt};

/// The size of the buffer that is written at once.
const BUFFER_BYTES: usize = 1 << 20;

/// The file of an archive, written from beginning to end.
#[derive(Debug)]
pub(super) struct ZipStream {
    /// `None` once it is closed.
    file: Option<File>,
    /// Bytes at the end that are not written yet.
    buffer: Vec<u8>,
    /// Where the next byte goes: the end, or a local header that is completed later.
    position: u64,
    end: u64,
    /// The expected length of the file. When resuming, bytes that are there are written again.
    file_bytes: AtomicU64,
    discarded: AtomicBool,
}

impl ZipStream {
    /// Starts at the beginning of a file of `file_bytes` bytes.
    pub fn new(file: File, file_bytes: u64) -> Self {
        let buffer = Vec::with_capacity(BUFFER_BYTES + BUFFER_BYTES / 4);
        Self {
            file: Some(file),
            buffer,
            position: 0,
            end: 0,
            file_bytes: file_bytes.into(),
            discarded: AtomicBool::new(false),
        }
    }

    /// A stream without a file.
    pub fn closed() -> Self {
        Self {
            file: None,
            buffer: Vec::new(),
            position: 0,
            end: 0,
            file_bytes: 0.into(),
            discarded: AtomicBool::new(true),
        }
    }

    /// The length of the archive so far.
    pub fn length(&self) -> u64 {
        self.end
    }

    /// Accepts bytes from now on but writes none.
    pub fn discard(&self) {
        self.discarded.store(true, Ordering::Relaxed);
    }

    /// Writes the buffer to the file without emptying it: it is written once more when it is full.
    pub fn write_out(&self) -> io::Result<()> {
        self.write_at(&self.buffer, self.end - self.buffer.len() as u64)
    }

    fn write_at(&self, bytes: &[u8], at: u64) -> io::Result<()> {
        let written = match &self.file {
            Some(file) => file.write_all_at(bytes, at),
            None => Err(io::Error::other("the archive is closed")),
        };
        self.file_bytes.fetch_max(at + bytes.len() as u64, Ordering::Relaxed);
        written.inspect_err(|_| self.discard())
    }

    /// Checks that no other program has truncated the file, which would leave a hole.
    fn check_length(&self) -> io::Result<()> {
        let expected = self.file_bytes.load(Ordering::Relaxed);
        let found = self
            .file
            .as_ref()
            .map_or(Ok(expected), |file| file.metadata().map(|found| found.len()));
        let checked = found.and_then(|found| {
            let disturbed = || {
                format!("{expected} bytes were written and {found} were found: another program has changed the file")
            };
            if found == expected { Ok(()) } else { Err(io::Error::other(disturbed())) }
        });
        checked.inspect_err(|_| self.discard())
    }

    /// Closes the file, which must have been flushed.
    pub fn close(&mut self) -> io::Result<()> {
        self.file.take().map_or(Ok(()), platform::close)
    }
}

impl ZipStream {
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        if self.position < self.end {
            self.flush()?;
            return self.write_at(bytes, self.position);
        }
        self.buffer.extend_from_slice(bytes);
        self.end += bytes.len() as u64;
        if self.buffer.len() >= BUFFER_BYTES { self.flush() } else { Ok(()) }
    }
}

impl Write for ZipStream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        // The zip crate relies on positions even when it completes a discarded archive.
        if !*self.discarded.get_mut() {
            self.append(bytes).inspect_err(|_| self.position = self.end)?;
        }
        self.position += bytes.len() as u64;
        self.end = self.end.max(self.position);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        if *self.discarded.get_mut() {
            return Ok(());
        }
        let buffer = std::mem::take(&mut self.buffer);
        let at = self.end - buffer.len() as u64;
        let written = self.check_length().and_then(|()| self.write_at(&buffer, at));
        self.buffer = buffer;
        self.buffer.clear();
        written
    }
}

impl Seek for ZipStream {
    /// Moves to a local header, or to the end.
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let place = match to {
            SeekFrom::Start(start) => Some(start),
            SeekFrom::Current(by) => self.position.checked_add_signed(by),
            SeekFrom::End(by) => self.end.checked_add_signed(by),
        };
        let nothing =
            || io::Error::new(io::ErrorKind::Unsupported, "position beyond the end of the archive");
        self.position = place.filter(|&place| place <= self.end).ok_or_else(nothing)?;
        Ok(self.position)
    }
}
