#![expect(clippy::cast_sign_loss, reason = "samples are above 0")]

use std::io::{Seek, SeekFrom, Write};

use super::*;
use crate::codec::decode::decoded::{all_rows, piped};

const REQUEST: Request = Request { page: 0, memory: 1 << 20 };

/// Returns the header and the rows of an image, decoded two at a time.
fn decoded(input: Input) -> Result<(ImageHeader, Vec<u8>), ImageError> {
    all_rows(open(input, REQUEST)?, 2)
}

fn rows(file: &[u8]) -> Vec<u8> {
    decoded(piped(file)).unwrap().1
}

fn with(header: &str, samples: &[u8]) -> Vec<u8> {
    [header.as_bytes(), samples].concat()
}

#[test]
fn reads_the_examples_of_the_manual_pages() {
    // The examples of pbm(5), pgm(5) and ppm(5).
    let j = b"P1\n# This is an example bitmap of the letter \"J\"\n6 10\n0 0 0 0 1 0\n0 0 0 0 1 0\n0 0 0 0 1 0\n0 0 0 0 1 0\n0 0 0 0 1 0\n0 0 0 0 1 0\n1 0 0 0 1 0\n0 1 1 1 0 0\n0 0 0 0 0 0\n0 0 0 0 0 0\n";
    let (header, bits) = decoded(piped(j)).unwrap();
    assert_eq!(bits, [8, 8, 8, 8, 8, 8, 0b1000_1000, 0b0111_0000, 0, 0]);
    assert_eq!((header.samples.sample, header.samples.inverted), (SampleType::Bits(1), true));
    let mut ppm = b"P3\n# feep.ppm\n4 4\n15\n 0  0  0    0  0  0    0  0  0   15  0 15\n 0  0  0    0 15  7    0  0  0    0  0  0\n 0  0  0    0  0  0    0 15  7    0  0  0\n15  0 15    0  0  0    0  0  0    0  0  0\n".to_vec();
    let mut expected = [[[0; 3]; 4]; 4];
    (expected[0][3], expected[3][0]) = ([255, 0, 255], [255, 0, 255]);
    (expected[1][1], expected[2][2]) = ([0, 255, 119], [0, 255, 119]);
    assert_eq!(rows(&ppm), expected.as_flattened().as_flattened());
    // The last number may be the file's last byte.
    ppm.pop();
    assert_eq!(rows(&ppm), expected.as_flattened().as_flattened());
    assert_eq!(
        decoded(piped(&ppm)).unwrap().0.coding,
        "plain PPM, values up to 15 scaled to 8 bits"
    );
}

#[test]
fn scales_from_every_maximum_in_plain_and_raw() {
    for largest in
        [1, 2, 3, 7, 15, 100, 127, 254, 255, 256, 300, 511, 1023, 4095, 32_768, 65_534, 65_535_u32]
    {
        let values: Vec<u32> =
            (0..=largest).step_by(largest as usize / 50 + 1).chain([largest]).collect();
        let most: u32 = if largest > 255 { 65_535 } else { 255 };
        let expected: Vec<u32> = values
            .iter()
            .map(|&value| (f64::from(value) * f64::from(most) / f64::from(largest)).round() as u32)
            .collect();
        let bytes = |values: &[u32]| -> Vec<u8> {
            let words = values.iter().flat_map(|&value| (value as u16).to_be_bytes());
            if largest > 255 {
                words.collect()
            } else {
                values.iter().map(|&value| value as u8).collect()
            }
        };
        let text = values.iter().map(u32::to_string).collect::<Vec<_>>().join("\n");
        let size = format!("{} 1 {largest}\n", values.len());
        assert_eq!(
            rows(&with(&format!("P5 {size}"), &bytes(&values))),
            bytes(&expected),
            "{largest}"
        );
        assert_eq!(
            rows(&with(&format!("P2 {size}"), text.as_bytes())),
            bytes(&expected),
            "{largest}"
        );
        if largest < 65_535 && largest != 255 {
            let beyond = [largest + 1];
            let header = format!("1 1 {largest}\n");
            for file in [
                with(&format!("P5 {header}"), &bytes(&beyond)),
                with(&format!("P2 {header}"), beyond[0].to_string().as_bytes()),
            ] {
                assert!(
                    matches!(decoded(piped(&file)), Err(ImageError::Malformed { .. })),
                    "{largest}"
                );
            }
        }
    }
    let above = decoded(piped(b"P2 1 1 65535 65536 "));
    assert!(matches!(above, Err(ImageError::Malformed { .. })));
}

#[test]
fn reads_white_space_and_comments_as_netpbm_does() {
    let expected: Vec<u8> = (0..6).collect();
    for header in [
        "P5 3 2 255\n",
        "P5\n#one\n3#two\n2\n255\n",
        "P5\t3\r\n2\x0b255 ",
        "P5#c\r3\n\n\n2\n#c\n#c\n255#the comment's end is the one white space\n",
    ] {
        assert_eq!(rows(&with(header, &expected)), expected, "{header:?}");
    }
    // The one byte of white space is not two, and a comment behind it is samples.
    assert_eq!(rows(b"P5 3 1 255\n\n#1"), b"\n#1");
    assert_eq!(rows(b"P1 3 2 #c\n10#1\n1 0\n\n0#\n#\n1"), [0b1010_0000, 0b0010_0000]);
    assert_eq!(rows(b"P2 3 1 255 1#2\n2 003"), [1, 2, 3]);
}

