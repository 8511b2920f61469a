//! The files of an export in a folder.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use walkdir::WalkDir;

use super::{ExportFiles, StoredFile, UnexpectedEntry};
use crate::key::EntryName;

/// The files below a folder.
#[derive(Debug)]
pub(crate) struct Folder {
    path: PathBuf,
    files: BTreeMap<String, StoredFile>,
    unexpected: BTreeSet<UnexpectedEntry>,
}

impl Folder {
    pub fn read(path: &Path) -> io::Result<Self> {
        let mut found =
            Self { path: path.to_owned(), files: BTreeMap::new(), unexpected: BTreeSet::new() };
        for entry in WalkDir::new(path).min_depth(1) {
            let entry = entry?;
            if entry.file_type().is_dir() {
                continue;
            }
            let relative = entry.path().strip_prefix(path).unwrap_or(entry.path());
            // Names of an export are Unicode. Any other name is only displayed.
            let name = relative.to_string_lossy().into_owned();
            let is_plain = relative.to_str().is_some() && EntryName::new(name.clone()).is_ok();
            if entry.file_type().is_file() && is_plain {
                found.files.insert(name, StoredFile { bytes: entry.metadata()?.len(), crc: None });
            } else {
                found.unexpected.insert(UnexpectedEntry::NotAFile(name));
            }
        }
        Ok(found)
    }
}

impl ExportFiles for Folder {
    fn files(&self) -> &BTreeMap<String, StoredFile> {
        &self.files
    }

    fn unexpected(&self) -> &BTreeSet<UnexpectedEntry> {
        &self.unexpected
    }

    fn open(&self, name: &str) -> io::Result<Box<dyn Read + '_>> {
        Ok(Box::new(File::open(self.path.join(name))?))
    }
}
