//! Access to the files of an existing export, in a folder or an archive.
//!
//! Names are relative to the export's folder and cannot reach outside it. Links are not followed.
//! Everything else is an [`UnexpectedEntry`].

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
    /// An archive entry outside the root folder, or whose name could reach outside it.
    Outside(String),
    /// A second archive entry with the same name.
    Twice(String),
}

/// An error opening an export.
#[derive(Clone, Debug, thiserror::Error)]
pub enum ExportedError {
    /// The path cannot be opened.
    #[error("{path}: cannot be opened", path = path.display())]
    Open {
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
pub trait ExportedFiles: Sync {
    /// Returns all files by name.
    fn files(&self) -> &BTreeMap<String, StoredFile>;

    /// Returns all other entries.
    fn strays(&self) -> &BTreeSet<UnexpectedEntry>;

    /// Opens a file for reading.
    ///
    /// # Errors
    /// If it cannot be read.
    fn open(&self, name: &str) -> io::Result<Box<dyn Read + '_>>;

    /// Returns the offset of a file's contents in the archive; `None` in a folder.
    ///
    /// # Errors
    /// If the archive cannot be read.
    fn contents_offset(&self, name: &str) -> io::Result<Option<u64>>;

    /// Returns the faults of the container itself.
    ///
    /// # Errors
    /// If it cannot be read.
    fn check_structure(&self) -> io::Result<Vec<Fault>>;

    /// Whether the export is a single file.
    fn is_archive(&self) -> bool;

    /// Whether the export is an archive with entries as slidezoom writes them, and thus a tile
    /// index. Other programs pack exports as well.
    fn is_our_archive(&self) -> bool;
}

/// Opens the export at `path`: a folder, a bag, or an archive.
///
/// # Errors
/// [`ExportedError`] if the path is neither a folder nor a readable archive.
pub fn open(path: &Path) -> Result<Box<dyn ExportedFiles>, ExportedError> {
    let failed =
        |source: io::Error| ExportedError::Open { path: path.to_owned(), source: Arc::new(source) };
    let found = fs::metadata(path).map_err(failed)?;
    if found.is_dir() {
        return Ok(Box::new(Folder::read(path).map_err(failed)?));
    }
    if !found.is_file() {
        return Err(failed(io::Error::other("it is neither a folder nor a file")));
    }
    match ArchivedFiles::open(path) {
        Ok(files) => Ok(Box::new(files)),
        Err(ArchiveError::Read { path, source }) => Err(ExportedError::Open { path, source }),
        Err(error) => Err(ExportedError::Archive(error)),
    }
}

impl dyn ExportedFiles + '_ {
    /// Whether an entry of any kind has this name.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        self.files().contains_key(name)
            || self.strays().contains(&UnexpectedEntry::NotAFile(name.to_owned()))
    }

    /// Returns the container, as recognized by files that only one kind of container has.
    #[must_use]
    pub fn container(&self) -> Container {
        let any = |names: &[&str]| names.iter().any(|name| self.has(name));
        let vendor = self.files().range("vendor/slidezoom/".to_owned()..).next();
        if any(&[BAG_DECLARATION, BAG_INFORMATION, TAG_MANIFEST]) {
            Container::Bag
        } else if any(&[MANIFEST]) {
            // A .szi has its manifest elsewhere, so files named like parts of a .szi do not count.
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

    /// Returns name and pyramid from each description of a layout other than Deep Zoom, whose files
    /// do not describe the pyramid themselves.
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

    /// Reads a file of at most `most` bytes.
    ///
    /// # Errors
    /// If it is longer or cannot be read.
    pub fn read(&self, name: &str, most: u64) -> io::Result<Vec<u8>> {
        let bytes = self.files().get(name).map_or(0, |file| file.bytes);
        if bytes > most {
            let message = format!("is {bytes} bytes long, more than the limit of {most}");
            return Err(io::Error::new(io::ErrorKind::FileTooLarge, message));
        }
        let mut contents = Vec::new();
        self.open(name)?.take(most).read_to_end(&mut contents)?;
        Ok(contents)
    }

    /// Reads a UTF-8 text of at most `most` bytes.
    ///
    /// # Errors
    /// A message if it is longer, unreadable, or not UTF-8.
    pub fn read_text(&self, name: &str, most: u64) -> Result<String, String> {
        let bytes = self.read(name, most).map_err(|error| match error.kind() {
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
