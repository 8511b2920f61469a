//! Whether an export is whole and unchanged.
//!
//! The files that exist are compared with the manifest and with the pyramid of the descriptor; an
//! archive also with its directory, its local headers and its tile index. Each file that is
//! missing, unexpected, altered, or not an image of its planned size is named.
//!
//! Nothing outside the export is read, and links are not followed. Neither a hostile descriptor nor
//! a hostile file can make the check hang or fill the memory.
//!
//! Exports of other tools have no manifest. Each of their tiles is decoded instead, which proves
//! nothing more for a file whose hash is right.

use std::collections::BTreeSet;
use std::io;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rayon::prelude::*;
use serde::Serialize;

use crate::archive::ArchiveError;
use crate::engine::progress::Progress;
use crate::engine::start_workers;
use crate::export::exported::{self, ExportedError, ExportedFiles, UnexpectedEntry};
use crate::geometry::Size;
use crate::key::Digest;

mod expectations;
mod index;
mod tile_file;

pub(crate) use expectations::{Expectations, ExpectedPyramid};
use tile_file::TileFileFormat;

/// How much of an export is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Depth {
    /// Every byte of every file.
    #[default]
    Full,
    /// The names of the files, and the beginning and end of each tile. Finds missing and truncated
    /// files and tiles of the wrong size, but not altered bytes.
    Quick,
}

/// A fault of an export.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, thiserror::Error)]
#[serde(tag = "kind", rename_all = "kebab-case")]
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
    /// A file's contents differ from its digest in the manifest.
    #[error("{name}: altered (SHA-256 {found}, and the manifest says {expected})")]
    Altered {
        /// The file.
        name: String,
        /// The digest in the manifest.
        expected: Digest,
        /// The digest of the contents.
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
    /// A tile is larger or smaller than its place in the pyramid.
    #[error("{name}: is of {found} pixels and should be of {expected}")]
    WrongSize {
        /// The file.
        name: String,
        /// The size in the pyramid.
        expected: Size,
        /// The size in the tile's header.
        found: Size,
    },
    /// A file could not be read.
    #[error("{name}: cannot be read: {message}")]
    Unreadable {
        /// The file.
        name: String,
        /// The system's message.
        message: String,
    },
    /// A file's contents differ from its CRC-32 in the archive's directory.
    #[error(
        "{name}: altered (CRC-32 {found:08x}, and the archive's directory says {expected:08x})"
    )]
    Checksum {
        /// The file.
        name: String,
        /// The CRC-32 in the directory.
        expected: u32,
        /// The CRC-32 of the contents.
        found: u32,
    },
    /// An entry is a link, a device or a pipe, and not a file.
    #[error("{name}: is no file of its own (a link or a device)")]
    NotAFile {
        /// The entry.
        name: String,
    },
    /// The descriptor, the description, the manifest or the tile index is invalid or contradicts
    /// the export.
    #[error("{name}: {message}")]
    Contradiction {
        /// The file.
        name: String,
        /// What is wrong.
        message: String,
    },
    /// The structure of the archive is damaged.
    #[error("{name}: {message}")]
    Structure {
        /// The damaged entry, or the archive if all of it is.
        name: String,
        /// What is wrong.
        message: String,
    },
}

