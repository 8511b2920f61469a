//! Verifies that an export is complete and unchanged.
//!
//! The files are compared with the manifest and with the pyramid that the descriptor describes; in
//! an archive also the central directory, the local headers and the tile index. Every file that is
//! missing, unexpected, altered, or not an image of its planned size is named. Nothing outside the
//! export is read and links are not followed. A hostile file can neither hang the check nor exhaust
//! memory.
//!
//! Exports of other tools have no manifest. Their tiles are decoded instead of hashed.

use std::collections::BTreeSet;
use std::io;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rayon::prelude::*;
use serde::Serialize;

use crate::engine::progress::Progress;
use crate::engine::start_workers;
use crate::error::{WorkersError, with_causes};
use crate::export::existing::{self, ExportFiles, OpenExportError, UnexpectedEntry};
use crate::geometry::Size;
use crate::key::Digest;

mod expectations;
mod index;
mod tile_file;

pub(crate) use expectations::{Expectations, ExpectedPyramid};
use tile_file::TileFileFormat;

/// How thoroughly an export is verified.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Depth {
    /// Every byte of every file.
    #[default]
    Full,
    /// The names of all files, and the beginning and the end of each tile. Finds files that are
    /// missing, truncated, or of the wrong size, but no altered bytes.
    Quick,
}

/// A problem of an export.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, thiserror::Error)]
#[serde(tag = "kind", rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Problem {
    /// A file of the export is missing.
    #[error("{name}: missing")]
    Missing {
        /// The file.
        name: String,
    },
    /// A file does not belong to the export.
    #[error("{name}: does not belong to this export")]
    Unexpected {
        /// The file.
        name: String,
    },
    /// A file has another digest than the manifest says.
    #[error("{name}: altered (SHA-256 {found} instead of {expected}, as the manifest says)")]
    Altered {
        /// The file.
        name: String,
        /// The digest in the manifest.
        expected: Digest,
        /// The digest of the file.
        found: Digest,
    },
    /// A tile cannot be decoded.
    #[error("{name}: cannot be decoded: {message}")]
    Undecodable {
        /// The file.
        name: String,
        /// The decoder's message.
        message: String,
    },
    /// A tile does not have the size that it must have in the pyramid.
    #[error("{name}: is {found} pixels instead of {expected}")]
    WrongSize {
        /// The file.
        name: String,
        /// The size in the pyramid.
        expected: Size,
        /// The size in the tile's header.
        found: Size,
    },
    /// A file cannot be read.
    #[error("{name}: cannot be read: {message}")]
    Unreadable {
        /// The file.
        name: String,
        /// The message of the operating system.
        message: String,
    },
    /// A file has another CRC-32 than the archive says.
    #[error("{name}: altered (CRC-32 {found:08x} instead of {expected:08x}, as the archive says)")]
    Checksum {
        /// The file.
        name: String,
        /// The CRC-32 in the central directory.
        expected: u32,
        /// The CRC-32 of the file.
        found: u32,
    },
    /// An entry is not a regular file.
    #[error("{name}: is not a regular file (a link or a device)")]
    NotAFile {
        /// The entry.
        name: String,
    },
    /// The descriptor, the description, the manifest or the tile index is invalid or contradicts
    /// another of them.
    #[error("{name}: {message}")]
    Contradiction {
        /// The file.
        name: String,
        /// What is wrong, as the rest of a sentence about the file.
        message: String,
    },
    /// The structure of the archive is damaged.
    #[error("{name}: {message}")]
    Structure {
        /// The damaged file, or the archive itself.
        name: String,
        /// What is wrong, as the rest of a sentence about the file.
        message: String,
    },
}

impl Problem {
    /// The file that has the problem.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Missing { name }
            | Self::Unexpected { name }
            | Self::Altered { name, .. }
            | Self::Undecodable { name, .. }
            | Self::WrongSize { name, .. }
            | Self::Unreadable { name, .. }
            | Self::NotAFile { name }
            | Self::Checksum { name, .. }
            | Self::Contradiction { name, .. }
            | Self::Structure { name, .. } => name,
        }
    }
}

