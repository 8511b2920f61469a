//! What an ICC profile's bytes say, by ICC.1:2022 and its forerunners: the header, and the way from a device's colors to the profile connection space.
//!
//! moxcms reads matrix profiles; lookup tables and grays are read here, since it resamples tables to 17 or 33 steps without their curves, and knows neither the
//! media's white nor a compensated black of them. What always holds: no count or offset is believed before it was held against the bytes that are there.

use super::{Intent, ProfileError};

mod curve;

pub(crate) use curve::Curve;

/// D50, the white of the profile connection space.
pub(crate) const D50: [f64; 3] = [0.9642, 1.0, 0.8249];

/// A profile whose header makes sense.
#[derive(Clone, Copy)]
pub(crate) struct Profile<'p> {
    bytes: &'p [u8],
    /// 2 or 4.
    pub version: u8,
    pub class: [u8; 4],
    pub device: [u8; 4],
    pub intent: Intent,
    connection: Connection,
}

/// The space in which profiles meet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Connection {
    Xyz,
    Lab,
}

/// How a value of the connection space is written as numbers from 0 to 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Encoding {
    /// 1 is 1 + 32767/32768.
    Xyz,
    /// 1 is 100 of lightness and 127 of each opponent color.
    Lab,
    /// As `lut16Type` has it in any version: 1 is a little more.
    LegacyLab,
}

impl Encoding {
    /// What 1 is in Lab, of the 100 and 255 of version 4.
    pub const fn lab_unit(self) -> f64 {
        match self {
            Self::LegacyLab => 65_535.0 / 65_280.0,
            Self::Xyz | Self::Lab => 1.0,
        }
    }
}

/// The steps from a device's color to the connection space, each but the first left out where it does nothing.
pub(crate) struct Steps {
    /// One for each channel of the device.
    pub first: Vec<Curve>,
    /// From as many channels to three. Left out, there are three of them, or one, which all three are then.
    pub grid: Option<Grid>,
    pub middle: Option<[Curve; 3]>,
    /// Rows, each with what is added last.
    pub matrix: Option<[[f64; 4]; 3]>,
    pub last: Option<[Curve; 3]>,
    pub encoding: Encoding,
}

/// A table of colors, the last channel's steps side by side.
pub(crate) struct Grid {
    /// Steps of each channel, 2 at least.
    pub steps: Vec<usize>,
    pub nodes: Vec<[f32; 3]>,
}

impl<'p> Profile<'p> {
    /// Reads the header.
    ///
    /// # Errors
    /// [`ProfileError::Malformed`] where it is none, or of a kind that has no device's colors.
    pub fn read(bytes: &'p [u8]) -> Result<Self, ProfileError> {
        if bytes.get(36..40) != Some(b"acsp") {
            return Err(malformed("it does not begin as a profile does"));
        }
        let four = |at: usize| <[u8; 4]>::try_from(&bytes[at..at + 4]).unwrap_or_default();
        let class = four(12);
        if !matches!(&class, b"scnr" | b"mntr" | b"prtr" | b"spac") {
            return Err(malformed("it is not a device's or a color space's profile"));
        }
        let connection = match &four(20) {
            b"XYZ " => Connection::Xyz,
            b"Lab " => Connection::Lab,
            _ => return Err(malformed("its connection space is neither XYZ nor Lab")),
        };
        let intent = match number(bytes, 64)? & 0xffff {
            1 => Intent::Relative,
            2 => Intent::Saturation,
            3 => Intent::Absolute,
            _ => Intent::Perceptual,
        };
        Ok(Self { bytes, version: bytes[8], class, device: four(16), intent, connection })
    }

