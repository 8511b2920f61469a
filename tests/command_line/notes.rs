//! The notes of `export` about content that it does not show: other pages, undefined samples, and
//! images that are almost black.

use std::fs::File;

use serde_json::{Value, json};
use slidezoom_fixtures::{ByteOrder, Container, Field, TiffWriter, Values};

use crate::tiff_files::{SIZE, Storage, TILE, field, short, write};
use crate::workspace::Workspace;

fn slide(workspace: &Workspace, name: &str) -> Value {
    let run = workspace.slidezoom(["info", "--quick", "--json", name]).succeeds();
    serde_json::from_slice::<Value>(&run.stdout).unwrap()["slide"].clone()
}

/// Exports an image and returns the notes on stderr, without its name.
fn notes(workspace: &Workspace, name: &str, options: &[&str]) -> Vec<String> {
    let run = workspace
        .export([&[name, "-o", "out", "--overwrite", "--progress", "none"], options].concat())
        .succeeds();
    run.stderr.lines().filter_map(|line| Some(line.split_once("note: ")?.1.to_owned())).collect()
}

#[test]
fn notes_other_pages() {
    let workspace = Workspace::new();
    let reduced = || vec![short(254, 1)];
    for storage in [Storage::Strips, Storage::Tiles] {
        write(&workspace, "pages.tif", storage, vec![vec![], vec![], vec![]]);
        assert_eq!(
            notes(&workspace, "pages.tif", &[]),
            ["page 1 of 3 is exported: --page chooses another"],
            "{storage:?}"
        );
        assert_eq!(slide(&workspace, "pages.tif")["pages"], json!(3), "{storage:?}");
        let table = workspace.slidezoom(["info", "--quick", "pages.tif"]).succeeds();
        assert!(table.text().contains("\npages             3\n"), "{table:?}");
        for page in ["1", "2"] {
            assert_eq!(notes(&workspace, "pages.tif", &["--page", page]), [""; 0], "{storage:?}");
        }
        // Reduced versions and masks are not pages.
        for pages in [vec![vec![]], vec![vec![], reduced(), vec![short(254, 4)]]] {
            write(&workspace, "one.tif", storage, pages);
            assert_eq!(notes(&workspace, "one.tif", &[]), [""; 0], "{storage:?}");
            assert_eq!(slide(&workspace, "one.tif")["pages"], Value::Null, "{storage:?}");
            assert!(
                !workspace
                    .slidezoom(["info", "--quick", "one.tif"])
                    .succeeds()
                    .text()
                    .contains("pages")
            );
        }
    }
    write(&workspace, "pages.tif", Storage::Strips, vec![vec![], vec![]]);
    let run = workspace
        .export(["pages.tif", "-o", "out", "--overwrite", "--progress", "json"])
        .succeeds();
    let message = "page 1 of 2 is exported: --page chooses another";
    let event = run.stderr.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    assert!(
        event.into_iter().any(|event| event["event"] == "warning" && event["message"] == message),
        "{run:?}"
    );
}

#[test]
fn notes_animation_frames() {
    let workspace = Workspace::new();
    let mut encoder =
        png::Encoder::new(File::create(workspace.path("moving.png")).unwrap(), 20, 10);
    encoder.set_animated(3, 0).unwrap();
    let mut writer = encoder.write_header().unwrap();
    for frame in 0..3 {
        writer.write_image_data(&[50 * frame; 200]).unwrap();
    }
    writer.finish().unwrap();
    let note = "the first of 3 pages is exported; the others are not supported";
    assert_eq!(notes(&workspace, "moving.png", &[]), [note]);
    assert_eq!(slide(&workspace, "moving.png")["pages"], json!(3));
}

