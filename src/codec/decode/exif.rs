//! The orientation of an image, from EXIF or TIFF.
//!
//! Tag 274 of both says which sides of the displayed image the first stored row and column are
//! (Exif 3.0, 4.6.5; TIFF 6.0, `Orientation`). An invalid tag means the stored orientation.

use super::samples::ByteOrder;
use crate::geometry::{Flip, Orientation, Rotation};

/// Returns the orientation from EXIF, which begins with a TIFF header or with the signature before
/// it.
///
/// Only this entry of the first directory is read. Cameras and editors often leave faults
/// elsewhere, none of which affects the orientation.
pub(crate) fn orientation(exif: &[u8]) -> Orientation {
    let exif = exif.strip_prefix(b"Exif\0\0").unwrap_or(exif);
    first_directory_number(exif, ORIENTATION).map_or(Orientation::UPRIGHT, of_number)
}

const ORIENTATION: u16 = 274;

/// Returns a SHORT or LONG of the first directory (TIFF 6.0, section 2).
fn first_directory_number(tiff: &[u8], tag: u16) -> Option<u32> {
    let order = match tiff.get(..2)? {
        b"II" => ByteOrder::LittleEndian,
        b"MM" => ByteOrder::BigEndian,
        _ => return None,
    };
    let number =
        |at: usize, bytes: usize| Some(order.number(tiff.get(at..at.checked_add(bytes)?)?));
    let directory = (number(2, 2)? == 42).then(|| number(4, 4))?? as usize;
    let entries = number(directory, 2)? as usize;
    let at = (0..entries)
        .map(|entry| directory + 2 + 12 * entry)
        .find(|&at| number(at, 2) == Some(tag.into()))?;
    match number(at + 2, 2)? {
        SHORT => number(at + 8, 2),
        LONG => number(at + 8, 4),
        _ => None,
    }
    .map(|number| number as u32)
}

const SHORT: u64 = 3;
const LONG: u64 = 4;

/// Returns the orientation with this number.
pub(crate) fn of_number(number: u32) -> Orientation {
    let (rotation, flip) = match number {
        2 => (Rotation::None, Some(Flip::Horizontal)),
        3 => (Rotation::Half, None),
        4 => (Rotation::None, Some(Flip::Vertical)),
        5 => (Rotation::Quarter, Some(Flip::Horizontal)),
        6 => (Rotation::Quarter, None),
        7 => (Rotation::Quarter, Some(Flip::Vertical)),
        8 => (Rotation::ThreeQuarters, None),
        _ => (Rotation::None, None),
    };
    Orientation::new(rotation, flip)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geometry::{Point, Rect, Size};

    /// A TIFF header and a directory of two entries: orientation 6 with this type, and an invalid
    /// directory. `next` follows.
    fn exif(order: ByteOrder, kind: u16, next: &[u8]) -> Vec<u8> {
        let two = |number: u16| match order {
            ByteOrder::BigEndian => number.to_be_bytes(),
            ByteOrder::LittleEndian => number.to_le_bytes(),
        };
        let four = |number: u32| match order {
            ByteOrder::BigEndian => number.to_be_bytes(),
            ByteOrder::LittleEndian => number.to_le_bytes(),
        };
        let name = match order {
            ByteOrder::BigEndian => b"MM",
            ByteOrder::LittleEndian => b"II",
        };
        let value = if kind == 4 { four(6) } else { [two(6), [0; 2]].concat().try_into().unwrap() };
        let orientation = [&two(274)[..], &two(kind), &four(1), &value].concat();
        let nested = [&two(34_665)[..], &two(4), &four(1), &four(u32::MAX)].concat();
        [&name[..], &two(42), &four(8), &two(2), &orientation, &nested, next].concat()
    }

    #[test]
    fn ignores_faults_elsewhere() {
        let (big, little) = (ByteOrder::BigEndian, ByteOrder::LittleEndian);
        for (order, kind) in [(big, 3), (big, 4), (little, 3), (little, 4)] {
            // A next directory that lies nowhere, one that is there, and bytes that end too early.
            for next in [&[0x7f; 4][..], &[0; 4], &[]] {
                let bytes = exif(order, kind, next);
                assert_eq!(orientation(&bytes), of_number(6), "{order:?}, {kind}");
                assert_eq!(orientation(&[b"Exif\0\0", &bytes[..]].concat()), of_number(6));
                for length in 0..20 {
                    assert_eq!(
                        orientation(&bytes[..length]),
                        Orientation::UPRIGHT,
                        "{length} bytes"
                    );
                }
            }
        }
        assert_eq!(orientation(&exif(big, 2, &[])), Orientation::UPRIGHT);
        assert_eq!(orientation(b"II*\0\xff\xff\xff\xff"), Orientation::UPRIGHT);
    }

    /// As the specification puts it: the 0th row is the visual …, the 0th column is the visual ….
    #[test]
    fn orientations_match_the_specification() {
        let stored = Size::new(5, 3).unwrap();
        for (number, row, column) in [
            (1, "top", "left"),
            (2, "top", "right"),
            (3, "bottom", "right"),
            (4, "bottom", "left"),
            (5, "left", "top"),
            (6, "right", "top"),
            (7, "right", "bottom"),
            (8, "left", "bottom"),
        ] {
            let orientation = of_number(number);
            let seen = orientation.size(stored);
            let side = |part: Rect| {
                let place = orientation.from_upright(part, stored);
                let Point { x, y } = place.origin();
                match (place.size().width(), place.size().height()) {
                    (width, 1) if width == seen.width() => {
                        if y == 0 {
                            "top"
                        } else {
                            "bottom"
                        }
                    }
                    (1, height) if height == seen.height() => {
                        if x == 0 {
                            "left"
                        } else {
                            "right"
                        }
                    }
                    _ => "no side",
                }
            };
            let first = (Rect::spanning(0..5, 0..1).unwrap(), Rect::spanning(0..1, 0..3).unwrap());
            assert_eq!((side(first.0), side(first.1)), (row, column), "{number}");
        }
        assert_eq!([0, 9, u32::MAX].map(of_number), [Orientation::UPRIGHT; 3]);
    }

    #[test]
    fn ignores_invalid_orientations() {
        for exif in [&b""[..], b"Exif\0\0", b"II*\0", b"MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03"] {
            assert_eq!(orientation(exif), Orientation::UPRIGHT);
        }
        let six = b"Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0";
        assert_eq!(orientation(six), of_number(6));
        assert_eq!(orientation(&six[6..]), of_number(6));
    }
}
