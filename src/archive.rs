//! Reads the directory of a zip archive, and believes nothing in it.
//!
//! Written for verification and so apart from what writes archives: everything is held against everything else, and each difference is a
//! [`Fault`] with a name. What always holds: nothing is inflated, nothing outside the file is read, and memory is taken for what is in the file and
//! not for what it claims. The format is PKWARE's APPNOTE 6.3.10.

use std::fmt;
use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

mod end_record;
mod records;

use end_record::EndRecord;
pub use records::ArchiveEntry;
use records::{LOCAL_HEADER_BYTES, LocalHeader};

/// Why a file cannot be read as an archive at all.
#[derive(Clone, Debug, thiserror::Error)]
pub enum ArchiveError {
    /// It cannot be read.
    #[error("{path}: cannot be read: {source}", path = path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        source: Arc<io::Error>,
    },
    /// It does not end as an archive does.
    #[error("{path}: no zip archive, or one that was cut short (its end record is missing)", path = path.display())]
    NoEndRecord {
        /// The file.
        path: PathBuf,
    },
    /// Its list of files cannot be followed.
    #[error("{path}: its directory is damaged: {message}", path = path.display())]
    Directory {
        /// The file.
        path: PathBuf,
        /// Where and how.
        message: String,
    },
}

/// Something in an archive that no careful writer leaves so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The entry that it is about; `None` for the archive as a whole.
    pub entry: Option<String>,
    /// What is wrong.
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

impl Fault {
    fn of_archive(message: impl Into<String>) -> Self {
        Self { entry: None, message: message.into() }
    }

    fn of_entry(entry: &ArchiveEntry, message: impl Into<String>) -> Self {
        Self { entry: Some(entry.name().into_owned()), message: message.into() }
    }
}

/// Who wrote an archive, as far as strictness goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Strictness {
    /// Any careful writer: what contradicts itself is a fault.
    Zip,
    /// Our own: what [`ArchiveSink`](crate::sink::ArchiveSink) never writes is a fault too, so that no bit of the directory can change unseen.
    Ours,
}

/// An open archive and the list of its entries.
#[derive(Debug)]
pub struct Archive {
    file: File,
    path: PathBuf,
    end: EndRecord,
    entries: Vec<ArchiveEntry>,
    faults: Vec<Fault>,
}

/// Where an entry's parts are, by its local header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Located {
    contents: u64,
    end: u64,
}

impl Archive {
    /// Opens an archive and reads its central directory.
    ///
    /// # Errors
    /// [`ArchiveError`] where it is no archive or its directory cannot be followed. What can be followed and is wrong is among the
    /// [`faults`](Self::faults).
    pub fn open(path: &Path) -> Result<Self, ArchiveError> {
        let failed = |source| ArchiveError::Read { path: path.to_owned(), source: Arc::new(source) };
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
        let directory = |message| ArchiveError::Directory { path: path.to_owned(), message };
        if end.directory.end != end.starts_at || end.directory.start > end.directory.end {
            return Err(directory(format!(
                "it should end at byte {}, where the end record is, and is said to go from {} to {}",
                end.starts_at, end.directory.start, end.directory.end
            )));
        }
        let mut reader = BufReader::with_capacity(1 << 18, &file);
        reader.seek(SeekFrom::Start(end.directory.start)).map_err(failed)?;
        let mut reader = reader.take(end.directory.end - end.directory.start);
        let mut entries = Vec::new();
        while reader.limit() > 0 {
            let number = entries.len() + 1;
            let entry = ArchiveEntry::read(&mut reader).map_err(|error| match error.kind() {
                io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof => {
                    directory(format!("record {number} of it: {error}"))
                }
                _ => failed(error),
            })?;
            entries.push(entry);
        }
        if entries.len() as u64 != end.entries {
            let (there, said) = (entries.len(), end.entries);
            faults
                .push(Fault::of_archive(format!("its end record says {said} entries, and its directory has {there}")));
        }
        Ok(Self { file, path: path.to_owned(), end, entries, faults })
    }

    /// The file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// All entries, in the directory's order.
    #[must_use]
    pub fn entries(&self) -> &[ArchiveEntry] {
        &self.entries
    }

    /// What is wrong with the end of the archive.
    #[must_use]
    pub fn faults(&self) -> &[Fault] {
        &self.faults
    }

    /// Whether every entry is as [`ArchiveSink`](crate::sink::ArchiveSink) writes it.
    #[must_use]
    pub fn has_our_entries(&self) -> bool {
        self.entries.iter().all(|entry| entry.unlike_ours().is_none())
    }