#[test]
fn reads_pam_tuple_types() {
    for (tuple_type, depth, channels) in [
        ("TUPLTYPE GRAYSCALE\n", 1, Channels::Gray),
        ("TUPLTYPE GRAYSCALE_ALPHA\n", 2, Channels::GrayAlpha(Alpha::Straight)),
        ("TUPLTYPE RGB\n", 3, Channels::Rgb),
        ("TUPLTYPE RGB_ALPHA\n", 4, Channels::Rgba(Alpha::Straight)),
        ("", 1, Channels::Gray),
        ("", 3, Channels::Rgb),
    ] {
        let samples: Vec<u8> = (0..2 * depth).collect();
        let file = with(
            &format!(
                "P7\n# c\nWIDTH 2\n\nHEIGHT 1\n{tuple_type}MAXVAL 255\nDEPTH {depth}\nENDHDR\n"
            ),
            &samples,
        );
        let (header, rows) = decoded(piped(&file)).unwrap();
        assert_eq!((header.samples.channels, rows), (channels, samples));
    }
    let bits = b"P7\nWIDTH 2\nHEIGHT 1\nDEPTH 2\nMAXVAL 1\nTUPLTYPE BLACKANDWHITE_ALPHA\nENDHDR\n\0\x01\x01\0";
    let (header, rows) = decoded(piped(bits)).unwrap();
    assert_eq!((header.samples.inverted, rows), (false, vec![0, 255, 255, 0]));
    for header in [
        "WIDTH 1\nHEIGHT 1\nMAXVAL 255\nDEPTH 2\n",
        "WIDTH 1\nHEIGHT 1\nMAXVAL 255\nDEPTH 3\nTUPLTYPE GRAYSCALE\n",
        "WIDTH 1\nHEIGHT 1\nMAXVAL 255\nDEPTH 4\nTUPLTYPE CMYK\n",
    ] {
        let answer = decoded(piped(&with(&format!("P7\n{header}ENDHDR\n"), &[0; 4])));
        assert!(matches!(answer, Err(ImageError::Unsupported { .. })), "{header}");
    }
    for header in ["WIDTH 1\nHEIGHT 1\nDEPTH 1\n", "WIDTH 1\nWIDTH 1\n", "LENGTH 1\n", "WIDTH -1\n"]
    {
        let answer = decoded(piped(&with(&format!("P7\n{header}ENDHDR\n"), &[0; 4])));
        assert!(matches!(answer, Err(ImageError::Malformed { .. })), "{header}");
    }
}

#[test]
fn passes_on_raw_bits_and_ignores_what_follows() {
    assert_eq!(
        rows(&with("P4 9 2\n", &[0b1010_1010, 0x80, 0x0f, 0x7f, 1, 2, 3])),
        [0b1010_1010, 0x80, 0x0f, 0x7f]
    );
    assert_eq!(rows(b"P6 1 1 255\nabcP6 1 1 255\nxyz"), b"abc");
    assert_eq!(rows(b"P6 1 1 65535\nabcdef"), b"abcdef");
}

#[test]
fn rejects_truncated_files_before_their_rows_if_the_length_is_known() {
    for file in [
        &b"P4 9 2\n1234"[..],
        b"P5 3 2 255\n123456",
        b"P6 1 2 1000\n\0a\0b\0c\0d\0e\0f",
        b"P1 3 1 0 1 1",
        b"P3 1 1 9 1 2 3",
    ] {
        assert!(decoded(piped(file)).is_ok());
        for length in 0..file.len() {
            assert!(decoded(piped(&file[..length])).is_err(), "{length} of {file:?}");
        }
    }
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(b"P6 2147483647 2147483647 65535\n12345").unwrap();
    file.seek(SeekFrom::Start(0)).unwrap();
    assert!(matches!(open(Input::File(file), REQUEST), Err(ImageError::Truncated)));
    for (size, plain) in [("0 1", "P1"), ("2147483648 1", "P4"), ("99999999999999999999 1", "P5")] {
        assert!(open(piped(format!("{plain} {size} 255\n1").as_bytes()), REQUEST).is_err());
    }
    assert!(open(piped(&with("P5 #", &vec![b'c'; 1 << 20])), REQUEST).is_err());
    assert!(decoded(piped(&with("P2 1 1 255\n", &vec![b' '; 1 << 20]))).is_err());
    let second = open(piped(b"P5 1 1 255\n1"), Request { page: 1, ..REQUEST });
    assert!(matches!(second, Err(ImageError::NoSuchPage { pages: 1 })));
}

#[test]
fn decodes_or_rejects_two_thousand_damaged_files() {
    let files = [
        with("P5\n# gray\n7 5\n255\n", &(0..35).collect::<Vec<_>>()),
        with("P6 3 3 1023\n", &[1; 54]),
        b"P3 2 2 15\n1 2 3 4 5 6 7 8 9 10 11 12\n".to_vec(),
        with(
            "P7\nWIDTH 3\nHEIGHT 2\nDEPTH 2\nMAXVAL 255\nTUPLTYPE GRAYSCALE_ALPHA\nENDHDR\n",
            &[7; 12],
        ),
    ];
    let mut random = slidezoom_fixtures::Random::new(1);
    for round in 0..2_000 {
        let file = random.damaged(&files[round % files.len()]);
        let Ok((header, mut decoder)) = open(piped(&file), REQUEST) else { continue };
        let row_bytes = header.samples.row_bytes(header.size.width());
        if row_bytes > 1 << 20 {
            continue;
        }
        let mut row = vec![0; row_bytes];
        // A file of some hundred bytes has no more rows.
        let rows =
            (0..header.size.height()).take_while(|_| decoder.decode_rows(&mut row).is_ok()).count();
        assert!(rows <= file.len());
    }
}