    /// What a tag has, `None` where there is none.
    fn tag(&self, signature: [u8; 4]) -> Result<Option<&'p [u8]>, ProfileError> {
        let count = number(self.bytes, 128)?;
        let entries = self.bytes.get(132..).unwrap_or_default().chunks_exact(12).take(count);
        let Some(entry) = entries.into_iter().find(|entry| entry.starts_with(&signature)) else { return Ok(None) };
        part(self.bytes, number(entry, 4)?, number(entry, 8)?).map(Some)
    }

    /// Whether there is a table for any intent.
    pub fn has_tables(&self) -> bool {
        [*b"A2B0", *b"A2B1", *b"A2B2"].into_iter().any(|signature| !matches!(self.tag(signature), Ok(None)))
    }

    /// Whether there is one for this very intent.
    pub fn has_table_of(&self, intent: Intent) -> bool {
        !matches!(self.tag(table_of(intent)), Ok(None))
    }

    /// Whether curves, and for colors a matrix, describe the device too.
    pub fn has_curves(&self) -> bool {
        let all =
            |signatures: &[&[u8; 4]]| signatures.iter().all(|&&signature| matches!(self.tag(signature), Ok(Some(_))));
        match &self.device {
            b"GRAY" => all(&[b"kTRC"]),
            b"RGB " => all(&[b"rTRC", b"gTRC", b"bTRC", b"rXYZ", b"gXYZ", b"bXYZ"]),
            _ => false,
        }
    }

    /// Whether red, green and blue have one curve.
    pub fn has_one_curve(&self) -> bool {
        let of = |signature: &[u8; 4]| self.tag(*signature).ok().flatten();
        let red = of(b"rTRC");
        red.is_some() && red == of(b"gTRC") && red == of(b"bTRC")
    }

    /// The white of what shows the colors, relative to which the connection space has them; as Little CMS, displays of version 2 are believed to be adapted to.
    pub fn media_white(&self) -> Result<[f64; 3], ProfileError> {
        match self.tag(*b"wtpt")? {
            Some(tag) if self.version >= 4 || &self.class != b"mntr" => xyz(tag),
            _ => Ok(D50),
        }
    }

    /// The way to the connection space by an intent: its table, else the perceptual one, else curves.
    ///
    /// # Errors
    /// [`ProfileError::Malformed`] where it makes no sense, or the device has not so many channels.
    pub fn steps(&self, intent: Intent, channels: usize) -> Result<Steps, ProfileError> {
        let table = match self.tag(table_of(intent))? {
            Some(tag) => Some(tag),
            None => self.tag(*b"A2B0")?,
        };
        let steps = match table {
            Some(tag) => match part(tag, 0, 4)? {
                b"mft1" => self.read_lut(tag, Width::One)?,
                b"mft2" => self.read_lut(tag, Width::Two)?,
                b"mAB " => self.read_stages(tag)?,
                _ => return Err(malformed("its table is of no known type")),
            },
            None => self.curves()?,
        };
        if steps.first.len() != channels {
            return Err(malformed("its table has not as many channels as its colors"));
        }
        Ok(steps)
    }

    /// `grayTRC`, or the three curves and columns of a matrix profile.
    fn curves(&self) -> Result<Steps, ProfileError> {
        let needed =
            |signature: &[u8; 4]| self.tag(*signature)?.ok_or_else(|| malformed("it has neither tables nor curves"));
        let curve = |signature| Curve::read(needed(signature)?).map(|(curve, _)| curve);
        let plain = |first, matrix, encoding| Steps {
            first,
            grid: None,
            middle: None,
            matrix: Some(matrix),
            last: None,
            encoding,
        };
        // Of the encoding's 1.
        let encoded = 1.0 / (1.0 + 32_767.0 / 32_768.0);
        if &self.device == b"GRAY" {
            let first = vec![curve(b"kTRC")?];
            return Ok(match self.connection {
                Connection::Xyz => plain(first, D50.map(|white| [white * encoded, 0.0, 0.0, 0.0]), Encoding::Xyz),
                Connection::Lab => {
                    let neutral = [0.0, 0.0, 0.0, 128.0 / 255.0];
                    plain(first, [[1.0, 0.0, 0.0, 0.0], neutral, neutral], Encoding::Lab)
                }
            });
        }
        let first = vec![curve(b"rTRC")?, curve(b"gTRC")?, curve(b"bTRC")?];
        let [red, green, blue] = [xyz(needed(b"rXYZ")?)?, xyz(needed(b"gXYZ")?)?, xyz(needed(b"bXYZ")?)?];
        let row = |at: usize| [red[at] * encoded, green[at] * encoded, blue[at] * encoded, 0.0];
        Ok(plain(first, [row(0), row(1), row(2)], Encoding::Xyz))
    }

    fn encoding(&self, legacy: bool) -> Encoding {
        match self.connection {
            Connection::Xyz => Encoding::Xyz,
            Connection::Lab if legacy => Encoding::LegacyLab,
            Connection::Lab => Encoding::Lab,
        }
    }

    /// A `lut8Type` or a `lut16Type`.
    fn read_lut(&self, tag: &[u8], width: Width) -> Result<Steps, ProfileError> {
        let &[inputs, outputs, steps, _] = part(tag, 8, 4)? else { return Err(cut_short()) };
        if outputs != 3 {
            return Err(malformed("its table does not lead to the connection space"));
        }
        for at in 0..9 {
            // It is for colors that are XYZ themselves.
            let diagonal = if at % 4 == 0 { 1.0 } else { 0.0 };
            if (fixed(tag, 12 + 4 * at)? - diagonal).abs() > 1e-4 {
                return Err(malformed("its table has a matrix, which is for XYZ alone"));
            }
        }
        let (entries, mut at) = match width {
            Width::One => ([256, 256], 48),
            Width::Two => ([short(tag, 48)?, short(tag, 50)?].map(usize::from), 52),
        };
        let mut next = |count: usize| {
            let values = part(tag, at, count.saturating_mul(width.bytes()))?;
            at += values.len();
            Ok::<_, ProfileError>(shares(values, width))
        };
        let curves = |values: Vec<f32>, entries: usize| {
            values.chunks_exact(entries.max(1)).map(|curve| Curve::table(curve.to_vec())).collect::<Result<Vec<_>, _>>()
        };
        let inputs = usize::from(inputs);
        let first = curves(next(entries[0] * inputs)?, entries[0])?;
        let steps = vec![usize::from(steps); inputs];
        let nodes = next(node_count(&steps)?.saturating_mul(3))?.as_chunks().0.to_vec();
        let last = curves(next(entries[1] * 3)?, entries[1])?;
        Ok(Steps {
            first,
            grid: Some(Grid { steps, nodes }),
            middle: None,
            matrix: None,
            last: three(last)?,
            encoding: self.encoding(matches!(width, Width::Two)),
        })
    }

    /// A `lutAToBType`.
    fn read_stages(&self, tag: &[u8]) -> Result<Steps, ProfileError> {
        let &[inputs, outputs, ..] = part(tag, 8, 4)? else { return Err(cut_short()) };
        if outputs != 3 {
            return Err(malformed("its table does not lead to the connection space"));
        }
        let [to_b, to_matrix, to_m, to_grid, to_a] = [12, 16, 20, 24, 28].map(|at| number(tag, at));
        let (to_b, to_matrix, to_m, to_grid, to_a) = (to_b?, to_matrix?, to_m?, to_grid?, to_a?);
        let inputs = usize::from(inputs);
        let grid = if to_grid == 0 { None } else { Some(read_grid(tag, to_grid, inputs)?) };
        if grid.is_none() && inputs != 3 {
            return Err(malformed("its table is missing"));
        }
        let curves = |at: usize, count| if at == 0 { Ok(None) } else { Curve::read_some(tag, at, count).map(Some) };
        let first = curves(to_a, inputs)?.filter(|_| grid.is_some());
        let matrix = if to_matrix == 0 {
            None
        } else {
            let mut rows = [[0.0; 4]; 3];
            for (number, row) in rows.iter_mut().enumerate() {
                for (column, value) in row.iter_mut().enumerate() {
                    let at = if column < 3 { 3 * number + column } else { 9 + number };
                    *value = fixed(tag, to_matrix + 4 * at)?;
                }
            }
            Some(rows)
        };
        let of_three = |at: usize| curves(at, 3)?.map_or(Ok(None), three);
        Ok(Steps {
            first: first.unwrap_or_else(|| vec![Curve::Identity; inputs]),
            grid,
            middle: of_three(to_m)?,
            matrix,
            last: of_three(to_b)?,
            encoding: self.encoding(false),
        })
    }
}

