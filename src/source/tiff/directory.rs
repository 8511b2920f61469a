//! Parses TIFF directories: which tags a file has, and their values.
//!
//! This is the only TIFF parser here. It follows libtiff where files are ambiguous, which the
//! `tiff` crate does not: of two entries with one tag, the first counts. Nothing is allocated
//! beyond the file's own length, and a chain of directories that loops is an error.

use crate::platform::FileExt;
use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::sync::OnceLock;

use crate::codec::decode::ImageError;
use crate::codec::decode::samples::ByteOrder;

/// Tags of TIFF 6.0 and its technical notes, and the ICC profile's.
pub(crate) mod tag {
    pub const NEW_SUBFILE_TYPE: u16 = 254;
    pub const SUBFILE_TYPE: u16 = 255;
    pub const IMAGE_WIDTH: u16 = 256;
    pub const IMAGE_LENGTH: u16 = 257;
    pub const BITS_PER_SAMPLE: u16 = 258;
    pub const COMPRESSION: u16 = 259;
    pub const PHOTOMETRIC_INTERPRETATION: u16 = 262;
    pub const FILL_ORDER: u16 = 266;
    pub const DOCUMENT_NAME: u16 = 269;
    pub const IMAGE_DESCRIPTION: u16 = 270;
    pub const MAKE: u16 = 271;
    pub const MODEL: u16 = 272;
    pub const STRIP_OFFSETS: u16 = 273;
    pub const ORIENTATION: u16 = 274;
    pub const SAMPLES_PER_PIXEL: u16 = 277;
    pub const ROWS_PER_STRIP: u16 = 278;
    pub const STRIP_BYTE_COUNTS: u16 = 279;
    pub const X_RESOLUTION: u16 = 282;
    pub const Y_RESOLUTION: u16 = 283;
    pub const PLANAR_CONFIGURATION: u16 = 284;
    pub const X_POSITION: u16 = 286;
    pub const Y_POSITION: u16 = 287;
    pub const RESOLUTION_UNIT: u16 = 296;
    pub const SOFTWARE: u16 = 305;
    pub const DATE_TIME: u16 = 306;
    pub const ARTIST: u16 = 315;
    pub const HOST_COMPUTER: u16 = 316;
    pub const PREDICTOR: u16 = 317;
    pub const COLOR_MAP: u16 = 320;
    pub const TILE_WIDTH: u16 = 322;
    pub const TILE_LENGTH: u16 = 323;
    pub const TILE_OFFSETS: u16 = 324;
    pub const TILE_BYTE_COUNTS: u16 = 325;
    pub const SUB_IFDS: u16 = 330;
    pub const INK_SET: u16 = 332;
    pub const EXTRA_SAMPLES: u16 = 338;
    pub const SAMPLE_FORMAT: u16 = 339;
    pub const JPEG_TABLES: u16 = 347;
    pub const COPYRIGHT: u16 = 33_432;
    pub const ICC_PROFILE: u16 = 34_675;
}

/// Types of values. `IFD` and `IFD8` are offsets, as `LONG` and `LONG8`.
const BYTE: u16 = 1;
const ASCII: u16 = 2;
const SHORT: u16 = 3;
const LONG: u16 = 4;
const RATIONAL: u16 = 5;
const UNDEFINED: u16 = 7;
const FLOAT: u16 = 11;
const DOUBLE: u16 = 12;
const IFD: u16 = 13;
const LONG8: u16 = 16;
const IFD8: u16 = 18;

/// Returns the size of a value in bytes; 0 for an unknown type.
const fn value_bytes(kind: u16) -> u64 {
    match kind {
        BYTE | ASCII | 6 | UNDEFINED => 1,
        SHORT | 8 => 2,
        LONG | 9 | FLOAT | IFD => 4,
        RATIONAL | 10 | DOUBLE | LONG8 | 17 | IFD8 => 8,
        _ => 0,
    }
}

/// An open TIFF file.
#[derive(Debug)]
pub(crate) struct TiffFile {
    pub file: File,
    pub length: u64,
    pub order: ByteOrder,
    is_big: bool,
    first: u64,
    chain: OnceLock<Vec<Link>>,
}

/// A directory in the file's chain.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Link {
    /// The directory's offset in the file.
    pub at: u64,
    /// The image's width and height, if the tags can be read.
    pub size: Option<(u64, u64)>,
    /// Whether it is a reduced version of another image, or a mask.
    pub is_auxiliary: bool,
}

/// An entry of a directory.
#[derive(Clone, Copy, Debug)]
struct Entry {
    kind: u16,
    count: u64,
    /// The value, or its offset if it is longer than the field.
    field: [u8; 8],
}

/// A directory's entries by tag.
#[derive(Debug)]
pub(crate) struct Directory<'a> {
    tiff: &'a TiffFile,
    /// Whether readers may disagree about its contents: a tag is repeated or has an unknown type.
    pub is_ambiguous: bool,
    entries: BTreeMap<u16, Entry>,
    next: u64,
}

