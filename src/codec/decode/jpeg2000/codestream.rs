//! The sizes of a codestream, and each of its tiles as a separate codestream (ISO/IEC 15444-1,
//! annex A).
//!
//! OpenJPEG scans a codestream from its first tile, and keeps kilobytes for every tile, however few
//! are decoded. So the tile-parts are located once, here, and a tile is passed on with a main
//! header that has no other tile. The coordinates of the reference grid, which align the wavelets,
//! stay the same. Tile-parts must lie inside the codestream, be complete and in order, and end with
//! the end marker.

use std::collections::HashMap;
use std::ops::Range;

use super::coding::Coding;
use super::component::{Component, Sign};
use crate::codec::decode::stored::Stored;
use crate::codec::decode::{ImageError, checked_size};
use crate::geometry::Size;

const SOC: u16 = 0xff4f;
const SIZ: u16 = 0xff51;
const COD: u16 = 0xff52;
const COC: u16 = 0xff53;
const TLM: u16 = 0xff55;
const PLM: u16 = 0xff57;
const PPM: u16 = 0xff60;
const SOT: u16 = 0xff90;
const SOD: u16 = 0xff93;
const EOC: u16 = 0xffd9;

/// Bytes of an SOT segment: marker, segment length, tile, tile-part length, number and count.
const SOT_BYTES: u64 = 12;
/// Offsets of the SIZ fields in the main header.
const SIZ_FIELDS: usize = 8;

/// One axis of the reference grid: the image's extent, and its division into tiles.
#[derive(Clone, Copy, Debug)]
struct Axis {
    start: u32,
    end: u32,
    tile_start: u32,
    tile_length: u32,
}

impl Axis {
    fn length(self) -> u64 {
        u64::from(self.end.saturating_sub(self.start))
    }

    fn tiles(self) -> u64 {
        u64::from(self.end - self.tile_start).div_ceil(u64::from(self.tile_length))
    }

    /// Returns the extent of a tile, clipped to the image and not.
    fn tile(self, number: u32) -> (Range<u32>, u32) {
        let start = u64::from(self.tile_start) + u64::from(number) * u64::from(self.tile_length);
        let end = (start + u64::from(self.tile_length)).min(u64::from(self.end));
        ((start as u32).max(self.start)..end as u32, start as u32)
    }

    /// Returns an extent after this number of reductions, relative to the image.
    fn reduced(self, range: &Range<u32>, reduction_levels: u32) -> Range<u32> {
        let reduced = |at: u32| at.div_ceil(1 << reduction_levels);
        let origin = reduced(self.start);
        reduced(range.start) - origin..reduced(range.end) - origin
    }
}

/// The location of each tile's parts in the file, and the coding of tiles that have their own.
type TileParts = (Vec<Vec<Range<u64>>>, HashMap<usize, Coding>);

/// A parsed codestream.
#[derive(Debug)]
pub(crate) struct Codestream {
    /// Everything before the first tile-part, without pointers to tile-parts.
    main_header: Vec<u8>,
    /// The location of each tile's parts in the file.
    tiles: Vec<Vec<Range<u64>>>,
    columns: Axis,
    rows: Axis,
    pub components: Vec<Component>,
    /// The least number of wavelet decompositions of a component of any tile.
    pub reduction_levels: u32,
    /// The most memory that OpenJPEG takes for a tile, without samples and compressed bytes.
    pub table_bytes: u64,
}

fn word(bytes: &[u8], at: usize) -> Result<u16, ImageError> {
    let word =
        bytes.get(at..at + 2).and_then(|bytes| bytes.try_into().ok()).map(u16::from_be_bytes);
    word.ok_or_else(|| ImageError::malformed("a header segment is too short"))
}

fn number(bytes: &[u8], at: usize) -> Result<u32, ImageError> {
    let number =
        bytes.get(at..at + 4).and_then(|bytes| bytes.try_into().ok()).map(u32::from_be_bytes);
    number.ok_or_else(|| ImageError::malformed("a header segment is too short"))
}

fn set(bytes: &mut [u8], at: usize, number: u32) {
    bytes[at..at + 4].copy_from_slice(&number.to_be_bytes());
}