/// The result of verifying an export.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Verification {
    /// The number of files.
    pub files: u64,
    /// The number of files that are tiles.
    pub tiles: u64,
    /// The total size of the files in bytes.
    pub bytes: u64,
    /// Whether the export has a readable manifest.
    pub manifest: bool,
    /// All problems, sorted by file name; empty if the export is valid.
    pub problems: Vec<Problem>,
}

impl Verification {
    /// Returns the result for an export that could not be opened or read.
    #[must_use]
    pub fn of_unreadable(path: &Path, error: &VerifyError) -> Self {
        let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned();
        let problems = vec![Problem::Structure { name, message: with_causes(error) }];
        Self { files: 0, tiles: 0, bytes: 0, manifest: false, problems }
    }
}

/// Why an export cannot be verified.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum VerifyError {
    /// The export cannot be opened or read.
    #[error(transparent)]
    Open(#[from] OpenExportError),
    /// The folder or archive is not an export.
    #[error(
        "{path}: is not an export: it has no .dzi, no manifest, and no description of another layout",
        path = path.display()
    )]
    NotAnExport {
        /// The path.
        path: PathBuf,
    },
    /// The caller stopped the verification.
    #[error("interrupted")]
    Interrupted,
    /// The worker threads could not be started.
    #[error(transparent)]
    Workers(#[from] WorkersError),
}

/// The maximum length of a tile file: 8 bytes per pixel, which no image format needs, and 1 MB for
/// metadata such as an ICC profile. Tiles are read into memory as a whole.
const MAX_TILE_BYTES_PER_PIXEL: u64 = 8;
const MAX_TILE_METADATA_BYTES: u64 = 1 << 20;

/// An export whose names and structure have been checked, but not the contents of its files.
pub(crate) struct Inspection {
    pub export: Box<dyn ExportFiles>,
    pub expectations: Expectations,
    /// The problems found so far.
    pub problems: Vec<Problem>,
    /// The files that have problems of structure. They are not read: if entries overlap, a small
    /// archive can promise gigabytes.
    misplaced: BTreeSet<String>,
}

impl Inspection {
    /// Opens an export and checks its names and structure.
    pub fn open(path: &Path) -> Result<Self, VerifyError> {
        let export = existing::open(path)?;
        let unreadable = |source: io::Error| OpenExportError::Read {
            path: path.to_owned(),
            source: Arc::new(source),
        };
        let mut problems: Vec<Problem> =
            export.unexpected().iter().map(Problem::of_unexpected).collect();
        let archive = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy();
        let faults = export.check_structure().map_err(unreadable)?;
        let misplaced = faults.iter().filter_map(|fault| fault.entry.clone()).collect();
        problems.extend(faults.into_iter().map(|fault| Problem::Structure {
            name: fault.entry.unwrap_or_else(|| archive.clone().into_owned()),
            message: fault.message,
        }));
        let expectations = Expectations::read(path, export.as_ref(), &mut problems)?;
        expectations.compare_names(export.as_ref(), &mut problems);
        index::check(export.as_ref(), &expectations, &mut problems).map_err(unreadable)?;
        Ok(Self { export, expectations, problems, misplaced })
    }

    /// Checks the contents of a file.
    pub fn check(&self, name: &str, depth: Depth) -> Option<Problem> {
        let checked = if self.expectations.image(name).is_some() {
            self.read_tile(name).map(|contents| self.check_contents(name, &contents, depth).err())
        } else if depth == Depth::Full && self.has_checksum(name) {
            self.export.checksums(name).map(|(digest, crc)| self.compare(name, digest, crc).err())
        } else {
            Ok(None)
        };
        checked.unwrap_or_else(|error| Some(Problem::unreadable(name, &error)))
    }

    /// Reads a tile, unless it is longer than a tile of its size can be.
    pub fn read_tile(&self, name: &str) -> io::Result<Vec<u8>> {
        let pixels = self.expectations.image(name).map_or(0, |(size, _)| size.area());
        self.export.read(name, MAX_TILE_METADATA_BYTES + MAX_TILE_BYTES_PER_PIXEL * pixels)
    }

