//! libjpeg-turbo on one tile at a time: decode it at full or half size, or cut it without decoding.
//!
//! What always holds: whatever libjpeg-turbo warns of is an error: a warning means that data was missing or made no sense, and that the pixels
//! are a guess. (OpenSlide 4.0.1 does the same for color; gray tiles it leaves to libtiff, which swallows warnings.) A codec belongs to one thread and keeps its handles and its memory from tile to tile.

use turbojpeg::{
    Decompressor, Image, OutputBuf, PixelFormat, Result, ScalingFactor, Subsamp, Transform, TransformCrop, Transformer,
    YuvImage,
};

use super::stream::{Frame, TileColor};
use crate::codec::Subsampling;
use crate::geometry::Size;
use crate::pixels::{PIXEL_BYTES, PremultipliedPixels};

/// A thread's handles, each made when it is first needed.
#[derive(Debug, Default)]
pub(crate) struct TileCodec {
    full_size: Option<Decompressor>,
    half_size: Option<Decompressor>,
    transformer: Option<Transformer>,
    /// Red, green and blue of a tile, one after the other.
    planes: Vec<u8>,
}

/// A tile's own JPEG file.
#[derive(Clone, Copy, Debug)]
pub(crate) struct JpegFile<'a> {
    pub bytes: &'a [u8],
    /// Its size in pixels, as its frame header says.
    pub size: Size,
    pub conversion: Conversion,
}

/// How a tile's three components are turned into pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Conversion {
    /// By libjpeg-turbo.
    Library,
    /// By putting three planes together that are red, green and blue already. libjpeg-turbo has vector code for YCbCr, but for this a plain
    /// loop, which takes a sixth of the whole decoding; the one below is five times as fast.
    Interleave,
}

impl Conversion {
    pub fn of(color: TileColor, frame: Frame) -> Self {
        match (color, frame.subsampling) {
            (TileColor::Rgb, Some(Subsampling::Full)) => Self::Interleave,
            _ => Self::Library,
        }
    }
}

impl TileCodec {
    /// Decodes a JPEG file into `target`, rows `stride` bytes apart.
    pub fn decode(&mut self, jpeg: JpegFile<'_>, target: &mut [u8], stride: usize) -> Result<()> {
        let decompressor = made(&mut self.full_size, Decompressor::new)?;
        decode_with(decompressor, &mut self.planes, jpeg, target, stride)
    }

    /// Decodes a JPEG file into memory used again.
    pub fn decode_whole(&mut self, jpeg: JpegFile<'_>, spare: Vec<u8>) -> Result<PremultipliedPixels> {
        let decompressor = made(&mut self.full_size, Decompressor::new)?;
        whole(decompressor, &mut self.planes, jpeg, spare)
    }

    /// Decodes a JPEG file at half its size, rounded up: a smaller inverse DCT of each block, a fraction of the work.
    pub fn decode_halved(&mut self, jpeg: JpegFile<'_>, spare: Vec<u8>) -> Result<PremultipliedPixels> {
        let decompressor = made(&mut self.half_size, || {
            let mut decompressor = Decompressor::new()?;
            decompressor.set_scaling_factor(ScalingFactor::ONE_HALF)?;
            Ok(decompressor)
        })?;
        whole(decompressor, &mut self.planes, JpegFile { size: jpeg.size.halved(), ..jpeg }, spare)
    }

    /// Cuts a JPEG file to its top left `size` pixels. The quantized coefficients of what is left are those of the file.
    pub fn cut(&mut self, jpeg: &[u8], size: Size, output: &mut Vec<u8>) -> Result<()> {
        let mut transform = Transform::default();
        let (width, height) = (size.width() as usize, size.height() as usize);
        transform.crop = Some(TransformCrop { x: 0, y: 0, width: Some(width), height: Some(height) });
        transform.copy_none = true;
        let mut cut = OutputBuf::new_owned();
        made(&mut self.transformer, Transformer::new)?.transform(&transform, jpeg, &mut cut)?;
        output.clear();
        output.extend_from_slice(&cut);
        Ok(())
    }
}

fn made<T>(kept: &mut Option<T>, make: impl FnOnce() -> Result<T>) -> Result<&mut T> {
    match kept {
        Some(handle) => Ok(handle),
        None => Ok(kept.insert(make()?)),
    }
}

fn whole(
    decompressor: &mut Decompressor,
    planes: &mut Vec<u8>,
    jpeg: JpegFile<'_>,
    mut spare: Vec<u8>,
) -> Result<PremultipliedPixels> {
    let size = jpeg.size;
    let stride = size.width() as usize * PIXEL_BYTES;
    spare.resize(stride * size.height() as usize, 0);
    decode_with(decompressor, planes, jpeg, &mut spare, stride)?;
    Ok(PremultipliedPixels::opaque(size, spare))
}

/// The size is that of the pixels: half the file's where the decompressor is set so.
fn decode_with(
    decompressor: &mut Decompressor,
    planes: &mut Vec<u8>,
    JpegFile { bytes: jpeg, size, conversion }: JpegFile<'_>,
    target: &mut [u8],
    stride: usize,
) -> Result<()> {
    let (width, height) = (size.width() as usize, size.height() as usize);
    match conversion {
        Conversion::Library => {
            let image = Image { pixels: target, width, pitch: stride, height, format: PixelFormat::BGRA };
            decompressor.decompress(jpeg, image)
        }
        Conversion::Interleave => {
            planes.resize(3 * width * height, 0);
            let image = YuvImage { pixels: &mut planes[..], width, align: 1, height, subsamp: Subsamp::None };
            decompressor.decompress_to_yuv(jpeg, image)?;
            let (red, rest) = planes.split_at(width * height);
            let (green, blue) = rest.split_at(width * height);
            let rows = red.chunks_exact(width).zip(green.chunks_exact(width)).zip(blue.chunks_exact(width));
            for (((red, green), blue), target) in rows.zip(target.chunks_mut(stride)) {
                interleave(red, green, blue, target);
            }
            Ok(())
        }
    }
}

fn interleave(red: &[u8], green: &[u8], blue: &[u8], target: &mut [u8]) {
    for (((pixel, red), green), blue) in target.chunks_exact_mut(PIXEL_BYTES).zip(red).zip(green).zip(blue) {
        let bgra = u32::from(*blue) | u32::from(*green) << 8 | u32::from(*red) << 16 | 0xff00_0000;
        pixel.copy_from_slice(&bgra.to_le_bytes());
    }
}