    /// Looks at every local header, and at what stands between the entries: each byte of the archive belongs to one entry or to the directory.
    ///
    /// # Errors
    /// Where the file cannot be read.
    pub fn check_structure(&self, strictness: Strictness) -> io::Result<Vec<Fault>> {
        let mut faults = self.faults.clone();
        if strictness == Strictness::Ours {
            let version = self.entries.iter().map(ArchiveEntry::version_needed).max().unwrap_or_default();
            let unlike_ours = self.end.unlike_ours(self.entries.len() as u64, version);
            faults.extend(unlike_ours.map(Fault::of_archive));
        }
        let mut order: Vec<&ArchiveEntry> = self.entries.iter().collect();
        order.sort_by_key(|entry| entry.header_offset());
        // Where the entry before ends, and how far any before reaches.
        let (mut position, mut reached) = (0, 0);
        for entry in order {
            if strictness == Strictness::Ours {
                faults.extend(entry.unlike_ours().map(|message| Fault::of_entry(entry, message)));
            }
            if entry.header_offset() != position || entry.header_offset() < reached {
                let before = position.max(reached);
                let between = if entry.header_offset() < before { "overlaps them" } else { "does not follow them" };
                let message = format!(
                    "begins at byte {}, and the entries before it end at {before}: {between}",
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
                "its last entry ends at byte {position}, and its directory begins at {start}"
            )));
        }
        Ok(faults)
    }

    /// Where the contents of an entry are, after its local header has been held against the directory.
    ///
    /// # Errors
    /// Where the file cannot be read. The inner error is what is wrong with the header.
    fn locate(&self, entry: &ArchiveEntry) -> io::Result<Result<Located, Fault>> {
        let fault = |message: String| Ok(Err(Fault::of_entry(entry, message)));
        let outside =
            || fault(format!("does not lie before the directory: it begins at byte {}", entry.header_offset()));
        let room = self.end.directory.start.saturating_sub(entry.header_offset());
        if room < LOCAL_HEADER_BYTES as u64 {
            return outside();
        }
        let mut bytes = vec![0; (LOCAL_HEADER_BYTES + entry.raw_name().len() + 64).min(room as usize)];
        self.file.read_exact_at(&mut bytes, entry.header_offset())?;
        let Some(header) = LocalHeader::parse(&bytes) else {
            return fault("has no local header where the directory says".to_owned());
        };
        if let Some(message) = header.unlike(entry, &bytes) {
            return fault(message);
        }
        let contents = entry.header_offset() + header.bytes;
        let Some(end) = contents.checked_add(entry.stored_bytes()).filter(|&end| end <= self.end.directory.start)
        else {
            return outside();
        };
        let descriptor = if entry.has_descriptor() { self.descriptor_bytes(entry, end)? } else { Some(0) };
        match descriptor {
            Some(descriptor) => Ok(Ok(Located { contents, end: end + descriptor })),
            None => fault("is not followed by the descriptor that it promises".to_owned()),
        }
    }

    /// The length of the data descriptor that other writers put behind an entry's contents; `None` where none of its forms is there.
    fn descriptor_bytes(&self, entry: &ArchiveEntry, at: u64) -> io::Result<Option<u64>> {
        let room = self.end.directory.start - at;
        let mut bytes = vec![0; room.min(24) as usize];
        self.file.read_exact_at(&mut bytes, at)?;
        Ok(entry.descriptors().into_iter().find(|form| bytes.starts_with(form)).map(|form| form.len() as u64))
    }

    /// Reads an entry's contents.
    ///
    /// # Errors
    /// Where the file cannot be read, or the entry is compressed, encrypted or not where the directory says.
    pub fn read(&self, entry: &ArchiveEntry) -> io::Result<impl Read + use<'_>> {
        let refused = |message: String| io::Error::new(io::ErrorKind::InvalidData, message);
        if let Some(message) = entry.not_stored() {
            return Err(refused(message));
        }
        let place = self.locate(entry)?.map_err(|fault| refused(fault.message))?;
        Ok(Contents { file: &self.file, next: place.contents, end: place.contents + entry.stored_bytes() })
    }

    /// Where an entry's contents begin; `None` where its local header is damaged.
    ///
    /// # Errors
    /// Where the file cannot be read.
    pub fn contents_offset(&self, entry: &ArchiveEntry) -> io::Result<Option<u64>> {
        Ok(self.locate(entry)?.ok().map(|place| place.contents))
    }
}

/// The name, and the place of the contents, of the entry whose local header begins at `at` and which ends before `end`; `None` where there is no
/// stored entry. For archives that have no directory yet.
///
/// # Errors
/// Where the file cannot be read.
pub(crate) fn first_entry(file: &File, at: u64, end: u64) -> io::Result<Option<(String, Range<u64>)>> {
    let mut bytes = vec![0; end.saturating_sub(at).min(1 << 12) as usize];
    file.read_exact_at(&mut bytes, at)?;
    let entry = LocalHeader::parse(&bytes).and_then(|header| {
        let start = at + header.bytes;
        let contents = start..start.checked_add(header.stored_bytes()?)?;
        Some((header.name(&bytes)?.to_owned(), contents)).filter(|_| end >= start)
    });
    Ok(entry.filter(|(_, contents)| contents.end <= end))
}

/// A part of the archive's file; any number can be read at once.
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
