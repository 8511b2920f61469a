//! Damaged files: errors name the damage.

use super::*;

/// Returns the error of reading a file with these chunks, or `read`.
fn refusal(picture: &Written, chunks: &[Vec<u8>]) -> String {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("damaged.tif");
    picture.write_chunks(&path, chunks);
    match read(&path, 0) {
        Ok(_) => "read".to_owned(),
        Err(error) => error.to_string(),
    }
}

fn with(fields: Vec<Field>) -> Written {
    Written { fields, rows_per_strip: 10, ..Written::default() }
}

#[test]
fn rejects_inconsistent_tags() {
    let tiled =
        |width, height| with(vec![long(tag::TILE_WIDTH, width), long(tag::TILE_LENGTH, height)]);
    for (picture, message) in [
        (with(vec![long(tag::IMAGE_WIDTH, 0)]), "the size 0×29 is out of range"),
        (with(vec![long(tag::IMAGE_LENGTH, 1 << 31)]), "the size 37×2147483648 is out of range"),
        (with(vec![long(tag::IMAGE_LENGTH, 60)]), "its tables have 3 strips of the 6 it needs"),
        (with(vec![long(tag::ROWS_PER_STRIP, 0)]), "its strips have no rows"),
        (with(vec![long(tag::ROWS_PER_STRIP, 15)]), "strip 0: its data is truncated"),
        (
            with(vec![short(tag::SAMPLES_PER_PIXEL, &[0])]),
            "its number of samples per pixel is invalid",
        ),
        (with(vec![short(tag::PLANAR_CONFIGURATION, &[3])]), "its planar configuration is 3"),
        (tiled(0, 16), "its tiles are 0×16 pixels"),
        (tiled(1 << 31, 16), "its tiles are 2147483648×16 pixels"),
        (tiled((1 << 31) - 1, (1 << 31) - 1), "its tables have 0 tiles of the 1 it needs"),
        (
            with(vec![short(tag::COMPRESSION, &[4])]),
            "not supported: compression CCITT fax (TIFF compression 4)",
        ),
        (
            with(vec![short(tag::COMPRESSION, &[6])]),
            "not supported: compression old-style JPEG, obsolete since 1995 (TIFF compression 6)",
        ),
        (
            with(vec![short(tag::PHOTOMETRIC_INTERPRETATION, &[8])]),
            "not supported: color space CIE L*a*b*",
        ),
        (
            with(vec![short(tag::PHOTOMETRIC_INTERPRETATION, &[2])]),
            "it has 1 samples per pixel, but its colors need 3",
        ),
        (with(vec![short(tag::BITS_PER_SAMPLE, &[12])]), "not supported: 12-bit unsigned samples"),
    ] {
        assert_eq!(refusal(&picture, &picture.chunks()), message);
    }
}

#[test]
fn names_the_damaged_strip() {
    let of = |compression| Written { compression, rows_per_strip: 10, ..Written::default() };
    for (compression, name) in
        [(5, "LZW"), (8, "Deflate"), (32_773, "PackBits"), (50_000, "Zstandard")]
    {
        let picture = of(compression);
        let sound = picture.chunks();
        let mut cut = sound.clone();
        cut[1].truncate(sound[1].len() / 2);
        assert_eq!(refusal(&picture, &cut), "strip 1: its data is truncated", "{name}");
        // Excess data is accepted.
        let mut long = sound.clone();
        long[1].extend([1, 2, 3]);
        assert_eq!(refusal(&picture, &long), "read", "{name}");
        let mut missing = sound.clone();
        missing[2].clear();
        assert_eq!(
            refusal(&picture, &missing),
            "not supported: missing strips, such as strip 2",
            "{name}"
        );
    }
    let picture = of(8);
    let mut chunks = picture.chunks();
    *chunks[2].last_mut().unwrap() ^= 1;
    assert_eq!(
        refusal(&picture, &chunks),
        "strip 2: the checksum of its Deflate data does not match"
    );
    // An invalid Deflate header.
    chunks[0][0] = 0xff;
    assert_eq!(refusal(&picture, &chunks), "strip 0: its Deflate data is damaged");
    let mut chunks = of(50_000).chunks();
    chunks[1][0] ^= 1;
    assert_eq!(refusal(&of(50_000), &chunks), "strip 1: its Zstandard data is damaged");
    let mut chunks = of(5).chunks();
    chunks[1][..2].copy_from_slice(&[0, 1]);
    let message = "not supported: old-style LZW data (strip 1)";
    assert_eq!(refusal(&of(5), &chunks), message);
}

#[test]
fn rejects_truncated_files() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("cut.tif");
    for picture in [
        Written { rows_per_strip: 10, ..Written::default() },
        Written {
            compression: 8,
            tile: Some((16, 16)),
            container: Container::BigTiff,
            ..Written::default()
        },
    ] {
        picture.write(&path);
        let whole = std::fs::read(&path).unwrap();
        for length in 0..whole.len() - 8 {
            std::fs::write(&path, &whole[..length]).unwrap();
            assert!(read(&path, 0).is_err(), "{length} bytes of {}", whole.len());
        }
    }
}

#[test]
fn rejects_loops_of_directories() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("loop.tif");
    Written::default().write(&path);
    let mut bytes = std::fs::read(&path).unwrap();
    let first: [u8; 4] = bytes[4..8].try_into().unwrap();
    let end = bytes.len();
    bytes[end - 4..].copy_from_slice(&first);
    std::fs::write(&path, &bytes).unwrap();
    let Err(error) = read(&path, 0) else { panic!("it was read") };
    assert_eq!(error.to_string(), "its TIFF directories form a loop");
}
