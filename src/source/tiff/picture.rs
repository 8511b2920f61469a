//! What a TIFF directory says of its picture: size, samples, and where its strips or tiles are.
//!
//! What always holds of a [`Picture`]: every measure was checked against the others, it is of a kind that is read, and each strip or tile that is
//! needed has bytes, which lie in the file.

use super::compression::{Compression, FillOrder, Place};
use super::directory::{Container, Directory, tag};
use super::meaning::read_samples;
use super::predictor::Predictor;
use crate::codec::decode::samples::{Channels, SampleLayout, SampleType};
use crate::codec::decode::{ImageError, checked_size};
use crate::codec::jpeg::{JpegTables, TileColor};
use crate::geometry::Size;

/// A directory's picture.
#[derive(Debug)]
pub(crate) struct Picture {
    pub size: Size,
    /// What its rows are made of. Of planes that mean nothing, none is read.
    pub samples: SampleLayout,
    /// Samples of each pixel that mean nothing, read or not.
    pub unshown_samples: u16,
    pub coding: ChunkCoding,
    pub shape: Shape,
    pub planes: PlanarConfig,
    /// Those of the first plane, row by row, then those of the next.
    places: Vec<Place>,
}

/// How the bytes of a strip or tile become samples.
#[derive(Debug)]
pub(crate) enum ChunkCoding {
    /// By decompressing a stream of rows.
    Stream { compression: Compression, fill_order: FillOrder, predictor: Predictor },
    /// Each is a JPEG picture.
    Jpeg { tables: JpegTables, color: TileColor },
}

/// What the picture is cut into.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    /// Strips of so many rows, the last of what is left.
    Strips { rows: u32 },
    /// Tiles of a size, those at the edges too.
    Tiles(Size),
}

/// How the samples of a pixel lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PlanarConfig {
    /// One beside the other.
    Chunky,
    /// Each in a strip or tile of its own, of so many.
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
    /// Its parts' name.
    pub const fn part(self) -> &'static str {
        match self {
            Self::Strips { .. } => "strip",
            Self::Tiles(_) => "tile",
        }
    }
}

impl Picture {
    /// Reads what a directory says. `memory` is what its tables may take.
    ///
    /// # Errors
    /// [`ImageError`] where it contradicts itself or is of a kind that is not read.
    pub fn read(container: &Container, directory: &Directory<'_>, memory: u64) -> Result<Self, ImageError> {
        let number = |tag, default| Ok::<u64, ImageError>(directory.number(tag)?.unwrap_or(default));
        let size = checked_size(number(tag::IMAGE_WIDTH, 0)?, number(tag::IMAGE_LENGTH, 0)?)?;
        let planes = match number(tag::PLANAR_CONFIGURATION, 1)? {
            1 => PlanarConfig::Chunky,
            2 => PlanarConfig::Planar(0),
            other => return Err(ImageError::malformed(format!("its planar configuration is {other}"))),
        };
        let code = number(tag::COMPRESSION, 1)?;
        let mut samples = read_samples(container, directory, code)?;
        let unshown_samples = samples.ignored;
        let planes = match planes {
            PlanarConfig::Planar(_) if samples.channels.count() + usize::from(samples.ignored) > 1 => {
                samples.ignored = 0;
                PlanarConfig::Planar(samples.channels.count())
            }
            _ => PlanarConfig::Chunky,
        };
        let shape = read_shape(directory, size)?;
        let coding = read_coding(directory, code, &samples, planes)?;
        if let (ChunkCoding::Jpeg { .. }, Shape::Tiles(tile)) = (&coding, shape)
            && tile.width().max(tile.height()) > u32::from(u16::MAX)
        {
            return Err(ImageError::malformed(format!("its JPEG tiles are of {tile} pixels")));
        }
        let mut picture = Self { size, samples, unshown_samples, coding, shape, planes, places: Vec::new() };
        // In 64 bits, a tile's size cannot be said.
        let (width, height) = (picture.chunk_size().width(), picture.chunk_size().height());
        if (picture.chunk_row_bytes() as u64).checked_mul(u64::from(height)).is_none_or(|bytes| bytes > i64::MAX as u64)
        {
            return Err(ImageError::malformed(format!("its tiles are of {width}×{height} pixels")));
        }
        picture.places = read_places(container, directory, &picture, memory)?;
        Ok(picture)
    }

    /// The size of a strip or tile that is whole.
    pub fn chunk_size(&self) -> Size {
        match self.shape {
            Shape::Strips { rows } => Size::new(self.size.width(), rows.min(self.size.height())).unwrap_or(self.size),
            Shape::Tiles(tile) => tile,
        }
    }

