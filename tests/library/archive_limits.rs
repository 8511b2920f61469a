//! Archives at the limits of the original zip format: 65,535 entries and 4 GiB. They have ZIP64
//! records only where these are needed, and other programs read them without warnings.
//!
//! A value exactly at its limit still fits the original record, with all bits set. The `zip` crate,
//! Python and Info-ZIP write it there. Readers look for ZIP64 records and accept that there are
//! none.

use std::ops::Range;
use std::path::{Path, PathBuf};

use slidezoom::internals::archive::{Archive, Strictness};
use slidezoom::internals::key::EntryName;
use slidezoom::internals::layout::ArchiveIndex;
use slidezoom::internals::sink::{ArchiveSink, OverwritePolicy, Role, Sink};
use tempfile::TempDir;

use crate::unpackers::{assert_readable, assert_seen_by_python};
use crate::zip_by_hand::HandReadEnd;

const LARGE_ENTRY_BYTES: u64 = 64 << 20;

/// The largest 32-bit number.
const LIMIT: u64 = 0xffff_ffff;

fn name(text: &str) -> EntryName {
    EntryName::new(text.to_owned()).unwrap()
}

/// An index that only counts.
#[derive(Debug)]
struct Count(u64);

impl ArchiveIndex for Count {
    fn add(&mut self, _name: &EntryName, _place: Range<u64>) {
        self.0 += 1;
    }

    fn finish(&mut self) -> (EntryName, Vec<u8>) {
        (name("count"), self.0.to_be_bytes().to_vec())
    }
}

fn create(destination: &Path) -> Box<ArchiveSink> {
    Box::new(
        ArchiveSink::create(
            destination,
            OverwritePolicy::Refuse,
            name("x"),
            Some(Box::new(Count(0))),
        )
        .unwrap(),
    )
}

/// Checks that the library's reader finds no fault and this number of entries.
#[track_caller]
fn assert_faultless(archive: &Path, entries: u64) {
    let opened = Archive::open(archive).unwrap();
    assert_eq!(opened.entries().len() as u64, entries);
    assert_eq!(opened.check_structure(Strictness::Ours).unwrap(), []);
}

/// Writes an archive of this number of entries, including the index.
fn archive_of(entries: u64) -> (TempDir, PathBuf) {
    let root = tempfile::tempdir().unwrap();
    let destination = root.path().join("x.zip");
    let sink = create(&destination);
    for entry in 0..entries - 1 {
        sink.write(&name(&format!("{entry}")), Role::Tile, entry, &entry.to_be_bytes()).unwrap();
    }
    sink.commit().unwrap();
    (root, destination)
}

#[test]
fn writes_zip64_above_65535_entries() {
    for entries in [65_534, 65_535, 65_536, 200_000_u64] {
        let (_root, archive) = archive_of(entries);
        let end = HandReadEnd::of(&archive);
        assert_eq!(u64::from(end.entries), entries.min(0xffff));
        assert_eq!(end.zip64.map(|(entries, ..)| entries), (entries > 0xffff).then_some(entries));

        assert_faultless(&archive, entries);
        let names =
            (0..entries - 1).map(|entry| format!("x/{entry}")).chain(["x/count".to_owned()]);
        assert_seen_by_python(&archive, names, &0_u64.to_be_bytes(), &(entries - 1).to_be_bytes());
        assert_readable(&archive);
    }
}

/// The part of an archive that is placed at the limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum AtTheLimit {
    /// The last entry's local header.
    Header,
    /// The central directory.
    Directory,
}

/// The bytes before the contents of an entry: a local header with the folder and a name of three
/// letters.
const HEADER_BYTES: u64 = 30 + 2 + 3;

/// The last entry: a header with a name of five letters, and eight bytes.
const INDEX_BYTES: u64 = 30 + 2 + 5 + 8;

