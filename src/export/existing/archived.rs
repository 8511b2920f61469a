//! The files of an archived export, as the archive's directory lists them.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::io::{self, Read};
use std::path::Path;

use super::{ExportFiles, StoredFile, UnexpectedEntry};
use crate::archive::{Archive, ArchiveEntry, ArchiveError, Fault, Strictness};
use crate::key::EntryName;
use crate::layout::{TILE_INDEX, is_descriptor};

/// The files in the root folder of an archive.
#[derive(Debug)]
pub(crate) struct ArchivedFiles {
    archive: Archive,
    /// The name of the root folder, with a trailing `/`.
    root: String,
    files: BTreeMap<String, StoredFile>,
    /// The index of each file's entry in the archive.
    entries: HashMap<String, usize>,
    unexpected: BTreeSet<UnexpectedEntry>,
}

impl ArchivedFiles {
    pub fn open(path: &Path) -> Result<Self, ArchiveError> {
        let archive = Archive::open(path)?;
        let root = root_folder(&archive);
        let mut files = BTreeMap::new();
        let mut entries = HashMap::new();
        let mut unexpected = BTreeSet::new();
        for (index, entry) in archive.entries().iter().enumerate() {
            let name = entry.unicode_name().and_then(|name| name.strip_prefix(&root));
            if entry.is_folder() && (name.is_some() || entry.name() == root) {
                continue;
            }
            let Some(name) = name.and_then(|name| EntryName::new(name.to_owned()).ok()) else {
                unexpected.insert(UnexpectedEntry::Outside(entry.name().into_owned()));
                continue;
            };
            let name = name.as_str().to_owned();
            if entry.is_special() {
                unexpected.insert(UnexpectedEntry::NotAFile(name));
                continue;
            }
            let file = StoredFile { bytes: entry.bytes(), crc: Some(entry.crc()) };
            if files.insert(name.clone(), file).is_some() {
                unexpected.insert(UnexpectedEntry::Duplicate(name));
            } else {
                entries.insert(name, index);
            }
        }
        Ok(Self { archive, root, files, entries, unexpected })
    }

    fn entry(&self, name: &str) -> io::Result<&ArchiveEntry> {
        let index =
            self.entries.get(name).ok_or_else(|| io::Error::from(io::ErrorKind::NotFound))?;
        Ok(&self.archive.entries()[*index])
    }

    /// Returns the fault with the file's name relative to the export.
    fn inside_root(&self, fault: Fault) -> Fault {
        let entry = fault
            .entry
            .map(|entry| entry.strip_prefix(&self.root).map(str::to_owned).unwrap_or(entry));
        Fault { entry, ..fault }
    }
}

/// Returns the folder of the descriptor, or else that of the first entry, with a trailing `/`.
fn root_folder(archive: &Archive) -> String {
    let folder = |entry: &ArchiveEntry| {
        let (folder, rest) = entry.unicode_name()?.split_once('/')?;
        Some((folder.to_owned() + "/", is_descriptor(rest)))
    };
    let mut folders = archive.entries().iter().filter_map(folder);
    let first = folders.next();
    let with_descriptor =
        first.iter().cloned().chain(folders).find(|(_, has_descriptor)| *has_descriptor);
    with_descriptor.or(first).map(|(folder, _)| folder).unwrap_or_default()
}

impl ExportFiles for ArchivedFiles {
    fn files(&self) -> &BTreeMap<String, StoredFile> {
        &self.files
    }

    fn unexpected(&self) -> &BTreeSet<UnexpectedEntry> {
        &self.unexpected
    }

    fn open(&self, name: &str) -> io::Result<Box<dyn Read + '_>> {
        Ok(Box::new(self.archive.read(self.entry(name)?)?))
    }

    fn contents_offset(&self, name: &str) -> io::Result<Option<u64>> {
        self.archive.contents_offset(self.entry(name)?)
    }

    /// Checks strictly if the archive has a tile index, because then slidezoom wrote it.
    fn check_structure(&self) -> io::Result<Vec<Fault>> {
        let is_index = |name: &String| name.rsplit('/').next() == Some(TILE_INDEX);
        let strictness =
            if self.files.keys().any(is_index) { Strictness::Ours } else { Strictness::Zip };
        let faults = self.archive.check_structure(strictness)?;
        Ok(faults.into_iter().map(|fault| self.inside_root(fault)).collect())
    }

    fn is_archive(&self) -> bool {
        true
    }

    fn is_our_archive(&self) -> bool {
        self.archive.has_our_entries()
    }
}
