//! The formats of ordinary images, and their detection.

use std::path::Path;

use serde::Serialize;

use super::in_memory;

/// A format of ordinary images.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum ImageFormat {
    /// Portable Network Graphics, third edition.
    Png,
    /// JPEG, baseline and progressive.
    Jpeg,
    /// TIFF 6.0 and BigTIFF, unless OpenSlide opens the file.
    Tiff,
    /// JPEG 2000, as a `.jp2` file or a bare codestream.
    Jpeg2000,
    /// WebP, without animation.
    Webp,
    /// Windows and OS/2 bitmaps.
    Bmp,
    /// Netpbm's PBM, PGM, PPM and PAM.
    Pnm,
    /// GIF; the first frame.
    Gif,
    /// Truevision TGA.
    Tga,
    /// The Quite OK Image format.
    Qoi,
    /// OpenEXR with RGB or RGBA channels; the first such layer.
    OpenExr,
    /// Radiance HDR.
    Hdr,
    /// farbfeld.
    Farbfeld,
    /// Windows icons; the one with most bits per pixel, then the largest.
    Ico,
    /// DirectDraw surfaces compressed as BC1, BC2 or BC3; the first one.
    Dds,
}

impl ImageFormat {
    /// The number of bytes that [`detect`](Self::detect) needs.
    pub(crate) const SIGNATURE_BYTES: usize = 18;

    /// Returns the format of a file by its first bytes. The name, if there is one, is used only for
    /// TGA, which has no signature.
    pub(crate) fn detect(first: &[u8], name: Option<&Path>) -> Option<Self> {
        match first {
            [0x89, b'P', b'N', b'G', b'\r', b'\n', 0x1a, b'\n', ..] => Some(Self::Png),
            [0xff, 0xd8, 0xff, ..] => Some(Self::Jpeg),
            [b'I', b'I', 42 | 43, 0, ..] | [b'M', b'M', 0, 42 | 43, ..] => Some(Self::Tiff),
            // The signature box of a JP2 file, or the markers SOC and SIZ of a codestream.
            [0, 0, 0, 12, b'j', b'P', b' ', b' ', ..] | [0xff, 0x4f, 0xff, 0x51, ..] => {
                Some(Self::Jpeg2000)
            }
            [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => Some(Self::Webp),
            [b'B', b'M', ..] => Some(Self::Bmp),
            [b'P', b'1'..=b'7', b' ' | b'\t' | b'\r' | b'\n' | b'#', ..] => Some(Self::Pnm),
            _ => in_memory::detect(first)
                .or_else(|| name.is_some_and(|name| is_tga(first, name)).then_some(Self::Tga)),
        }
    }

    /// Returns the name of the format.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Png => "PNG",
            Self::Jpeg => "JPEG",
            Self::Tiff => "TIFF",
            Self::Jpeg2000 => "JPEG 2000",
            Self::Webp => "WebP",
            Self::Bmp => "BMP",
            Self::Pnm => "PNM",
            Self::Gif => "GIF",
            Self::Tga => "TGA",
            Self::Qoi => "QOI",
            Self::OpenExr => "OpenEXR",
            Self::Hdr => "Radiance HDR",
            Self::Farbfeld => "farbfeld",
            Self::Ico => "ICO",
            Self::Dds => "DDS",
        }
    }

    /// Returns how many times longer the decoded samples can be than the file, or `None` if the
    /// format sets no limit. The figures are those of the densest coding, rounded up.
    pub(crate) const fn largest_expansion(self) -> Option<u64> {
        match self {
            // Deflate: 258 bytes in two bits.
            Self::Png => Some(1_032),
            // Four luma blocks and two chroma blocks of a bit each are 1,024 pixels of 3 bytes.
            Self::Jpeg => Some(2_048),
            // A sample takes at least a digit, a byte, or as many bits as its decoded row has.
            Self::Pnm => Some(8),
            // TGA: a packet of two bytes is 128 pixels of 3 bytes from a color map. QOI: a byte is
            // a run of 62 pixels of 4 bytes.
            Self::Tga | Self::Qoi => Some(256),
            Self::Farbfeld => Some(1),
            // A block of 8 bytes is 16 pixels of 3 bytes.
            Self::Dds => Some(6),
            // Runs and skipped parts of bitmaps, missing tiles, empty packets, and images that
            // cover a small part of their canvas: the decoders check what is there.
            Self::Bmp
            | Self::Tiff
            | Self::Jpeg2000
            | Self::Webp
            | Self::Gif
            | Self::OpenExr
            | Self::Hdr
            | Self::Ico => None,
        }
    }
}

fn is_tga(first: &[u8], name: &Path) -> bool {
    let is_named_so = name.extension().is_some_and(|extension| {
        ["tga", "icb", "vda", "vst"].iter().any(|known| extension.eq_ignore_ascii_case(known))
    });
    is_named_so && in_memory::is_tga_header(first)
}
