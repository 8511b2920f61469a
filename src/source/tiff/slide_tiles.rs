//! The JPEG tiles of a slide that is a plain TIFF file with one grid of tiles per level.
//!
//! The full size is in the first directory, and a smaller level in the only other directory of its
//! size. OpenSlide reads all other files; [`DirectReadUnsupported`] is the reason.

use crate::platform::FileExt;

use super::directory::{Directory, TiffFile, tag};
use crate::codec::Subsampling;
use crate::codec::decode::ImageError;
use crate::codec::decode::samples::{Channels, SampleLayout, SampleType};
use crate::codec::jpeg::tile_decoder::{self, JpegParameters};
use crate::codec::jpeg::{JpegStreamError, JpegTables, TileColor};
use crate::codec::tile::{CompressedTile, NativeTile, TileError, TileGrid, TileStore, region};
use crate::geometry::Size;
use crate::source::native_tiles::{DirectReadUnsupported, NativeTiles};
use crate::source::slide_info::SlideLevelInfo;

/// The JPEG tiles of a slide's full size, and of the smaller levels that can be read directly.
#[derive(Debug)]
pub(crate) struct SlideTiles {
    tiff: TiffFile,
    samples: SampleLayout,
    grids: Vec<TileGrid>,
    levels: Vec<Level>,
}

/// The tiles of one directory.
#[derive(Debug)]
struct Level {
    columns: u32,
    /// The offset and length of each tile in bytes, row by row.
    places: Vec<(u64, u32)>,
    parameters: JpegParameters,
}

/// Why a file has no [`SlideTiles`].
#[derive(Debug)]
pub(crate) enum SlideTilesError {
    /// The file cannot be read directly.
    Unsupported(DirectReadUnsupported),
    /// The system could not read the file. The next run may succeed, so the slide must not be read
    /// another way.
    System(std::io::Error),
}

impl From<DirectReadUnsupported> for SlideTilesError {
    fn from(reason: DirectReadUnsupported) -> Self {
        Self::Unsupported(reason)
    }
}

impl From<ImageError> for SlideTilesError {
    fn from(error: ImageError) -> Self {
        match error {
            ImageError::System(error) => Self::System(error),
            other => DirectReadUnsupported::Structure { message: other.to_string() }.into(),
        }
    }
}

impl SlideTiles {
    /// Directories that are searched for smaller levels. Slides have one per level and a few
    /// images.
    const MAX_DIRECTORIES: usize = 256;

    /// Reads the first directory, which must be of `size` pixels.
    ///
    /// # Errors
    /// [`SlideTilesError`] if it has anything but JPEG tiles of that size, or cannot be read.
    pub fn open(tiff: TiffFile, size: Size) -> Result<Self, SlideTilesError> {
        let (grid, level) = {
            let directory = tiff.first_directory()?;
            let length = |tag| Ok::<u32, ImageError>(small_number(&directory, tag)?.unwrap_or(0));
            match Size::new(length(tag::IMAGE_WIDTH)?, length(tag::IMAGE_LENGTH)?) {
                Some(found) if found == size => Level::read(&directory, size)?,
                Some(found) => return Err(DirectReadUnsupported::FirstDirectory { found }.into()),
                None => {
                    let message = "its width or height is 0".to_owned();
                    return Err(DirectReadUnsupported::Structure { message }.into());
                }
            }
        };
        let samples = SampleLayout::new(Channels::Bgra, SampleType::U8);
        Ok(Self { tiff, samples, grids: vec![grid], levels: vec![level] })
    }