/// Writes an archive with `part` at `offset`; returns its number of entries too.
fn archive_with(part: AtTheLimit, offset: u64) -> (TempDir, PathBuf, u64) {
    let index_offset = match part {
        AtTheLimit::Header => offset,
        AtTheLimit::Directory => offset - INDEX_BYTES,
    };
    let root = tempfile::tempdir().unwrap();
    let destination = root.path().join("x.zip");
    let sink = create(&destination);
    let large = vec![7; LARGE_ENTRY_BYTES as usize];
    let (mut at, mut entry) = (0, 0);
    while at < index_offset {
        let left = index_offset - at - HEADER_BYTES;
        // Leaves either nothing or enough for another entry.
        let length = if left <= LARGE_ENTRY_BYTES {
            left
        } else {
            LARGE_ENTRY_BYTES.min(left - HEADER_BYTES)
        };
        sink.write(&name(&format!("{entry:03}")), Role::Tile, entry, &large[..length as usize])
            .unwrap();
        (at, entry) = (at + HEADER_BYTES + length, entry + 1);
    }
    sink.commit().unwrap();
    (root, destination, entry + 1)
}

#[test]
#[ignore = "takes minutes: make soak"]
fn writes_zip64_above_4_gib() {
    for part in [AtTheLimit::Header, AtTheLimit::Directory] {
        for offset in [LIMIT - 1, LIMIT, LIMIT + 1] {
            let (_root, archive, entries) = archive_with(part, offset);
            let end = HandReadEnd::of(&archive);
            let directory = match part {
                AtTheLimit::Header => offset + INDEX_BYTES,
                AtTheLimit::Directory => offset,
            };
            assert_eq!(
                u64::from(end.directory_offset),
                directory.min(LIMIT),
                "{part:?} at {offset}"
            );
            let zip64 = end.zip64.map(|(entries, _, offset)| (entries, offset));
            assert_eq!(
                zip64,
                (directory > LIMIT).then_some((entries, directory)),
                "{part:?} at {offset}"
            );
            assert_same_large_archive(&archive, entries);
        }
    }
}

#[test]
#[ignore = "takes minutes: make soak"]
fn writes_archives_far_above_4_gib() {
    let root = tempfile::tempdir().unwrap();
    let archive = root.path().join("x.zip");
    let sink = create(&archive);
    let large = vec![7; LARGE_ENTRY_BYTES as usize];
    for entry in 0..70 {
        sink.write(&name(&format!("{entry:03}")), Role::Tile, entry, &large).unwrap();
    }
    // Written in parts: the local header is completed afterward.
    sink.write_parts(&name("070"), Role::Auxiliary, 70, &mut [large.clone(), large].into_iter())
        .unwrap();
    sink.commit().unwrap();
    assert_same_large_archive(&archive, 72);
}

/// The size of a file written in parts is not known in time for a header with more than 4 GiB.
#[test]
#[ignore = "takes minutes: make soak"]
fn rejects_a_file_of_4_gib_in_parts() {
    let root = tempfile::tempdir().unwrap();
    let sink = create(&root.path().join("x.zip"));
    let mut parts = (0..=LIMIT / LARGE_ENTRY_BYTES).map(|_| vec![7; LARGE_ENTRY_BYTES as usize]);
    assert!(sink.write_parts(&name("000"), Role::Auxiliary, 0, &mut parts).is_err());
    assert!(sink.commit().is_err());
    assert_eq!(root.path().read_dir().unwrap().count(), 0);
}

/// Checks that every reader finds the entries of a large archive: numbers, and the index at the
/// end.
#[track_caller]
fn assert_same_large_archive(archive: &Path, entries: u64) {
    assert_faultless(archive, entries);
    let names = (0..entries - 1).map(|entry| format!("x/{entry:03}")).chain(["x/count".to_owned()]);
    assert_seen_by_python(
        archive,
        names,
        &vec![7; LARGE_ENTRY_BYTES as usize],
        &(entries - 1).to_be_bytes(),
    );
    let read = assert_readable(archive);
    skipped!(
        "nothing: {} read an archive of {} bytes",
        read.join(", "),
        archive.metadata().unwrap().len()
    );
}
