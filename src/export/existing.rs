//! Access to the files of an existing export, in a folder or an archive.
//!
//! Names are relative to the export's folder and cannot reach outside it. Links are not followed;
//! they, and all other entries that cannot be files of an export, are [`UnexpectedEntry`]s.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use sha2::{Digest as _, Sha256};

use crate::archive::{ArchiveError, Fault};
use crate::engine::metadata::{self, DescribedPyramid};
use crate::key::Digest;
use crate::layout::manifest::MANIFEST;
use crate::layout::scan_properties::SCAN_PROPERTIES;
use crate::layout::{BAG_DECLARATION, BAG_INFORMATION, Container, Layout, TAG_MANIFEST};

mod archived;
mod folder;

use archived::ArchivedFiles;
use folder::Folder;

/// A file of an export.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StoredFile {
    /// The length in bytes.
    pub bytes: u64,
    /// The CRC-32, if the container stores one.
    pub crc: Option<u32>,
}

/// An entry that cannot be a file of an export.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum UnexpectedEntry {
    /// A link, a device, or a file whose name is not Unicode.
    NotAFile(String),
    /// An archive entry outside the root folder, or with a name that could reach outside it.
    Outside(String),
    /// An archive entry with the name of an earlier one.
    Duplicate(String),
}

/// Why an export cannot be opened.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenExportError {
    /// The export cannot be read.
    #[error("{path}: cannot be opened", path = path.display())]
    Read {
        /// The path.
        path: PathBuf,
        /// The error of the operating system.
        source: Arc<io::Error>,
    },
    /// The path is a file, but not a readable archive.
    #[error(transparent)]
    Archive(ArchiveError),
}

/// The files of an export.
pub trait ExportFiles: Sync {
    /// Returns all files by name.
    fn files(&self) -> &BTreeMap<String, StoredFile>;

    /// Returns the entries that cannot be files of an export.
    fn unexpected(&self) -> &BTreeSet<UnexpectedEntry>;

    /// Opens a file for reading.
    ///
    /// # Errors
    /// If it cannot be read.
    fn open(&self, name: &str) -> io::Result<Box<dyn Read + '_>>;

    /// Returns the offset of a file's contents in the archive; `None` in a folder.
    ///
    /// # Errors
    /// If the archive cannot be read.
    fn contents_offset(&self, _name: &str) -> io::Result<Option<u64>> {
        Ok(None)
    }

    /// Returns the faults of the container itself.
    ///
    /// # Errors
    /// If it cannot be read.
    fn check_structure(&self) -> io::Result<Vec<Fault>> {
        Ok(Vec::new())
    }

    /// Whether the export is a single file.
    fn is_archive(&self) -> bool {
        false
    }

    /// Whether the export is an archive that slidezoom wrote, judging by its entries. Only those
    /// have a tile index.
    fn is_our_archive(&self) -> bool {
        false
    }
}

/// Opens the export at `path`: a folder, a bag, or an archive.
///
/// # Errors
/// [`OpenExportError`] if the path is neither a folder nor a readable archive.
pub fn open(path: &Path) -> Result<Box<dyn ExportFiles>, OpenExportError> {
    let failed = |source: io::Error| OpenExportError::Read {
        path: path.to_owned(),
        source: Arc::new(source),
    };
    let found = fs::metadata(path).map_err(failed)?;
    if found.is_dir() {
        return Ok(Box::new(Folder::read(path).map_err(failed)?));
    }
    if !found.is_file() {
        return Err(failed(io::Error::other("it is neither a folder nor a file")));
    }
    match ArchivedFiles::open(path) {
        Ok(files) => Ok(Box::new(files)),
        Err(ArchiveError::Read { path, source }) => Err(OpenExportError::Read { path, source }),
        Err(error) => Err(OpenExportError::Archive(error)),
    }
}

impl dyn ExportFiles + '_ {
    /// Whether an entry of any kind has this name.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        self.files().contains_key(name)
            || self.unexpected().contains(&UnexpectedEntry::NotAFile(name.to_owned()))
    }

    /// Returns the container, recognized by files that only one kind of container has.
    #[must_use]
    pub fn container(&self) -> Container {
        let any = |names: &[&str]| names.iter().any(|name| self.has(name));
        let vendor = self.files().range("vendor/slidezoom/".to_owned()..).next();
        if any(&[BAG_DECLARATION, BAG_INFORMATION, TAG_MANIFEST]) {
            Container::Bag
        } else if any(&[MANIFEST]) {
            // The manifest of a .szi has another name.
            if self.is_archive() { Container::Zip } else { Container::Folder }
        } else if any(&[SCAN_PROPERTIES])
            || vendor.is_some_and(|(name, _)| name.starts_with("vendor/slidezoom/"))
        {
            Container::Szi
        } else if self.is_archive() {
            Container::Zip
        } else {
            Container::Folder
        }
    }

    /// Returns the export's name and pyramid from each description of a layout other than Deep
    /// Zoom. The files of such layouts do not describe the pyramid.
    pub(crate) fn described(&self) -> impl Iterator<Item = (String, DescribedPyramid)> {
        let payload = Layout::new("", self.container()).payload();
        self.files().keys().filter_map(move |file| {
            let name = file
                .strip_prefix(payload)?
                .strip_suffix(".json")
                .filter(|name| !name.contains('/'))?;
            let described = DescribedPyramid::read(&self.read(file, metadata::LONGEST).ok()?)?;
            (!described.layout.is_deep_zoom()).then(|| (name.to_owned(), described))
        })
    }

    /// Reads a file of at most `limit` bytes.
    ///
    /// # Errors
    /// If it is longer or cannot be read.
    pub fn read(&self, name: &str, limit: u64) -> io::Result<Vec<u8>> {
        let bytes = self.files().get(name).map_or(0, |file| file.bytes);
        if bytes > limit {
            let message = format!("is {bytes} bytes long, more than the limit of {limit}");
            return Err(io::Error::new(io::ErrorKind::FileTooLarge, message));
        }
        let mut contents = Vec::new();
        self.open(name)?.take(limit).read_to_end(&mut contents)?;
        Ok(contents)
    }

    /// Reads a UTF-8 text of at most `limit` bytes.
    ///
    /// # Errors
    /// A message if it is longer, unreadable, or not UTF-8.
    pub fn read_text(&self, name: &str, limit: u64) -> Result<String, String> {
        let bytes = self.read(name, limit).map_err(|error| match error.kind() {
            io::ErrorKind::FileTooLarge => error.to_string(),
            _ => format!("cannot be read: {error}"),
        })?;
        String::from_utf8(bytes).map_err(|_| "is not UTF-8 text".to_owned())
    }

    /// Returns the SHA-256 and the CRC-32 of a file's contents.
    ///
    /// # Errors
    /// If it cannot be read.
    pub fn checksums(&self, name: &str) -> io::Result<(Digest, u32)> {
        let bytes = self.files().get(name).map_or(0, |file| file.bytes);
        let mut contents = self.open(name)?;
        let (mut sha256, mut crc) = (Sha256::new(), crc32fast::Hasher::new());
        let mut part = vec![0; bytes.clamp(1, 1 << 20) as usize];
        loop {
            match contents.read(&mut part)? {
                0 => return Ok((Digest::finish(sha256), crc.finalize())),
                length => {
                    sha256.update(&part[..length]);
                    crc.update(&part[..length]);
                }
            }
        }
    }
}
