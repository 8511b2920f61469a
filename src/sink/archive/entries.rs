//! The entries of an archive that is being written: each in its turn, and those that came early.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use zip::result::ZipError;
use zip::write::{PreparedZipFile, SimpleFileOptions};
use zip::{CompressionMethod, DateTime, ZipWriter};

use super::stream::ArchiveStream;
use super::{ArchiveIndex, EntryName, SinkError, failed};

/// What has been written, and what waits for its turn.
#[derive(Debug)]
pub(crate) struct Entries {
    destination: PathBuf,
    root: EntryName,
    /// The entry number whose turn it is.
    next: u64,
    /// By entry number; `None` for one that is left out.
    waiting: BTreeMap<u64, Option<(EntryName, PreparedZipFile)>>,
    /// How many files were written.
    files: u64,
    zip: ZipWriter<ArchiveStream>,
    index: Option<Box<dyn ArchiveIndex>>,
    /// Once something could not be written, nothing more is.
    failure: Option<SinkError>,
}

impl Entries {
    pub fn new(
        stream: ArchiveStream,
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

    /// The entry number whose turn it is.
    pub fn next(&self) -> u64 {
        self.next
    }

    /// How many files have been written.
    pub fn files(&self) -> u64 {
        self.files
    }

    /// Takes a file, or an entry number that has none; writes all whose turn has come. Returns how many bytes of contents were written.
    pub fn take(&mut self, entry: u64, file: Option<(EntryName, PreparedZipFile)>) -> Result<u64, SinkError> {
        self.refuse_after_failure()?;
        if entry < self.next || self.waiting.contains_key(&entry) {
            let twice = io::Error::new(io::ErrorKind::AlreadyExists, "an entry's number came twice");
            return Err(writing_failed(&self.destination, &twice));
        }
        self.waiting.insert(entry, file);
        self.append_waiting()
    }

    /// Takes a file whose turn it is. It goes straight into the archive, and its local header is filled in afterward.
    pub fn take_parts(&mut self, name: &EntryName, parts: &mut dyn Iterator<Item = Vec<u8>>) -> Result<u64, SinkError> {
        self.refuse_after_failure()?;
        let zip = &mut self.zip;
        let started = zip.start_file(path_in_archive(&self.root, name), entry_options()).map_err(error_of);
        let written = started.and_then(|()| {
            let mut length = 0;
            for part in parts {
                zip.write_all(&part)?;
                length += part.len() as u64;
            }
            Ok(length)
        });
        let appended = self.take_note(name, written)?;
        self.next += 1;
        Ok(appended + self.append_waiting()?)
    }

    /// Brings to the file what was written; returns how long the archive is.
    pub fn flush_gathered(&mut self) -> Result<u64, SinkError> {
        self.refuse_after_failure()?;
        let closed = || io::Error::other("the archive is closed already");
        let stream = self.zip.get_ref().ok_or_else(closed);
        let flushed = stream.and_then(|stream| stream.flush_gathered().map(|()| stream.length()));
        flushed.map_err(|error| self.fail(&error))
    }

    /// From now on nothing is written.
    pub fn discard(&self) {
        if let Some(stream) = self.zip.get_ref() {
            stream.discard();
        }
    }

    /// Writes the index and the central directory, and closes the file; returns the archive's length.
    pub fn finish(&mut self) -> Result<u64, SinkError> {
        self.refuse_after_failure()?;
        if let Some((&waiting, _)) = self.waiting.first_key_value() {
            return Err(SinkError::Gap { path: self.destination.clone(), missing: self.next, waiting });
        }
        if let Some(mut index) = self.index.take() {
            let (name, contents) = index.finish();
            let file = prepare(&self.destination, &self.root, &name, &contents)?;
            self.append(&name, file)?;
        }
        // A writer without a stream stands in for the one that ends here.
        let zip = std::mem::replace(&mut self.zip, ZipWriter::new(ArchiveStream::closed()));
        let mut stream = zip.finish().map_err(|error| writing_failed(&self.destination, &error_of(error)))?;
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

    /// Writes every file whose turn has come.
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
        self.take_note(name, written)
    }

    /// Takes note of so many bytes of contents that were written last, or of why they were not.
    fn take_note(&mut self, name: &EntryName, written: io::Result<u64>) -> Result<u64, SinkError> {
        let end = self.zip.get_ref().map(ArchiveStream::length);
        let place = written.and_then(|length| {
            let end = end.ok_or_else(|| io::Error::other("the archive is closed already"))?;
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

/// Prepares a file of the archive `destination`, in which all stands in the folder `root`.
pub(crate) fn prepare(
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

/// Stored, without a time, readable by all.
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
    // Once in the archive's own words, once in the system's: the same kind in any case, for the hint that goes with it.
    let error = error
        .raw_os_error()
        .map_or_else(|| io::Error::new(error.kind(), error.to_string()), io::Error::from_raw_os_error);
    failed("write", destination)(error)
}
