//! The boxes of a `.jp2` file (ISO/IEC 15444-1, annex I), which locate the codestream and describe
//! its components. Of repeated boxes the first one counts.

use std::ops::Range;

use crate::codec::decode::ImageError;
use crate::codec::decode::stored::Stored;
use crate::color::IccProfile;

/// The content of the boxes.
#[derive(Debug, Default)]
pub(crate) struct Boxes {
    pub color: Option<Color>,
    pub palette: Option<Palette>,
    /// The channel types by channel number; empty if undefined.
    pub meanings: Vec<(u16, ChannelType)>,
}

/// The color specification.
#[derive(Debug)]
pub(crate) enum Color {
    /// The number of an enumerated color space.
    Enumerated(u32),
    /// An ICC profile.
    Profile(IccProfile),
}

/// The type of a channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ChannelType {
    /// The color with this number, counted from 0.
    Color(u16),
    Alpha,
    PremultipliedAlpha,
    Unknown,
}

/// A palette.
#[derive(Debug)]
pub(crate) struct Palette {
    /// Eight bits for each column of a color.
    pub colors: Vec<Vec<u8>>,
    /// The column of each channel.
    pub channels: Vec<u8>,
}

/// The contents of a box in the file.
struct Found {
    kind: [u8; 4],
    contents: Range<u64>,
}

/// Reads the header of the box at `from`.
fn next(stored: &Stored, from: u64, until: u64) -> Result<Found, ImageError> {
    let mut start = [0; 8];
    stored.read_at(from, &mut start)?;
    let [l0, l1, l2, l3, kind @ ..] = start;
    let (header, length) = match u32::from_be_bytes([l0, l1, l2, l3]) {
        0 => (8, until - from),
        1 => {
            let mut length = [0; 8];
            stored.read_at(from + 8, &mut length)?;
            (16, u64::from_be_bytes(length))
        }
        length => (8, u64::from(length)),
    };
    if length < header {
        return Err(ImageError::malformed("a box is shorter than its own header"));
    }
    if length > until - from {
        return Err(ImageError::Truncated);
    }
    Ok(Found { kind, contents: from + header..from + length })
}

impl Boxes {
    /// Longest box that is kept, in bytes.
    const LONGEST: u64 = 16 << 20;
    /// Files have about a dozen.
    const MOST: usize = 10_000;

    /// Locates the codestream of a file, and reads the boxes that describe its components.
    pub fn read(stored: &Stored) -> Result<(Self, Range<u64>), ImageError> {
        let end = stored.length()?;
        let mut boxes = None;
        let mut position = 0;
        for _ in 0..Self::MOST {
            if position + 8 > end {
                return Err(ImageError::Truncated);
            }
            let found = next(stored, position, end)?;
            match &found.kind {
                b"jp2h" if boxes.is_none() => {
                    boxes = Some(Self::of_header(&contents(stored, &found)?)?);
                }
                b"jp2c" => return Ok((boxes.unwrap_or_default(), found.contents)),
                _ => {}
            }
            position = found.contents.end;
        }
        Err(ImageError::malformed("it has more than a thousand boxes"))
    }

    /// Reads the boxes in the header box.
    fn of_header(header: &[u8]) -> Result<Self, ImageError> {
        let (mut boxes, mut columns, mut mapping) = (Self::default(), None, None);
        let mut rest = header;
        for _ in 0..Self::MOST {
            let Some((&[l0, l1, l2, l3, ref kind @ ..], _)) = rest.split_first_chunk::<8>() else {
                break;
            };
            let length = match u32::from_be_bytes([l0, l1, l2, l3]) {
                0 => rest.len(),
                length => length as usize,
            };
            let contents = rest
                .get(8..length)
                .ok_or_else(|| ImageError::malformed("a box is longer than its parent"))?;
            rest = &rest[length..];
            match kind {
                b"colr" if boxes.color.is_none() => boxes.color = color(contents)?,
                b"pclr" if columns.is_none() => columns = Some(palette(contents)?),
                b"cmap" if mapping.is_none() => mapping = Some(mapped(contents)?),
                b"cdef" if boxes.meanings.is_empty() => boxes.meanings = meanings(contents)?,
                _ => {}
            }
        }
        boxes.palette = match (columns, mapping) {
            (Some(colors), Some(channels)) => Some(Palette { colors, channels }),
            (None, None) => None,
            _ => {
                return Err(ImageError::malformed(
                    "a palette box without a component mapping box, or the reverse",
                ));
            }
        };
        Ok(boxes)
    }
}

