//! The image of a TIFF directory: its size, samples, and where its strips or tiles are.

use crate::platform::FileExt;
use std::any::Any;
use std::fs::File;

use super::directory::{Directory, tag};
use super::samples::read_samples;
use crate::codec::Subsampling;
use crate::codec::decode::samples::{Channels, SampleLayout, SampleType};
use crate::codec::decode::{ImageError, checked_size};
use crate::codec::jpeg::tile_decoder::JpegParameters;
use crate::codec::jpeg::{JpegStreamError, JpegTables, TileColor};
use crate::codec::registry;
use crate::codec::tile::decompressor::{Compression, FillOrder, Place};
use crate::codec::tile::predictor::Predictor;
use crate::codec::tile::row_stream::RowParameters;
use crate::codec::tile::{CompressedTile, TileCodec, TileError, region};
use crate::geometry::Size;

/// The image of a directory. Its measures are consistent, its kind is supported, and all strips or
/// tiles that it needs have bytes inside the file.
#[derive(Debug)]
pub(crate) struct TiffImage {
    pub size: Size,
    /// The layout of decoded rows. Planes without a meaning are not read.
    pub samples: SampleLayout,
    /// The layout of a decoded strip or tile: that of one plane if planes are separate.
    pub chunk_samples: SampleLayout,
    /// Samples per pixel without a meaning, read or not.
    pub unshown_samples: u16,
    pub codec: &'static TileCodec,
    /// The codec's parameters, shared by all strips or tiles.
    parameters: Box<dyn Any + Send + Sync>,
    pub shape: Shape,
    pub planes: PlanarConfig,
    /// The places of the first plane's chunks, row by row, then those of the next plane's.
    places: Vec<Place>,
}

/// How an image is divided into chunks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    /// Strips with this many rows. The last can have fewer.
    Strips { rows: u32 },
    /// Tiles of this size, at the edges too.
    Tiles(Size),
}

/// How the samples of a pixel are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PlanarConfig {
    /// Next to each other.
    Chunky,
    /// In this many planes, with strips or tiles of their own.
    Planar(usize),
}

impl PlanarConfig {
    pub const fn count(self) -> usize {
        match self {
            Self::Chunky => 1,
            Self::Planar(planes) => planes,
        }
    }
}

impl Shape {
    /// Returns the name of a chunk.
    pub const fn part(self) -> &'static str {
        match self {
            Self::Strips { .. } => "strip",
            Self::Tiles(_) => "tile",
        }
    }
}

impl TiffImage {
    /// Reads the image of a directory. `memory` is the limit for its tables, in bytes.
    ///
    /// # Errors
    /// [`ImageError`] if the directory is inconsistent or its kind of image is not supported.
    pub fn read(directory: &Directory<'_>, memory: u64) -> Result<Self, ImageError> {
        let number =
            |tag, default| Ok::<u64, ImageError>(directory.number(tag)?.unwrap_or(default));
        let size = checked_size(number(tag::IMAGE_WIDTH, 0)?, number(tag::IMAGE_LENGTH, 0)?)?;
        let is_planar = match number(tag::PLANAR_CONFIGURATION, 1)? {
            1 => false,
            2 => true,
            other => {
                return Err(ImageError::malformed(format!("its planar configuration is {other}")));
            }
        };
        let code = number(tag::COMPRESSION, 1)?;
        let mut samples = read_samples(directory, code)?;
        let unshown_samples = samples.ignored;
        let planes = if is_planar && samples.samples_a_pixel() > 1 {
            samples.ignored = 0;
            PlanarConfig::Planar(samples.channels.count())
        } else {
            PlanarConfig::Chunky
        };
        let shape = read_shape(directory, size)?;
        let (codec, parameters) = read_coding(directory, code, &samples, planes)?;
        let is_row_stream = parameters.is::<RowParameters>();
        if let Shape::Tiles(tile) = shape
            && !is_row_stream
            && tile.width().max(tile.height()) > u32::from(u16::MAX)
        {
            return Err(ImageError::malformed(format!(
                "its {} tiles are {tile} pixels",
                codec.name
            )));
        }
        let chunk_samples = match planes {
            PlanarConfig::Chunky => samples.clone(),
            PlanarConfig::Planar(_) => SampleLayout::new(Channels::Gray, samples.sample),
        };
        let mut image = Self {
            size,
            samples,
            chunk_samples,
            unshown_samples,
            codec,
            parameters,
            shape,
            planes,
            places: Vec::new(),
        };
        // The size of a tile in bytes must fit in 64 bits.
        let chunk = image.chunk_size();
        let bytes = (image.chunk_row_bytes() as u64).checked_mul(u64::from(chunk.height()));
        if bytes.is_none_or(|bytes| bytes > i64::MAX as u64) {
            return Err(ImageError::malformed(format!("its tiles are {chunk} pixels")));
        }
        image.places = read_places(directory, &image, memory)?;
        Ok(image)
    }