    /// The rows of a strip or tile in a row of them: all of a tile's are stored, of the last strip's what is left.
    pub fn chunk_rows(&self, row: u32) -> u32 {
        let height = self.chunk_size().height();
        match self.shape {
            Shape::Strips { .. } => height.min(self.size.height() - row * height),
            Shape::Tiles(_) => height,
        }
    }

    /// How many strips or tiles lie side by side, and below each other.
    pub fn grid(&self) -> (u32, u32) {
        let chunk = self.chunk_size();
        (self.size.width().div_ceil(chunk.width()), self.size.height().div_ceil(chunk.height()))
    }

    /// Bytes of a decoded row of a strip or tile, of one plane where they are apart.
    pub fn chunk_row_bytes(&self) -> usize {
        let width = self.chunk_size().width();
        match self.planes {
            PlanarConfig::Chunky => self.samples.row_bytes(width),
            PlanarConfig::Planar(_) => (width as usize * self.samples.sample.bits()).div_ceil(8),
        }
    }

    /// The number of a plane's strip or tile, as it counts in the file.
    pub fn chunk_number(&self, plane: usize, (column, row): (u32, u32)) -> usize {
        let (columns, rows) = self.grid();
        (plane * rows as usize + row as usize) * columns as usize + column as usize
    }

    /// Where a strip or tile lies.
    pub fn place(&self, number: usize) -> Place {
        self.places[number]
    }

    /// Bytes of the longest.
    pub fn longest(&self) -> u64 {
        self.places.iter().map(|place| place.length).max().unwrap_or(0)
    }

    /// How it is stored, in words.
    pub fn coding_words(&self) -> String {
        let coding = match &self.coding {
            ChunkCoding::Stream { compression, .. } => compression.name(),
            ChunkCoding::Jpeg { .. } => "JPEG",
        };
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
        return Ok(Shape::Tiles(
            tile.map_err(|_| ImageError::malformed(format!("its tiles are of {width}×{height} pixels")))?,
        ));
    }
    match directory.number(tag::ROWS_PER_STRIP)? {
        Some(0) => Err(ImageError::malformed("its strips have no rows".to_owned())),
        // More than there are, 2^32 - 1 above all, is one strip.
        Some(rows) => Ok(Shape::Strips { rows: u32::try_from(rows).unwrap_or(u32::MAX).min(size.height()) }),
        None => Ok(Shape::Strips { rows: size.height() }),
    }
}

fn read_coding(
    directory: &Directory<'_>,
    code: u64,
    samples: &SampleLayout,
    planes: PlanarConfig,
) -> Result<ChunkCoding, ImageError> {
    let compression = match code {
        // Writers before TIFF 6.0 have 0 there.
        0 | 1 => Compression::None,
        5 => Compression::Lzw,
        7 => return read_jpeg(directory, samples, planes),
        8 | 32_946 => Compression::Deflate,
        32_773 => Compression::PackBits,
        50_000 if cfg!(feature = "zstd") => Compression::Zstd,
        _ => return Err(ImageError::unsupported(format!("it is compressed {}", compression_name(code)))),
    };
    let fill_order = match directory.number(tag::FILL_ORDER)?.unwrap_or(1) {
        2 => FillOrder::LowestFirst,
        _ => FillOrder::HighestFirst,
    };
    let predictor = match compression {
        // The tag belongs to these codings, and means nothing with others.
        Compression::Lzw | Compression::Deflate | Compression::Zstd => {
            let step = match planes {
                PlanarConfig::Chunky => samples.channels.count() + usize::from(samples.ignored),
                PlanarConfig::Planar(_) => 1,
            };
            let code = directory.number(tag::PREDICTOR)?.unwrap_or(1);
            Predictor::new(code, samples.sample, step).ok_or_else(|| {
                ImageError::unsupported(format!("its predictor (TIFF tag 317 is {code}) is none for its samples"))
            })?
        }
        Compression::None | Compression::PackBits => Predictor::None,
    };
    Ok(ChunkCoding::Stream { compression, fill_order, predictor })
}

