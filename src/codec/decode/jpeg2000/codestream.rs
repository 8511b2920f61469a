//! A code stream's sizes, and each of its tiles as a code stream of its own (ISO/IEC 15444-1, annex A).
//!
//! OpenJPEG goes through a code stream from its first tile, and keeps kilobytes for each tile that there is, however few are asked for. So its tile-parts are
//! looked up once, here, and a tile is handed over between a main header that has it as the only one: the reference grid's coordinates, by which
//! wavelets are aligned, stay what they are. What always holds: every tile-part lies inside the code stream, every tile has as many as it is said to have and at least
//! one, in their order, and the code stream ends with its marker.

use std::collections::HashMap;
use std::ops::Range;

use super::coding::Coding;
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

/// A marker, the segment's length, and a tile-part's tile, length, number and count.
const SOT_BYTES: u64 = 12;
/// Where the fields of the size are, from the first byte of the main header on.
const SIZ_FIELDS: usize = 8;

/// What a component's samples are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Component {
    pub bits: u8,
    pub sign: Sign,
    /// Steps of the reference grid from sample to sample.
    pub step: (u8, u8),
}

/// Whether samples can be below 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sign {
    Unsigned,
    Signed,
}

/// Columns or rows of the reference grid: the picture's, and how tiles divide them.
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

    /// Where a tile is, and where it would be if it were not cut by the picture's edge.
    fn tile(self, number: u32) -> (Range<u32>, u32) {
        let start = u64::from(self.tile_start) + u64::from(number) * u64::from(self.tile_length);
        let end = (start + u64::from(self.tile_length)).min(u64::from(self.end));
        ((start as u32).max(self.start)..end as u32, start as u32)
    }

    /// The same at a size that is smaller by so many reduction_levels, counted from the picture's own start.
    fn reduced(self, range: &Range<u32>, reduction_levels: u32) -> Range<u32> {
        let reduced = |at: u32| at.div_ceil(1 << reduction_levels);
        let origin = reduced(self.start);
        reduced(range.start) - origin..reduced(range.end) - origin
    }
}

/// Where the parts of each tile are in the file, and the coding of tiles that have their own.
type TileParts = (Vec<Vec<Range<u64>>>, HashMap<usize, Coding>);

/// A code stream that has been looked through.
#[derive(Debug)]
pub(crate) struct Codestream {
    /// All before the first tile-part, but for what tells where tile-parts are.
    main_header: Vec<u8>,
    /// Where the parts of each tile are in the file.
    tiles: Vec<Vec<Range<u64>>>,
    columns: Axis,
    rows: Axis,
    pub components: Vec<Component>,
    /// How often the wavelet transform halves every component of every tile.
    pub reduction_levels: u32,
    /// The most that OpenJPEG has for a tile, but for numbers and compressed bytes.
    pub table_bytes: u64,
}

fn word(bytes: &[u8], at: usize) -> Result<u16, ImageError> {
    let word = bytes.get(at..at + 2).and_then(|bytes| bytes.try_into().ok()).map(u16::from_be_bytes);
    word.ok_or_else(|| ImageError::malformed("a segment of the header is too short"))
}

fn number(bytes: &[u8], at: usize) -> Result<u32, ImageError> {
    let number = bytes.get(at..at + 4).and_then(|bytes| bytes.try_into().ok()).map(u32::from_be_bytes);
    number.ok_or_else(|| ImageError::malformed("a segment of the header is too short"))
}

fn set(bytes: &mut [u8], at: usize, number: u32) {
    bytes[at..at + 4].copy_from_slice(&number.to_be_bytes());
}

impl Codestream {
    /// Of the main header, comments included.
    const LONGEST_HEADER: usize = 16 << 20;
    /// A tile's number has 16 bits.
    const MOST_TILES: u64 = 65_535;
    /// A tile may have 255.
    const MOST_TILE_PARTS: usize = 1 << 20;
    /// Of those that mean anything here.
    const MOST_COMPONENTS: u16 = 8;