impl Codestream {
    /// Longest main header, including comments, in bytes.
    const LONGEST_HEADER: usize = 16 << 20;
    /// A tile number has 16 bits.
    const MOST_TILES: u64 = 65_535;
    /// A tile may have 255.
    const MOST_TILE_PARTS: usize = 1 << 20;
    /// Longest segment that matters here.
    const MOST_COMPONENTS: u16 = 8;

    /// Parses the codestream in these bytes of a file.
    pub fn read(stored: &Stored, bytes: &Range<u64>) -> Result<Self, ImageError> {
        if bytes.end.checked_sub(bytes.start).is_none_or(|length| length < 4) {
            return Err(ImageError::Truncated);
        }
        let mut main_header = vec![0; 2];
        stored.read_at(bytes.start, &mut main_header)?;
        if word(&main_header, 0)? != SOC {
            return Err(ImageError::malformed("the codestream lacks its start marker"));
        }
        let mut position = bytes.start + 2;
        let (mut components, mut coding, mut packed_headers) = (Vec::new(), None, 0);
        loop {
            let mut start = [0; 4];
            stored.read_at(position, &mut start)?;
            let (marker, length) = (word(&start, 0)?, word(&start, 2)?);
            if marker == SOT {
                break;
            }
            if marker < 0xff01 || length < 2 || position + 2 + u64::from(length) > bytes.end {
                return Err(ImageError::malformed("the main header is invalid"));
            }
            let mut segment = vec![0; 2 + usize::from(length)];
            stored.read_at(position, &mut segment)?;
            position += segment.len() as u64;
            match marker {
                SIZ if main_header.len() == 2 => components = Self::components(&segment)?,
                SIZ => return Err(ImageError::malformed("the main header has two SIZ segments")),
                _ if main_header.len() == 2 => {
                    return Err(ImageError::malformed("the SIZ segment is not the first"));
                }
                COD => coding = Some(Coding::of(&segment, components.len())?),
                COC => coding.as_mut().map_or(Ok(()), |coding| coding.set_component(&segment))?,
                PPM => packed_headers += segment.len() as u64,
                TLM | PLM => continue,
                _ => {}
            }
            main_header.append(&mut segment);
            if main_header.len() > Self::LONGEST_HEADER {
                return Err(ImageError::malformed("the main header is larger than 16 MB"));
            }
        }
        let coding = coding.ok_or_else(|| ImageError::malformed("the COD segment is missing"))?;
        let axis = |at: usize| -> Result<Axis, ImageError> {
            let field = |field: usize| number(&main_header, SIZ_FIELDS + at + 8 * field);
            let axis = Axis {
                end: field(0)?,
                start: field(1)?,
                tile_length: field(2)?,
                tile_start: field(3)?,
            };
            let reach = u64::from(axis.tile_start) + u64::from(axis.tile_length);
            let first_tile = axis.tile_start <= axis.start && reach > u64::from(axis.start);
            if axis.end > i32::MAX as u32 || axis.length() > 0 && !first_tile {
                return Err(ImageError::malformed("the tiles do not cover the image"));
            }
            Ok(axis)
        };
        let (columns, rows) = (axis(0)?, axis(4)?);
        checked_size(columns.length(), rows.length())?;
        let count = columns.tiles() * rows.tiles();
        if count > Self::MOST_TILES {
            return Err(ImageError::malformed(format!(
                "it has {count} tiles, but a codestream can have 65,535"
            )));
        }
        if packed_headers > 0 && count > 1 {
            return Err(ImageError::unsupported("packed packet headers (PPM or PPT)"));
        }
        let (tiles, codings) =
            Self::tile_parts(stored, position..bytes.end, count as usize, &coding)?;
        let (mut reduction_levels, mut table_bytes) = (u32::MAX, 0);
        for (number, parts) in (0..).zip(&tiles) {
            let coding = codings.get(&(number as usize)).unwrap_or(&coding);
            // At most 65,535 columns and rows.
            let across = columns.tiles() as u32;
            let place = (columns.tile(number % across).0, rows.tile(number / across).0);
            let contents = coding.contents(&components, (&place.0, &place.1));
            // An empty packet has a byte (B.10.3).
            let bytes =
                packed_headers + parts.iter().map(|part| part.end - part.start).sum::<u64>();
            if contents.packets > bytes {
                let problem =
                    format!("tile {number} has {bytes} bytes for {} packets", contents.packets);
                return Err(ImageError::malformed(problem));
            }
            (reduction_levels, table_bytes) = (
                coding.reduction_levels().min(reduction_levels),
                contents.table_bytes.max(table_bytes),
            );
        }
        Ok(Self { main_header, tiles, columns, rows, components, reduction_levels, table_bytes })
    }

