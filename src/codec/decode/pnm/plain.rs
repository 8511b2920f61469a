//! Plain images: samples as decimal numbers, and bits as digits.
//!
//! Nothing after the last sample is read. Samples are separated by white space and comments, of
//! limited length.

use std::io::BufRead;

use super::is_space;
use crate::codec::decode::ImageError;

/// Longest white space and comments between two samples, in bytes.
const LONGEST_GAP: usize = 64 << 10;

/// The state of the parser.
#[derive(Clone, Copy, Debug)]
enum Text {
    Space,
    Comment,
    /// In a number with this value so far.
    Number(u32),
}

/// Reads `count` numbers of a plain image, each with the byte of white space after it.
pub(crate) fn numbers(
    reader: &mut dyn BufRead,
    count: usize,
    mut take: impl FnMut(u16) -> Result<(), ImageError>,
) -> Result<(), ImageError> {
    let wrong = || ImageError::malformed("it has something else where a number belongs");
    let mut number = |value: u32| {
        take(u16::try_from(value).map_err(|_| ImageError::malformed("a sample above 65,535"))?)
    };
    let (mut text, mut gap, mut left) = (Text::Space, 0, count);
    while left > 0 {
        let bytes = reader.fill_buf().map_err(ImageError::reading)?;
        if bytes.is_empty() {
            // The end of the file ends the last number too.
            return match text {
                Text::Number(value) if left == 1 => number(value),
                _ => Err(ImageError::Truncated),
            };
        }
        let mut used = 0;
        for &byte in bytes {
            used += 1;
            text = match (text, byte) {
                (Text::Number(value), b'0'..=b'9') => {
                    Text::Number(value.saturating_mul(10).saturating_add(u32::from(byte - b'0')))
                }
                (Text::Number(value), _) => {
                    if byte != b'#' && !is_space(byte) {
                        return Err(wrong());
                    }
                    number(value)?;
                    (gap, left) = (0, left - 1);
                    if left == 0 {
                        break;
                    }
                    if byte == b'#' { Text::Comment } else { Text::Space }
                }
                (Text::Space, b'0'..=b'9') => Text::Number(u32::from(byte - b'0')),
                (text, byte) => between_samples(text, byte, &mut gap).ok_or_else(wrong)?,
            };
        }
        reader.consume(used);
    }
    Ok(())
}

/// Reads `count` digits of a plain PBM.
pub(crate) fn bits(
    reader: &mut dyn BufRead,
    count: usize,
    mut take: impl FnMut(u8),
) -> Result<(), ImageError> {
    let (mut text, mut gap, mut left) = (Text::Space, 0, count);
    while left > 0 {
        let bytes = reader.fill_buf().map_err(ImageError::reading)?;
        if bytes.is_empty() {
            return Err(ImageError::Truncated);
        }
        let mut used = 0;
        for &byte in bytes {
            used += 1;
            match (text, byte) {
                (Text::Space, b'0' | b'1') => {
                    take(byte - b'0');
                    (gap, left) = (0, left - 1);
                    if left == 0 {
                        break;
                    }
                }
                _ => {
                    text = between_samples(text, byte, &mut gap).ok_or_else(|| {
                        ImageError::malformed("it has something else where a 0 or a 1 belongs")
                    })?;
                }
            }
        }
        reader.consume(used);
    }
    Ok(())
}

/// Returns the state after a byte between samples; `None` if it is invalid there.
fn between_samples(text: Text, byte: u8, gap: &mut usize) -> Option<Text> {
    *gap += 1;
    if *gap > LONGEST_GAP {
        return None;
    }
    match (text, byte) {
        (Text::Comment, b'\n' | b'\r') => Some(Text::Space),
        (Text::Comment, _) | (_, b'#') => Some(Text::Comment),
        (_, byte) => is_space(byte).then_some(Text::Space),
    }
}