    /// Looks a code stream up that has these bytes of a file.
    pub fn read(stored: &Stored, bytes: &Range<u64>) -> Result<Self, ImageError> {
        if bytes.end.checked_sub(bytes.start).is_none_or(|length| length < 4) {
            return Err(ImageError::Truncated);
        }
        let mut main_header = vec![0; 2];
        stored.read_at(bytes.start, &mut main_header)?;
        if word(&main_header, 0)? != SOC {
            return Err(ImageError::malformed("its code stream does not begin as one"));
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
                return Err(ImageError::malformed("its main header makes no sense"));
            }
            let mut segment = vec![0; 2 + usize::from(length)];
            stored.read_at(position, &mut segment)?;
            position += segment.len() as u64;
            match marker {
                SIZ if main_header.len() == 2 => components = Self::components(&segment)?,
                SIZ => return Err(ImageError::malformed("its size is there twice")),
                _ if main_header.len() == 2 => return Err(ImageError::malformed("its size is not where it belongs")),
                COD => coding = Some(Coding::of(&segment, components.len())?),
                COC => coding.as_mut().map_or(Ok(()), |coding| coding.set_component(&segment))?,
                PPM => packed_headers += segment.len() as u64,
                TLM | PLM => continue,
                _ => {}
            }
            main_header.append(&mut segment);
            if main_header.len() > Self::LONGEST_HEADER {
                return Err(ImageError::malformed("its main header has more than 16 MB"));
            }
        }
        let coding = coding.ok_or_else(|| ImageError::malformed("its coding is not told"))?;
        let axis = |at: usize| -> Result<Axis, ImageError> {
            let field = |field: usize| number(&main_header, SIZ_FIELDS + at + 8 * field);
            let axis = Axis { end: field(0)?, start: field(1)?, tile_length: field(2)?, tile_start: field(3)? };
            let reach = u64::from(axis.tile_start) + u64::from(axis.tile_length);
            let first_tile = axis.tile_start <= axis.start && reach > u64::from(axis.start);
            if axis.end > i32::MAX as u32 || axis.length() > 0 && !first_tile {
                return Err(ImageError::malformed("its picture and its tiles are apart"));
            }
            Ok(axis)
        };
        let (columns, rows) = (axis(0)?, axis(4)?);
        checked_size(columns.length(), rows.length())?;
        let count = columns.tiles() * rows.tiles();
        if count > Self::MOST_TILES {
            return Err(ImageError::malformed(format!("{count} tiles, and a code stream can have 65,535")));
        }
        if packed_headers > 0 && count > 1 {
            return Err(ImageError::unsupported("packed packet headers (PPM or PPT)"));
        }
        let (tiles, codings) = Self::tile_parts(stored, position..bytes.end, count as usize, &coding)?;
        let (mut reduction_levels, mut table_bytes) = (u32::MAX, 0);
        for (number, parts) in (0..).zip(&tiles) {
            let coding = codings.get(&(number as usize)).unwrap_or(&coding);
            // At most 65,535 columns and rows.
            let across = columns.tiles() as u32;
            let place = (columns.tile(number % across).0, rows.tile(number / across).0);
            let contents = coding.contents(&components, (&place.0, &place.1));
            // An empty packet has a byte (B.10.3).
            let bytes = packed_headers + parts.iter().map(|part| part.end - part.start).sum::<u64>();
            if contents.packets > bytes {
                let problem = format!("tile {number} has {bytes} bytes for {} packets", contents.packets);
                return Err(ImageError::malformed(problem));
            }
            (reduction_levels, table_bytes) =
                (coding.reduction_levels().min(reduction_levels), contents.table_bytes.max(table_bytes));
        }
        Ok(Self { main_header, tiles, columns, rows, components, reduction_levels, table_bytes })
    }

    /// What the size's segment says of components.
    fn components(segment: &[u8]) -> Result<Vec<Component>, ImageError> {
        let count = word(segment, 38)?;
        if count == 0 || count > Self::MOST_COMPONENTS {
            return Err(ImageError::unsupported(format!("{count} components")));
        }
        let of_components = segment.get(40..40 + 3 * usize::from(count));
        let of_components =
            of_components.ok_or_else(|| ImageError::malformed("a segment of the header is too short"))?;
        let component = |fields: &[u8; 3]| Component {
            bits: (fields[0] & 0x7f) + 1,
            sign: if fields[0] & 0x80 == 0 { Sign::Unsigned } else { Sign::Signed },
            step: (fields[1], fields[2]),
        };
        let components: Vec<Component> = of_components.as_chunks().0.iter().map(component).collect();
        if components.iter().any(|component| component.step.0 == 0 || component.step.1 == 0) {
            return Err(ImageError::malformed("its components have no size"));
        }
        Ok(components)
    }

    /// Where the parts of each tile are: all of them and in their order (A.4.2), as OpenJPEG takes what is there for all that there was.
    /// And the coding of tiles that tell one of their own.
    fn tile_parts(stored: &Stored, bytes: Range<u64>, count: usize, coding: &Coding) -> Result<TileParts, ImageError> {
        let (mut tiles, mut codings) = (vec![Vec::new(); count], HashMap::new());
        // How many parts a tile is said to have; 0 where that was not said.
        let mut told = vec![0; count];
        let (mut position, mut found) = (bytes.start, 0);
        // What follows the end's marker is no part of it.
        while Self::word_at(stored, position, &bytes)? != EOC {
            let mut header = [0; SOT_BYTES as usize];
            stored.read_at(position, &mut header)?;
            let (tile, length) = (usize::from(word(&header, 4)?), u64::from(number(&header, 6)?));
            let [.., part, parts] = header;
            // Without a length it is the last one, and goes to the end's marker, which nothing may follow then.
            let length = if length == 0 { (bytes.end - position).saturating_sub(2) } else { length };
            if word(&header, 0)? != SOT || word(&header, 2)? != 10 || length < SOT_BYTES + 2 {
                return Err(ImageError::malformed("something else is where a tile belongs"));
            }
            if length > bytes.end - position {
                return Err(ImageError::Truncated);
            }
            found += 1;
            let of_tile = tiles.get_mut(tile).zip(told.get_mut(tile)).filter(|_| found <= Self::MOST_TILE_PARTS);
            let (of_tile, told) = of_tile.ok_or_else(|| ImageError::malformed("it has a tile too many"))?;
            if usize::from(part) != of_tile.len() {
                return Err(ImageError::malformed(format!(
                    "tile {tile} has part {part} where part {} belongs",
                    of_tile.len()
                )));
            }
            if parts != 0 && *told != 0 && *told != parts {
                return Err(ImageError::malformed(format!("tile {tile} is said to have {told} parts, and {parts}")));
            }
            *told = parts.max(*told);
            Self::tile_header(stored, position + SOT_BYTES..position + length, |marker, segment| {
                let of_tile = codings.entry(tile).or_insert_with(|| coding.clone());
                if marker == COC {
                    return of_tile.set_component(segment);
                }
                *of_tile = Coding::of(segment, of_tile.count())?;
                Ok(())
            })?;
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

    /// The two bytes there, which must be some of these.
    fn word_at(stored: &Stored, position: u64, bytes: &Range<u64>) -> Result<u16, ImageError> {
        if position + 2 > bytes.end {
            return Err(ImageError::Truncated);
        }
        let mut both = [0; 2];
        stored.read_at(position, &mut both)?;
        Ok(u16::from_be_bytes(both))
    }

    /// Goes through a tile-part's header, which begins after SOT, and hands on its segments of coding.
    fn tile_header(
        stored: &Stored,
        bytes: Range<u64>,
        mut take: impl FnMut(u16, &[u8]) -> Result<(), ImageError>,
    ) -> Result<(), ImageError> {
        let mut position = bytes.start;
        while position + 2 <= bytes.end {
            // Two bytes are the end's marker, where there is nothing else.
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
        Err(ImageError::malformed("the header of a tile makes no sense"))
    }

    /// The picture's size after so many reduction_levels.
    pub fn size(&self, reduction_levels: u32) -> Result<Size, ImageError> {
        let length = |axis: Axis| u64::from(axis.reduced(&(axis.start..axis.end), reduction_levels).end);
        checked_size(length(self.columns), length(self.rows))
    }

    /// Tiles side by side, and one below the other.
    pub fn grid(&self) -> (u32, u32) {
        // At most 65,535.
        (self.columns.tiles() as u32, self.rows.tiles() as u32)
    }

    /// The columns and rows of a tile's column and row in the grid, in the picture's pixels after so many reduction_levels.
    pub fn tile(&self, (column, row): (u32, u32), reduction_levels: u32) -> (Range<u32>, Range<u32>) {
        let reduced = |axis: Axis, number| axis.reduced(&axis.tile(number).0, reduction_levels);
        (reduced(self.columns, column), reduced(self.rows, row))
    }

    /// The size of a tile that no edge cuts.
    pub fn tile_size(&self) -> (u32, u32) {
        (self.columns.tile_length, self.rows.tile_length)
    }

    /// Whether the picture and its tiles begin where the reference grid does, so that tiles are multiples of their size.
    pub fn begins_at_origin(&self) -> bool {
        [self.columns, self.rows].iter().all(|axis| axis.start == 0 && axis.tile_start == 0)
    }

    /// The most bytes that a tile has.
    pub fn longest_tile(&self) -> u64 {
        let bytes = |parts: &Vec<Range<u64>>| parts.iter().map(|part| part.end - part.start).sum();
        self.tiles.iter().map(bytes).max().unwrap_or(0)
    }

    /// Makes a code stream of one tile alone, in `codestream`.
    pub fn extract(
        &self,
        stored: &Stored,
        (column, row): (u32, u32),
        codestream: &mut Vec<u8>,
    ) -> Result<(), ImageError> {
        let number = row as usize * self.grid().0 as usize + column as usize;
        let parts = self.tiles.get(number).ok_or_else(|| ImageError::malformed("there is no such tile"))?;
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
            // The last one may have told no length. A longer one has at most the 32 bits that it told.
            set(codestream, start + 6, (part.end - part.start) as u32);
        }
        codestream.extend_from_slice(&EOC.to_be_bytes());
        Ok(())
    }
}