    /// Whether there is a digest or a checksum to compare a file with.
    fn has_checksum(&self, name: &str) -> bool {
        self.expectations.digest(name).is_some()
            || self.export.files().get(name).is_some_and(|file| file.crc.is_some())
    }

    /// Compares a file's checksums with the manifest and the central directory.
    fn compare(&self, name: &str, digest: Digest, crc: u32) -> Result<(), Problem> {
        if let Some(expected) =
            self.expectations.digest(name).filter(|&expected| expected != digest)
        {
            return Err(Problem::Altered { name: name.to_owned(), expected, found: digest });
        }
        let file = self.export.files().get(name);
        match file.and_then(|file| file.crc).filter(|&expected| expected != crc) {
            Some(expected) => {
                Err(Problem::Checksum { name: name.to_owned(), expected, found: crc })
            }
            None => Ok(()),
        }
    }

    /// Checks the contents of a file. Returns their digest if it was computed.
    pub fn check_contents(
        &self,
        name: &str,
        contents: &[u8],
        depth: Depth,
    ) -> Result<Option<Digest>, Problem> {
        let mut digest = None;
        if depth == Depth::Full && self.has_checksum(name) {
            let found = Digest::of(contents);
            self.compare(name, found, crc32fast::hash(contents))?;
            digest = Some(found);
        }
        let Some((planned, format)) = self.expectations.image(name) else { return Ok(digest) };
        let undecodable = |message| Problem::Undecodable { name: name.to_owned(), message };
        let found = format.size(contents).map_err(undecodable)?;
        if found != planned {
            return Err(Problem::WrongSize { name: name.to_owned(), expected: planned, found });
        }
        match depth {
            Depth::Quick => format.check_end(contents),
            Depth::Full if self.expectations.digest(name).is_some() => Ok(()),
            Depth::Full => format.decode(contents).and_then(|()| format.check_end(contents)),
        }
        .map_err(undecodable)?;
        Ok(digest)
    }
}

/// Verifies the export at `path`, a folder, a bag or an archive, on `jobs` worker threads.
///
/// A damaged export is not an error: [`Verification::problems`] lists what is wrong.
///
/// # Errors
/// [`VerifyError`] if the path cannot be read or is not an export, or if `progress` asks to stop.
pub fn verify(
    path: &Path,
    depth: Depth,
    jobs: NonZeroUsize,
    progress: &dyn Progress,
) -> Result<Verification, VerifyError> {
    let mut inspection = Inspection::open(path)?;
    let names: Vec<&str> = inspection.export.files().keys().map(String::as_str).collect();
    let readable: Vec<&str> =
        names.iter().copied().filter(|&name| !inspection.misplaced.contains(name)).collect();
    let workers = start_workers(jobs)?;
    let checked: Vec<Result<Option<Problem>, VerifyError>> = workers.install(|| {
        let check = |&name: &&str| {
            if progress.stop_requested() {
                Err(VerifyError::Interrupted)
            } else {
                Ok(inspection.check(name, depth))
            }
        };
        readable.par_iter().map(check).collect()
    });
    let tiles = names.iter().filter(|name| inspection.expectations.is_tile(name)).count() as u64;
    let mut problems = std::mem::take(&mut inspection.problems);
    for result in checked {
        problems.extend(result?);
    }
    problems.sort_by(|one, other| one.name().cmp(other.name()));
    let files = inspection.export.files();
    Ok(Verification {
        files: files.len() as u64,
        tiles,
        bytes: files.values().fold(0, |sum, file| sum.saturating_add(file.bytes)),
        manifest: inspection.expectations.listed.is_some(),
        problems,
    })
}

impl Problem {
    pub(crate) fn unreadable(name: &str, error: &io::Error) -> Self {
        Self::Unreadable { name: name.to_owned(), message: error.to_string() }
    }

    fn of_unexpected(entry: &UnexpectedEntry) -> Self {
        match entry {
            UnexpectedEntry::NotAFile(name) => Self::NotAFile { name: name.clone() },
            UnexpectedEntry::Outside(name) => Self::Unexpected { name: name.clone() },
            UnexpectedEntry::Duplicate(name) => Self::Structure {
                name: name.clone(),
                message: "the archive has several entries of this name".to_owned(),
            },
        }
    }
}
