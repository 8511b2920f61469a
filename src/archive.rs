//! Reads the central directory of a zip archive and trusts nothing in it.
//!
//! The reader is meant for verification, so it shares no code with the writer: it compares
//! everything in an archive that is stored twice and reports each contradiction as a [`Fault`]. It
//! inflates nothing, and allocates memory for what is in the file rather than for what the file
//! claims. The format is PKWARE's APPNOTE 6.3.10.

use std::fmt;
use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::platform::FileExt;

mod end_record;
mod records;

use end_record::EndRecord;
pub use records::ArchiveEntry;
use records::{LOCAL_HEADER_BYTES, LocalHeader};

/// Why a file cannot be read as an archive.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ArchiveError {
    /// The file cannot be read.
    #[error("{path}: cannot be read", path = path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The error of the operating system.
        source: Arc<io::Error>,
    },
    /// The file has no end record.
    #[error("{path}: not a zip archive, or truncated (it has no end record)", path = path.display())]
    NoEndRecord {
        /// The file.
        path: PathBuf,
    },
    /// The central directory does not end where the end record begins.
    #[error(
        "{path}: the central directory is damaged: it should end at the end record at byte \
         {end_record}, but extends from byte {} to {}",
        directory.start,
        directory.end,
        path = path.display()
    )]
    Directory {
        /// The file.
        path: PathBuf,
        /// The position of the central directory, according to the end record.
        directory: Range<u64>,
        /// The position of the end record.
        end_record: u64,
    },
    /// A record of the central directory cannot be parsed.
    #[error("{path}: the central directory is damaged: record {number}", path = path.display())]
    Record {
        /// The file.
        path: PathBuf,
        /// The record, counted from 1.
        number: usize,
        /// What is wrong with the record.
        source: Arc<io::Error>,
    },
}

/// A contradiction in an archive, or something that a correct writer does not produce.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The entry; `None` for the archive as a whole.
    pub entry: Option<String>,
    /// A description of the fault, as the rest of a sentence about the entry or the archive.
    pub message: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.entry {
            Some(entry) => write!(formatter, "{entry}: {}", self.message),
            None => formatter.write_str(&self.message),
        }
    }
}

impl std::error::Error for Fault {}

impl Fault {
    fn of_archive(message: impl Into<String>) -> Self {
        Self { entry: None, message: message.into() }
    }

    fn of_entry(entry: &ArchiveEntry, message: impl Into<String>) -> Self {
        Self { entry: Some(entry.name().into_owned()), message: message.into() }
    }
}

/// How strictly an archive is checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Strictness {
    /// An archive of any writer: contradictions are faults.
    Zip,
    /// An archive of this crate: anything that `ArchiveSink` does not write is a fault too, so that
    /// a change of any bit of the central directory is found.
    Ours,
}

/// An open archive and its entries.
#[derive(Debug)]
pub struct Archive {
    file: File,
    path: PathBuf,
    end: EndRecord,
    entries: Vec<ArchiveEntry>,
    faults: Vec<Fault>,
}

/// The position of an entry, by its local header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Located {
    contents: u64,
    end: u64,
}