    /// Adds the smaller levels of a slide, as far as they can be read directly.
    ///
    /// Where a tile of a level is missing, OpenSlide fills its place and those of smaller levels.
    /// The first level that is not complete therefore ends the list.
    ///
    /// # Errors
    /// [`SlideTilesError::System`] if the system could not read the file.
    pub fn add_levels(&mut self, levels: &[SlideLevelInfo]) -> Result<(), SlideTilesError> {
        for info in levels {
            if !self.levels.last().is_some_and(Level::is_complete) {
                return Ok(());
            }
            match self.read_level(info.size) {
                Ok((grid, level))
                    if level.is_complete() && info.tile_to_read_whole() == Some(grid.tile) =>
                {
                    self.grids.push(grid);
                    self.levels.push(level);
                    match self.subsampling_of(self.levels.len() - 1) {
                        Ok(_) => {}
                        Err(SlideTilesError::Unsupported(_)) => {
                            self.grids.pop();
                            self.levels.pop();
                            return Ok(());
                        }
                        Err(error) => return Err(error),
                    }
                }
                Ok(_) | Err(SlideTilesError::Unsupported(_)) => return Ok(()),
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Reads the only directory after the first that is of `size` pixels.
    fn read_level(&self, size: Size) -> Result<(TileGrid, Level), SlideTilesError> {
        let wanted = Some((u64::from(size.width()), u64::from(size.height())));
        let chain = self.tiff.chain()?.iter().take(Self::MAX_DIRECTORIES).skip(1);
        let found: Vec<u64> =
            chain.filter(|link| link.size == wanted).map(|link| link.at).collect();
        let [at] = found[..] else {
            let message = format!("{} directories are {size} pixels", found.len());
            return Err(DirectReadUnsupported::Structure { message }.into());
        };
        Level::read(&self.tiff.directory(at)?, size)
    }

    /// Returns what is known of the full size's tiles.
    pub fn native_tiles(&self) -> NativeTiles {
        let Level { places, parameters, .. } = &self.levels[0];
        let bytes = places.iter().map(|&(_, length)| u64::from(length)).sum();
        NativeTiles {
            file_format: "TIFF",
            size: self.grids[0].tile,
            color: parameters.color,
            bytes,
        }
    }

    /// Returns the chroma subsampling of the full size's first tile; writers omit the TIFF tag.
    /// `None` if the tile is damaged or its subsampling is none of [`Subsampling`]'s.
    ///
    /// # Errors
    /// [`SlideTilesError`] if it cannot be read, or is valid but cannot be read directly.
    pub fn subsampling(&self) -> Result<Option<Subsampling>, SlideTilesError> {
        self.subsampling_of(0)
    }

    fn subsampling_of(&self, level: usize) -> Result<Option<Subsampling>, SlideTilesError> {
        let Level { columns, places, .. } = &self.levels[level];
        let Some(index) = places.iter().position(|&(_, length)| length > 0) else {
            return Ok(None);
        };
        let tile =
            NativeTile { level, column: index as u32 % columns, row: index as u32 / columns };
        match region::with_tile(self, tile, |decoder, tile| decoder.subsampling(tile)) {
            Ok(found) => Ok(found.flatten()),
            Err(TileError::System(error)) => Err(SlideTilesError::System(error)),
            // No JPEG, or a part of one, is damage, which is reported when the tile is read.
            Err(TileError::JpegStream(
                JpegStreamError::Start | JpegStreamError::CutShort | JpegStreamError::MissingScans,
            )) => Ok(None),
            Err(TileError::JpegStream(error)) => {
                Err(DirectReadUnsupported::FirstTile(error).into())
            }
            Err(_) => Ok(None),
        }
    }
}

impl TileStore for SlideTiles {
    fn grids(&self) -> &[TileGrid] {
        &self.grids
    }

    fn samples(&self) -> &SampleLayout {
        &self.samples
    }

    fn is_missing(&self, tile: NativeTile) -> bool {
        self.levels[tile.level].place(tile).1 == 0
    }

    fn is_lossless(&self) -> bool {
        true
    }

    fn compressed<'a>(
        &'a self,
        tile: NativeTile,
        _plane: usize,
        buffer: &'a mut Vec<u8>,
    ) -> Result<Option<CompressedTile<'a>>, TileError> {
        let level = &self.levels[tile.level];
        let (offset, length) = level.place(tile);
        if length == 0 {
            return Ok(None);
        }
        let (size, file_length) = (self.grids[tile.level].tile, self.tiff.length);
        let long = u64::from(length);
        if offset.checked_add(long).is_none_or(|end| end > file_length) {
            return Err(TileError::PastTheEnd { offset, length: long, file_length });
        }
        // Four bytes per sample and room for a header. Longer data would fill each worker's memory.
        if long > 16 * size.area() + (1 << 20) {
            return Err(TileError::TooLong { length: long });
        }
        buffer.resize(length as usize, 0);
        self.tiff.file.read_exact_at(buffer, offset).map_err(TileError::System)?;
        let parameters = &level.parameters;
        let codec = &tile_decoder::CODEC;
        Ok(Some(CompressedTile { codec, bytes: buffer, size, samples: &self.samples, parameters }))
    }
}

impl Level {
    /// Reads a directory with JPEG tiles for an image of `size` pixels.
    fn read(directory: &Directory<'_>, size: Size) -> Result<(TileGrid, Self), SlideTilesError> {
        let number = |tag| small_number(directory, tag);
        let compression = number(tag::COMPRESSION)?.unwrap_or(1);
        if compression != 7 {
            return Err(DirectReadUnsupported::Compression { compression }.into());
        }
        if directory.is_ambiguous {
            return Err(DirectReadUnsupported::RepeatedTag.into());
        }
        let orientation = number(tag::ORIENTATION)?.unwrap_or(1);
        if orientation != 1 {
            return Err(DirectReadUnsupported::Orientation { orientation }.into());
        }
        let color = read_color(directory)?.ok_or(DirectReadUnsupported::Pixels)?;
        let (Some(width), Some(height)) = (number(tag::TILE_WIDTH)?, number(tag::TILE_LENGTH)?)
        else {
            return Err(DirectReadUnsupported::NotTiled.into());
        };
        let longest = u32::from(u16::MAX);
        let tile =
            Size::new(width, height).filter(|tile| tile.width().max(tile.height()) <= longest);
        let tile = tile.ok_or(DirectReadUnsupported::TileSize { width, height })?;
        let (columns, rows) = (size.width().div_ceil(width), size.height().div_ceil(height));
        let expected = u64::from(columns) * u64::from(rows);
        let table = |tag| {
            Ok::<_, ImageError>(
                directory.numbers(tag, expected.saturating_add(1))?.unwrap_or_default(),
            )
        };
        let (offsets, lengths) = (table(tag::TILE_OFFSETS)?, table(tag::TILE_BYTE_COUNTS)?);
        if offsets.len() as u64 != expected || lengths.len() as u64 != expected {
            let (offsets, lengths) = (offsets.len(), lengths.len());
            return Err(DirectReadUnsupported::Tables { expected, offsets, lengths }.into());
        }
        // No tile is longer than 32 bits can express. Reading it reports the error.
        let length = |length: u64| u32::try_from(length).unwrap_or(u32::MAX);
        let places = offsets.into_iter().zip(lengths.into_iter().map(length)).collect();
        let tables = match directory.raw(tag::JPEG_TABLES, JpegTables::MAX_BYTES + 1)? {
            None => JpegTables::default(),
            Some(stream) if stream.len() as u64 > JpegTables::MAX_BYTES => {
                let message = "its shared JPEG tables are too long".to_owned();
                return Err(DirectReadUnsupported::Structure { message }.into());
            }
            Some(stream) => {
                JpegTables::parse(&stream).map_err(DirectReadUnsupported::JpegTables)?
            }
        };
        let level = Self { columns, places, parameters: JpegParameters { tables, color } };
        Ok((TileGrid::new(size, tile), level))
    }