    /// Reads the components of the SIZ segment.
    fn components(segment: &[u8]) -> Result<Vec<Component>, ImageError> {
        let count = word(segment, 38)?;
        if count == 0 || count > Self::MOST_COMPONENTS {
            return Err(ImageError::unsupported(format!("{count} components")));
        }
        let of_components = segment.get(40..40 + 3 * usize::from(count));
        let of_components =
            of_components.ok_or_else(|| ImageError::malformed("a header segment is too short"))?;
        let component = |fields: &[u8; 3]| Component {
            bits: (fields[0] & 0x7f) + 1,
            sign: if fields[0] & 0x80 == 0 { Sign::Unsigned } else { Sign::Signed },
            step: (fields[1], fields[2]),
        };
        let components: Vec<Component> =
            of_components.as_chunks().0.iter().map(component).collect();
        if components.iter().any(|component| component.step.0 == 0 || component.step.1 == 0) {
            return Err(ImageError::malformed("a component has no samples"));
        }
        Ok(components)
    }

    /// Locates the parts of each tile, and reads the coding of tiles that have their own. All parts
    /// must be there and in order (A.4.2), since OpenJPEG does not notice missing ones.
    fn tile_parts(
        stored: &Stored,
        bytes: Range<u64>,
        count: usize,
        coding: &Coding,
    ) -> Result<TileParts, ImageError> {
        let (mut tiles, mut codings) = (vec![Vec::new(); count], HashMap::new());
        // The number of parts that each tile states; 0 if it does not.
        let mut told = vec![0; count];
        let (mut position, mut found) = (bytes.start, 0);
        // What follows the end marker is ignored.
        while Self::word_at(stored, position, &bytes)? != EOC {
            let mut header = [0; SOT_BYTES as usize];
            stored.read_at(position, &mut header)?;
            let (tile, length) = (usize::from(word(&header, 4)?), u64::from(number(&header, 6)?));
            let [.., part, parts] = header;
            // A part without a length is the last one. It ends at the end marker, which nothing may
            // follow.
            let length =
                if length == 0 { (bytes.end - position).saturating_sub(2) } else { length };
            if word(&header, 0)? != SOT || word(&header, 2)? != 10 || length < SOT_BYTES + 2 {
                return Err(ImageError::malformed("a tile-part is missing or misplaced"));
            }
            if length > bytes.end - position {
                return Err(ImageError::Truncated);
            }
            found += 1;
            let of_tile = tiles
                .get_mut(tile)
                .zip(told.get_mut(tile))
                .filter(|_| found <= Self::MOST_TILE_PARTS);
            let (of_tile, told) =
                of_tile.ok_or_else(|| ImageError::malformed("a tile number is out of range"))?;
            if usize::from(part) != of_tile.len() {
                return Err(ImageError::malformed(format!(
                    "tile {tile} has part {part} where part {} belongs",
                    of_tile.len()
                )));
            }
            if parts != 0 && *told != 0 && *told != parts {
                return Err(ImageError::malformed(format!(
                    "tile {tile} is said to have {told} parts, and {parts}"
                )));
            }
            *told = parts.max(*told);
            Self::tile_header(
                stored,
                position + SOT_BYTES..position + length,
                |marker, segment| {
                    let of_tile = codings.entry(tile).or_insert_with(|| coding.clone());
                    if marker == COC {
                        return of_tile.set_component(segment);
                    }
                    *of_tile = Coding::of(segment, of_tile.count())?;
                    Ok(())
                },
            )?;
            of_tile.push(position..position + length);
            position += length;
        }
        for (tile, (parts, told)) in tiles.iter().zip(told).enumerate() {
            if parts.is_empty() {
                return Err(ImageError::malformed(format!("tile {tile} is missing")));
            }
            if told != 0 && usize::from(told) != parts.len() {
                return Err(ImageError::malformed(format!(
                    "tile {tile} has {} parts, and is said to have {told}",
                    parts.len()
                )));
            }
        }
        Ok((tiles, codings))
    }

