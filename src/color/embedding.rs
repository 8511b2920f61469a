//! ICC profiles in JPEG files, according to ICC.1:2022 B.4.

use super::IccProfile;

/// The signature of each segment with a part of a profile.
const PART_SIGNATURE: &[u8; 12] = b"ICC_PROFILE\0";

/// The bytes of a segment before the profile's own: its length, the signature, the part's number
/// and the number of parts.
const PART_HEAD_BYTES: usize = 2 + PART_SIGNATURE.len() + 2;

const PART_BYTES: usize = 65_535 - PART_HEAD_BYTES;

/// The length of the longest profile that fits into a JPEG file.
pub(crate) const LONGEST_PROFILE: usize = 255 * PART_BYTES;

/// Inserts a profile into a JPEG file, in `APP2` segments after the JFIF header if there is one.
///
/// # Panics
/// Panics if `jpeg` does not begin with a JPEG signature.
pub fn embed_in_jpeg(jpeg: &mut Vec<u8>, profile: &IccProfile) {
    assert!(jpeg.starts_with(&[0xff, 0xd8]), "not a JPEG file");
    // JFIF must come first.
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
    fn splits_a_long_profile_after_the_jfif_header() {
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
