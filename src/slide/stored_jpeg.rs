//! How a TIFF-based slide stores its JPEG tiles' chroma.
//!
//! OpenSlide does not tell, and re-encoding 4:4:4 tissue as 4:2:0 costs stained colour. So the file's own first stored tile is
//! asked: its JPEG frame header, not the TIFF's tag, which writers forget. Anything that is not plainly a
//! TIFF with JPEG tiles is "unknown", and the export then keeps all chroma.

use std::fs::File;
use std::io::{BufReader, Read, Seek, SeekFrom};
use std::path::Path;

use tiff::decoder::{Decoder, Limits};
use tiff::tags::{CompressionMethod, Tag};

use crate::encode::Subsampling;
use crate::geometry::Size;

/// A tile's frame header stands in its first bytes; no scanner puts 64 KiB before it.
const HEADER_BYTES: u64 = 64 * 1024;

/// The chroma subsampling of the JPEG tiles of a TIFF's first directory; `None` where the file is not such a TIFF, or that directory is
/// not the slide's full `size`.
pub(super) fn stored_subsampling(path: &Path, size: Size) -> Option<Subsampling> {
    let file = File::open(path).ok()?;
    let mut decoder = Decoder::new(BufReader::new(file)).ok()?.with_limits(Limits::default());
    // Some vendors put the label or the macro image first.
    if decoder.dimensions().ok()? != (size.width(), size.height()) {
        return None;
    }
    let compression = decoder.get_tag_u32(Tag::Compression).ok()?;
    if compression != u32::from(CompressionMethod::ModernJPEG.to_u16()) {
        return None;
    }
    let offsets = decoder.get_tag_u64_vec(Tag::TileOffsets).ok()?;
    let lengths = decoder.get_tag_u64_vec(Tag::TileByteCounts).ok()?;
    // Tiles that were not scanned have no bytes.
    let (offset, length) = offsets.into_iter().zip(lengths).find(|&(_, length)| length > 0)?;
    let mut file = File::open(path).ok()?;
    file.seek(SeekFrom::Start(offset)).ok()?;
    let mut bytes = Vec::new();
    file.take(length.min(HEADER_BYTES)).read_to_end(&mut bytes).ok()?;
    match turbojpeg::read_header(&bytes).ok()?.subsamp {
        turbojpeg::Subsamp::None => Some(Subsampling::Full),
        turbojpeg::Subsamp::Sub2x1 => Some(Subsampling::HalfWidth),
        turbojpeg::Subsamp::Sub2x2 => Some(Subsampling::Quarter),
        _ => None,
    }
}
