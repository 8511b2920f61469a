//! The headers of a bitmap: its size, and how and where its pixels are stored.
//!
//! There are six generations, each extending the one before. Sizes and masks are validated here.

use super::masks::Masks;
use crate::codec::decode::stored::Stored;
use crate::codec::decode::{ImageError, checked_size};
use crate::color::IccProfile;
use crate::geometry::Size;

/// `BM`, the length of the file, and the offset of the pixels.
const FILE_HEADER_BYTES: u64 = 14;

/// The content of a bitmap's headers.
#[derive(Debug)]
pub(crate) struct Header {
    pub size: Size,
    pub row_order: RowOrder,
    pub packing: Packing,
    /// Offset of the pixels in the file.
    pub offset: u64,
    /// Bytes of compressed pixels; 0 if unknown.
    pub image_bytes: u64,
    pub icc_profile: Option<IccProfile>,
}

/// Which row comes first in the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RowOrder {
    BottomUp,
    TopDown,
}

/// How pixels are stored.
#[derive(Debug)]
pub(crate) enum Packing {
    /// Color indices of 1, 2, 4 or 8 bits, and the palette.
    Indices(u8, Vec<[u8; 4]>),
    /// Run-length encoded color indices of 4 or 8 bits, and the palette.
    Runs(u8, Vec<[u8; 4]>),
    /// Blue, green and red, in 3 bytes or in 4 with an unused one.
    Bytes(usize),
    /// 2 or 4 bytes with a mask for each color.
    Masked(usize, Masks),
}

impl Packing {
    /// Returns the bytes of an uncompressed row, padded to a multiple of four.
    pub fn stride(&self, width: u32) -> u64 {
        let bits = match self {
            Self::Indices(bits, _) | Self::Runs(bits, _) => u64::from(*bits),
            Self::Bytes(bytes) | Self::Masked(bytes, _) => 8 * *bytes as u64,
        };
        (u64::from(width) * bits).div_ceil(32) * 4
    }
}

/// The bytes of the information header; zero beyond the end of this generation's.
struct Fields([u8; Fields::LONGEST as usize]);

impl Fields {
    /// The length of the fifth generation.
    const LONGEST: u64 = 124;

    fn word(&self, at: usize) -> u16 {
        self.0.get(at..at + 2).and_then(|bytes| bytes.try_into().ok()).map_or(0, u16::from_le_bytes)
    }

    fn number(&self, at: usize) -> u32 {
        self.0.get(at..at + 4).and_then(|bytes| bytes.try_into().ok()).map_or(0, u32::from_le_bytes)
    }
}

impl Header {
    /// OS/2 1 and Windows 2.
    const CORE: u64 = 12;
    const INFORMATION: u64 = 40;
    /// With an alpha mask.
    const THIRD: u64 = 56;
    /// OS/2 2, which numbers compressions differently.
    const OS2: u64 = 64;

