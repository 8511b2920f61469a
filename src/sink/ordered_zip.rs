//! Writes a zip archive whose entries arrive out of order.
//!
//! Entries are appended in the order of their numbers; one that arrives early waits. Each has its
//! CRC-32 and size in its local header, a fixed time stamp, and no extra field that is not needed.
//! ZIP64 is used exactly where the limits of the original format are exceeded.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use zip::result::ZipError;
use zip::write::{PreparedZipFile, SimpleFileOptions};
use zip::{CompressionMethod, DateTime, ZipWriter};

use super::error::{SinkError, failed};
use super::zip_stream::ZipStream;
use crate::key::EntryName;
use crate::layout::ArchiveIndex;

/// A zip archive being written, and the entries that wait.
#[derive(Debug)]
pub(super) struct OrderedZip {
    destination: PathBuf,
    root: EntryName,
    /// The number of the next entry.
    next: u64,
    /// Entries that arrived early; `None` for a number that is skipped.
    waiting: BTreeMap<u64, Option<(EntryName, PreparedZipFile)>>,
    /// The number of files written.
    files: u64,
    zip: ZipWriter<ZipStream>,
    index: Option<Box<dyn ArchiveIndex>>,
    /// The first failure, after which nothing more is written.
    failure: Option<SinkError>,
}

impl OrderedZip {
    pub fn new(
        stream: ZipStream,
        destination: &Path,
        root: EntryName,
        index: Option<Box<dyn ArchiveIndex>>,
    ) -> Self {
        Self {
            destination: destination.to_owned(),
            root,
            next: 0,
            waiting: BTreeMap::new(),
            files: 0,
            zip: ZipWriter::new(stream),
            index,
            failure: None,
        }
    }

    /// The number of the next entry.
    pub fn next(&self) -> u64 {
        self.next
    }

    /// The number of files written.
    pub fn files(&self) -> u64 {
        self.files
    }

    /// Adds a file, or skips a number, and appends all entries that can be. Returns the number of
    /// bytes of contents appended.
    pub fn add(
        &mut self,
        entry: u64,
        file: Option<(EntryName, PreparedZipFile)>,
    ) -> Result<u64, SinkError> {
        self.refuse_after_failure()?;
        if entry < self.next || self.waiting.contains_key(&entry) {
            let twice =
                io::Error::new(io::ErrorKind::AlreadyExists, "an entry number was used twice");
            return Err(writing_failed(&self.destination, &twice));
        }
        self.waiting.insert(entry, file);
        self.append_waiting()
    }

    /// Appends the next file part by part. Its local header is completed afterward.
    pub fn append_parts(
        &mut self,
        name: &EntryName,
        parts: &mut dyn Iterator<Item = Vec<u8>>,
    ) -> Result<u64, SinkError> {
        self.refuse_after_failure()?;
        let zip = &mut self.zip;
        let started =
            zip.start_file(path_in_archive(&self.root, name), entry_options()).map_err(error_of);
        let written = started.and_then(|()| {
            let mut length = 0;
            for part in parts {
                zip.write_all(&part)?;
                length += part.len() as u64;
            }
            Ok(length)
        });
        let appended = self.record(name, written)?;
        self.next += 1;
        Ok(appended + self.append_waiting()?)
    }

    /// Writes out the buffer; returns the length of the archive.
    pub fn flush(&mut self) -> Result<u64, SinkError> {
        self.refuse_after_failure()?;
        let closed = || io::Error::other("the archive is closed");
        let stream = self.zip.get_ref().ok_or_else(closed);
        let flushed = stream.and_then(|stream| stream.write_out().map(|()| stream.length()));
        flushed.map_err(|error| self.fail(&error))
    }

    /// Writes nothing more.
    pub fn discard(&self) {
        if let Some(stream) = self.zip.get_ref() {
            stream.discard();
        }
    }

    /// Appends the index and the central directory, and closes the file. Returns the length of the
    /// archive.
    pub fn finish(&mut self) -> Result<u64, SinkError> {
        self.refuse_after_failure()?;
        if let Some((&waiting, _)) = self.waiting.first_key_value() {
            return Err(SinkError::Gap {
                path: self.destination.clone(),
                missing: self.next,
                waiting,
            });
        }
        if let Some(mut index) = self.index.take() {
            let (name, contents) = index.finish();
            let file = prepare(&self.destination, &self.root, &name, &contents)?;
            self.append(&name, file)?;
        }
        // `finish` consumes the writer, so leave one that writes nowhere.
        let zip = std::mem::replace(&mut self.zip, ZipWriter::new(ZipStream::closed()));
        let mut stream =
            zip.finish().map_err(|error| writing_failed(&self.destination, &error_of(error)))?;
        stream.flush().map_err(failed("write", &self.destination))?;
        let length = stream.length();
        stream.close().map_err(failed("close", &self.destination))?;
        Ok(length)
    }

    fn refuse_after_failure(&self) -> Result<(), SinkError> {
        self.failure.clone().map_or(Ok(()), Err)
    }

    fn fail(&mut self, error: &io::Error) -> SinkError {
        self.failure.insert(writing_failed(&self.destination, error)).clone()
    }

    /// Appends every waiting entry whose turn it is.
    fn append_waiting(&mut self) -> Result<u64, SinkError> {
        let mut appended = 0;
        while let Some(file) = self.waiting.remove(&self.next) {
            if let Some((name, file)) = file {
                appended += self.append(&name, file)?;
            }
            self.next += 1;
        }
        Ok(appended)
    }

    fn append(&mut self, name: &EntryName, file: PreparedZipFile) -> Result<u64, SinkError> {
        let length = file.compressed_size();
        let written = self.zip.add_prepared_file(file).map(|()| length).map_err(error_of);
        self.record(name, written)
    }

    /// Records that a file was appended, or why it was not.
    fn record(&mut self, name: &EntryName, written: io::Result<u64>) -> Result<u64, SinkError> {
        let end = self.zip.get_ref().map(ZipStream::length);
        let place = written.and_then(|length| {
            let end = end.ok_or_else(|| io::Error::other("the archive is closed"))?;
            Ok(end - length..end)
        });
        let place = place.map_err(|error| self.fail(&error))?;
        let length = place.end - place.start;
        self.files += 1;
        if let Some(index) = &mut self.index {
            index.add(name, place);
        }
        Ok(length)
    }
}

/// Prepares an entry in the folder `root` of the archive `destination`.
pub(super) fn prepare(
    destination: &Path,
    root: &EntryName,
    name: &EntryName,
    contents: &[u8],
) -> Result<PreparedZipFile, SinkError> {
    PreparedZipFile::from_data(path_in_archive(root, name), entry_options(), contents)
        .map_err(|error| writing_failed(destination, &error_of(error)))
}

fn path_in_archive(root: &EntryName, name: &EntryName) -> String {
    format!("{root}/{name}")
}

/// Stored, without a time, readable by everyone.
fn entry_options() -> SimpleFileOptions {
    SimpleFileOptions::default()
        .compression_method(CompressionMethod::Stored)
        .last_modified_time(DateTime::default())
        .unix_permissions(0o644)
}

fn error_of(error: ZipError) -> io::Error {
    match error {
        ZipError::Io(error) => error,
        other => io::Error::new(io::ErrorKind::InvalidInput, other.to_string()),
    }
}

fn writing_failed(destination: &Path, error: &io::Error) -> SinkError {
    // The kind of error is kept in either case: hints depend on it.
    let error = error.raw_os_error().map_or_else(
        || io::Error::new(error.kind(), error.to_string()),
        io::Error::from_raw_os_error,
    );
    failed("write", destination)(error)
}