fn read_grid(tag: &[u8], at: usize, inputs: usize) -> Result<Grid, ProfileError> {
    let steps: Vec<usize> = part(tag, at, inputs.min(16))?.iter().map(|&steps| usize::from(steps)).collect();
    let width = match part(tag, at.saturating_add(16), 1)? {
        [1] => Width::One,
        [2] => Width::Two,
        _ => return Err(malformed("its table is of no known precision")),
    };
    let length = node_count(&steps)?.saturating_mul(3 * width.bytes());
    let nodes = shares(part(tag, at.saturating_add(20), length)?, width).as_chunks().0.to_vec();
    Ok(Grid { steps, nodes })
}

/// `None` for curves that do nothing.
fn three(curves: Vec<Curve>) -> Result<Option<[Curve; 3]>, ProfileError> {
    if curves.iter().all(|curve| *curve == Curve::Identity) {
        return Ok(None);
    }
    curves.try_into().map(Some).map_err(|_| malformed("it has not three curves"))
}

const fn table_of(intent: Intent) -> [u8; 4] {
    match intent {
        Intent::Perceptual => *b"A2B0",
        Intent::Relative | Intent::Absolute => *b"A2B1",
        Intent::Saturation => *b"A2B2",
    }
}

fn node_count(steps: &[usize]) -> Result<usize, ProfileError> {
    if !(1..=4).contains(&steps.len()) || steps.iter().any(|&steps| steps < 2) {
        return Err(malformed("its table is of an impossible size"));
    }
    // At most 255⁴, which 64 bits hold.
    Ok(steps.iter().product())
}

