//! Slides that tests share. They are small because the binary is a debug build.

use std::path::{Path, PathBuf};

use slidezoom_fixtures::{
    AssociatedImage, AssociatedKind, Compression, Pattern, SlideBuilder, Style,
};

use crate::workspace::Workspace;

/// The size of [`small`] and [`aperio`].
pub const SIZE: (u32, u32) = (700, 500);

/// The size of [`large`].
pub const LARGE_SIZE: (u32, u32) = (30_000, 30_000);

/// A generic TIFF slide with one level of JPEG tiles.
pub fn small() -> SlideBuilder {
    SlideBuilder::new(SIZE.0, SIZE.1)
}

/// A generic TIFF slide whose pixels are exactly the pattern's.
pub fn exact(size: (u32, u32), pattern: Pattern) -> SlideBuilder {
    SlideBuilder::new(size.0, size.1).compression(Compression::Uncompressed).pattern(pattern)
}

/// An Aperio slide with two levels, a thumbnail, a label and a macro image.
pub fn aperio() -> SlideBuilder {
    let image = |kind, width, height, pattern| AssociatedImage { kind, width, height, pattern };
    SlideBuilder::new(SIZE.0, SIZE.1)
        .style(Style::Aperio)
        .tile_size(240, 240)
        .levels([1, 4])
        .associated(image(AssociatedKind::Thumbnail, 175, 125, Pattern::Gradient))
        .associated(image(AssociatedKind::Label, 100, 115, Pattern::Checkerboard { side: 10 }))
        .associated(image(AssociatedKind::Macro, 320, 108, Pattern::Tissue { seed: 2 }))
}

/// A slide in a small file whose export takes much longer than its first progress line.
pub fn large() -> SlideBuilder {
    SlideBuilder::new(LARGE_SIZE.0, LARGE_SIZE.1).distinct_tiles(4)
}

/// Writes slides to a workspace.
pub trait WriteInto {
    /// Writes the slide and its directories. Returns its absolute path.
    fn write_into(&self, workspace: &Workspace, name: impl AsRef<Path>) -> PathBuf;
}

impl WriteInto for SlideBuilder {
    fn write_into(&self, workspace: &Workspace, name: impl AsRef<Path>) -> PathBuf {
        let path = workspace.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        self.write(&path).unwrap();
        path
    }
}
