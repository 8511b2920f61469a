//! Files that are refused: damaged, unsupported, or claiming more than they have.

use super::*;

#[test]
fn rejects_unsupported_components_when_opened() {
    for encoding in [
        Encoding { signed: true, ..Encoding::new(16, 16, 1, 8) },
        Encoding { step: 2, ..Encoding::new(16, 16, 3, 8) },
        Encoding::new(16, 16, 5, 8),
        Encoding::new(16, 16, 1, 17),
    ] {
        let file = encoding.encode(&encoding.samples());
        assert!(matches!(opened(&file), Err(ImageError::Unsupported { .. })));
    }
}

#[test]
fn rejects_truncated_files_and_false_sizes_when_opened() {
    let (_, whole) = Encoding::new(60, 40, 3, 8).tiled(32, 32).made();
    let file = in_boxes(&[enumerated(16)], &whole);
    assert!(decoded(&file).is_ok());
    for file in [&whole, &file] {
        for length in 0..file.len() {
            assert!(opened(&file[..length]).is_err(), "{length} of {}", file.len());
        }
        // What follows the end is ignored.
        assert!(
            decoded(&[&file[..], b"\nand more"].concat()).unwrap().1 == decoded(file).unwrap().1
        );
    }
    // Offsets of the SIZ fields in the codestream.
    for (at, value) in [
        (8, u32::MAX),
        (8, 0),
        (12, 0x7fff_ffff),
        (16, 60),
        (20, 41),
        (24, 0),
        (24, 1),
        (28, 1),
        (32, 33),
        (36, 2),
    ] {
        let mut changed = whole.clone();
        changed[at..at + 4].copy_from_slice(&value.to_be_bytes());
        assert!(opened(&changed).is_err(), "{at}: {value}");
    }
    let (_, mut bomb) = Encoding::new(60, 40, 3, 8).made();
    for at in [8, 12, 24, 28] {
        bomb[at..at + 4].copy_from_slice(&0x8000_u32.to_be_bytes());
    }
    assert!(opened(&bomb).unwrap().0.held_bytes >= 12 << 30);
    bomb[40..42].copy_from_slice(&16_384_u16.to_be_bytes());
    assert!(opened(&bomb).is_err());
    assert!(matches!(opened(b""), Err(ImageError::Truncated)));
    let missing = Path::new("no such file");
    assert!(matches!(
        open(missing, Request { page: 1, memory: 0 }),
        Err(ImageError::NoSuchPage { pages: 1 })
    ));
    assert!(matches!(open(missing, Request { page: 0, memory: 0 }), Err(ImageError::System(_))));
}

#[test]
fn rejects_truncated_tiles() {
    let encoding = Encoding::new(60, 40, 1, 8);
    let (_, file) = encoding.made();
    let start = file.windows(2).position(|marker| marker == [0xff, 0x90]).unwrap();
    let length = (file.len() - 2 - start) as u32;
    let mut refused = 0;
    for cut in 1..length - 20 {
        let mut file = file.clone();
        file.truncate(file.len() - 2 - cut as usize);
        file.extend_from_slice(&[0xff, 0xd9]);
        file[start + 6..start + 10].copy_from_slice(&(length - cut).to_be_bytes());
        refused += usize::from(matches!(decoded(&file), Err(ImageError::Malformed { .. })));
    }
    // If a cut falls between two packets, the second one could be empty.
    let boundaries = 2 * encoding.resolutions as usize;
    assert!(refused + boundaries >= length as usize - 21, "{refused} of {length}");
}

/// A codestream's main header, and its tile-parts.
fn taken_apart(file: &[u8]) -> (&[u8], Vec<&[u8]>) {
    let start = file.windows(2).position(|marker| marker == [0xff, 0x90]).unwrap();
    let (header, mut rest) = file.split_at(start);
    let mut parts = Vec::new();
    while rest.len() > 2 {
        let length = u32::from_be_bytes(rest[6..10].try_into().unwrap());
        let (part, others) = rest.split_at(length as usize);
        parts.push(part);
        rest = others;
    }
    assert_eq!(rest, [0xff, 0xd9]);
    (header, parts)
}

fn put_together(header: &[u8], parts: &[impl AsRef<[u8]>]) -> Vec<u8> {
    let parts = parts.iter().flat_map(AsRef::as_ref).copied();
    header.iter().copied().chain(parts).chain([0xff, 0xd9]).collect()
}

