//! How an image lies, by the number that EXIF and TIFF have for it.
//!
//! Tag 274 of both: which sides of the picture as it is to be seen the first stored row and column are (Exif 3.0, 4.6.5; TIFF 6.0, `Orientation`).
//! What always holds: what makes no sense means nothing, and pictures are then shown as they are stored.

use crate::geometry::{Flip, Orientation, Rotation};

/// How a picture with such EXIF is to be turned and mirrored. `exif` begins with a TIFF header, or with the signature before that.
pub(super) fn orientation(exif: &[u8]) -> Orientation {
    let exif = exif.strip_prefix(b"Exif\0\0").unwrap_or(exif);
    let Ok(exif) = exif::Reader::new().read_raw(exif.to_vec()) else { return Orientation::UPRIGHT };
    let field = exif.get_field(exif::Tag::Orientation, exif::In::PRIMARY);
    field.and_then(|field| field.value.get_uint(0)).map_or(Orientation::UPRIGHT, of_number)
}

/// How a picture with this number is to be turned and mirrored.
pub(super) fn of_number(number: u32) -> Orientation {
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

    /// The specification's own words: the 0th row is the visual …, the 0th column is the visual ….
    #[test]
    fn first_row_and_column_are_at_the_sides_that_the_specification_names() {
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
    fn nonsense_means_nothing() {
        for exif in [&b""[..], b"Exif\0\0", b"II*\0", b"MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03"] {
            assert_eq!(orientation(exif), Orientation::UPRIGHT);
        }
        let six = b"Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0";
        assert_eq!(orientation(six), of_number(6));
        assert_eq!(orientation(&six[6..]), of_number(6));
    }
}
