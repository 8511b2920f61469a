//! The files of an export that is a folder, as they are on the disk.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use sha2::{Digest as _, Sha256};
use walkdir::WalkDir;

use super::{VerifyError, is_plain};
use crate::manifest::Digest;

/// A tile is read whole to be looked at; no tile is longer.
const TILE_AT_MOST: u64 = 1 << 30;

/// A regular file.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    /// Relative to the export's folder, with `/` between folders.
    pub name: String,
    pub bytes: u64,
}

/// Everything below a folder. Links are not followed.
#[derive(Debug)]
pub(super) struct Folder {
    path: PathBuf,
    files: BTreeMap<String, Entry>,
    not_files: Vec<String>,
}

impl Folder {
    pub fn read(path: &Path) -> Result<Self, VerifyError> {
        let failed = |source: io::Error| VerifyError::Open { path: path.to_owned(), source: Arc::new(source) };
        if !fs::metadata(path).map_err(failed)?.is_dir() {
            return Err(failed(io::ErrorKind::NotADirectory.into()));
        }
        let mut found = Self { path: path.to_owned(), files: BTreeMap::new(), not_files: Vec::new() };
        for entry in WalkDir::new(path).min_depth(1) {
            let entry = entry.map_err(|error| failed(error.into()))?;
            if entry.file_type().is_dir() {
                continue;
            }
            let relative = entry.path().strip_prefix(path).unwrap_or(entry.path());
            // What is no Unicode is no name of ours; it is shown as well as it can be.
            let name = relative.to_string_lossy().into_owned();
            if entry.file_type().is_file() && is_plain(&name) && relative.to_str().is_some() {
                let bytes = entry.metadata().map_err(|error| failed(error.into()))?.len();
                found.files.insert(name.clone(), Entry { name, bytes });
            } else {
                found.not_files.push(name);
            }
        }
        Ok(found)
    }

    pub fn files(&self) -> impl Iterator<Item = &Entry> {
        self.files.values()
    }

    /// Links, devices, and files whose names are no Unicode.
    pub fn not_files(&self) -> impl Iterator<Item = &String> {
        self.not_files.iter()
    }

    pub fn len(&self) -> usize {
        self.files.len()
    }

    pub fn file(&self, name: &str) -> Option<&Entry> {
        self.files.get(name)
    }

    /// Whether anything has this name, be it no file.
    pub fn has(&self, name: &str) -> bool {
        self.files.contains_key(name) || self.not_files.iter().any(|other| other == name)
    }

    fn open(&self, entry: &Entry) -> io::Result<File> {
        File::open(self.path.join(&entry.name))
    }

    /// A text of at most so many bytes, or what is wrong with it.
    pub fn read_text(&self, entry: &Entry, most: u64) -> Result<String, String> {
        if entry.bytes > most {
            return Err(format!("is {} bytes long, which no such file is", entry.bytes));
        }
        let mut bytes = Vec::new();
        let read = self.open(entry).and_then(|file| file.take(most).read_to_end(&mut bytes));
        read.map_err(|error| format!("cannot be read: {error}"))?;
        String::from_utf8(bytes).map_err(|_| "is no UTF-8 text".to_owned())
    }

    pub fn digest(&self, entry: &Entry) -> io::Result<Digest> {
        let mut file = self.open(entry)?;
        let mut hasher = Sha256::new();
        let mut part = vec![0; entry.bytes.clamp(1, 1 << 20) as usize];
        loop {
            match file.read(&mut part)? {
                0 => return Ok(Digest::finish(hasher)),
                length => hasher.update(&part[..length]),
            }
        }
    }

    pub fn read_tile(&self, entry: &Entry) -> io::Result<Vec<u8>> {
        if entry.bytes > TILE_AT_MOST {
            return Err(io::Error::new(io::ErrorKind::FileTooLarge, "longer than any tile"));
        }
        let mut contents = Vec::new();
        self.open(entry)?.take(TILE_AT_MOST).read_to_end(&mut contents)?;
        Ok(contents)
    }
}