fn contents(stored: &Stored, found: &Found) -> Result<Vec<u8>, ImageError> {
    let length = found.contents.end - found.contents.start;
    if length > Boxes::LONGEST {
        return Err(ImageError::malformed("the header box is larger than 16 MB"));
    }
    let mut contents = vec![0; length as usize];
    stored.read_at(found.contents.start, &mut contents)?;
    Ok(contents)
}

/// Reads a color specification; `None` for methods of format extensions.
fn color(contents: &[u8]) -> Result<Option<Color>, ImageError> {
    match contents {
        [1, _, _, n0, n1, n2, n3, ..] => {
            Ok(Some(Color::Enumerated(u32::from_be_bytes([*n0, *n1, *n2, *n3]))))
        }
        [2 | 3, _, _, profile @ ..] => Ok(Some(Color::Profile(IccProfile::new(profile.to_vec())))),
        [method, _, _, ..] if *method > 3 => Ok(None),
        _ => Err(ImageError::malformed("the color specification box is invalid")),
    }
}

fn palette(contents: &[u8]) -> Result<Vec<Vec<u8>>, ImageError> {
    let [e0, e1, columns, rest @ ..] = contents else {
        return Err(ImageError::malformed("the palette box is invalid"));
    };
    let (entries, columns) = (usize::from(u16::from_be_bytes([*e0, *e1])), usize::from(*columns));
    let sound = (1..=1024).contains(&entries) && columns > 0 && rest.len() >= columns;
    let (bits, colors) = rest
        .split_at_checked(columns)
        .filter(|_| sound)
        .ok_or_else(|| ImageError::malformed("the palette box is invalid"))?;
    if bits.iter().any(|&bits| bits != 7) {
        return Err(ImageError::unsupported("a palette whose colors are not 8-bit"));
    }
    let colors = colors
        .get(..entries * columns)
        .ok_or_else(|| ImageError::malformed("the palette box is too short"))?;
    Ok(colors.chunks_exact(columns).map(<[u8]>::to_vec).collect())
}

/// Reads the palette column of each channel.
fn mapped(contents: &[u8]) -> Result<Vec<u8>, ImageError> {
    let mapped = |entry: &[u8; 4]| match *entry {
        [0, 0, 1, column] => Ok(column),
        _ => Err(ImageError::unsupported("a palette for only some of the components")),
    };
    contents.as_chunks().0.iter().map(mapped).collect()
}

fn meanings(contents: &[u8]) -> Result<Vec<(u16, ChannelType)>, ImageError> {
    let (_, entries) = contents
        .split_first_chunk::<2>()
        .ok_or_else(|| ImageError::malformed("the channel definition box is invalid"))?;
    let meaning = |entry: &[u8; 6]| {
        let [n0, n1, t0, t1, a0, a1] = *entry;
        let (kind, association) = (u16::from_be_bytes([t0, t1]), u16::from_be_bytes([a0, a1]));
        let meaning = match (kind, association) {
            (0, 1..=4) => ChannelType::Color(association - 1),
            (1, _) => ChannelType::Alpha,
            (2, _) => ChannelType::PremultipliedAlpha,
            _ => ChannelType::Unknown,
        };
        (u16::from_be_bytes([n0, n1]), meaning)
    };
    Ok(entries.as_chunks().0.iter().map(meaning).collect())
}
