//! What is found in an archive between its end and its publication, which no caller can step
//! between.

use std::fs::File;

use super::*;

fn name(text: &str) -> EntryName {
    EntryName::new(text.to_owned()).unwrap()
}

/// What `disturb`, which is given the file and its length, makes of a finished archive.
fn checked(disturb: impl FnOnce(&File, u64)) -> Result<(), SinkError> {
    let root = tempfile::tempdir().unwrap();
    let destination = root.path().join("x.zip");
    let sink =
        ArchiveSink::create(&destination, OverwritePolicy::Refuse, name("root"), None).unwrap();
    for entry in 0..20 {
        sink.write(&name(&format!("{entry}")), Role::Tile, entry, &[7; 100]).unwrap();
    }
    let length = sink.zip().finish().unwrap();
    disturb(sink.publication.file(), length);
    check_written(&sink.publication, length, sink.zip().files())
}

#[test]
fn a_finished_archive_that_was_disturbed_is_not_published() {
    checked(|_, _| {}).unwrap();
    let (shorter, longer) = (
        checked(|file, length| file.set_len(length - 1).unwrap()),
        checked(|file, length| file.set_len(length + 1).unwrap()),
    );
    for disturbed in [shorter, longer] {
        assert!(
            matches!(disturbed, Err(SinkError::Disturbed { unit: "bytes", .. })),
            "{disturbed:?}"
        );
    }
    // The end record's signature, the count in it, and the signature of the directory's last
    // record.
    for (from_end, byte) in [(22, b'p'), (12, 19), (22 + 46 + 7, b'p')] {
        let result = checked(|file, length| file.write_all_at(&[byte], length - from_end).unwrap());
        assert!(matches!(result, Err(SinkError::Unreadable { .. })), "{from_end}: {result:?}");
    }
    let emptied = checked(|file, length| {
        file.set_len(0).unwrap();
        file.set_len(length).unwrap();
    });
    assert!(matches!(emptied, Err(SinkError::Unreadable { .. })), "{emptied:?}");
}

#[test]
fn an_archive_with_fewer_entries_than_were_written_is_not_published() {
    let fewer = checked(|file, length| {
        // The end record's two counts, the directory's length and its beginning: without the first
        // record.
        let mut end = [0; 22];
        file.read_exact_at(&mut end, length - 22).unwrap();
        let record = 46 + "root/0".len() as u8;
        end[8] -= 1;
        end[10] -= 1;
        let directory =
            u32::from_le_bytes([end[12], end[13], end[14], end[15]]) - u32::from(record);
        let start = u32::from_le_bytes([end[16], end[17], end[18], end[19]]) + u32::from(record);
        end[12..16].copy_from_slice(&directory.to_le_bytes());
        end[16..20].copy_from_slice(&start.to_le_bytes());
        file.write_all_at(&end, length - 22).unwrap();
    });
    assert!(
        matches!(fewer, Err(SinkError::Disturbed { written: 20, found: 19, unit: "files", .. })),
        "{fewer:?}"
    );
}
