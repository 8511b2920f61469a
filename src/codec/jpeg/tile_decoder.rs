//! Decodes JPEG tiles with libjpeg-turbo, at full or half size, and crops them without decoding.
//!
//! Every warning of libjpeg-turbo is an error: it means that data was missing or invalid and that
//! the pixels are a guess. OpenSlide 4.0.1 does the same for color tiles; it leaves gray ones to
//! libtiff, which ignores warnings.

use turbojpeg::{
    Decompressor, Image, OutputBuf, PixelFormat, ScalingFactor, Subsamp, Transform, TransformCrop,
    Transformer, YuvImage,
};

use super::stream::{Frame, JpegTables, TileColor};
use crate::codec::Subsampling;
use crate::codec::decode::samples::Channels;
use crate::codec::tile::{CompressedTile, TileCodec, TileDecoder, TileError};
use crate::geometry::{Rect, Size};
use crate::pixels::{PIXEL_BYTES, Pixels, PremultipliedPixels, ReductionMethod, Rgb};

/// JPEG tiles, with their tables in the tile or shared.
pub(crate) static CODEC: TileCodec = TileCodec {
    name: "JPEG",
    tiff_compressions: &[7],
    decoder: || Box::new(JpegTileDecoder::default()),
};

/// What the JPEG tiles of an image share.
#[derive(Clone, Debug)]
pub(crate) struct JpegParameters {
    /// The tables that precede each tile's own.
    pub tables: JpegTables,
    /// The color model.
    pub color: TileColor,
}

/// A thread's libjpeg-turbo handles, each made when it is first needed, and its buffers.
#[derive(Debug, Default)]
struct JpegTileDecoder {
    full_size: Option<Decompressor>,
    half_size: Option<Decompressor>,
    transformer: Option<Transformer>,
    /// A tile as a complete JPEG file.
    jpeg: Vec<u8>,
    /// The red, green and blue planes of a tile.
    planes: Vec<u8>,
}

/// A tile as a complete JPEG file.
#[derive(Clone, Copy, Debug)]
struct JpegFile<'a> {
    bytes: &'a [u8],
    /// The size in pixels in its frame header.
    size: Size,
    output: Output,
}

/// How a tile's components become the samples to return.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Output {
    /// libjpeg-turbo converts them.
    Library(PixelFormat),
    /// Three planes that are red, green and blue already are interleaved to BGRA. libjpeg-turbo has
    /// vector code for YCbCr, but a plain loop for RGB, which takes a sixth of the decoding time.
    /// [`interleave`] is five times as fast.
    Interleave,
}

impl Output {
    /// Chooses the output for rows of `channels`.
    fn new(channels: &Channels, color: TileColor, frame: Frame) -> Self {
        match (channels, color, frame.subsampling) {
            (Channels::Bgra, TileColor::Rgb, Some(Subsampling::Full)) => Self::Interleave,
            (Channels::Bgra, ..) => Self::Library(PixelFormat::BGRA),
            (Channels::Gray, ..) => Self::Library(PixelFormat::GRAY),
            _ => Self::Library(PixelFormat::RGB),
        }
    }
}

impl JpegTileDecoder {
    /// Makes a tile a complete file in `self.jpeg`.
    fn splice(&mut self, tile: CompressedTile<'_>) -> Result<(Frame, TileColor), TileError> {
        let JpegParameters { tables, color } = tile.parameters()?;
        Ok((tables.splice(*color, tile.size, tile.bytes, &mut self.jpeg)?, *color))
    }
}

impl TileDecoder for JpegTileDecoder {
    fn decode(
        &mut self,
        tile: CompressedTile<'_>,
        target: &mut [u8],
        stride: usize,
    ) -> Result<(), TileError> {
        let (frame, color) = self.splice(tile)?;
        let Self { full_size, jpeg, planes, .. } = self;
        let output = Output::new(&tile.samples.channels, color, frame);
        let decompressor = get_or_make(full_size, Decompressor::new)?;
        Ok(decode(
            decompressor,
            planes,
            JpegFile { bytes: jpeg, size: tile.size, output },
            target,
            stride,
        )?)
    }

    fn subsampling(&mut self, tile: CompressedTile<'_>) -> Result<Option<Subsampling>, TileError> {
        Ok(self.splice(tile)?.0.subsampling)
    }