    /// The size of a whole strip or tile in pixels.
    pub fn chunk_size(&self) -> Size {
        match self.shape {
            Shape::Strips { rows } => {
                Size::new(self.size.width(), rows.min(self.size.height())).unwrap_or(self.size)
            }
            Shape::Tiles(tile) => tile,
        }
    }

    /// The stored rows of the chunks in a row of chunks. Only the last strip can have fewer.
    pub fn chunk_rows(&self, row: u32) -> u32 {
        let height = self.chunk_size().height();
        match self.shape {
            Shape::Strips { .. } => height.min(self.size.height() - row * height),
            Shape::Tiles(_) => height,
        }
    }

    /// The number of columns and rows of chunks.
    pub fn grid(&self) -> (u32, u32) {
        let chunk = self.chunk_size();
        (self.size.width().div_ceil(chunk.width()), self.size.height().div_ceil(chunk.height()))
    }

    /// The bytes of a decoded row of a chunk.
    pub fn chunk_row_bytes(&self) -> usize {
        self.chunk_samples.row_bytes(self.chunk_size().width())
    }

    /// The index of a chunk in the file's tables.
    pub fn chunk_number(&self, plane: usize, (column, row): (u32, u32)) -> usize {
        let (columns, rows) = self.grid();
        (plane * rows as usize + row as usize) * columns as usize + column as usize
    }

    /// The place of a chunk in the file.
    pub fn place(&self, number: usize) -> Place {
        self.places[number]
    }

    /// The bytes of the longest chunk that are read into memory.
    pub fn longest(&self) -> u64 {
        let longest = self.places.iter().map(|place| place.length).max().unwrap_or(0);
        if self.row_parameters().is_some() { longest.min(self.max_chunk_bytes()) } else { longest }
    }

    /// The parameters of a compression that is decoded row by row; `None` for others.
    pub fn row_parameters(&self) -> Option<&RowParameters> {
        self.parameters.downcast_ref()
    }

    /// No chunk needs more compressed bytes: four per sample of a pixel and room for a header, or
    /// twice its decoded bytes.
    fn max_chunk_bytes(&self) -> u64 {
        let whole = self.chunk_size();
        let decoded = (self.chunk_row_bytes() as u64).saturating_mul(whole.height().into());
        whole.area().saturating_mul(16).max(decoded.saturating_mul(2)).saturating_add(1 << 20)
    }