/// Bytes of a number in a table.
#[derive(Clone, Copy)]
enum Width {
    One,
    Two,
}

impl Width {
    const fn bytes(self) -> usize {
        match self {
            Self::One => 1,
            Self::Two => 2,
        }
    }
}

/// Whole numbers as shares of the greatest.
fn shares(bytes: &[u8], width: Width) -> Vec<f32> {
    match width {
        Width::One => bytes.iter().map(|&value| f32::from(value) / 255.0).collect(),
        Width::Two => {
            bytes.as_chunks().0.iter().map(|&value| f32::from(u16::from_be_bytes(value)) / 65_535.0).collect()
        }
    }
}

fn xyz(tag: &[u8]) -> Result<[f64; 3], ProfileError> {
    Ok([fixed(tag, 8)?, fixed(tag, 12)?, fixed(tag, 16)?])
}

fn part(bytes: &[u8], at: usize, length: usize) -> Result<&[u8], ProfileError> {
    at.checked_add(length).and_then(|end| bytes.get(at..end)).ok_or_else(cut_short)
}

fn number(bytes: &[u8], at: usize) -> Result<usize, ProfileError> {
    let four = part(bytes, at, 4)?;
    Ok(four.iter().fold(0, |number, &byte| number << 8 | usize::from(byte)))
}

fn short(bytes: &[u8], at: usize) -> Result<u16, ProfileError> {
    let two = part(bytes, at, 2)?;
    Ok(u16::from_be_bytes([two[0], two[1]]))
}

/// An `s15Fixed16Number`.
fn fixed(bytes: &[u8], at: usize) -> Result<f64, ProfileError> {
    Ok(f64::from((number(bytes, at)? as u32).cast_signed()) / 65_536.0)
}

pub(crate) fn malformed(message: &str) -> ProfileError {
    ProfileError::Malformed { message: message.to_owned() }
}

fn cut_short() -> ProfileError {
    malformed("it is cut short")
}
