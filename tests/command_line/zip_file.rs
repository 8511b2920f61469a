//! An independent zip reader and writer, written from PKWARE's APPNOTE: it takes archives apart,
//! builds plain ones, and falsifies single fields.

use std::ops::Range;
use std::path::Path;

const LOCAL_HEADER_BYTES: usize = 30;
const RECORD_BYTES: usize = 46;
const END_RECORD_BYTES: usize = 22;

/// Offsets in the end record: entries on this disk and in total, size and offset of the directory.
pub const END_ENTRIES: [usize; 2] = [8, 10];
pub const END_DIRECTORY_BYTES: usize = 12;
pub const END_DIRECTORY_OFFSET: usize = 16;

/// Offsets in a directory record.
pub const RECORD_COMMENT_BYTES: usize = 32;
pub const RECORD_ATTRIBUTES: usize = 38;
pub const RECORD_OFFSET: usize = 42;

/// A field of local headers and directory records: its offset in each.
#[derive(Clone, Copy, Debug)]
pub struct Field(usize, usize);

pub const FLAGS: Field = Field(6, 8);
pub const METHOD: Field = Field(8, 10);
pub const CRC: Field = Field(14, 16);
pub const STORED_BYTES: Field = Field(18, 20);
pub const BYTES: Field = Field(22, 24);

/// An archive and the byte ranges of its parts.
#[derive(Clone, Debug)]
pub struct ZipFile {
    pub bytes: Vec<u8>,
    pub entries: Vec<Entry>,
}

/// The byte ranges of one file.
#[derive(Clone, Debug)]
pub struct Entry {
    pub name: String,
    pub header: Range<usize>,
    pub contents: Range<usize>,
    pub record: Range<usize>,
}

/// A file's name and contents.
pub type NamedFile = (String, Vec<u8>);

impl ZipFile {
    /// Reads an archive that is whole, needs no ZIP64 and has no comment.
    #[track_caller]
    pub fn open(path: &Path) -> Self {
        let bytes = std::fs::read(path).unwrap();
        let end = bytes.len() - END_RECORD_BYTES;
        assert!(bytes[end..].starts_with(b"PK\x05\x06"));
        let mut entries = Vec::new();
        let mut at = word(&bytes, end + END_DIRECTORY_OFFSET);
        while at < end {
            assert!(bytes[at..].starts_with(b"PK\x01\x02"));
            let (name, extra) = (short(&bytes, at + 28), short(&bytes, at + 30));
            let record =
                at..at + RECORD_BYTES + name + extra + short(&bytes, at + RECORD_COMMENT_BYTES);
            let header = word(&bytes, at + RECORD_OFFSET);
            assert!(bytes[header..].starts_with(b"PK\x03\x04"));
            let contents = header
                + LOCAL_HEADER_BYTES
                + short(&bytes, header + 26)
                + short(&bytes, header + 28);
            entries.push(Entry {
                name: str::from_utf8(&bytes[at + RECORD_BYTES..][..name]).unwrap().to_owned(),
                header: header..contents,
                contents: contents..contents + word(&bytes, at + STORED_BYTES.1),
                record: record.clone(),
            });
            at = record.end;
        }
        Self { bytes, entries }
    }

    /// Builds an archive: stored, dated 1 January 1980, made on Unix, without optional fields.
    pub fn new(files: &[NamedFile]) -> Self {
        let (mut bytes, mut directory, mut entries) = (Vec::new(), Vec::new(), Vec::new());
        for (name, contents) in files {
            let flags = if name.is_ascii() { 0_u16 } else { 1 << 11 };
            let length = (contents.len() as u32).to_le_bytes();
            let shared = [
                &10_u16.to_le_bytes()[..],
                &flags.to_le_bytes(),
                &[0, 0, 0, 0, 0x21, 0],
                &crc(contents).to_le_bytes(),
                &length,
                &length,
                &(name.len() as u16).to_le_bytes(),
                &[0, 0],
            ]
            .concat();
            let header = bytes.len();
            bytes.extend([b"PK\x03\x04", &shared[..], name.as_bytes(), contents].concat());
            let contents = bytes.len() - contents.len()..bytes.len();
            let record = directory.len();
            let about =
                [&[0; 6][..], &(0o100_644_u32 << 16).to_le_bytes(), &(header as u32).to_le_bytes()]
                    .concat();
            directory
                .extend([b"PK\x01\x02\x0a\x03", &shared[..], &about, name.as_bytes()].concat());
            let record = record..directory.len();
            entries.push(Entry {
                name: name.clone(),
                header: header..contents.start,
                contents,
                record,
            });
        }
        let start = bytes.len();
        for entry in &mut entries {
            entry.record = entry.record.start + start..entry.record.end + start;
        }
        let count = (files.len() as u16).to_le_bytes();
        let [length, offset] = [directory.len(), start].map(|number| (number as u32).to_le_bytes());
        bytes.extend(directory);
        bytes.extend(
            [b"PK\x05\x06\0\0\0\0", &count[..], &count, &length, &offset, &[0, 0]].concat(),
        );
        Self { bytes, entries }
    }