    /// Reads the compressed bytes of a chunk with `height` rows.
    ///
    /// # Errors
    /// [`TileError`] if it is too long or cannot be read.
    pub fn compressed<'a>(
        &'a self,
        file: &File,
        number: usize,
        height: u32,
        buffer: &'a mut Vec<u8>,
    ) -> Result<CompressedTile<'a>, TileError> {
        let Place { offset, length } = self.place(number);
        // Row streams can have excess data, which is not needed.
        let read = if self.row_parameters().is_some() {
            length.min(self.max_chunk_bytes())
        } else {
            length
        };
        if read > self.max_chunk_bytes() {
            return Err(TileError::TooLong { length });
        }
        buffer.resize(read as usize, 0);
        file.read_exact_at(buffer, offset).map_err(TileError::reading)?;
        let whole = self.chunk_size();
        let size = Size::new(whole.width(), height).unwrap_or(whole);
        let parameters = &*self.parameters;
        Ok(CompressedTile {
            codec: self.codec,
            bytes: buffer,
            size,
            samples: &self.chunk_samples,
            parameters,
        })
    }

    /// Returns the chroma subsampling of the first chunk, if it is undamaged JPEG.
    ///
    /// # Errors
    /// [`ImageError::System`] if it cannot be read.
    pub fn subsampling(&self, file: &File) -> Result<Option<Subsampling>, ImageError> {
        /// A longer strip is a whole image, which may not fit in memory.
        const MAX_BYTES: u64 = 16 << 20;
        // Three planes of gray are not a gray image.
        if self.planes != PlanarConfig::Chunky
            || self.row_parameters().is_some()
            || self.place(0).length > MAX_BYTES
        {
            return Ok(None);
        }
        let mut buffer = Vec::new();
        let found = self.compressed(file, 0, self.chunk_rows(0), &mut buffer).and_then(|tile| {
            region::with_decoder(tile.codec, |decoder| match decoder.subsampling(tile) {
                Err(TileError::JpegStream(JpegStreamError::Dimensions { found, .. }))
                    if found == self.chunk_size() =>
                {
                    decoder.subsampling(CompressedTile { size: found, ..tile })
                }
                other => other,
            })
        });
        match found {
            Err(TileError::System(error)) => Err(ImageError::System(error)),
            // Damage is reported when the chunk is decoded.
            found => Ok(found.unwrap_or(None)),
        }
    }

    /// Describes the compression for people: `LZW tiles of 256×256`.
    pub fn describe_coding(&self) -> String {
        let coding = self.codec.name;
        let planes = if matches!(self.planes, PlanarConfig::Planar(_)) { ", planar" } else { "" };
        match self.shape {
            Shape::Strips { .. } => format!("{coding} strips{planes}"),
            Shape::Tiles(tile) => format!("{coding} tiles of {tile}{planes}"),
        }
    }
}

fn read_shape(directory: &Directory<'_>, size: Size) -> Result<Shape, ImageError> {
    if directory.has(tag::TILE_WIDTH) || directory.has(tag::TILE_OFFSETS) {
        let length = |tag| Ok::<u64, ImageError>(directory.number(tag)?.unwrap_or(0));
        let (width, height) = (length(tag::TILE_WIDTH)?, length(tag::TILE_LENGTH)?);
        let tile = checked_size(width, height);
        return Ok(Shape::Tiles(tile.map_err(|_| {
            ImageError::malformed(format!("its tiles are {width}×{height} pixels"))
        })?));
    }
    match directory.number(tag::ROWS_PER_STRIP)? {
        Some(0) => Err(ImageError::malformed("its strips have no rows")),
        // More rows than the image has, often 2^32 - 1, mean one strip.
        Some(rows) => {
            Ok(Shape::Strips { rows: u32::try_from(rows).unwrap_or(u32::MAX).min(size.height()) })
        }
        None => Ok(Shape::Strips { rows: size.height() }),
    }
}

