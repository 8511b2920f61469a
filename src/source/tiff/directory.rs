//! TIFF's directories: which tags a file has, and their values.
//!
//! Read here and not by the `tiff` crate, whose decoder refuses the whole file for what its first directory is, whichever picture is asked for; takes the last of
//! two entries with one tag where libtiff takes the first; and keeps tables at 32 bytes an entry. What always holds: nothing
//! is allocated that the file's own length does not bound; and a chain of directories ends, in a loop by an error.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;

use crate::codec::decode::ImageError;
use crate::codec::decode::samples::ByteOrder;
use crate::platform::FileExt;

/// The tags that are asked for: TIFF 6.0, its technical notes, and the profile's of the ICC.
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

/// The types of values that are read. `IFD` and `IFD8` are offsets as `LONG` and `LONG8` are.
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

/// Bytes of a value of a type; 0 of one that is not known.
const fn value_bytes(kind: u16) -> u64 {
    match kind {
        BYTE | ASCII | 6 | UNDEFINED => 1,
        SHORT | 8 => 2,
        LONG | 9 | FLOAT | IFD => 4,
        RATIONAL | 10 | DOUBLE | LONG8 | 17 | IFD8 => 8,
        _ => 0,
    }
}

/// A TIFF file's header, and the file itself.
#[derive(Debug)]
pub(crate) struct Container {
    pub file: File,
    pub length: u64,
    pub order: ByteOrder,
    is_big: bool,
    first: u64,
}

/// An entry of a directory.
#[derive(Clone, Copy, Debug)]
struct Entry {
    kind: u16,
    count: u64,
    /// The value itself where it is short enough, or else where it is.
    field: [u8; 8],
}

/// A directory's entries by their tags.
#[derive(Debug)]
pub(crate) struct Directory<'a> {
    container: &'a Container,
    /// Where it is in the file.
    pub at: u64,
    entries: BTreeMap<u16, Entry>,
    next: u64,
}

impl Container {
    /// Entries of a directory: real ones have some dozens.
    const ENTRIES_AT_MOST: u64 = 4096;

    /// Entries of all directories in the chain, which is as if a file had 100,000 pages: directories may lie over each other, so that the file's length alone
    /// does not bound what reading them takes.
    const CHAIN_ENTRIES_AT_MOST: usize = 1 << 21;

    /// Reads the header.
    pub fn open(file: File) -> Result<Self, ImageError> {
        let length = file.metadata().map_err(ImageError::System)?.len();
        let mut header = [0; 16];
        let read = length.min(16) as usize;
        file.read_exact_at(&mut header[..read], 0).map_err(ImageError::reading)?;
        let order = match header[..2] {
            [b'I', b'I'] => ByteOrder::LittleEndian,
            [b'M', b'M'] => ByteOrder::BigEndian,
            _ => return Err(ImageError::malformed("it does not begin as a TIFF file")),
        };
        let (is_big, first) = match order.number(&header[2..4]) {
            42 if read >= 8 => (false, order.number(&header[4..8])),
            43 if read == 16 => (true, order.number(&header[8..16])),
            42 | 43 => return Err(ImageError::Truncated),
            version => return Err(ImageError::malformed(format!("its TIFF header says version {version}"))),
        };
        // BigTIFF says how long its offsets are, and has never had any but these.
        if is_big && (order.number(&header[4..6]), order.number(&header[6..8])) != (8, 0) {
            return Err(ImageError::malformed("its BigTIFF header makes no sense"));
        }
        Ok(Self { file, length, order, is_big, first })
    }

    /// What `each` says of the directories of the file's chain, in its order.
    ///
    /// # Errors
    /// [`ImageError`] where one is damaged, there is none, or the chain does not end.
    pub fn chain<T>(
        &self,
        mut each: impl FnMut(&Directory<'_>) -> Result<T, ImageError>,
    ) -> Result<Vec<T>, ImageError> {
        let mut seen = BTreeSet::new();
        let mut entries = 0;
        let mut all = Vec::new();
        let mut at = self.first;
        while at != 0 {
            if !seen.insert(at) {
                return Err(ImageError::malformed("its TIFF directories are in a loop"));
            }
            let directory = self.directory(at)?;
            entries += directory.entries.len();
            if entries > Self::CHAIN_ENTRIES_AT_MOST {
                return Err(ImageError::malformed("it has more TIFF directories than make sense"));
            }
            all.push(each(&directory)?);
            at = directory.next;
        }
        if all.is_empty() {
            return Err(ImageError::malformed("it has no TIFF directory"));
        }
        Ok(all)
    }

    /// Reads the first directory.
    pub fn first_directory(&self) -> Result<Directory<'_>, ImageError> {
        self.directory(self.first)
    }

