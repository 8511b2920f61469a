//! Where a TIFF keeps the JPEG tiles of its full size, or of a smaller level, and what they are.
//!
//! The full size is the first directory's; a level, that of the one directory which is of its size. What always holds of a [`TileTable`]: every measure was checked
//! against the others, and each tile of the grid has an offset and a length. Anything else is a [`DirectReadUnsupported`] reason, and the slide is read
//! through OpenSlide. Nothing is allocated that the file's own size does not bound.

use std::fs::File;
use std::io::BufReader;
use std::path::Path;

use serde::Serialize;
use tiff::TiffError;
use tiff::decoder::{Decoder, Limits};
use tiff::tags::Tag;

use crate::codec::jpeg::stream::{JpegStreamError, JpegTables, TileColor};
use crate::geometry::{Rect, Size};
use crate::platform::FileExt;

/// Why a slide's full size is not read directly.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DirectReadUnsupported {
    /// It was asked for.
    #[error("as asked")]
    AskedFor,
    /// Files of this vendor are more than a grid of tiles.
    #[error("{} files are not read directly", vendor.as_deref().unwrap_or("such"))]
    Vendor {
        /// The vendor as OpenSlide names it.
        vendor: Option<String>,
    },
    /// The structure is none that the TIFF reader knows.
    #[error("its first TIFF directory cannot be read: {message}")]
    Structure {
        /// The TIFF reader's words.
        message: String,
    },
    /// The first directory is another picture.
    #[error("its first TIFF directory is of {found} pixels and not the full size")]
    FirstDirectory {
        /// The first directory's size.
        found: Size,
    },
    /// The tiles are not JPEG.
    #[error("its tiles are not JPEG (TIFF compression {compression})")]
    Compression {
        /// TIFF tag 259.
        compression: u32,
    },
    /// The pixels are not 8-bit gray, RGB or YCbCr.
    #[error("its pixels are not 8-bit gray, RGB or YCbCr")]
    Pixels,
    /// The picture is stored turned or mirrored, which OpenSlide heeds for some files and not for others.
    #[error("its orientation is not the usual one (TIFF tag 274 is {orientation})")]
    Orientation {
        /// TIFF tag 274.
        orientation: u32,
    },
    /// A tag comes twice, and readers differ in which one they take.
    #[error("its first TIFF directory holds a tag twice, or one of an unknown type")]
    RepeatedTag,
    /// The first tile is of a kind that is not read directly.
    #[error("of its first tile, {0}")]
    FirstTile(JpegStreamError),
    /// The picture is not stored in tiles.
    #[error("it is not stored in tiles")]
    NotTiled,
    /// The tiles have an impossible or unwieldy size.
    #[error("its tiles of {width}×{height} pixels are not read whole")]
    TileSize {
        /// TIFF tag 322.
        width: u32,
        /// TIFF tag 323.
        height: u32,
    },
    /// There are fewer tiles than the size needs.
    #[error("its tables name {offsets} tiles and {lengths} lengths where {expected} are needed")]
    Tables {
        /// How many tiles cover the picture.
        expected: u64,
        /// How many offsets there are.
        offsets: usize,
        /// How many lengths there are.
        lengths: usize,
    },
    /// The shared JPEG tables are no such tables.
    #[error("its shared JPEG tables cannot be read: {0}")]
    JpegTables(JpegStreamError),
}

/// Why a file's tiles are not at hand.
#[derive(Debug)]
pub(crate) enum TableError {
    /// The file is none that is read directly, and always will be.
    DirectReadUnsupported(DirectReadUnsupported),
    /// The system could not read it. The next run may fare otherwise, so this is no reason to go another way, to other bytes perhaps.
    System(std::io::Error),
}

impl From<DirectReadUnsupported> for TableError {
    fn from(reason: DirectReadUnsupported) -> Self {
        Self::DirectReadUnsupported(reason)
    }
}

/// A file that ends too early, or says nonsense, is what it is; any other failure is the system's.
fn structure(error: TiffError) -> TableError {
    match error {
        TiffError::IoError(error)
            if !matches!(
                error.kind(),
                std::io::ErrorKind::UnexpectedEof | std::io::ErrorKind::InvalidData | std::io::ErrorKind::InvalidInput
            ) =>
        {
            TableError::System(error)
        }
        other => DirectReadUnsupported::Structure { message: other.to_string() }.into(),
    }
}

/// What is known of native tiles that are read directly.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct NativeTiles {
    /// Their size in pixels of slide level 0.
    pub size: Size,
    /// What their numbers mean.
    pub color: TileColor,
    /// How many bytes they take, all together.
    pub bytes: u64,
}

/// The tiles of one directory.
#[derive(Debug)]
pub(crate) struct TileTable {
    file: File,
    file_length: u64,
    picture: Size,
    pub tiles: NativeTiles,
    pub tables: JpegTables,
    columns: u32,
    /// Row by row: where a tile's stream begins, and its bytes.
    places: Vec<(u64, u32)>,
}