impl Archive {
    /// Opens an archive and reads its central directory.
    ///
    /// # Errors
    /// [`ArchiveError`] if it is not an archive or its central directory cannot be parsed. Faults
    /// that do not prevent parsing are in [`faults`](Self::faults).
    pub fn open(path: &Path) -> Result<Self, ArchiveError> {
        let failed =
            |source| ArchiveError::Read { path: path.to_owned(), source: Arc::new(source) };
        let file = File::open(path).map_err(failed)?;
        let metadata = file.metadata().map_err(failed)?;
        if !metadata.is_file() {
            return Err(failed(io::Error::other("not a file")));
        }
        let length = metadata.len();
        let mut faults = Vec::new();
        let end = EndRecord::find(&file, length, &mut faults)
            .map_err(failed)?
            .ok_or_else(|| ArchiveError::NoEndRecord { path: path.to_owned() })?;
        if end.directory.end != end.starts_at || end.directory.start > end.directory.end {
            return Err(ArchiveError::Directory {
                path: path.to_owned(),
                directory: end.directory,
                end_record: end.starts_at,
            });
        }
        let mut reader = BufReader::with_capacity(1 << 18, &file);
        reader.seek(SeekFrom::Start(end.directory.start)).map_err(failed)?;
        let mut reader = reader.take(end.directory.end - end.directory.start);
        let mut entries = Vec::new();
        while reader.limit() > 0 {
            let number = entries.len() + 1;
            let entry = ArchiveEntry::read(&mut reader).map_err(|error| match error.kind() {
                io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof => {
                    ArchiveError::Record { path: path.to_owned(), number, source: Arc::new(error) }
                }
                _ => failed(error),
            })?;
            entries.push(entry);
        }
        if entries.len() as u64 != end.entries {
            let (found, counted) = (entries.len(), end.entries);
            faults.push(Fault::of_archive(format!(
                "the end record counts {counted} entries, but the central directory has {found}"
            )));
        }
        Ok(Self { file, path: path.to_owned(), end, entries, faults })
    }

    /// The path of the archive.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// All entries in the order of the central directory.
    #[must_use]
    pub fn entries(&self) -> &[ArchiveEntry] {
        &self.entries
    }

    /// The faults of the end records.
    #[must_use]
    pub fn faults(&self) -> &[Fault] {
        &self.faults
    }

    /// Whether every entry is as this crate writes it.
    #[must_use]
    pub fn has_our_entries(&self) -> bool {
        self.entries.iter().all(|entry| entry.unlike_ours().is_none())
    }

    /// Checks every local header, and that each byte of the archive belongs to exactly one entry or
    /// to the central directory.
    ///
    /// # Errors
    /// If the file cannot be read.
    pub fn check_structure(&self, strictness: Strictness) -> io::Result<Vec<Fault>> {
        let mut faults = self.faults.clone();
        if strictness == Strictness::Ours {
            let version =
                self.entries.iter().map(ArchiveEntry::version_needed).max().unwrap_or_default();
            let unlike_ours = self.end.unlike_ours(self.entries.len() as u64, version);
            faults.extend(unlike_ours.map(Fault::of_archive));
        }
        let mut order: Vec<&ArchiveEntry> = self.entries.iter().collect();
        order.sort_by_key(|entry| entry.header_offset());
        // The end of the previous entry, and the furthest end of any before.
        let (mut position, mut reached) = (0, 0);
        for entry in order {
            if strictness == Strictness::Ours {
                faults.extend(entry.unlike_ours().map(|message| Fault::of_entry(entry, message)));
            }
            if entry.header_offset() != position || entry.header_offset() < reached {
                let before = position.max(reached);
                let between = if entry.header_offset() < before {
                    "overlaps them"
                } else {
                    "does not follow them"
                };
                let message = format!(
                    "begins at byte {} but the entries before it end at {before}: it {between}",
                    entry.header_offset()
                );
                faults.push(Fault::of_entry(entry, message));
            }
            match self.locate(entry)? {
                Ok(Located { end, .. }) => (position, reached) = (end, end.max(reached)),
                Err(fault) => {
                    faults.push(fault);
                    position = entry.likely_end();
                }
            }
        }
        if position != self.end.directory.start {
            let start = self.end.directory.start;
            faults.push(Fault::of_archive(format!(
                "the last entry ends at byte {position} and the central directory begins at {start}"
            )));
        }
        Ok(faults)
    }