    /// Whether every tile has bytes.
    fn is_complete(&self) -> bool {
        self.places.iter().all(|&(_, length)| length > 0)
    }

    fn place(&self, tile: NativeTile) -> (u64, u32) {
        self.places[tile.row as usize * self.columns as usize + tile.column as usize]
    }
}

fn small_number(directory: &Directory<'_>, tag: u16) -> Result<Option<u32>, ImageError> {
    let too_large = |_| ImageError::malformed(format!("its TIFF tag {tag} is too large"));
    directory.number(tag)?.map(|number| u32::try_from(number).map_err(too_large)).transpose()
}

/// Returns the color model; `None` if it is not one of [`TileColor`]'s.
fn read_color(directory: &Directory<'_>) -> Result<Option<TileColor>, ImageError> {
    let bits = directory.numbers(tag::BITS_PER_SAMPLE, 8)?.unwrap_or_default();
    let is_chunky = directory.number(tag::PLANAR_CONFIGURATION)?.unwrap_or(1) == 1;
    if !is_chunky || bits.is_empty() || bits.iter().any(|&bits| bits != 8) {
        return Ok(None);
    }
    let photometric = directory.number(tag::PHOTOMETRIC_INTERPRETATION)?;
    let samples = directory.number(tag::SAMPLES_PER_PIXEL)?.unwrap_or(1);
    Ok(match (photometric, samples) {
        (Some(1), 1) => Some(TileColor::Gray),
        (Some(2), 3) => Some(TileColor::Rgb),
        (Some(6), 3) => Some(TileColor::YCbCr),
        _ => None,
    })
}