    /// Reads a marker, which must be one of these.
    fn word_at(stored: &Stored, position: u64, bytes: &Range<u64>) -> Result<u16, ImageError> {
        if position + 2 > bytes.end {
            return Err(ImageError::Truncated);
        }
        let mut both = [0; 2];
        stored.read_at(position, &mut both)?;
        Ok(u16::from_be_bytes(both))
    }

    /// Reads a tile-part header, which begins after SOT, and passes on its coding segments.
    fn tile_header(
        stored: &Stored,
        bytes: Range<u64>,
        mut take: impl FnMut(u16, &[u8]) -> Result<(), ImageError>,
    ) -> Result<(), ImageError> {
        let mut position = bytes.start;
        while position + 2 <= bytes.end {
            // With nothing else left, two bytes are the end marker.
            let mut start = [0; 4];
            stored.read_at(position, &mut start)?;
            let (marker, length) = (word(&start, 0)?, word(&start, 2)?);
            if marker == SOD {
                return Ok(());
            }
            let end = position + 2 + u64::from(length);
            if marker < 0xff01 || length < 2 || end > bytes.end {
                break;
            }
            if matches!(marker, COD | COC) {
                let mut segment = vec![0; 2 + usize::from(length)];
                stored.read_at(position, &mut segment)?;
                take(marker, &segment)?;
            }
            position = end;
        }
        Err(ImageError::malformed("a tile-part header is invalid"))
    }

    /// Returns the image's size after this number of reductions.
    pub fn size(&self, reduction_levels: u32) -> Result<Size, ImageError> {
        let length =
            |axis: Axis| u64::from(axis.reduced(&(axis.start..axis.end), reduction_levels).end);
        checked_size(length(self.columns), length(self.rows))
    }

    /// Returns the number of tiles across and down.
    pub fn grid(&self) -> (u32, u32) {
        // At most 65,535.
        (self.columns.tiles() as u32, self.rows.tiles() as u32)
    }

    /// Returns the columns and rows of a tile, in pixels of the image after this number of
    /// reductions.
    pub fn tile(
        &self,
        (column, row): (u32, u32),
        reduction_levels: u32,
    ) -> (Range<u32>, Range<u32>) {
        let reduced = |axis: Axis, number| axis.reduced(&axis.tile(number).0, reduction_levels);
        (reduced(self.columns, column), reduced(self.rows, row))
    }

    /// Returns the size of a tile that is not clipped.
    pub fn tile_size(&self) -> (u32, u32) {
        (self.columns.tile_length, self.rows.tile_length)
    }

    /// Returns whether the image and its tiles begin at the origin of the reference grid, so that
    /// tiles begin at multiples of their size.
    pub fn begins_at_origin(&self) -> bool {
        [self.columns, self.rows].iter().all(|axis| axis.start == 0 && axis.tile_start == 0)
    }

    /// Returns the length of the longest tile, in bytes.
    pub fn longest_tile(&self) -> u64 {
        let bytes = |parts: &Vec<Range<u64>>| parts.iter().map(|part| part.end - part.start).sum();
        self.tiles.iter().map(bytes).max().unwrap_or(0)
    }

    /// Writes a codestream of one tile to `codestream`.
    pub fn extract(
        &self,
        stored: &Stored,
        (column, row): (u32, u32),
        codestream: &mut Vec<u8>,
    ) -> Result<(), ImageError> {
        let number = row as usize * self.grid().0 as usize + column as usize;
        let parts = self.tiles.get(number).ok_or_else(|| ImageError::malformed("no such tile"))?;
        codestream.clear();
        codestream.extend_from_slice(&self.main_header);
        for (at, axis, number) in [(0, self.columns, column), (4, self.rows, row)] {
            let (range, start) = axis.tile(number);
            for (field, value) in [(0, range.end), (1, range.start), (3, start)] {
                set(codestream, SIZ_FIELDS + at + 8 * field, value);
            }
        }
        for part in parts {
            let start = codestream.len();
            codestream.resize(start + (part.end - part.start) as usize, 0);
            stored.read_at(part.start, &mut codestream[start..])?;
            codestream[start + 4..start + 6].fill(0);
            // The last part may lack a length. Lengths have 32 bits.
            set(codestream, start + 6, (part.end - part.start) as u32);
        }
        codestream.extend_from_slice(&EOC.to_be_bytes());
        Ok(())
    }
}