    /// Locates an entry and compares its local header with the central directory.
    ///
    /// # Errors
    /// If the file cannot be read. The inner error is a fault of the local header.
    fn locate(&self, entry: &ArchiveEntry) -> io::Result<Result<Located, Fault>> {
        let fault = |message: String| Ok(Err(Fault::of_entry(entry, message)));
        let outside = || {
            fault(format!(
                "reaches into the central directory: it begins at byte {}",
                entry.header_offset()
            ))
        };
        let room = self.end.directory.start.saturating_sub(entry.header_offset());
        if room < LOCAL_HEADER_BYTES as u64 {
            return outside();
        }
        let mut bytes =
            vec![0; (LOCAL_HEADER_BYTES + entry.raw_name().len() + 64).min(room as usize)];
        self.file.read_exact_at(&mut bytes, entry.header_offset())?;
        let Some(header) = LocalHeader::parse(&bytes) else {
            return fault("has no local header where the central directory says".to_owned());
        };
        if let Some(message) = header.unlike(entry, &bytes) {
            return fault(message);
        }
        let contents = entry.header_offset() + header.bytes;
        let Some(end) = contents
            .checked_add(entry.stored_bytes())
            .filter(|&end| end <= self.end.directory.start)
        else {
            return outside();
        };
        let descriptor =
            if entry.has_descriptor() { self.descriptor_bytes(entry, end)? } else { Some(0) };
        match descriptor {
            Some(descriptor) => Ok(Ok(Located { contents, end: end + descriptor })),
            None => {
                fault("is not followed by the data descriptor that its flags require".to_owned())
            }
        }
    }

    /// Returns the length of the data descriptor that other writers put after the contents of an
    /// entry; `None` if none of its forms is there.
    fn descriptor_bytes(&self, entry: &ArchiveEntry, at: u64) -> io::Result<Option<u64>> {
        let room = self.end.directory.start - at;
        let mut bytes = vec![0; room.min(24) as usize];
        self.file.read_exact_at(&mut bytes, at)?;
        Ok(entry
            .descriptors()
            .into_iter()
            .find(|form| bytes.starts_with(form))
            .map(|form| form.len() as u64))
    }

    /// Reads the contents of an entry.
    ///
    /// # Errors
    /// If the file cannot be read, or the entry is compressed, encrypted or not where the central
    /// directory says.
    pub fn read(&self, entry: &ArchiveEntry) -> io::Result<impl Read + use<'_>> {
        let refused = |message: String| io::Error::new(io::ErrorKind::InvalidData, message);
        if let Some(message) = entry.not_stored() {
            return Err(refused(message));
        }
        let place = self.locate(entry)?.map_err(|fault| refused(fault.message))?;
        Ok(Contents {
            file: &self.file,
            next: place.contents,
            end: place.contents + entry.stored_bytes(),
        })
    }

    /// Returns where the contents of an entry begin; `None` if its local header is damaged.
    ///
    /// # Errors
    /// If the file cannot be read.
    pub fn contents_offset(&self, entry: &ArchiveEntry) -> io::Result<Option<u64>> {
        Ok(self.locate(entry)?.ok().map(|place| place.contents))
    }
}

/// Returns the name and the position of the contents of the entry whose local header begins at `at`
/// and which ends before `end`; `None` if there is no stored entry. For archives without a central
/// directory.
///
/// # Errors
/// If the file cannot be read.
pub(crate) fn first_entry(
    file: &File,
    at: u64,
    end: u64,
) -> io::Result<Option<(String, Range<u64>)>> {
    let mut bytes = vec![0; end.saturating_sub(at).min(1 << 12) as usize];
    file.read_exact_at(&mut bytes, at)?;
    let entry = LocalHeader::parse(&bytes).and_then(|header| {
        let start = at + header.bytes;
        let contents = start..start.checked_add(header.stored_bytes()?)?;
        Some((header.name(&bytes)?.to_owned(), contents)).filter(|_| end >= start)
    });
    Ok(entry.filter(|(_, contents)| contents.end <= end))
}

/// The contents of an entry. Several entries can be read at the same time.
struct Contents<'a> {
    file: &'a File,
    next: u64,
    end: u64,
}

impl Read for Contents<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let length = (self.end - self.next).min(into.len() as u64) as usize;
        let read = self.file.read_at(&mut into[..length], self.next)?;
        if read == 0 && length > 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.next += read as u64;
        Ok(read)
    }
}
