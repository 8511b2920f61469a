//! What each fuzz target does with its input. `tests/fuzz_corpus.rs` replays the committed corpus
//! through the same functions.
//!
//! A check passes unless the library panics, hangs or exceeds its memory limit. Errors are
//! expected: most inputs are damaged.

#![allow(dead_code, reason = "each fuzz target uses one of these functions")]

use std::io::Write;
use std::num::NonZeroUsize;
use std::path::Path;

use slidezoom::internals::color::{
    CmykConversion, ColorConversion, IccProfile, PixelColors, ProfileEffect,
};
use slidezoom::internals::export::verify::{Depth, verify};
use slidezoom::internals::layout::descriptor::Descriptor;
use slidezoom::internals::layout::manifest;
use slidezoom::internals::layout::tile_index::TileIndex;
use slidezoom::internals::pixels::PremultipliedPixels;
use slidezoom::{ExportOptions, NoProgress, OpenOptions, Size, Slide};

/// The memory limit for images that are decoded as a whole, in bytes.
const MEMORY: u64 = 32 << 20;

/// Larger images are opened, but not decoded.
const MAX_PIXELS: u64 = 1 << 20;

/// An image or a slide in any format.
pub fn image(data: &[u8]) {
    with_file(data, "", read_tiles);
}

/// A TIFF file. Every input gets a valid signature, so that it reaches the TIFF parser.
pub fn tiff(data: &[u8]) {
    let mut data = data.to_vec();
    if data.len() >= 4 && !matches!(&data[..4], b"MM\0*" | b"MM\0+" | b"II+\0") {
        data[..4].copy_from_slice(b"II*\0");
    }
    with_file(&data, ".tif", read_tiles);
}

/// A JPEG stream as the only tile of a slide, decoded and copied without loss.
pub fn native_jpeg_tile(data: &[u8]) {
    with_file(&tiff_with_tile(data), ".tif", read_tiles);
}

/// An archive that claims to be an export.
pub fn archive(data: &[u8]) {
    with_file(data, ".zip", |path| {
        // Damage is an error or a finding.
        let _ = verify(path, Depth::Full, NonZeroUsize::MIN, &NoProgress);
    });
}

/// The small files that describe an export: descriptor, manifest, tile index.
pub fn descriptions(data: &[u8]) {
    let _ = TileIndex::from_bytes(data);
    if let Ok(text) = str::from_utf8(data) {
        let _ = manifest::parse(text);
        if let Ok(descriptor) = Descriptor::from_xml(text) {
            assert_eq!(Descriptor::from_xml(&descriptor.to_xml()).ok(), Some(descriptor));
        }
    }
}

/// An ICC profile, applied to a few pixels.
pub fn icc_profile(data: &[u8]) {
    let profile = IccProfile::new(data.to_vec());
    let Some(size) = Size::new(16, 16) else { return };
    for pixels in [PixelColors::Rgb, PixelColors::Gray] {
        if let Ok(ProfileEffect::Conversion(conversion)) =
            ColorConversion::to_srgb(&profile, pixels, None)
        {
            let bytes = (0..16 * 16 * 4_u32)
                .map(|at| if at % 4 == 3 { 255 } else { (at * 7) as u8 })
                .collect();
            let converted = conversion.convert(PremultipliedPixels::from_bgra(size, bytes));
            assert_eq!(converted.size(), size);
        }
    }
    if let Ok(conversion) = CmykConversion::to_srgb(&profile, None) {
        let mut converted = [[0; 4]; 2];
        conversion.convert(&[[0, 90, 180, 255], [255; 4]], &mut converted);
        assert_eq!(converted.map(|pixel| pixel[3]), [255; 2]);
    }
}

/// Writes the input to a temporary file and calls `check` with its path.
fn with_file(data: &[u8], suffix: &str, check: impl FnOnce(&Path)) {
    let folder =
        if Path::new("/dev/shm").is_dir() { "/dev/shm".into() } else { std::env::temp_dir() };
    let file = tempfile::Builder::new().suffix(suffix).tempfile_in(folder);
    let Ok(mut file) = file else { return };
    if file.write_all(data).is_ok() {
        check(file.path());
    }
}

/// Opens a slide and computes its first tiles, smallest level first.
fn read_tiles(path: &Path) {
    let options = OpenOptions::default().memory(MEMORY);
    let Ok(slide) = Slide::open_with(path, options) else { return };
    if slide.info().size().area() > MAX_PIXELS {
        return;
    }
    let Ok(pyramid) = slide.pyramid(&ExportOptions::default()) else { return };
    for tile in pyramid.plan().pyramid().tiles().take(64) {
        let _ = pyramid.tile(tile);
    }
}

/// Builds a TIFF of 64×64 pixels with one JPEG tile.
fn tiff_with_tile(tile: &[u8]) -> Vec<u8> {
    // Tag, type (3: 16 bits, 4: 32 bits), count, value; sorted by tag as TIFF 6.0 asks.
    let entries: [(u16, u16, u32, u32); 11] = [
        (256, 3, 1, 64),
        (257, 3, 1, 64),
        (258, 3, 1, 8),
        (259, 3, 1, 7),
        (262, 3, 1, 6),
        (277, 3, 1, 3),
        (284, 3, 1, 1),
        (322, 3, 1, 64),
        (323, 3, 1, 64),
        (324, 4, 1, 8 + 2 + 11 * 12 + 4),
        (325, 4, 1, tile.len() as u32),
    ];
    let mut bytes = b"II*\0\x08\0\0\0".to_vec();
    bytes.extend((entries.len() as u16).to_le_bytes());
    for (tag, kind, count, value) in entries {
        bytes.extend(tag.to_le_bytes());
        bytes.extend(kind.to_le_bytes());
        bytes.extend(count.to_le_bytes());
        bytes.extend(value.to_le_bytes());
    }
    bytes.extend([0; 4]);
    bytes.extend(tile);
    bytes
}