impl TiffFile {
    /// The maximum number of entries in a directory. Real ones have some dozens.
    const MAX_ENTRIES: u64 = 4096;

    /// The maximum number of entries in all directories of the chain, as of 100,000 pages.
    /// Directories may overlap, so the file's length does not bound the work.
    const MAX_CHAIN_ENTRIES: usize = 1 << 21;

    /// Reads the header.
    ///
    /// # Errors
    /// [`ImageError`] if it is not a TIFF header or cannot be read.
    pub fn open(file: File) -> Result<Self, ImageError> {
        let length = file.metadata().map_err(ImageError::System)?.len();
        let mut header = [0; 16];
        let read = length.min(16) as usize;
        file.read_exact_at(&mut header[..read], 0).map_err(ImageError::reading)?;
        let order = match header[..2] {
            [b'I', b'I'] => ByteOrder::LittleEndian,
            [b'M', b'M'] => ByteOrder::BigEndian,
            _ => return Err(ImageError::malformed("it does not start with a TIFF header")),
        };
        let (is_big, first) = match order.number(&header[2..4]) {
            42 if read >= 8 => (false, order.number(&header[4..8])),
            43 if read == 16 => (true, order.number(&header[8..16])),
            42 | 43 => return Err(ImageError::Truncated),
            version => {
                return Err(ImageError::malformed(format!(
                    "its TIFF header has the unknown version {version}"
                )));
            }
        };
        // BigTIFF stores the length of its offsets, which is always 8.
        if is_big && (order.number(&header[4..6]), order.number(&header[6..8])) != (8, 0) {
            return Err(ImageError::malformed("its BigTIFF header is invalid"));
        }
        Ok(Self { file, length, order, is_big, first, chain: OnceLock::new() })
    }

    /// Returns the directories of the file's chain, which is read once.
    ///
    /// # Errors
    /// [`ImageError`] if one is damaged, there is none, or the chain does not end.
    pub fn chain(&self) -> Result<&[Link], ImageError> {
        if let Some(chain) = self.chain.get() {
            return Ok(chain);
        }
        let chain = self.read_chain()?;
        Ok(self.chain.get_or_init(|| chain))
    }

    fn read_chain(&self) -> Result<Vec<Link>, ImageError> {
        let mut seen = BTreeSet::new();
        let mut entries = 0;
        let mut chain = Vec::new();
        let mut at = self.first;
        while at != 0 {
            if !seen.insert(at) {
                return Err(ImageError::malformed("its TIFF directories form a loop"));
            }
            let directory = self.directory(at)?;
            entries += directory.entries.len();
            if entries > Self::MAX_CHAIN_ENTRIES {
                return Err(ImageError::malformed("it has too many TIFF directories"));
            }
            let length = |tag| directory.number(tag).ok().flatten();
            let size = length(tag::IMAGE_WIDTH).zip(length(tag::IMAGE_LENGTH));
            chain.push(Link { at, size, is_auxiliary: directory.is_auxiliary()? });
            at = directory.next;
        }
        if chain.is_empty() {
            return Err(ImageError::malformed("it has no TIFF directory"));
        }
        Ok(chain)
    }

    /// Reads the first directory.
    ///
    /// # Errors
    /// [`ImageError`] if it is damaged.
    pub fn first_directory(&self) -> Result<Directory<'_>, ImageError> {
        self.directory(self.first)
    }

    /// Reads the directory at an offset.
    ///
    /// # Errors
    /// [`ImageError`] if it is damaged.
    pub fn directory(&self, at: u64) -> Result<Directory<'_>, ImageError> {
        let (count_bytes, entry_bytes, field_bytes) =
            if self.is_big { (8, 20, 8) } else { (2, 12, 4) };
        let count = self.order.number(&self.bytes(at, count_bytes)?);
        if count > Self::MAX_ENTRIES {
            return Err(ImageError::malformed(format!(
                "its TIFF directory at byte {at} has {count} entries"
            )));
        }
        let table = self.bytes(at + count_bytes, count * entry_bytes + field_bytes)?;
        let (table, next) = table.split_at(table.len() - field_bytes as usize);
        let mut entries = BTreeMap::new();
        let mut is_ambiguous = false;
        for entry in table.chunks_exact(entry_bytes as usize) {
            let (head, value) = entry.split_at(entry.len() - field_bytes as usize);
            let mut field = [0; 8];
            field[..value.len()].copy_from_slice(value);
            let tag = self.order.number(&head[..2]) as u16;
            let entry = Entry {
                kind: self.order.number(&head[2..4]) as u16,
                count: self.order.number(&head[4..]),
                field,
            };
            is_ambiguous |= entries.contains_key(&tag) || value_bytes(entry.kind) == 0;
            // As in libtiff, the first of two counts.
            entries.entry(tag).or_insert(entry);
        }
        Ok(Directory { tiff: self, is_ambiguous, entries, next: self.order.number(next) })
    }

    /// Reads bytes of the file.
    fn bytes(&self, at: u64, length: u64) -> Result<Vec<u8>, ImageError> {
        if at.checked_add(length).is_none_or(|end| end > self.length) {
            return Err(ImageError::Truncated);
        }
        let mut bytes = vec![0; usize::try_from(length).map_err(|_| ImageError::Truncated)?];
        self.file.read_exact_at(&mut bytes, at).map_err(ImageError::reading)?;
        Ok(bytes)
    }
}

