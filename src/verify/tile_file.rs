//! What a tile's file says of itself, and whether it can be decoded.
//!
//! Pixels are never kept: a JPEG is decoded at an eighth of its size, which reads all of its data, and a PNG row by row.

use std::io::Cursor;

use turbojpeg::{Decompressor, Image, PixelFormat, ScalingFactor};

use crate::geometry::Size;

/// The formats that can be checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TileFileFormat {
    Jpeg,
    Png,
}

impl TileFileFormat {
    pub fn of_extension(extension: &str) -> Option<Self> {
        match extension {
            "jpeg" | "jpg" => Some(Self::Jpeg),
            "png" => Some(Self::Png),
            _ => None,
        }
    }

    /// The picture's size, as its header says, or what is wrong with it.
    pub fn size(self, contents: &[u8]) -> Result<Size, String> {
        let size = match self {
            Self::Jpeg => {
                let header = turbojpeg::read_header(contents).map_err(|error| error.to_string())?;
                Size::new(header.width as u32, header.height as u32)
            }
            Self::Png => {
                let reader = png_reader(contents)?;
                Size::new(reader.info().width, reader.info().height)
            }
        };
        size.ok_or_else(|| "an empty picture".to_owned())
    }

    /// Whether the file ends as its format does: one that was cut short does not.
    pub fn check_end(self, contents: &[u8]) -> Result<(), String> {
        let end: &[u8] = match self {
            Self::Jpeg => &[0xff, 0xd9],
            Self::Png => b"\0\0\0\0IEND\xae\x42\x60\x82",
        };
        if contents.ends_with(end) { Ok(()) } else { Err("cut short".to_owned()) }
    }

    /// Decodes all of it. What the decoder merely warns of counts as damage.
    pub fn decode(self, contents: &[u8]) -> Result<(), String> {
        match self {
            Self::Jpeg => decode_jpeg(contents).map_err(|error| error.to_string()),
            Self::Png => {
                let mut reader = png_reader(contents)?;
                while reader.next_row().map_err(|error| error.to_string())?.is_some() {}
                self.check_end(contents)
            }
        }
    }
}

fn png_reader(contents: &[u8]) -> Result<png::Reader<Cursor<&[u8]>>, String> {
    png::Decoder::new(Cursor::new(contents)).read_info().map_err(|error| error.to_string())
}

fn decode_jpeg(contents: &[u8]) -> turbojpeg::Result<()> {
    let mut decompressor = Decompressor::new()?;
    decompressor.set_scaling_factor(ScalingFactor::ONE_EIGHTH)?;
    let header = decompressor.read_header(contents)?.scaled(ScalingFactor::ONE_EIGHTH);
    let (width, height) = (header.width, header.height);
    let mut pixels = vec![0; width * height];
    let image = Image { pixels: &mut pixels[..], width, pitch: width, height, format: PixelFormat::GRAY };
    decompressor.decompress(contents, image)
}
