//! An independent, minimal zip reader for tests. It panics at anything unexpected.

use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::path::Path;

/// An entry of an archive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HandReadEntry {
    pub name: String,
    pub contents: Vec<u8>,
    /// The offset of its local header.
    pub offset: u64,
}

/// The end record, and that of ZIP64 if there is one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HandReadEnd {
    pub entries: u16,
    pub directory_bytes: u32,
    pub directory_offset: u32,
    /// The same three values in the ZIP64 record.
    pub zip64: Option<(u64, u64, u64)>,
}

impl HandReadEnd {
    /// Reads the end of an archive without a comment.
    pub fn of(archive: &Path) -> Self {
        let file = File::open(archive).unwrap();
        let length = file.metadata().unwrap().len();
        let mut tail = vec![0; length.min(22 + 20 + 56) as usize];
        let tail_offset = length - tail.len() as u64;
        file.read_exact_at(&mut tail, tail_offset).unwrap();
        let (before, record) = tail.split_at(tail.len() - 22);
        assert!(
            record.starts_with(b"PK\x05\x06") && record.ends_with(&[0, 0]),
            "an end record and no comment"
        );
        assert_eq!(&record[4..8], [0; 4], "one disk");
        assert_eq!(record[8..10], record[10..12], "all entries are on this disk");
        let zip64 = before.len().checked_sub(20).map(|at| before.split_at(at)).and_then(
            |(before, locator)| {
                locator.starts_with(b"PK\x06\x07").then(|| {
                    assert!(before.starts_with(b"PK\x06\x06"));
                    assert_eq!((number(locator, 4, 4), number(locator, 16, 4)), (0, 1), "one disk");
                    assert_eq!(number(locator, 8, 8), tail_offset, "the locator's offset");
                    assert_eq!(number(before, 4, 8), 44, "the length of the rest");
                    assert_eq!(before[24..32], before[32..40], "all entries are on this disk");
                    (number(before, 32, 8), number(before, 40, 8), number(before, 48, 8))
                })
            },
        );
        Self {
            entries: number(record, 10, 2) as u16,
            directory_bytes: number(record, 12, 4) as u32,
            directory_offset: number(record, 16, 4) as u32,
            zip64,
        }
    }
}

/// All entries of a small archive in the order of its central directory; `None` if the file does
/// not exist.
pub fn entries_of(archive: &Path) -> Option<Vec<HandReadEntry>> {
    let bytes = fs::read(archive).ok()?;
    let end = HandReadEnd::of(archive);
    assert_eq!(end.zip64, None, "a small archive");
    let mut at = end.directory_offset as usize;
    let entries = (0..end.entries).map(|_| {
        let record = &bytes[at..];
        assert!(record.starts_with(b"PK\x01\x02"));
        let (name_bytes, extra_bytes) = (number(record, 28, 2) as usize, number(record, 30, 2));
        assert_eq!(
            (extra_bytes, number(record, 32, 2)),
            (0, 0),
            "neither extra fields nor a comment"
        );
        at += 46 + name_bytes;
        let name = str::from_utf8(&record[46..46 + name_bytes]).unwrap().to_owned();

        let offset = number(record, 42, 4);
        let local = &bytes[offset as usize..];
        assert!(local.starts_with(b"PK\x03\x04"), "{name}");
        // From the version needed to the lengths of name and extra fields.
        assert_eq!(local[4..30], record[6..32], "{name}");
        assert_eq!(&local[30..30 + name_bytes], name.as_bytes());
        assert_eq!(number(local, 8, 2), 0, "{name} is stored");
        let length = number(local, 22, 4) as usize;
        let contents = local[30 + name_bytes..][..length].to_vec();
        assert_eq!(number(local, 14, 4), u64::from(crc32fast::hash(&contents)), "{name}");
        HandReadEntry { name, contents, offset }
    });
    let entries = entries.collect();
    assert_eq!(at, (end.directory_offset + end.directory_bytes) as usize);
    Some(entries)
}

/// A little-endian number.
fn number(bytes: &[u8], at: usize, length: usize) -> u64 {
    bytes[at..at + length].iter().rev().fold(0, |sum, &byte| sum << 8 | u64::from(byte))
}
