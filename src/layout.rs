//! The forms that an export can have, and where each of its files stands in them.
//!
//! Every name is relative to the export's own folder: a folder that is named by the user, or the one root folder in an archive. Tiles and
//! descriptor stand where every viewer of their [`TileLayout`] looks for them; only what goes with them moves.

use std::fmt;
use std::ops::Range;
use std::path::Path;

use serde::Serialize;

use crate::key::EntryName;

pub mod descriptor;
pub mod manifest;
pub mod scan_properties;
pub mod tile_index;
pub mod tile_layout;
pub mod viewer;

use manifest::MANIFEST;
use tile_layout::{TileLayout, TileNames};

/// Makes an archive's last entry, which tells where all others are.
pub trait ArchiveIndex: fmt::Debug + Send {
    /// Takes note of an entry: its name in the root folder, and where in the archive its contents are.
    fn add(&mut self, name: &EntryName, place: Range<u64>);

    /// The last entry's name in the root folder, and its contents.
    fn finish(&mut self) -> (EntryName, Vec<u8>);
}

/// What an export is kept in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Container {
    /// A folder.
    #[default]
    Folder,
    /// A folder that is a bag by `BagIt` 1.0 (RFC 8493): the export lies in its `data/`.
    Bag,
    /// A `.zip` archive with the same files under one root folder, none of them compressed.
    Zip,
    /// A `.szi` archive by the Smart Zoom Image specification 1.2: a `.zip` with other names for what goes with the tiles, and without a page.
    Szi,
}

impl Container {
    /// The container that a path's ending stands for: that of an archive, or else a folder.
    #[must_use]
    pub fn of_path(path: &Path) -> Self {
        let ends_in = |ending: &str| path.extension().is_some_and(|found| found.eq_ignore_ascii_case(ending));
        [Self::Zip, Self::Szi]
            .into_iter()
            .find(|container| container.extension().is_some_and(ends_in))
            .unwrap_or(Self::Folder)
    }

    /// The ending of its name; `None` for a folder.
    #[must_use]
    pub const fn extension(self) -> Option<&'static str> {
        match self {
            Self::Folder | Self::Bag => None,
            Self::Zip => Some("zip"),
            Self::Szi => Some("szi"),
        }
    }

    /// Whether it is one file.
    #[must_use]
    pub const fn is_archive(self) -> bool {
        self.extension().is_some()
    }
}

/// The tile index of an archive, by its last component.
pub const TILE_INDEX: &str = "tile-index.bin";

/// Whether a name in the export's own folder is a descriptor's.
#[must_use]
pub fn is_descriptor(name: &str) -> bool {
    name.strip_suffix(".dzi").is_some_and(|stem| !stem.is_empty() && !stem.contains('/'))
}

/// The file that says that a folder is a bag.
pub const BAG_DECLARATION: &str = "bagit.txt";

/// The file that says what a bag holds.
pub const BAG_INFORMATION: &str = "bag-info.txt";

/// The file with the SHA-256 of a bag's other tag files.
pub const TAG_MANIFEST: &str = "tagmanifest-sha256.txt";

/// The names of an export's files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layout {
    name: String,
    container: Container,
}

impl Layout {
    /// Where a `.szi` keeps what its specification does not know of.
    const VENDOR: &str = "vendor/slidezoom/";

    /// The names of the export `name`.
    #[must_use]
    pub fn new(name: &str, container: Container) -> Self {
        Self { name: name.to_owned(), container }
    }

    /// The export's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What the export is kept in.
    #[must_use]
    pub const fn container(&self) -> Container {
        self.container
    }

    /// What stands before the name of every file that is part of the picture: in a bag, all of it is payload.
    #[must_use]
    pub const fn payload(&self) -> &'static str {
        match self.container {
            Container::Bag => "data/",
            _ => "",
        }
    }

    /// The names of the descriptor and of the tiles, which have this extension.
    #[must_use]
    pub fn tiles(&self, tile_layout: TileLayout, extension: &str) -> TileNames {
        TileNames::new(tile_layout, self.payload(), &self.name, extension)
    }

    /// The description of the export for viewers and scripts.
    #[must_use]
    pub fn description(&self) -> String {
        format!("{}{}.json", self.ours(), self.name)
    }

    /// The description as a script for the page.
    #[must_use]
    pub fn slide_script(&self) -> String {
        format!("{}{}", self.payload(), viewer::SLIDE_SCRIPT)
    }

    /// The file with every file's SHA-256.
    #[must_use]
    pub fn manifest(&self) -> String {
        match self.container {
            Container::Szi => format!("{}{MANIFEST}", Self::VENDOR),
            _ => MANIFEST.to_owned(),
        }
    }

    /// The tile index; only archives have one.
    #[must_use]
    pub fn tile_index(&self) -> String {
        format!("{}{TILE_INDEX}", self.ours())
    }

    /// The folder of the associated images.
    #[must_use]
    pub fn associated_folder(&self) -> String {
        let folder = if self.container == Container::Szi { "associated_images" } else { "associated" };
        format!("{}{folder}", self.payload())
    }

    /// An associated image's file. SZI 1.2 has them as JPEG and calls the files `.jpg`; what is none keeps out of their folder.
    #[must_use]
    pub fn associated(&self, image: &str, extension: &str) -> String {
        match (self.container, extension) {
            (Container::Szi, "jpeg" | "jpg") => format!("{}/{image}.jpg", self.associated_folder()),
            (Container::Szi, other) => format!("{}associated/{image}.{other}", Self::VENDOR),
            (_, "jpg") => format!("{}/{image}.jpeg", self.associated_folder()),
            (_, other) => format!("{}/{image}.{other}", self.associated_folder()),
        }
    }

    /// The name and the extension of the associated image whose file this is.
    #[must_use]
    pub fn associated_named<'a>(&self, file: &'a str) -> Option<(&'a str, &'a str)> {
        let (stem, extension) = file.rsplit_once('.')?;
        let (_, image) = stem.rsplit_once('/')?;
        (self.associated(image, extension) == file).then_some((image, extension))
    }

    /// Where a file stands that is none of ours: what other programs put beside the tiles.
    #[must_use]
    pub fn foreign(&self, file: &str) -> String {
        match self.container {
            Container::Szi if !file.starts_with("vendor/") => format!("vendor/{file}"),
            _ => format!("{}{file}", self.payload()),
        }
    }

    /// Every folder that files stand in besides those of the tiles, outermost first, as far as it depends on the container alone.
    #[must_use]
    pub fn folders(&self) -> Vec<String> {
        let name = |path: &str| path.trim_end_matches('/').to_owned();
        match self.container {
            Container::Bag => vec![name(self.payload())],
            Container::Szi => vec!["vendor".to_owned(), name(Self::VENDOR)],
            Container::Folder | Container::Zip => Vec::new(),
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
    fn an_ending_says_what_it_is() {
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