#[test]
fn notes_undefined_samples() {
    let workspace = Workspace::new();
    let gray = |samples: u16, more: Vec<Field>| [vec![short(277, samples)], more].concat();
    let note = |samples: &str, they: &str| {
        vec![format!("each pixel has {samples} of unknown meaning; {they} not shown")]
    };
    for (fields, unshown, expected) in [
        (gray(5, vec![]), 4, note("4 extra samples", "they are")),
        (gray(3, vec![field(338, Values::Short(vec![2, 0]))]), 1, note("1 extra sample", "it is")),
        (gray(2, vec![short(338, 2)]), 0, vec![]),
        (gray(1, vec![]), 0, vec![]),
    ] {
        write(&workspace, "samples.tif", Storage::Strips, vec![fields]);
        assert_eq!(notes(&workspace, "samples.tif", &[]), expected);
        assert_eq!(slide(&workspace, "samples.tif")["unshownSamples"], json!(unshown));
    }
}

/// Writes 16-bit gray pixels with this maximum.
fn write_deep(
    workspace: &Workspace,
    largest: u16,
    storage: Storage,
    order: ByteOrder,
    more: Vec<Field>,
) {
    let mut writer =
        TiffWriter::create(&workspace.path("deep.tif"), Container::BigTiff, order).unwrap();
    let area = (SIZE.0 * SIZE.1) as usize;
    let values = (0..area).map(|at| if at == area / 2 { largest } else { largest / 2 });
    let bytes: Vec<u8> = match order {
        ByteOrder::Little => values.flat_map(u16::to_le_bytes).collect(),
        ByteOrder::Big => values.flat_map(u16::to_be_bytes).collect(),
    };
    let parts = if storage == Storage::Tiles { 6 } else { 1 };
    let length = bytes.len() / parts;
    let offsets = bytes.chunks(length).map(|part| writer.append(part).unwrap()).collect();
    let lengths = Values::Long(vec![length as u32; parts]);
    let fields = vec![
        field(256, Values::Long(vec![SIZE.0])),
        field(257, Values::Long(vec![SIZE.1])),
        short(258, 16),
        short(259, 1),
        short(262, 1),
        short(277, 1),
    ];
    let part_fields = match storage {
        Storage::Strips => vec![
            field(273, Values::Offsets(offsets)),
            short(278, SIZE.1 as u16),
            field(279, lengths),
        ],
        Storage::Tiles => {
            vec![
                short(322, TILE),
                short(323, TILE),
                field(324, Values::Offsets(offsets)),
                field(325, lengths),
            ]
        }
    };
    let mut fields = [fields, part_fields].concat();
    fields.retain(|field| more.iter().all(|own| own.tag != field.tag));
    writer.directory([fields, more].concat()).unwrap();
    writer.finish().unwrap();
}

#[test]
fn notes_dark_samples() {
    let workspace = Workspace::new();
    for (storage, order) in [(Storage::Strips, ByteOrder::Little), (Storage::Tiles, ByteOrder::Big)]
    {
        for (largest, white) in [
            (4095, Some(4095)),
            (2600, Some(4095)),
            (1, Some(1)),
            (8191, Some(8191)),
            (8192, None),
            (0, None),
        ] {
            write_deep(&workspace, largest, storage, order, vec![]);
            let expected = white.map(|white| {
                let dark =
                    format!("the image is almost black: no sample is above {largest} of 65535");
                format!("{dark}: --range 0,{white} shows it bright")
            });
            for jobs in ["1", "2"] {
                let found = notes(&workspace, "deep.tif", &["--jobs", jobs]);
                assert_eq!(
                    found,
                    expected.clone().into_iter().collect::<Vec<_>>(),
                    "{storage:?}, {largest}"
                );
            }
        }
        // A chosen range needs no note.
        write_deep(&workspace, 4095, storage, order, vec![]);
        assert_eq!(notes(&workspace, "deep.tif", &["--range", "0,65535"]), [""; 0]);
        // With photometric interpretation 0, the minimum is white.
        write_deep(&workspace, 4095, storage, order, vec![short(262, 0)]);
        assert_eq!(notes(&workspace, "deep.tif", &[]), [""; 0]);
    }
}