impl Problem {
    /// The name of the faulty file.
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

/// The result of [`verify`].
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Verification {
    /// The number of files in the export.
    pub files: u64,
    /// The number of them that are tiles.
    pub tiles: u64,
    /// The total size of the files in bytes.
    pub bytes: u64,
    /// Whether the export has a manifest.
    pub manifest: bool,
    /// All faults, sorted by file name. Empty if the export is whole.
    pub problems: Vec<Problem>,
}

impl Verification {
    /// Makes the result for a path that [`verify`] cannot check. Its only problem is the error.
    #[must_use]
    pub fn of_unreadable(path: &Path, error: &VerifyError) -> Self {
        let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned();
        let problems = vec![Problem::Structure { name, message: error.to_string() }];
        Self { files: 0, tiles: 0, bytes: 0, manifest: false, problems }
    }
}

/// Why an export could not be checked at all.
#[derive(Clone, Debug, thiserror::Error)]
pub enum VerifyError {
    /// The path cannot be opened.
    #[error("{path}: cannot be opened: {source}", path = path.display())]
    Open {
        /// The path.
        path: PathBuf,
        /// The system's error.
        source: Arc<std::io::Error>,
    },
    /// The path is a file, but not a readable archive.
    #[error(transparent)]
    Archive(ArchiveError),
    /// The path is not an export: it has no descriptor, no manifest and no description.
    #[error("{path}: no export (it holds neither a .dzi nor a manifest, nor a description of another layout)", path = path.display())]
    NotAnExport {
        /// The path.
        path: PathBuf,
    },
    /// The caller stopped the check.
    #[error("interrupted")]
    Interrupted,
    /// The worker threads could not be started.
    #[error("cannot start worker threads: {message}")]
    Workers {
        /// The error of the thread pool.
        message: String,
    },
}

/// The longest tile file that is read: 8 bytes per pixel and 1 MiB for metadata.
const TILE_BYTES_A_PIXEL: u64 = 8;
const TILE_BYTES_AT_LEAST: u64 = 1 << 20;

/// An export whose names and structure are checked, but not its contents.
pub(crate) struct Inspection {
    pub export: Box<dyn ExportedFiles>,
    pub expectations: Expectations,
    /// The faults found so far.
    pub problems: Vec<Problem>,
    /// Entries with a faulty place in the archive. They are not read: overlapping entries can make
    /// gigabytes of a small file.
    misplaced: BTreeSet<String>,
}

impl Inspection {
    /// Checks an export's names and structure.
    pub fn open(path: &Path) -> Result<Self, VerifyError> {
        let export = exported::open(path)?;
        let unreadable = |source: io::Error| VerifyError::Open {
            path: path.to_owned(),
            source: Arc::new(source),
        };
        let mut problems: Vec<Problem> = export.strays().iter().map(Problem::of_stray).collect();
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

    /// Checks one file's contents.
    pub fn check(&self, name: &str, depth: Depth) -> Option<Problem> {
        let checked = if self.expectations.picture(name).is_some() {
            self.read_tile(name).map(|contents| self.check_contents(name, &contents, depth).err())
        } else if depth == Depth::Full && self.knows(name) {
            self.export.checksums(name).map(|(digest, crc)| self.compare(name, digest, crc).err())
        } else {
            Ok(None)
        };
        checked.unwrap_or_else(|error| {
            Some(Problem::Unreadable { name: name.to_owned(), message: error.to_string() })
        })
    }

    /// Reads a tile, up to the longest length that its size allows.
    pub fn read_tile(&self, name: &str) -> io::Result<Vec<u8>> {
        let pixels = self.expectations.picture(name).map_or(0, |(size, _)| size.area());
        self.export.read(name, TILE_BYTES_AT_LEAST + TILE_BYTES_A_PIXEL * pixels)
    }

    /// Whether a digest or CRC-32 of a file is known.
    fn knows(&self, name: &str) -> bool {
        self.expectations.digest(name).is_some()
            || self.export.files().get(name).is_some_and(|file| file.crc.is_some())
    }

    /// Compares a file's checksums with the manifest and the archive's directory.
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

    /// Checks a file's contents. Returns their digest if it was compared.
    pub fn check_contents(
        &self,
        name: &str,
        contents: &[u8],
        depth: Depth,
    ) -> Result<Option<Digest>, Problem> {
        let mut digest = None;
        if depth == Depth::Full && self.knows(name) {
            let found = Digest::of(contents);
            self.compare(name, found, crc32fast::hash(contents))?;
            digest = Some(found);
        }
        let Some((planned, format)) = self.expectations.picture(name) else { return Ok(digest) };
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

/// Checks the export at `path`, a folder, a bag or an archive, on `jobs` worker threads.
///
/// A damaged export is not an error: [`Verification::problems`] lists its faults.
///
/// # Errors
/// [`VerifyError`] if `path` is not an export or cannot be read, or if `progress` asks to stop.
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
    let workers =
        start_workers(jobs).map_err(|error| VerifyError::Workers { message: error.to_string() })?;
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
        manifest: inspection.expectations.has_manifest(),
        problems,
    })
}

impl From<ExportedError> for VerifyError {
    fn from(error: ExportedError) -> Self {
        match error {
            ExportedError::Open { path, source } => Self::Open { path, source },
            ExportedError::Archive(error) => Self::Archive(error),
        }
    }
}

impl Problem {
    fn of_stray(stray: &UnexpectedEntry) -> Self {
        match stray {
            UnexpectedEntry::NotAFile(name) => Self::NotAFile { name: name.clone() },
            UnexpectedEntry::Outside(name) => Self::Unexpected { name: name.clone() },
            UnexpectedEntry::Twice(name) => Self::Structure {
                name: name.clone(),
                message: "the archive has a second entry of this name".to_owned(),
            },
        }
    }
}