impl Directory<'_> {
    /// Whether it has a tag.
    pub fn has(&self, tag: u16) -> bool {
        self.entries.contains_key(&tag)
    }

    /// The file's length in bytes.
    pub fn file_length(&self) -> u64 {
        self.tiff.length
    }

    /// The byte order of the file's numbers.
    pub fn order(&self) -> ByteOrder {
        self.tiff.order
    }

    /// Whether it is marked as a reduced version of another image, or as a mask.
    pub fn is_auxiliary(&self) -> Result<bool, ImageError> {
        const REDUCED: u64 = 1;
        const MASK: u64 = 4;
        const OLD_REDUCED: u64 = 2;
        Ok(match self.number(tag::NEW_SUBFILE_TYPE)? {
            Some(kind) => kind & (REDUCED | MASK) != 0,
            None => self.number(tag::SUBFILE_TYPE)? == Some(OLD_REDUCED),
        })
    }

    /// Returns the type and the bytes of a tag's values, at most the first `limit`.
    fn values(&self, tag: u16, limit: u64) -> Result<Option<(u16, Vec<u8>)>, ImageError> {
        let Some(&Entry { kind, count, field }) = self.entries.get(&tag) else { return Ok(None) };
        let each = value_bytes(kind);
        let invalid = || ImageError::malformed(format!("its TIFF tag {tag} is invalid"));
        let whole = count.checked_mul(each).filter(|_| each > 0).ok_or_else(invalid)?;
        let field = if self.tiff.is_big { &field[..] } else { &field[..4] };
        let wanted = whole.min(limit.saturating_mul(each));
        let bytes = if whole <= field.len() as u64 {
            field[..wanted as usize].to_vec()
        } else {
            self.tiff.bytes(self.tiff.order.number(field), wanted)?
        };
        Ok(Some((kind, bytes)))
    }

    /// Returns the unsigned integers of a tag, at most the first `limit`.
    ///
    /// # Errors
    /// [`ImageError`] if they have another type or lie past the end of the file.
    pub fn numbers(&self, tag: u16, limit: u64) -> Result<Option<Vec<u64>>, ImageError> {
        let Some((kind, bytes)) = self.values(tag, limit)? else { return Ok(None) };
        if !matches!(kind, BYTE | SHORT | LONG | IFD | LONG8 | IFD8) {
            return Err(ImageError::malformed(format!("its TIFF tag {tag} is not a number")));
        }
        let order = self.tiff.order;
        Ok(Some(
            bytes
                .chunks_exact(value_bytes(kind) as usize)
                .map(|value| order.number(value))
                .collect(),
        ))
    }

    /// Returns the first unsigned integer of a tag.
    pub fn number(&self, tag: u16) -> Result<Option<u64>, ImageError> {
        Ok(self.numbers(tag, 1)?.and_then(|numbers| numbers.first().copied()))
    }

    /// Returns the first value of a tag with fractions or floating-point numbers.
    pub fn real(&self, tag: u16) -> Result<Option<f64>, ImageError> {
        let Some((kind, bytes)) = self.values(tag, 1)? else { return Ok(None) };
        let order = self.tiff.order;
        Ok(match kind {
            RATIONAL if bytes.len() == 8 => {
                Some(order.number(&bytes[..4]) as f64 / order.number(&bytes[4..]) as f64)
            }
            FLOAT if bytes.len() == 4 => {
                Some(f64::from(f32::from_bits(order.number(&bytes) as u32)))
            }
            DOUBLE if bytes.len() == 8 => Some(f64::from_bits(order.number(&bytes))),
            _ => None,
        })
    }

    /// Returns a text up to its first zero byte. Invalid UTF-8 is replaced.
    pub fn text(&self, tag: u16) -> Result<Option<String>, ImageError> {
        /// Descriptions of Aperio and OME have some 100 KB.
        const MAX_BYTES: u64 = 16 << 20;
        let Some((ASCII | BYTE | UNDEFINED, mut bytes)) = self.values(tag, MAX_BYTES)? else {
            return Ok(None);
        };
        bytes.truncate(bytes.iter().position(|&byte| byte == 0).unwrap_or(bytes.len()));
        Ok(Some(String::from_utf8_lossy(&bytes).into_owned()))
    }

    /// Returns the bytes of a tag, at most the first `limit` values.
    pub fn raw(&self, tag: u16, limit: u64) -> Result<Option<Vec<u8>>, ImageError> {
        Ok(self.values(tag, limit)?.map(|(_, bytes)| bytes))
    }
}
