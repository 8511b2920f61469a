//! The names of an export's files, and the files that describe it.
//!
//! All names are relative to the export's root: the destination directory, or the single top-level
//! directory of an archive.

use std::fmt;
use std::ops::Range;
use std::path::Path;

use serde::Serialize;

use crate::key::EntryName;

pub mod descriptor;
pub mod manifest;
pub mod page;
pub(crate) mod recognition;
pub mod scan_properties;
pub mod tile_index;
pub mod tile_layout;

use manifest::MANIFEST;
use tile_layout::{TileLayout, TileNames};

/// Builds the last entry of an archive, an index of all others.
pub trait ArchiveIndex: fmt::Debug + Send {
    /// Records an entry: its name relative to the root, and the byte range of its contents in the
    /// archive.
    fn add(&mut self, name: &EntryName, place: Range<u64>);

    /// Returns the index's name relative to the root, and its contents.
    fn finish(&mut self) -> (EntryName, Vec<u8>);
}

/// The container of an export.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Container {
    /// A directory.
    #[default]
    Folder,
    /// A `BagIt` 1.0 bag (RFC 8493): a directory with the export in `data/`.
    Bag,
    /// A `.zip` archive of the same files under one top-level directory, uncompressed.
    Zip,
    /// A `.szi` archive (Smart Zoom Image 1.2): a `.zip` without a page, with other names for
    /// metadata.
    Szi,
}

impl Container {
    /// Every container, as users choose among them.
    pub const ALL: [Self; 4] = [Self::Folder, Self::Bag, Self::Zip, Self::Szi];

    /// Name, description in one line, and extension.
    const fn facts(self) -> (&'static str, &'static str, Option<&'static str>) {
        match self {
            Self::Folder => ("folder", "A folder", None),
            Self::Bag => {
                ("bagit", "A folder that is a BagIt 1.0 bag with the export in data/", None)
            }
            Self::Zip => ("zip", "One uncompressed .zip file", Some("zip")),
            Self::Szi => (
                "szi",
                "One file by the Smart Zoom Image specification, without viewer page",
                Some("szi"),
            ),
        }
    }

    /// The name: `folder`, `bagit`, `zip` or `szi`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        self.facts().0
    }

    /// A description in one line.
    #[must_use]
    pub const fn description(self) -> &'static str {
        self.facts().1
    }

    /// Chooses the container by a path's extension; [`Folder`](Self::Folder) if it is not an
    /// archive's.
    #[must_use]
    pub fn of_path(path: &Path) -> Self {
        let ends_in =
            |ending: &str| path.extension().is_some_and(|found| found.eq_ignore_ascii_case(ending));
        Self::ALL
            .into_iter()
            .find(|container| container.extension().is_some_and(ends_in))
            .unwrap_or(Self::Folder)
    }

    /// The file name extension; `None` for directories.
    #[must_use]
    pub const fn extension(self) -> Option<&'static str> {
        self.facts().2
    }

    /// Whether the container is a single file.
    #[must_use]
    pub const fn is_archive(self) -> bool {
        self.extension().is_some()
    }
}

/// The file name of an archive's tile index.
pub const TILE_INDEX: &str = "tile-index.bin";

/// Whether `name`, relative to the root, is a Deep Zoom descriptor.
#[must_use]
pub fn is_descriptor(name: &str) -> bool {
    name.strip_suffix(".dzi").is_some_and(|stem| !stem.is_empty() && !stem.contains('/'))
}

/// The file that declares a directory to be a bag.
pub const BAG_DECLARATION: &str = "bagit.txt";

/// The file with a bag's metadata.
pub const BAG_INFORMATION: &str = "bag-info.txt";

/// The file with the SHA-256 digests of a bag's other tag files.
pub const TAG_MANIFEST: &str = "tagmanifest-sha256.txt";

/// The names of an export's files, except tiles; see [`tiles`](Self::tiles) for those.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layout {
    name: String,
    container: Container,
}

impl Layout {
    /// The directory in a `.szi` for files that its specification does not define.
    const VENDOR: &str = "vendor/slidezoom/";

    /// The names of the files of an export called `name`.
    #[must_use]
    pub fn new(name: &str, container: Container) -> Self {
        Self { name: name.to_owned(), container }
    }

    /// The export's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The export's container.
    #[must_use]
    pub const fn container(&self) -> Container {
        self.container
    }

    /// The prefix of all files but tag files: `data/` in a bag, otherwise empty.
    #[must_use]
    pub const fn payload(&self) -> &'static str {
        match self.container {
            Container::Bag => "data/",
            _ => "",
        }
    }

    /// The names of the descriptor and of tiles with this extension.
    #[must_use]
    pub fn tiles(&self, tile_layout: TileLayout, extension: &str) -> TileNames {
        TileNames::new(tile_layout, self.payload(), &self.name, extension)
    }

    /// The JSON description of the export.
    #[must_use]
    pub fn description(&self) -> String {
        format!("{}{}.json", self.ours(), self.name)
    }

    /// The script that hands the description to the page.
    #[must_use]
    pub fn slide_script(&self) -> String {
        format!("{}{}", self.payload(), page::SLIDE_SCRIPT)
    }

    /// The manifest, with the SHA-256 digest of every file.
    #[must_use]
    pub fn manifest(&self) -> String {
        match self.container {
            Container::Szi => format!("{}{MANIFEST}", Self::VENDOR),
            _ => MANIFEST.to_owned(),
        }
    }

    /// The tile index of an archive.
    #[must_use]
    pub fn tile_index(&self) -> String {
        format!("{}{TILE_INDEX}", self.ours())
    }

    /// The directory of associated images.
    #[must_use]
    pub fn associated_folder(&self) -> String {
        let folder =
            if self.container == Container::Szi { "associated_images" } else { "associated" };
        format!("{}{folder}", self.payload())
    }

    /// The file of an associated image. SZI 1.2 requires `.jpg` files; other formats go to the
    /// vendor directory.
    #[must_use]
    pub fn associated(&self, image: &str, extension: &str) -> String {
        match (self.container, extension) {
            (Container::Szi, "jpeg" | "jpg") => format!("{}/{image}.jpg", self.associated_folder()),
            (Container::Szi, other) => format!("{}associated/{image}.{other}", Self::VENDOR),
            (_, "jpg") => format!("{}/{image}.jpeg", self.associated_folder()),
            (_, other) => format!("{}/{image}.{other}", self.associated_folder()),
        }
    }

    /// Parses the file name of an associated image into its name and extension.
    #[must_use]
    pub fn associated_named<'a>(&self, file: &'a str) -> Option<(&'a str, &'a str)> {
        let (stem, extension) = file.rsplit_once('.')?;
        let (_, image) = stem.rsplit_once('/')?;
        (self.associated(image, extension) == file).then_some((image, extension))
    }

    /// The name under which a file of another program is kept.
    #[must_use]
    pub fn foreign(&self, file: &str) -> String {
        match self.container {
            Container::Szi if !file.starts_with("vendor/") => format!("vendor/{file}"),
            _ => format!("{}{file}", self.payload()),
        }
    }

    fn ours(&self) -> &'static str {
        match self.container {
            Container::Szi => Self::VENDOR,
            _ => self.payload(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn detects_the_container_by_extension() {
        for (path, container) in [
            ("a/x.zip", Container::Zip),
            ("x.SZI", Container::Szi),
            ("x.zip/y", Container::Folder),
            ("zip", Container::Folder),
            (".zip", Container::Folder),
            ("x.zip.d", Container::Folder),
        ] {
            assert_eq!(Container::of_path(Path::new(path)), container, "{path}");
        }
    }
}