/// Why a tile's bytes could not be read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TileBytesError {
    #[error("its data is said to lie at byte {offset}, {length} bytes long, but the file ends at {file_length}")]
    PastTheEnd { offset: u64, length: u32, file_length: u64 },
    #[error("its data is said to be {length} bytes long, more than a tile can take")]
    TooLong { length: u32 },
    #[error(transparent)]
    System(std::io::Error),
}

impl TileTable {
    /// No table that tiles share is larger: four of each kind take 3 KB.
    const TABLES_AT_MOST: usize = 64 << 10;

    /// No file has as many directories: each level takes one, and some pictures more.
    const DIRECTORIES_AT_MOST: usize = 256;

    /// Reads the first directory, which must be of `size` pixels.
    pub fn open(path: &Path, size: Size) -> Result<Self, TableError> {
        let (file, mut decoder) = begin(path)?;
        let (width, height) = decoder.dimensions().map_err(structure)?;
        match Size::new(width, height) {
            Some(found) if found == size => Self::read_directory(file, decoder, size),
            Some(found) => Err(DirectReadUnsupported::FirstDirectory { found }.into()),
            None => Err(DirectReadUnsupported::Structure { message: "a size of 0".to_owned() }.into()),
        }
    }

    /// Reads the directory after the first that is of `size` pixels. Where several are, or none, it is not known which is the level.
    pub fn open_level(path: &Path, size: Size) -> Result<Self, TableError> {
        let (file, mut decoder) = begin(path)?;
        let mut found = Vec::new();
        for number in 1..Self::DIRECTORIES_AT_MOST {
            if !decoder.more_images() {
                break;
            }
            decoder.next_image().map_err(structure)?;
            if decoder.dimensions().map_err(structure)? == (size.width(), size.height()) {
                found.push(number);
            }
        }
        let [number] = found[..] else {
            let message = format!("{} directories are of {size} pixels", found.len());
            return Err(DirectReadUnsupported::Structure { message }.into());
        };
        decoder.seek_to_image(number).map_err(structure)?;
        Self::read_directory(file, decoder, size)
    }

    /// Reads the directory that the decoder is at.
    fn read_directory(file: File, mut decoder: Decoder<BufReader<File>>, picture: Size) -> Result<Self, TableError> {
        let file_length = file.metadata().map_err(TableError::System)?.len();
        let compression: u32 = decoder.find_tag_unsigned(Tag::Compression).map_err(structure)?.unwrap_or(1);
        if compression != 7 {
            return Err(DirectReadUnsupported::Compression { compression }.into());
        }
        check_tags_once(&file, &mut decoder)?;
        let orientation = decoder.find_tag_unsigned(Tag::Orientation).map_err(structure)?.unwrap_or(1);
        if orientation != 1 {
            return Err(DirectReadUnsupported::Orientation { orientation }.into());
        }
        let color = read_color(&mut decoder).map_err(structure)?.ok_or(DirectReadUnsupported::Pixels)?;
        let mut tile_side = |tag| decoder.find_tag_unsigned::<u32>(tag).map_err(structure);
        let (Some(width), Some(height)) = (tile_side(Tag::TileWidth)?, tile_side(Tag::TileLength)?) else {
            return Err(DirectReadUnsupported::NotTiled.into());
        };
        let most = u32::from(u16::MAX);
        let tile = Size::new(width, height).filter(|tile| tile.width().max(tile.height()) <= most);
        let tile = tile.ok_or(DirectReadUnsupported::TileSize { width, height })?;

        let offsets = decoder.get_tag_u64_vec(Tag::TileOffsets).map_err(structure)?;
        let lengths = decoder.get_tag_u64_vec(Tag::TileByteCounts).map_err(structure)?;
        let (columns, rows) = (picture.width().div_ceil(width), picture.height().div_ceil(height));
        let expected = u64::from(columns) * u64::from(rows);
        if offsets.len() as u64 != expected || lengths.len() as u64 != expected {
            return Err(
                DirectReadUnsupported::Tables { expected, offsets: offsets.len(), lengths: lengths.len() }.into()
            );
        }
        // A length beyond u32 is beyond any file's tile; it is told of when the tile is read.
        let length = |length: u64| u32::try_from(length).unwrap_or(u32::MAX);
        let places: Vec<_> = offsets.into_iter().zip(lengths.into_iter().map(length)).collect();

        let tables = match decoder.find_tag(Tag::JPEGTables).map_err(structure)? {
            None => JpegTables::default(),
            Some(value) => {
                let stream = value.into_u8_vec().map_err(structure)?;
                if stream.len() > Self::TABLES_AT_MOST {
                    return Err(DirectReadUnsupported::Structure {
                        message: "its shared JPEG tables are too long".to_owned(),
                    }
                    .into());
                }
                JpegTables::parse(&stream).map_err(DirectReadUnsupported::JpegTables)?
            }
        };
        let bytes = places.iter().map(|&(_, length)| u64::from(length)).sum();
        let tiles = NativeTiles { size: tile, color, bytes };
        Ok(Self { file, file_length, picture, tiles, tables, columns, places })
    }