type Coding = (&'static TileCodec, Box<dyn Any + Send + Sync>);

fn read_coding(
    directory: &Directory<'_>,
    code: u64,
    samples: &SampleLayout,
    planes: PlanarConfig,
) -> Result<Coding, ImageError> {
    let codec = registry::by_tiff_compression(code).ok_or_else(|| {
        ImageError::unsupported(format!("compression {}", compression_name(code)))
    })?;
    let Some(compression) = Compression::of_codec(codec) else {
        return Ok((
            codec,
            if code == 7 { Box::new(read_jpeg(directory, samples, planes)?) } else { Box::new(()) },
        ));
    };
    let fill_order = match directory.number(tag::FILL_ORDER)?.unwrap_or(1) {
        2 => FillOrder::LowestFirst,
        _ => FillOrder::HighestFirst,
    };
    let predictor = match compression {
        // Other compressions ignore the tag.
        Compression::Lzw | Compression::Deflate | Compression::Zstd => {
            let step = match planes {
                PlanarConfig::Chunky => samples.samples_a_pixel(),
                PlanarConfig::Planar(_) => 1,
            };
            let code = directory.number(tag::PREDICTOR)?.unwrap_or(1);
            Predictor::new(code, samples.sample, step).ok_or_else(|| {
                ImageError::unsupported(format!("predictor {code} with its samples (TIFF tag 317)"))
            })?
        }
        Compression::None | Compression::PackBits => Predictor::None,
    };
    Ok((codec, Box::new(RowParameters { compression, fill_order, predictor })))
}

fn read_jpeg(
    directory: &Directory<'_>,
    samples: &SampleLayout,
    planes: PlanarConfig,
) -> Result<JpegParameters, ImageError> {
    let is_ycbcr = directory.number(tag::PHOTOMETRIC_INTERPRETATION)? == Some(6);
    let color = match (&samples.channels, samples.sample, samples.ignored, planes) {
        (Channels::Gray, SampleType::U8, 0, _) => TileColor::Gray,
        (Channels::Rgb, SampleType::U8, 0, PlanarConfig::Chunky) if is_ycbcr => TileColor::YCbCr,
        (Channels::Rgb, SampleType::U8, 0, PlanarConfig::Chunky) => TileColor::Rgb,
        (Channels::Rgb, SampleType::U8, _, PlanarConfig::Planar(_)) if !is_ycbcr => TileColor::Gray,
        _ => return Err(ImageError::unsupported("JPEG data that is not 8-bit gray, RGB or YCbCr")),
    };
    let tables = match directory.raw(tag::JPEG_TABLES, JpegTables::MAX_BYTES)? {
        None => JpegTables::default(),
        Some(stream) => JpegTables::parse(&stream)
            .map_err(|error| ImageError::malformed(format!("its shared JPEG tables: {error}")))?,
    };
    Ok(JpegParameters { tables, color })
}

fn compression_name(code: u64) -> String {
    let name = match code {
        2..=4 | 32_771 => "CCITT fax",
        6 => "old-style JPEG, obsolete since 1995",
        9 | 10 | 34_661 => "JBIG",
        22_610 => "JPEG XR",
        32_766 => "NeXT",
        32_809 => "ThunderScan",
        33_003 | 33_005 | 34_712 => "JPEG 2000",
        34_887 => "LERC",
        34_925 => "LZMA",
        50_000 => "Zstandard, which this build lacks",
        50_001 => "WebP",
        50_002 | 52_546 => "JPEG XL",
        _ => return format!("{code} (TIFF tag 259)"),
    };
    format!("{name} (TIFF compression {code})")
}

/// Reads the places of the strips or tiles that the image needs.
fn read_places(
    directory: &Directory<'_>,
    image: &TiffImage,
    memory: u64,
) -> Result<Vec<Place>, ImageError> {
    let part = image.shape.part();
    let (offsets, lengths) = match image.shape {
        Shape::Strips { .. } => (tag::STRIP_OFFSETS, tag::STRIP_BYTE_COUNTS),
        Shape::Tiles(_) => (tag::TILE_OFFSETS, tag::TILE_BYTE_COUNTS),
    };
    let (columns, rows) = image.grid();
    let needed = (u64::from(columns) * u64::from(rows)).saturating_mul(image.planes.count() as u64);
    let (offsets, lengths) = (
        directory.numbers(offsets, needed.min(memory / 32))?.unwrap_or_default(),
        directory.numbers(lengths, needed.min(memory / 32))?,
    );
    // Old writers omit the lengths of uncompressed strips.
    let is_uncompressed =
        image.row_parameters().is_some_and(|rows| rows.compression == Compression::None);
    let lengths = lengths
        .or_else(|| is_uncompressed.then(|| uncompressed_lengths(image, offsets.len())))
        .unwrap_or_default();
    if needed > memory / 32 {
        return Err(ImageError::unsupported(format!(
            "{needed} {part}s, whose tables do not fit in memory"
        )));
    }
    if (offsets.len() as u64) < needed || (lengths.len() as u64) < needed {
        let found = offsets.len().min(lengths.len());
        return Err(ImageError::malformed(format!(
            "its tables have {found} {part}s of the {needed} it needs"
        )));
    }
    let mut places = Vec::with_capacity(offsets.len());
    for (number, (offset, length)) in offsets.into_iter().zip(lengths).enumerate() {
        if length == 0 {
            return Err(ImageError::unsupported(format!(
                "missing {part}s, such as {part} {number}"
            )));
        }
        let file_length = directory.file_length();
        if offset.checked_add(length).is_none_or(|end| end > file_length) {
            let error = TileError::PastTheEnd { offset, length, file_length };
            return Err(ImageError::malformed(format!("{part} {number}: {error}")));
        }
        places.push(Place { offset, length });
    }
    Ok(places)
}

/// Returns the lengths of uncompressed strips or tiles.
fn uncompressed_lengths(image: &TiffImage, count: usize) -> Vec<u64> {
    let (columns, rows) = image.grid();
    let height =
        |number: usize| image.chunk_rows((number / columns as usize % rows as usize) as u32);
    (0..count).map(|number| image.chunk_row_bytes() as u64 * u64::from(height(number))).collect()
}