    fn lossless(
        &mut self,
        tile: CompressedTile<'_>,
        size: Size,
        method: ReductionMethod,
        output: &mut Vec<u8>,
        spare: Vec<u8>,
    ) -> Result<Pixels, TileError> {
        let (frame, color) = self.splice(tile)?;
        let Self { full_size, half_size, transformer, jpeg, planes } = self;
        if size == tile.size {
            output.clone_from(jpeg);
        } else {
            crop(get_or_make(transformer, Transformer::new)?, jpeg, size, output)?;
        }
        let file =
            JpegFile { bytes: output, size, output: Output::new(&Channels::Bgra, color, frame) };
        // A block that extends past the region contains pixels of the scanner's own. Reducing it as
        // a whole would mix them into the region's edge.
        let has_whole_blocks = size.width().is_multiple_of(frame.mcu.width())
            && size.height().is_multiple_of(frame.mcu.height());
        if has_whole_blocks && method == ReductionMethod::Mean {
            let half_size = get_or_make(half_size, || {
                let mut decompressor = Decompressor::new()?;
                decompressor.set_scaling_factor(ScalingFactor::ONE_HALF)?;
                Ok(decompressor)
            })?;
            let halved =
                decode_all(half_size, planes, JpegFile { size: size.halved(), ..file }, spare)?;
            return Ok(halved.over(Rgb::WHITE));
        }
        let whole =
            decode_all(get_or_make(full_size, Decompressor::new)?, planes, file, Vec::new())?;
        Ok(whole.over(Rgb::WHITE).view().reduced(Rect::of(size), method, spare))
    }
}

fn get_or_make<T>(
    kept: &mut Option<T>,
    make: impl FnOnce() -> turbojpeg::Result<T>,
) -> turbojpeg::Result<&mut T> {
    match kept {
        Some(handle) => Ok(handle),
        None => Ok(kept.insert(make()?)),
    }
}

/// Crops a JPEG file to its top left `size` pixels. The remaining quantized coefficients are
/// unchanged.
fn crop(
    transformer: &mut Transformer,
    jpeg: &[u8],
    size: Size,
    output: &mut Vec<u8>,
) -> turbojpeg::Result<()> {
    let mut transform = Transform::default();
    let (width, height) = (size.width() as usize, size.height() as usize);
    transform.crop = Some(TransformCrop { x: 0, y: 0, width: Some(width), height: Some(height) });
    transform.copy_none = true;
    let mut cropped = OutputBuf::new_owned();
    transformer.transform(&transform, jpeg, &mut cropped)?;
    output.clear();
    output.extend_from_slice(&cropped);
    Ok(())
}

/// Decodes a file to BGRA pixels in reused memory.
fn decode_all(
    decompressor: &mut Decompressor,
    planes: &mut Vec<u8>,
    file: JpegFile<'_>,
    mut spare: Vec<u8>,
) -> turbojpeg::Result<PremultipliedPixels> {
    let size = file.size;
    let stride = size.width() as usize * PIXEL_BYTES;
    spare.resize(stride * size.height() as usize, 0);
    decode(decompressor, planes, file, &mut spare, stride)?;
    Ok(PremultipliedPixels::opaque(size, spare))
}

/// Decodes a file to rows `stride` bytes apart. `size` is the size of the pixels: half the file's
/// if the decompressor halves.
fn decode(
    decompressor: &mut Decompressor,
    planes: &mut Vec<u8>,
    JpegFile { bytes: jpeg, size, output }: JpegFile<'_>,
    target: &mut [u8],
    stride: usize,
) -> turbojpeg::Result<()> {
    let (width, height) = (size.width() as usize, size.height() as usize);
    match output {
        Output::Library(format) => decompressor
            .decompress(jpeg, Image { pixels: target, width, pitch: stride, height, format }),
        Output::Interleave => {
            planes.resize(3 * width * height, 0);
            let image = YuvImage {
                pixels: &mut planes[..],
                width,
                align: 1,
                height,
                subsamp: Subsamp::None,
            };
            decompressor.decompress_to_yuv(jpeg, image)?;
            let (red, rest) = planes.split_at(width * height);
            let (green, blue) = rest.split_at(width * height);
            let rows = red
                .chunks_exact(width)
                .zip(green.chunks_exact(width))
                .zip(blue.chunks_exact(width));
            for (((red, green), blue), target) in rows.zip(target.chunks_mut(stride)) {
                interleave(red, green, blue, target);
            }
            Ok(())
        }
    }
}

fn interleave(red: &[u8], green: &[u8], blue: &[u8], target: &mut [u8]) {
    for (((pixel, red), green), blue) in
        target.chunks_exact_mut(PIXEL_BYTES).zip(red).zip(green).zip(blue)
    {
        let bgra = u32::from(*blue) | u32::from(*green) << 8 | u32::from(*red) << 16 | 0xff00_0000;
        pixel.copy_from_slice(&bgra.to_le_bytes());
    }
}