    /// Whether every tile has bytes.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.places.iter().all(|&(_, length)| length > 0)
    }

    /// A tile's share of the picture, in its own pixels.
    #[must_use]
    pub fn rect(&self, column: u32, row: u32) -> Option<Rect> {
        let span = |index: u32, length: u32, end: u32| {
            let start = index.saturating_mul(length);
            start..start.saturating_add(length).min(end)
        };
        Rect::spanning(
            span(column, self.tiles.size.width(), self.picture.width()),
            span(row, self.tiles.size.height(), self.picture.height()),
        )
    }

    /// The column and row of the first tile that has bytes.
    #[must_use]
    pub fn first_stored(&self) -> Option<(u32, u32)> {
        let index = self.places.iter().position(|&(_, length)| length > 0)? as u32;
        Some((index % self.columns, index / self.columns))
    }

    /// Whether a tile has no bytes.
    #[must_use]
    pub fn is_missing(&self, column: u32, row: u32) -> bool {
        self.place(column, row).1 == 0
    }

    fn place(&self, column: u32, row: u32) -> (u64, u32) {
        self.places[row as usize * self.columns as usize + column as usize]
    }

    /// Reads a tile's stream into `stream`, which is emptied before. `false` for a tile without bytes: it was never scanned.
    pub fn read(&self, column: u32, row: u32, stream: &mut Vec<u8>) -> Result<bool, TileBytesError> {
        stream.clear();
        let (offset, length) = self.place(column, row);
        if length == 0 {
            return Ok(false);
        }
        if offset.checked_add(u64::from(length)).is_none_or(|end| end > self.file_length) {
            return Err(TileBytesError::PastTheEnd { offset, length, file_length: self.file_length });
        }
        // Four times its pixels, and room for a header: what is longer is no tile, and would fill the memory of every worker.
        if u64::from(length) > 16 * self.tiles.size.area() + (1 << 20) {
            return Err(TileBytesError::TooLong { length });
        }
        stream.resize(length as usize, 0);
        self.file.read_exact_at(stream, offset).map_err(TileBytesError::System)?;
        Ok(true)
    }
}

/// Opens a file at its first directory.
fn begin(path: &Path) -> Result<(File, Decoder<BufReader<File>>), TableError> {
    let file = File::open(path).map_err(TableError::System)?;
    let clone = file.try_clone().map_err(TableError::System)?;
    let decoder = Decoder::new(BufReader::new(clone)).map_err(structure)?.with_limits(Limits::default());
    Ok((file, decoder))
}

/// Counts the directory's entries in the file itself: the TIFF reader keeps the last of several with one tag, libtiff the first.
fn check_tags_once(file: &File, decoder: &mut Decoder<BufReader<File>>) -> Result<(), TableError> {
    let mut magic = [0; 4];
    file.read_exact_at(&mut magic, 0).map_err(TableError::System)?;
    let big_endian = magic[0] == b'M';
    // 43 is BigTIFF, whose directories begin with eight bytes of count.
    let is_big_tiff = magic[2].max(magic[3]) == 43;
    let at = decoder.ifd_pointer().map_or(0, |pointer| pointer.0);
    let mut count = [0; 8];
    let count = &mut count[..if is_big_tiff { 8 } else { 2 }];
    file.read_exact_at(count, at).map_err(TableError::System)?;
    let digits = |value: u64, byte: &u8| (value << 8) | u64::from(*byte);
    let count = if big_endian { count.iter().fold(0, digits) } else { count.iter().rev().fold(0, digits) };
    if count == decoder.image_ifd().directory().len() as u64 {
        Ok(())
    } else {
        Err(DirectReadUnsupported::RepeatedTag.into())
    }
}

/// What the pixels are; `None` where they are not what [`TileColor`] has a word for.
fn read_color(decoder: &mut Decoder<BufReader<File>>) -> Result<Option<TileColor>, TiffError> {
    let mut number =
        |tag, default: u32| -> Result<u32, TiffError> { Ok(decoder.find_tag_unsigned(tag)?.unwrap_or(default)) };
    let (photometric, samples, planes) = (
        number(Tag::PhotometricInterpretation, 0)?,
        number(Tag::SamplesPerPixel, 1)?,
        number(Tag::PlanarConfiguration, 1)?,
    );
    let bits: Vec<u32> = decoder.find_tag_unsigned_vec(Tag::BitsPerSample)?.unwrap_or_default();
    if planes != 1 || bits.is_empty() || bits.iter().any(|&bits| bits != 8) {
        return Ok(None);
    }
    Ok(match (photometric, samples) {
        (1, 1) => Some(TileColor::Gray),
        (2, 3) => Some(TileColor::Rgb),
        (6, 3) => Some(TileColor::YCbCr),
        _ => None,
    })
}
