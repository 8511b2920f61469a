//! Whether an export is whole and unchanged.
//!
//! Three things are held against each other: the files that are there, the manifest, and the
//! pyramid that the descriptor promises; in an archive also its directory, its local headers and
//! its tile index. What always holds: every file that is missing, too many, altered or no picture
//! of its planned size is *named*; nothing outside the export is read, links are not followed, and
//! neither a hostile descriptor nor a hostile file can make the check hang or fill the memory.
//!
//! Exports of other tools, which have no manifest, can be checked too: then every tile is decoded,
//! where for a file whose hash is right that would tell nothing new.

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

/// How much is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Depth {
    /// Every byte of every file.
    #[default]
    Full,
    /// Which files there are, and the beginning and the end of each tile: finds what is missing,
    /// cut short or of the wrong size, and not an altered byte.
    Quick,
}

/// Something that is wrong with an export.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, thiserror::Error)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Problem {
    /// A file that belongs to the export is not there.
    #[error("{name}: missing")]
    Missing {
        /// The file.
        name: String,
    },
    /// A file is there that does not belong to the export.
    #[error("{name}: does not belong to this export")]
    Unexpected {
        /// The file.
        name: String,
    },
    /// A file's contents are others than the manifest says.
    #[error("{name}: altered (SHA-256 {found}, and the manifest says {expected})")]
    Altered {
        /// The file.
        name: String,
        /// What the manifest says.
        expected: Digest,
        /// What it has.
        found: Digest,
    },
    /// A tile is no picture that can be decoded.
    #[error("{name}: cannot be decoded: {message}")]
    Undecodable {
        /// The file.
        name: String,
        /// Why.
        message: String,
    },
    /// A tile is larger or smaller than its place in the pyramid.
    #[error("{name}: is of {found} pixels and should be of {expected}")]
    WrongSize {
        /// The file.
        name: String,
        /// What the pyramid's arithmetic says.
        expected: Size,
        /// What the tile's header says.
        found: Size,
    },
    /// A file could not be read.
    #[error("{name}: cannot be read: {message}")]
    Unreadable {
        /// The file.
        name: String,
        /// What the operating system said.
        message: String,
    },
    /// A file's CRC-32 is another than the archive says.
    #[error(
        "{name}: altered (CRC-32 {found:08x}, and the archive's directory says {expected:08x})"
    )]
    Checksum {
        /// The file.
        name: String,
        /// What the archive's directory says.
        expected: u32,
        /// What it has.
        found: u32,
    },
    /// A link, a device or a pipe stands where a file should be.
    #[error("{name}: is no file of its own (a link or a device)")]
    NotAFile {
        /// What stands there.
        name: String,
    },
    /// The descriptor, the description, the manifest or the tile index cannot be what it should be.
    #[error("{name}: {message}")]
    Contradiction {
        /// The file.
        name: String,
        /// What is wrong.
        message: String,
    },
    /// The archive's own structure is damaged, at one of its files or, by the archive's name, as a
    /// whole.
    #[error("{name}: {message}")]
    Structure {
        /// The file, or the archive.
        name: String,
        /// What is wrong.
        message: String,
    },
}

impl Problem {
    /// The file that it is about.
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

/// What a check came to.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Verification {
    /// Files that were looked at.
    pub files: u64,
    /// Those of them that are tiles.
    pub tiles: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Whether there was a manifest to hold them against.
    pub manifest: bool,
    /// All that is wrong, by name; empty where the export is whole.
    pub problems: Vec<Problem>,
}

impl Verification {
    /// What there is to say of something that is no export that could be read.
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
    /// The path cannot be looked into.
    #[error("{path}: cannot be opened: {source}", path = path.display())]
    Open {
        /// The path.
        path: PathBuf,
        /// What the operating system said.
        source: Arc<std::io::Error>,
    },
    /// It is a file, and no archive that could be read, or not to its end.
    #[error(transparent)]
    Archive(ArchiveError),
    /// It is no export: neither a descriptor nor a manifest is there.
    #[error("{path}: no export (it holds neither a .dzi nor a manifest, nor a description of another layout)", path = path.display())]
    NotAnExport {
        /// The path.
        path: PathBuf,
    },
    /// The check was told to stop.
    #[error("interrupted")]
    Interrupted,
    /// The worker threads could not be started.
    #[error("cannot start worker threads: {message}")]
    Workers {
        /// What the thread pool said.
        message: String,
    },
}

/// A tile is read whole to be looked at. No picture has more bytes a pixel than these, beside what
/// may go with it.
const TILE_BYTES_A_PIXEL: u64 = 8;
const TILE_BYTES_AT_LEAST: u64 = 1 << 20;

/// An export whose files and structure have been looked at, and whose contents have not.
pub(crate) struct Inspection {
    pub export: Box<dyn ExportedFiles>,
    pub expectations: Expectations,
    /// What is wrong so far.
    pub problems: Vec<Problem>,
    /// What the archive's structure is wrong about. It is not read: entries within entries could be
    /// gigabytes to read in a small file.
    misplaced: BTreeSet<String>,
}

impl Inspection {
    /// Looks at an export's files, names and structure.
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

    /// Looks at one file's contents.
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

    /// Reads a tile, of which no more is read than one of its size can have.
    pub fn read_tile(&self, name: &str) -> io::Result<Vec<u8>> {
        let pixels = self.expectations.picture(name).map_or(0, |(size, _)| size.area());
        self.export.read(name, TILE_BYTES_AT_LEAST + TILE_BYTES_A_PIXEL * pixels)
    }

    /// Whether anything is known that a file's contents could be compared with.
    fn knows(&self, name: &str) -> bool {
        self.expectations.digest(name).is_some()
            || self.export.files().get(name).is_some_and(|file| file.crc.is_some())
    }

    /// Holds a file's checksums against the manifest and the archive's directory.
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

    /// Looks at a file's contents; returns their digest where that was compared.
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
/// # Errors
/// [`VerifyError`] where there is nothing that could be checked, or `progress` asks to stop. What
/// is wrong with the export is no error but the [`Verification::problems`].
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