    /// Returns all files in the order of the directory.
    pub fn files(&self) -> Vec<NamedFile> {
        let file =
            |entry: &Entry| (entry.name.clone(), self.bytes[entry.contents.clone()].to_vec());
        self.entries.iter().map(file).collect()
    }

    /// Returns a file's contents.
    #[track_caller]
    pub fn file(&self, name: &str) -> &[u8] {
        &self.bytes[self.entry(name).contents.clone()]
    }

    #[track_caller]
    pub fn entry(&self, name: &str) -> &Entry {
        let found = self.entries.iter().find(|entry| entry.name == name);
        found.unwrap_or_else(|| panic!("no entry {name}"))
    }

    /// Returns the offset of the end record.
    pub fn end(&self) -> usize {
        self.bytes.len() - END_RECORD_BYTES
    }

    /// Returns the offset of the directory.
    pub fn directory(&self) -> usize {
        word(&self.bytes, self.end() + END_DIRECTORY_OFFSET)
    }

    /// Overwrites the bytes at an offset.
    pub fn put(&mut self, at: usize, bytes: &[u8]) {
        self.bytes[at..at + bytes.len()].copy_from_slice(bytes);
    }

    /// Overwrites a field of an entry in both its local header and its directory record.
    pub fn falsify(&mut self, entry: usize, field: Field, bytes: &[u8]) {
        let (header, record) = (self.entries[entry].header.start, self.entries[entry].record.start);
        self.put(header + field.0, bytes);
        self.put(record + field.1, bytes);
    }

    /// Overwrites the number of entries in the end record.
    pub fn claim_entries(&mut self, count: &[u8]) {
        for at in END_ENTRIES {
            self.put(self.end() + at, count);
        }
    }

    /// Inserts bytes into or after the directory and adds them to its size. Later ranges are then
    /// stale.
    pub fn insert_in_directory(&mut self, at: usize, bytes: &[u8]) {
        self.bytes.splice(at..at, bytes.iter().copied());
        let length = word(&self.bytes, self.end() + END_DIRECTORY_BYTES) + bytes.len();
        self.put(self.end() + END_DIRECTORY_BYTES, &(length as u32).to_le_bytes());
    }

    /// Inserts bytes before the directory and updates its offset. Later ranges are then stale.
    pub fn insert_before_directory(&mut self, bytes: &[u8]) {
        let at = self.directory();
        self.bytes.splice(at..at, bytes.iter().copied());
        self.put(self.end() + END_DIRECTORY_OFFSET, &((at + bytes.len()) as u32).to_le_bytes());
    }
}

pub fn short(bytes: &[u8], at: usize) -> usize {
    usize::from(u16::from_le_bytes(bytes[at..at + 2].try_into().unwrap()))
}

pub fn word(bytes: &[u8], at: usize) -> usize {
    u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap()) as usize
}

/// Returns the CRC-32 of zip and PNG, computed bit by bit.
pub fn crc(bytes: &[u8]) -> u32 {
    let shift = |crc: u32| if crc & 1 == 1 { crc >> 1 ^ 0xedb8_8320 } else { crc >> 1 };
    !bytes.iter().fold(!0, |crc, &byte| (0..8).fold(crc ^ u32::from(byte), |crc, _| shift(crc)))
}

#[test]
fn crc_of_the_check_string_is_standard() {
    assert_eq!(crc(b"123456789"), 0xcbf4_3926);
}
