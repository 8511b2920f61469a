//! Strips and tiles that are JPEG pictures of their own.
//!
//! What always holds: as of slides, whatever libjpeg-turbo has a doubt about is an error, and a picture is of the size that the TIFF says.

use std::fs::File;

use turbojpeg::{Decompressor, Image, PixelFormat};

use super::compression::{ChunkError, Place};
use crate::codec::Subsampling;
use crate::codec::jpeg::{JpegStreamError, JpegTables, TileColor};
use crate::geometry::Size;
use crate::platform::FileExt;

/// Decodes one after the other, in memory that is used again.
#[derive(Debug, Default)]
pub(crate) struct JpegDecoder {
    decompressor: Option<Decompressor>,
    stored: Vec<u8>,
    file: Vec<u8>,
    pixels: Vec<u8>,
}

/// What a strip's or tile's picture is to be.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Expected<'a> {
    pub tables: &'a JpegTables,
    pub color: TileColor,
    /// As large as what is left of the TIFF's picture, in its last strip.
    pub size: Size,
    /// That of a whole strip, which some writers give the last one too.
    pub whole: Size,
}

impl JpegDecoder {
    /// Decodes the picture at `place` into `target`, rows of samples without a gap.
    pub fn decode(
        &mut self,
        file: &File,
        place: Place,
        expected: Expected<'_>,
        target: &mut [u8],
    ) -> Result<(), ChunkError> {
        let (found, _) = self.fetch(file, place, expected)?;
        let (format, channels) = match expected.color {
            TileColor::Gray => (PixelFormat::GRAY, 1),
            TileColor::Rgb | TileColor::YCbCr => (PixelFormat::RGB, 3),
        };
        let Self { decompressor, file: jpeg, pixels, .. } = self;
        let decompressor = match decompressor {
            Some(decompressor) => decompressor,
            None => decompressor.insert(Decompressor::new()?),
        };
        let (width, height) = (found.width() as usize, found.height() as usize);
        let pitch = width * channels;
        if found == expected.size {
            return Ok(decompressor.decompress(jpeg, Image { pixels: target, width, pitch, height, format })?);
        }
        pixels.resize(pitch * height, 0);
        decompressor.decompress(jpeg, Image { pixels: &mut pixels[..], width, pitch, height, format })?;
        target.copy_from_slice(&pixels[..target.len()]);
        Ok(())
    }

    /// How a picture stores chroma.
    pub fn subsampling(
        &mut self,
        file: &File,
        place: Place,
        expected: Expected<'_>,
    ) -> Result<Option<Subsampling>, ChunkError> {
        Ok(self.fetch(file, place, expected)?.1)
    }

    /// Reads a picture's bytes and makes a JPEG file of them in `self.file`.
    fn fetch(
        &mut self,
        file: &File,
        Place { offset, length }: Place,
        Expected { tables, color, size, whole }: Expected<'_>,
    ) -> Result<(Size, Option<Subsampling>), ChunkError> {
        // Four times its pixels, and room for a header.
        if length > 16 * whole.area() + (1 << 20) {
            return Err(ChunkError::TooLong { length });
        }
        self.stored.resize(length as usize, 0);
        file.read_exact_at(&mut self.stored, offset).map_err(ChunkError::reading)?;
        let frame = match tables.splice(color, size, &self.stored, &mut self.file) {
            Err(JpegStreamError::Dimensions { found, .. }) if found == whole => {
                tables.splice(color, whole, &self.stored, &mut self.file)?
            }
            other => other?,
        };
        Ok((frame.size, frame.subsampling))
    }
}