    pub fn read(stored: &Stored) -> Result<Self, ImageError> {
        let mut start = [0; FILE_HEADER_BYTES as usize + 4];
        stored.read_at(0, &mut start)?;
        let [b'B', b'M', _, _, _, _, _, _, _, _, o0, o1, o2, o3, l0, l1, l2, l3] = start else {
            return Err(ImageError::malformed("the bitmap signature is missing"));
        };
        let offset = u64::from(u32::from_le_bytes([o0, o1, o2, o3]));
        let length = u64::from(u32::from_le_bytes([l0, l1, l2, l3]));
        if !matches!(
            length,
            Self::CORE | Self::INFORMATION | 52 | Self::THIRD | Self::OS2 | 108 | Fields::LONGEST
        ) {
            return Err(ImageError::unsupported(format!("a bitmap header of {length} bytes")));
        }
        let mut fields = Fields([0; _]);
        stored.read_at(FILE_HEADER_BYTES, &mut fields.0[..length as usize])?;
        let after = FILE_HEADER_BYTES + length;
        if length == Self::CORE {
            let size = checked_size(fields.word(4).into(), fields.word(6).into())?;
            let bits = fields.word(10);
            let packing = match bits {
                1 | 4 | 8 => {
                    Packing::Indices(bits as u8, palette::<3>(stored, after, offset, 1 << bits)?)
                }
                24 => Packing::Bytes(3),
                _ => return Err(ImageError::malformed("invalid number of bits per pixel")),
            };
            return Ok(Self {
                size,
                row_order: RowOrder::BottomUp,
                packing,
                offset,
                image_bytes: 0,
                icc_profile: None,
            });
        }
        let (width, height) = (fields.number(4), fields.number(8).cast_signed());
        let size = checked_size(width.into(), height.unsigned_abs().into())?;
        let row_order = if height < 0 { RowOrder::TopDown } else { RowOrder::BottomUp };
        let (bits, compression, used) = (fields.word(14), fields.number(16), fields.number(32));
        let colors = |bits: u16| {
            let most = 1 << bits;
            palette::<4>(
                stored,
                after,
                offset,
                if used == 0 { most } else { most.min(used as usize) },
            )
        };
        let packing = match (compression, bits) {
            (3.., _) if length == Self::OS2 => return Err(unknown_compression(compression)),
            (0, 1 | 2 | 4 | 8) => Packing::Indices(bits as u8, colors(bits)?),
            (0, 16) => Packing::Masked(
                2,
                Masks::of([0x7c00, 0x03e0, 0x001f, 0], 16).map_err(ImageError::malformed)?,
            ),
            (0, 24) => Packing::Bytes(3),
            (0, 32) => Packing::Bytes(4),
            (1, 8) | (2, 4) if row_order == RowOrder::BottomUp => {
                Packing::Runs(bits as u8, colors(bits)?)
            }
            (3 | 6, 16 | 32) => {
                let mut masks = [0; 16];
                let known = if compression == 6 || length >= Self::THIRD { 16 } else { 12 };
                stored.read_at(FILE_HEADER_BYTES + Self::INFORMATION, &mut masks[..known])?;
                let mask = |at| {
                    u32::from_le_bytes([masks[at], masks[at + 1], masks[at + 2], masks[at + 3]])
                };
                let masks = Masks::of([mask(0), mask(4), mask(8), mask(12)], bits.into())
                    .map_err(ImageError::malformed)?;
                Packing::Masked(usize::from(bits / 8), masks)
            }
            (0 | 3 | 6, _) => {
                return Err(ImageError::malformed("invalid number of bits per pixel"));
            }
            (1 | 2, _) => {
                return Err(ImageError::malformed(
                    "run-length encoding of a bitmap that cannot have it",
                ));
            }
            _ => return Err(unknown_compression(compression)),
        };
        let icc_profile = if length == Fields::LONGEST { profile(stored, &fields)? } else { None };
        Ok(Self {
            size,
            row_order,
            packing,
            offset,
            image_bytes: fields.number(20).into(),
            icc_profile,
        })
    }
}

fn unknown_compression(number: u32) -> ImageError {
    ImageError::unsupported(format!("bitmap compression {number}"))
}

/// Reads colors of `BYTES` bytes each: blue, green, red, and possibly an unused byte.
fn palette<const BYTES: usize>(
    stored: &Stored,
    from: u64,
    until: u64,
    most: usize,
) -> Result<Vec<[u8; 4]>, ImageError> {
    let room = until.saturating_sub(from) / BYTES as u64;
    let mut bytes = vec![[0; BYTES]; most.min(usize::try_from(room).unwrap_or(most))];
    if bytes.is_empty() {
        return Err(ImageError::malformed("the palette is empty"));
    }
    stored.read_at(from, bytes.as_flattened_mut())?;
    Ok(bytes.iter().map(|color| [color[2], color[1], color[0], u8::MAX]).collect())
}

/// Reads the profile of the fifth generation, if there is one.
fn profile(stored: &Stored, fields: &Fields) -> Result<Option<IccProfile>, ImageError> {
    /// `MBED`, as a number.
    const EMBEDDED: u32 = 0x4d42_4544;
    const LONGEST: u32 = 16 << 20;
    let (kind, offset, length) = (fields.number(56), fields.number(112), fields.number(116));
    if kind != EMBEDDED || length == 0 {
        return Ok(None);
    }
    if length > LONGEST {
        return Err(ImageError::malformed("the color profile is larger than 16 MB"));
    }
    let mut profile = vec![0; length as usize];
    stored.read_at(FILE_HEADER_BYTES + u64::from(offset), &mut profile)?;
    Ok(Some(IccProfile::new(profile)))
}
