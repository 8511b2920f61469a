//! Small TIFF files with any number of pages and tags.

use slidezoom_fixtures::{ByteOrder, Container, Field, TiffWriter, Values};

use crate::workspace::Workspace;

/// The size of every page: three tiles by two. libtiff 4.7 cannot read uncompressed tiles below
/// 1024 bytes.
pub const SIZE: (u32, u32) = (96, 64);
pub const TILE: u16 = 32;

/// How pages store their pixels. OpenSlide opens only tiled files.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Storage {
    Strips,
    Tiles,
}

pub fn field(tag: u16, values: Values) -> Field {
    Field { tag, values }
}

pub fn short(tag: u16, value: u16) -> Field {
    field(tag, Values::Short(vec![value]))
}

/// Writes an uncompressed page in one strip and returns its fields. `samples` is the photometric
/// interpretation, the bits of a sample, and the number of channels.
pub fn single_strip(
    writer: &mut TiffWriter,
    (width, height): (u32, u32),
    samples: (u16, u16, u16),
    strip: &[u8],
) -> Vec<Field> {
    let (photometric, bits, channels) = samples;
    let offset = writer.append(strip).unwrap();
    vec![
        field(256, Values::Long(vec![width])),
        field(257, Values::Long(vec![height])),
        field(258, Values::Short(vec![bits; usize::from(channels)])),
        short(259, 1),
        short(262, photometric),
        field(273, Values::Offsets(vec![offset])),
        short(277, channels),
        field(278, Values::Long(vec![height])),
        field(279, Values::Long(vec![strip.len() as u32])),
    ]
}

/// Writes pages of 8-bit gray. `pages` has the additional fields of each page, which replace the
/// usual ones with the same tags.
pub fn write(workspace: &Workspace, name: &str, storage: Storage, pages: Vec<Vec<Field>>) {
    let mut writer =
        TiffWriter::create(&workspace.path(name), Container::Classic, ByteOrder::Little).unwrap();
    for fields in pages {
        let samples = fields.iter().find_map(|field| match (field.tag, &field.values) {
            (277, Values::Short(samples)) => Some(u32::from(samples[0])),
            _ => None,
        });
        let parts = if storage == Storage::Tiles { 6 } else { 1 };
        let bytes = SIZE.0 * SIZE.1 / parts * samples.unwrap_or(1);
        let offsets = (0..parts)
            .map(|part| writer.append(&vec![100 + 20 * part as u8; bytes as usize]).unwrap())
            .collect();
        let mut usual = vec![
            field(256, Values::Long(vec![SIZE.0])),
            field(257, Values::Long(vec![SIZE.1])),
            field(258, Values::Short(vec![8; samples.unwrap_or(1) as usize])),
            short(259, 1),
            short(262, 1),
            short(277, 1),
        ];
        let lengths = Values::Long(vec![bytes; parts as usize]);
        usual.extend(match storage {
            Storage::Strips => [
                field(273, Values::Offsets(offsets)),
                short(278, SIZE.1 as u16),
                field(279, lengths),
            ]
            .to_vec(),
            Storage::Tiles => [
                short(322, TILE),
                short(323, TILE),
                field(324, Values::Offsets(offsets)),
                field(325, lengths),
            ]
            .to_vec(),
        });
        usual.retain(|field| fields.iter().all(|own| own.tag != field.tag));
        writer.directory([usual, fields].concat()).unwrap();
    }
    writer.finish().unwrap();
}