#[test]
fn requires_all_tile_parts_in_order() {
    /// Where a tile-part has how many of them its tile has.
    const COUNT: usize = 11;
    for encoding in [Encoding::new(60, 40, 3, 8), Encoding::new(60, 40, 3, 8).tiled(32, 32)] {
        let encoding = Encoding { in_parts: true, ..encoding };
        let (samples, file) = encoding.made();
        let (header, parts) = taken_apart(&file);
        let tiles = if encoding.tile.is_some() { 4 } else { 1 };
        assert_eq!(parts.len(), 3 * tiles);
        let expected = encoding.rows(&samples);
        assert!(decoded(&file).unwrap().1 == expected);
        for missing in 0..parts.len() {
            let rest = [&parts[..missing], &parts[missing + 1..]].concat();
            assert!(
                matches!(opened(&put_together(header, &rest)), Err(ImageError::Malformed { .. })),
                "{missing}"
            );
            let twice = [&parts[..=missing], &parts[missing..]].concat();
            assert!(
                matches!(opened(&put_together(header, &twice)), Err(ImageError::Malformed { .. })),
                "{missing}"
            );
        }
        let mut swapped = parts.clone();
        swapped.swap(0, 1);
        assert!(matches!(
            opened(&put_together(header, &swapped)),
            Err(ImageError::Malformed { .. })
        ));
        let mut owned: Vec<Vec<u8>> = parts.iter().map(|part| part.to_vec()).collect();
        owned[1][COUNT] = 4;
        assert!(matches!(opened(&put_together(header, &owned)), Err(ImageError::Malformed { .. })));
        // Parts need not state their number, and those of different tiles may be interleaved.
        for part in &mut owned {
            part[COUNT] = if part[10] == 2 { 3 } else { 0 };
        }
        assert!(decoded(&put_together(header, &owned)).unwrap().1 == expected);
        owned.sort_by_key(|part| part[10]);
        assert!(decoded(&put_together(header, &owned)).unwrap().1 == expected);
        for part in &mut owned {
            part[COUNT] = 0;
        }
        assert!(decoded(&put_together(header, &owned)).unwrap().1 == expected);
    }
}

/// A segment of a component's coding: not halved, in blocks of 4 by 4.
const SMALL_BLOCKS: [u8; 11] = [0xff, 0x53, 0, 9, 0, 0, 0, 0, 0, 0, 1];

#[test]
fn counts_code_blocks_precincts_and_layers_of_every_segment() {
    let (_, mut plain) = Encoding { resolutions: 1, ..Encoding::new(60, 40, 1, 8) }.made();
    for at in [8, 12, 24, 28] {
        plain[at..at + 4].copy_from_slice(&4096_u32.to_be_bytes());
    }
    let coding = plain.windows(2).position(|marker| marker == [0xff, 0x52]).unwrap();
    let part = plain.windows(2).position(|marker| marker == [0xff, 0x90]).unwrap();
    let with = |at: usize, segment: &[u8]| {
        let mut file = plain.clone();
        file.splice(at..at, segment.iter().copied());
        if at > part {
            let length = (plain.len() - 2 - part + segment.len()) as u32;
            file[part + 6..part + 10].copy_from_slice(&length.to_be_bytes());
        }
        file
    };
    let held = |file: &[u8]| opened(file).unwrap().0.held_bytes;
    assert!(held(&plain) < 100 << 20);
    let mut of_all = plain.clone();
    of_all[coding + 10..coding + 12].fill(0);
    // A million blocks.
    for file in
        [of_all.clone(), with(coding + 14, &SMALL_BLOCKS), with(part + 12, &SMALL_BLOCKS), {
            let of_tile = &of_all[coding..coding + 14];
            with(part + 12, of_tile)
        }]
    {
        assert!(held(&file) > 512 << 20);
    }
    // Precincts of 2 by 2 samples: four million packets.
    let precincts = |segment: &[u8], style: usize| {
        let mut segment = [segment, &[0x11]].concat();
        segment[3] += 1;
        segment[style] = 1;
        segment
    };
    let refused = |file: &[u8]| matches!(opened(file), Err(ImageError::Malformed { problem }) if problem.contains("packets"));
    assert!(refused(&with(coding + 14, &precincts(&SMALL_BLOCKS, 5))));
    assert!(refused(&with(part + 12, &precincts(&SMALL_BLOCKS, 5))));
    assert!(refused(&with(part + 12, &precincts(&of_all[coding..coding + 14], 4))));
    // Layers need at least an empty packet each.
    let mut layers = Encoding { resolutions: 1, ..Encoding::new(60, 40, 1, 8) }.made().1;
    layers[coding + 6..coding + 8].copy_from_slice(&20_000_u16.to_be_bytes());
    assert!(refused(&layers));
    let end = layers.len() - 2;
    layers.splice(end..end, vec![0; 20_000]);
    layers[part + 6..part + 10].copy_from_slice(&((end + 20_000 - part) as u32).to_be_bytes());
    assert!(decoded(&layers).is_ok());
}

/// By the equations of B.5 to B.7: precincts of 2×2 samples at each resolution of 128×128, and of 1
/// at the smallest.
#[test]
fn counts_packets_by_the_standard() {
    let segment =
        [0xff, 0x52, 0, 18, 1, 0, 0xff, 0xff, 0, 5, 4, 4, 0, 1, 0, 0x11, 0x11, 0x11, 0x11, 0x11];
    let coding = coding::Coding::of(&segment, 1).unwrap();
    let component = component::Component { bits: 8, sign: component::Sign::Unsigned, step: (1, 1) };
    let contents = coding.contents(&[component], (&(0..128), &(0..128)));
    assert_eq!(contents.packets, 65_535 * (16 + 16 + 64 + 256 + 1024 + 4096));
    assert!(contents.table_bytes > 65_536 * 2 * 6 * 4096);
    // A row from an odd column: 63 samples of the finest resolution, in 33 precincts.
    let contents = coding.contents(&[component], (&(65..129), &(7..8)));
    assert_eq!(contents.packets, 65_535 * 33);
}
