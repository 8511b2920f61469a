//! ICC profiles inside JPEG files, by ICC.1:2022 B.4.

use super::IccProfile;

/// What introduces each part of a profile in a JPEG file.
const PART_SIGNATURE: &[u8; 12] = b"ICC_PROFILE\0";

/// A part's bytes beside the profile's own: the segment's length, the signature, which part it is and of how many.
const PART_HEAD_BYTES: usize = 2 + PART_SIGNATURE.len() + 2;

const PART_BYTES: usize = 65_535 - PART_HEAD_BYTES;

pub(crate) const LONGEST_PROFILE: usize = 255 * PART_BYTES;

/// Puts a profile into a JPEG file, as ICC.1:2022 B.4 says: in `APP2` segments, behind the JFIF header where there is one.
///
/// # Panics
/// Where `jpeg` does not begin as a JPEG file does, which is none of an encoder's.
pub fn embed_in_jpeg(jpeg: &mut Vec<u8>, profile: &IccProfile) {
    assert!(jpeg.starts_with(&[0xff, 0xd8]), "no JPEG file");
    // JFIF wants to be first.
    let at = match jpeg.get(2..6) {
        Some(&[0xff, 0xe0, high, low]) => 4 + usize::from(u16::from_be_bytes([high, low])),
        _ => 2,
    };
    let parts = profile.bytes().chunks(PART_BYTES);
    let count = parts.len();
    let at = at.min(jpeg.len());
    let mut segments = Vec::with_capacity(profile.bytes().len() + count * (PART_HEAD_BYTES + 2));
    for (number, part) in parts.enumerate() {
        segments.extend_from_slice(&[0xff, 0xe2]);
        segments.extend_from_slice(&((PART_HEAD_BYTES + part.len()) as u16).to_be_bytes());
        segments.extend_from_slice(PART_SIGNATURE);
        segments.extend_from_slice(&[number as u8 + 1, count as u8]);
        segments.extend_from_slice(part);
    }
    jpeg.splice(at..at, segments);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_profile_is_embedded_in_parts_behind_the_jfif_header() {
        let profile = IccProfile::new((0..150_000_u32).map(|at| (at % 251) as u8).collect());
        let jfif = [&[0xff, 0xe0, 0, 16][..], b"JFIF\0\x01\x01\0\0\x01\0\x01\0\0"].concat();
        for header in [jfif, Vec::new()] {
            let mut jpeg = [&[0xff, 0xd8][..], &header, &[0xff, 0xdb, 9, 9]].concat();
            embed_in_jpeg(&mut jpeg, &profile);
            let (start, mut rest) = jpeg.split_at(2 + header.len());
            assert_eq!(start, [&[0xff, 0xd8][..], &header].concat());
            let mut found = Vec::new();
            for number in 1..=3 {
                let length = usize::from(u16::from_be_bytes([rest[2], rest[3]]));
                assert_eq!((&rest[..2], &rest[4..16]), (&[0xff, 0xe2][..], &b"ICC_PROFILE\0"[..]));
                assert_eq!(rest[16..18], [number, 3]);
                found.extend_from_slice(&rest[18..2 + length]);
                rest = &rest[2 + length..];
            }
            assert!(found == profile.bytes());
            assert_eq!(rest, [0xff, 0xdb, 9, 9]);
        }
    }
}