    /// Reads the directory at an offset.
    pub fn directory(&self, at: u64) -> Result<Directory<'_>, ImageError> {
        let (count_bytes, entry_bytes, field_bytes) = if self.is_big { (8, 20, 8) } else { (2, 12, 4) };
        let count = self.order.number(&self.bytes(at, count_bytes)?);
        if count > Self::ENTRIES_AT_MOST {
            return Err(ImageError::malformed(format!(
                "its TIFF directory at byte {at} says that it has {count} entries"
            )));
        }
        let table = self.bytes(at + count_bytes, count * entry_bytes + field_bytes)?;
        let (table, next) = table.split_at(table.len() - field_bytes as usize);
        let mut entries = BTreeMap::new();
        for entry in table.chunks_exact(entry_bytes as usize) {
            let (head, value) = entry.split_at(entry.len() - field_bytes as usize);
            let mut field = [0; 8];
            field[..value.len()].copy_from_slice(value);
            let entry =
                Entry { kind: self.order.number(&head[2..4]) as u16, count: self.order.number(&head[4..]), field };
            // As libtiff does, the first of two counts.
            entries.entry(self.order.number(&head[..2]) as u16).or_insert(entry);
        }
        Ok(Directory { container: self, at, entries, next: self.order.number(next) })
    }

    /// Bytes of the file, which must be there.
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

    /// The type and the bytes of a tag's values, of no more than the first `most`.
    fn values(&self, tag: u16, most: u64) -> Result<Option<(u16, Vec<u8>)>, ImageError> {
        let Some(&Entry { kind, count, field }) = self.entries.get(&tag) else { return Ok(None) };
        let each = value_bytes(kind);
        let nonsense = || ImageError::malformed(format!("its TIFF tag {tag} makes no sense"));
        let whole = count.checked_mul(each).filter(|_| each > 0).ok_or_else(nonsense)?;
        let field = if self.container.is_big { &field[..] } else { &field[..4] };
        let wanted = whole.min(most.saturating_mul(each));
        let bytes = if whole <= field.len() as u64 {
            field[..wanted as usize].to_vec()
        } else {
            self.container.bytes(self.container.order.number(field), wanted)?
        };
        Ok(Some((kind, bytes)))
    }

    /// The values of a tag whose type is of unsigned whole numbers, of no more than the first `most`.
    ///
    /// # Errors
    /// [`ImageError`] where they are of another type or lie beyond the end.
    pub fn numbers(&self, tag: u16, most: u64) -> Result<Option<Vec<u64>>, ImageError> {
        let Some((kind, bytes)) = self.values(tag, most)? else { return Ok(None) };
        if !matches!(kind, BYTE | SHORT | LONG | IFD | LONG8 | IFD8) {
            return Err(ImageError::malformed(format!("its TIFF tag {tag} is no number")));
        }
        let order = self.container.order;
        Ok(Some(bytes.chunks_exact(value_bytes(kind) as usize).map(|value| order.number(value)).collect()))
    }

    /// The first value of such a tag.
    pub fn number(&self, tag: u16) -> Result<Option<u64>, ImageError> {
        Ok(self.numbers(tag, 1)?.and_then(|numbers| numbers.first().copied()))
    }

    /// The first value of a tag that is a fraction or a floating-point number.
    pub fn real(&self, tag: u16) -> Result<Option<f64>, ImageError> {
        let Some((kind, bytes)) = self.values(tag, 1)? else { return Ok(None) };
        let order = self.container.order;
        Ok(match kind {
            RATIONAL if bytes.len() == 8 => Some(order.number(&bytes[..4]) as f64 / order.number(&bytes[4..]) as f64),
            FLOAT if bytes.len() == 4 => Some(f64::from(f32::from_bits(order.number(&bytes) as u32))),
            DOUBLE if bytes.len() == 8 => Some(f64::from_bits(order.number(&bytes))),
            _ => None,
        })
    }

    /// A text, up to its first zero. What is no UTF-8 in it shows as such.
    pub fn text(&self, tag: u16) -> Result<Option<String>, ImageError> {
        /// Aperio's and OME's descriptions have some 100 KB.
        const BYTES_AT_MOST: u64 = 16 << 20;
        let Some((ASCII | BYTE | UNDEFINED, mut bytes)) = self.values(tag, BYTES_AT_MOST)? else { return Ok(None) };
        bytes.truncate(bytes.iter().position(|&byte| byte == 0).unwrap_or(bytes.len()));
        Ok(Some(String::from_utf8_lossy(&bytes).into_owned()))
    }

    /// Bytes as they are.
    pub fn raw(&self, tag: u16, most: u64) -> Result<Option<Vec<u8>>, ImageError> {
        Ok(self.values(tag, most)?.map(|(_, bytes)| bytes))
    }
}