fn read_jpeg(
    directory: &Directory<'_>,
    samples: &SampleLayout,
    planes: PlanarConfig,
) -> Result<ChunkCoding, ImageError> {
    /// No table that tiles share is larger: four of each kind take 3 KB.
    const TABLES_AT_MOST: u64 = 64 << 10;
    let is_luma_and_chroma = directory.number(tag::PHOTOMETRIC_INTERPRETATION)? == Some(6);
    let color = match (&samples.channels, samples.sample, samples.ignored, planes) {
        (Channels::Gray, SampleType::U8, 0, _) => TileColor::Gray,
        (Channels::Rgb, SampleType::U8, 0, PlanarConfig::Chunky) if is_luma_and_chroma => TileColor::YCbCr,
        (Channels::Rgb, SampleType::U8, 0, PlanarConfig::Chunky) => TileColor::Rgb,
        (Channels::Rgb, SampleType::U8, _, PlanarConfig::Planar(_)) if !is_luma_and_chroma => TileColor::Gray,
        _ => return Err(ImageError::unsupported("it is compressed as JPEG, and neither 8-bit gray, RGB nor YCbCr")),
    };
    let tables = match directory.raw(tag::JPEG_TABLES, TABLES_AT_MOST)? {
        None => JpegTables::default(),
        Some(stream) => JpegTables::parse(&stream)
            .map_err(|error| ImageError::malformed(format!("of the JPEG tables that it shares, {error}")))?,
    };
    Ok(ChunkCoding::Jpeg { tables, color })
}

fn compression_name(code: u64) -> String {
    let name = match code {
        2..=4 | 32_771 => "for fax (CCITT)",
        6 => "as JPEG in the way that was given up in 1995",
        9 | 10 | 34_661 => "as JBIG",
        22_610 => "as JPEG XR",
        32_766 => "as NeXT did",
        32_809 => "as ThunderScan did",
        33_003 | 33_005 | 34_712 => "as JPEG 2000",
        34_887 => "as LERC",
        34_925 => "as LZMA",
        50_000 => "as Zstandard, which this build does not decode",
        50_001 => "as WebP",
        50_002 | 52_546 => "as JPEG XL",
        _ => return format!("in a way that is not known (TIFF compression {code})"),
    };
    format!("{name} (TIFF compression {code})")
}

/// Where the strips or tiles are, as many as the picture needs.
fn read_places(
    container: &Container,
    directory: &Directory<'_>,
    picture: &Picture,
    memory: u64,
) -> Result<Vec<Place>, ImageError> {
    let part = picture.shape.part();
    let (offsets, lengths) = match picture.shape {
        Shape::Strips { .. } => (tag::STRIP_OFFSETS, tag::STRIP_BYTE_COUNTS),
        Shape::Tiles(_) => (tag::TILE_OFFSETS, tag::TILE_BYTE_COUNTS),
    };
    let (columns, rows) = picture.grid();
    let needed = u64::from(columns) * u64::from(rows);
    let needed = needed.saturating_mul(picture.planes.count() as u64);
    let (offsets, lengths) = (
        directory.numbers(offsets, needed.min(memory / 32))?.unwrap_or_default(),
        directory.numbers(lengths, needed.min(memory / 32))?,
    );
    // Old writers leave the lengths of strips out where nothing is compressed.
    let plain = matches!(picture.coding, ChunkCoding::Stream { compression: Compression::None, .. });
    let lengths = lengths.or_else(|| plain.then(|| plain_lengths(picture, offsets.len()))).unwrap_or_default();
    if needed > memory / 32 {
        return Err(ImageError::unsupported(format!("its tables of {needed} {part}s do not fit in the memory")));
    }
    if (offsets.len() as u64) < needed || (lengths.len() as u64) < needed {
        let found = offsets.len().min(lengths.len());
        return Err(ImageError::malformed(format!("its tables name {found} {part}s where {needed} are needed")));
    }
    let mut places = Vec::with_capacity(offsets.len());
    for (number, (offset, length)) in offsets.into_iter().zip(lengths).enumerate() {
        if length == 0 {
            return Err(ImageError::unsupported(format!("{part} {number} is missing")));
        }
        if offset.checked_add(length).is_none_or(|end| end > container.length) {
            let end = container.length;
            return Err(ImageError::malformed(format!(
                "{part} {number} is said to lie at byte {offset}, {length} bytes long, but the file ends at {end}"
            )));
        }
        places.push(Place { offset, length });
    }
    Ok(places)
}

/// The lengths of so many strips or tiles that are not compressed.
fn plain_lengths(picture: &Picture, count: usize) -> Vec<u64> {
    let (columns, rows) = picture.grid();
    let height = |number: usize| picture.chunk_rows((number / columns as usize % rows as usize) as u32);
    (0..count).map(|number| picture.chunk_row_bytes() as u64 * u64::from(height(number))).collect()
}
