//! An export that exists: its files, whatever it is kept in.
//!
//! What always holds: names are relative to the export's own folder and cannot reach outside it, links are not followed, and nothing is
//! unpacked. Whatever stands there and is no such file is a [`UnexpectedEntry`], with a name.

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
    /// Its length.
    pub bytes: u64,
    /// Its CRC-32, where the container keeps one.
    pub crc: Option<u32>,
}

/// Something in an export that is no file of it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum UnexpectedEntry {
    /// A link, a device, or a file whose name is no Unicode.
    NotAFile(String),
    /// An archive's entry whose name could reach outside, or that does not stand in the one root folder.
    Outside(String),
    /// An archive's second entry with the same name.
    Twice(String),
}

/// Why an export cannot be looked at.
#[derive(Clone, Debug, thiserror::Error)]
pub enum ExportedError {
    /// The path cannot be looked into.
    #[error("{path}: cannot be opened: {source}", path = path.display())]
    Open {
        /// The path.
        path: PathBuf,
        /// What the operating system said.
        source: Arc<io::Error>,
    },
    /// It is a file, and no archive that could be read.
    #[error(transparent)]
    Archive(ArchiveError),
}

/// The files of an export.
pub trait ExportedFiles: Sync {
    /// All files, by name.
    fn files(&self) -> &BTreeMap<String, StoredFile>;

    /// What is there besides.
    fn strays(&self) -> &BTreeSet<UnexpectedEntry>;

    /// Opens a file for reading.
    ///
    /// # Errors
    /// Where it cannot be read.
    fn open(&self, name: &str) -> io::Result<Box<dyn Read + '_>>;

    /// Where in an archive a file's contents begin; `None` where it is kept otherwise.
    ///
    /// # Errors
    /// Where the archive cannot be read.
    fn contents_offset(&self, name: &str) -> io::Result<Option<u64>>;

    /// What is wrong with the container itself.
    ///
    /// # Errors
    /// Where it cannot be read.
    fn check_structure(&self) -> io::Result<Vec<Fault>>;

    /// Whether it is one file.
    fn is_archive(&self) -> bool;

    /// Whether it is an archive whose entries are as we write them, which then has a tile index too. Other programs pack exports as well.
    fn is_our_archive(&self) -> bool;
}

/// Opens the export at `path`: a folder, a bag, or an archive.
///
/// # Errors
/// [`ExportedError`] where there is nothing that could be looked into.
pub fn open(path: &Path) -> Result<Box<dyn ExportedFiles>, ExportedError> {
    let failed = |source: io::Error| ExportedError::Open { path: path.to_owned(), source: Arc::new(source) };
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
    /// Whether anything has this name, be it no file.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        self.files().contains_key(name) || self.strays().contains(&UnexpectedEntry::NotAFile(name.to_owned()))
    }

    /// By which layout its files are named: what only one of them has tells.
    #[must_use]
    pub fn container(&self) -> Container {
        let any = |names: &[&str]| names.iter().any(|name| self.has(name));
        let vendor = self.files().range("vendor/slidezoom/".to_owned()..).next();
        if any(&[BAG_DECLARATION, BAG_INFORMATION, TAG_MANIFEST]) {
            Container::Bag
        } else if any(&[MANIFEST]) {
            // That is where no .szi has it. What the manifest does not list is a stranger, be it called as a part of a .szi.
            if self.is_archive() { Container::Zip } else { Container::Folder }
        } else if any(&[SCAN_PROPERTIES]) || vendor.is_some_and(|(name, _)| name.starts_with("vendor/slidezoom/")) {
            Container::Szi
        } else if self.is_archive() {
            Container::Zip
        } else {
            Container::Folder
        }
    }

    /// The descriptions of pyramids in other layouts than Deep Zoom's, of which the files themselves tell nothing: the export's name by each, and the
    /// pyramid.
    pub(crate) fn described(&self) -> impl Iterator<Item = (String, DescribedPyramid)> {
        let payload = Layout::new("", self.container()).payload();
        self.files().keys().filter_map(move |file| {
            let name = file.strip_prefix(payload)?.strip_suffix(".json").filter(|name| !name.contains('/'))?;
            let described = DescribedPyramid::read(&self.read(file, metadata::LONGEST).ok()?)?;
            (!described.layout.is_deep_zoom()).then(|| (name.to_owned(), described))
        })
    }

    /// Reads a file of at most so many bytes.
    ///
    /// # Errors
    /// Where it is longer, or cannot be read.
    pub fn read(&self, name: &str, most: u64) -> io::Result<Vec<u8>> {
        let bytes = self.files().get(name).map_or(0, |file| file.bytes);
        if bytes > most {
            let message = format!("is {bytes} bytes long, which no such file is");
            return Err(io::Error::new(io::ErrorKind::FileTooLarge, message));
        }
        let mut contents = Vec::new();
        self.open(name)?.take(most).read_to_end(&mut contents)?;
        Ok(contents)
    }

    /// Reads a text of at most so many bytes, or says what is wrong with it.
    ///
    /// # Errors
    /// What is wrong, in words.
    pub fn read_text(&self, name: &str, most: u64) -> Result<String, String> {
        let bytes = self.read(name, most).map_err(|error| match error.kind() {
            io::ErrorKind::FileTooLarge => error.to_string(),
            _ => format!("cannot be read: {error}"),
        })?;
        String::from_utf8(bytes).map_err(|_| "is no UTF-8 text".to_owned())
    }

    /// The SHA-256 and the CRC-32 of a file's contents.
    ///
    /// # Errors
    /// Where it cannot be read.
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
