//! The record of an entry in the central directory, and the local header before its contents.

use std::borrow::Cow;
use std::io::{self, Read};

pub(crate) const LOCAL_HEADER_BYTES: usize = 30;
const RECORD_BYTES: usize = 46;
const STORED: u16 = 0;
const ENCRYPTED: u16 = 1;
const HAS_DESCRIPTOR: u16 = 1 << 3;
const UTF8: u16 = 1 << 11;
const ZIP64_EXTRA: u16 = 1;
/// File types in the highest bits of Unix permissions.
const REGULAR_FILE: u32 = 0o10;
const FOLDER: u32 = 0o4;

/// Little-endian numbers at byte offsets.
pub(crate) struct Fields<'a>(pub &'a [u8]);

impl Fields<'_> {
    pub fn short(&self, at: usize) -> u16 {
        u16::from_le_bytes([self.0[at], self.0[at + 1]])
    }

    pub fn word(&self, at: usize) -> u32 {
        u32::from(self.short(at)) | u32::from(self.short(at + 2)) << 16
    }

    pub fn long(&self, at: usize) -> u64 {
        u64::from(self.word(at)) | u64::from(self.word(at + 4)) << 32
    }
}

/// The fields that a record and a local header have in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Common {
    version_needed: u16,
    flags: u16,
    method: u16,
    time: u16,
    date: u16,
    crc: u32,
}

impl Common {
    fn parse(fields: &Fields<'_>, at: usize) -> Self {
        Self {
            version_needed: fields.short(at),
            flags: fields.short(at + 2),
            method: fields.short(at + 4),
            time: fields.short(at + 6),
            date: fields.short(at + 8),
            crc: fields.word(at + 10),
        }
    }
}

/// A file in an archive, as listed in the central directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ArchiveEntry {
    name: Box<[u8]>,
    common: Common,
    stored_bytes: u64,
    bytes: u64,
    header_offset: u64,
    /// Fields that do not concern the contents: made by, disk, internal and external attributes,
    /// length of the comment, and number of extra fields other than ZIP64.
    about: (u16, u16, u16, u32, u16, u16),
    /// Whether the sizes, and the offset, are in a ZIP64 field.
    large: (bool, bool),
}

impl ArchiveEntry {
    /// Reads the next record of the central directory.
    pub(crate) fn read(reader: &mut impl Read) -> io::Result<Self> {
        let invalid =
            |message: &str| io::Error::new(io::ErrorKind::InvalidData, message.to_owned());
        let mut record = [0; RECORD_BYTES];
        reader.read_exact(&mut record)?;
        if !record.starts_with(b"PK\x01\x02") {
            return Err(invalid("it has no signature"));
        }
        let fields = Fields(&record);
        let mut name = vec![0; fields.short(28).into()];
        reader.read_exact(&mut name)?;
        let mut extra = vec![0; fields.short(30).into()];
        reader.read_exact(&mut extra)?;
        let comment_bytes = u64::from(fields.short(32));
        if io::copy(&mut reader.take(comment_bytes), &mut io::sink())? < comment_bytes {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let (stored, bytes, offset) = (fields.word(20), fields.word(24), fields.word(42));
        let extra =
            Extra::parse(&extra).ok_or_else(|| invalid("its extra fields are truncated"))?;
        // In this order, and only those with all bits set in the record.
        let mut large =
            extra.zip64.unwrap_or_default().chunks_exact(8).map(|number| Fields(number).long(0));
        let mut wide = |narrow: u32| {
            if narrow == u32::MAX {
                large.next().ok_or_else(|| invalid("its ZIP64 field is truncated"))
            } else {
                Ok(narrow.into())
            }
        };
        let (bytes, stored_bytes, header_offset) = (wide(bytes)?, wide(stored)?, wide(offset)?);
        if large.next().is_some() {
            return Err(invalid("its ZIP64 field is too long"));
        }
        Ok(Self {
            name: name.into(),
            common: Common::parse(&fields, 6),
            stored_bytes,
            bytes,
            header_offset,
            about: (
                fields.short(4),
                fields.short(34),
                fields.short(36),
                fields.word(38),
                fields.short(32),
                extra.others,
            ),
            large: (fields.word(20) == u32::MAX || fields.word(24) == u32::MAX, offset == u32::MAX),
        })
    }

    /// The name, with replacement characters for invalid UTF-8.
    #[must_use]
    pub fn name(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(&self.name)
    }

    pub(crate) const fn raw_name(&self) -> &[u8] {
        &self.name
    }

    /// The name, if it is valid UTF-8.
    #[must_use]
    pub fn unicode_name(&self) -> Option<&str> {
        str::from_utf8(&self.name).ok()
    }

    /// The length of the contents in bytes.
    #[must_use]
    pub const fn bytes(&self) -> u64 {
        self.bytes
    }

    /// The CRC-32 of the contents.
    #[must_use]
    pub const fn crc(&self) -> u32 {
        self.common.crc
    }

    /// Whether the entry is a folder.
    #[must_use]
    pub fn is_folder(&self) -> bool {
        self.name.ends_with(b"/") && self.bytes == 0 && self.stored_bytes == 0
    }

    /// Whether the entry is a link or a device, by its Unix file type.
    #[must_use]
    pub const fn is_special(&self) -> bool {
        const UNIX: u16 = 3;
        let (made_by, _, _, external, ..) = self.about;
        made_by >> 8 == UNIX && !matches!(external >> 28, 0 | REGULAR_FILE | FOLDER)
    }

    pub(crate) const fn stored_bytes(&self) -> u64 {
        self.stored_bytes
    }

    pub(crate) const fn header_offset(&self) -> u64 {
        self.header_offset
    }

    pub(crate) const fn version_needed(&self) -> u16 {
        self.common.version_needed
    }

    pub(crate) const fn has_descriptor(&self) -> bool {
        self.common.flags & HAS_DESCRIPTOR != 0
    }

    /// Where the entry ends if its local header has no extra fields.
    pub(crate) fn likely_end(&self) -> u64 {
        self.header_offset
            .saturating_add((LOCAL_HEADER_BYTES + self.name.len()) as u64)
            .saturating_add(self.stored_bytes)
    }

    /// Why the contents cannot be read without decoding; `None` if they can.
    #[must_use]
    pub fn not_stored(&self) -> Option<String> {
        let Common { flags, method, .. } = self.common;
        if flags & ENCRYPTED != 0 {
            return Some("is encrypted".to_owned());
        }
        if method != STORED {
            return Some(format!("is compressed (method {method}); files of an export are stored"));
        }
        let (stored, bytes) = (self.stored_bytes, self.bytes);
        (stored != bytes).then(|| format!("is {bytes} bytes long but {stored} are stored"))
    }

    /// How the entry differs from those that this crate writes; `None` if it does not.
    pub(crate) fn unlike_ours(&self) -> Option<String> {
        let (made_by, disk, internal, external, comment_bytes, extras) = self.about;
        let Common { version_needed, flags, time, date, .. } = self.common;
        // A size above 4 GiB needs version 4.5; an offset alone does not. The record gives the same
        // version as that of its writer, on Unix.
        let version = if self.large.0 { 45 } else { 10 };
        let wrong = |what: &str, found: u32, expected: u32| {
            (found != expected)
                .then(|| format!("its {what} is {found:#x} instead of {expected:#x}"))
        };
        let folder = self
            .name
            .ends_with(b"/")
            .then(|| "is a folder, which an export does not contain".to_owned());
        folder
            .or_else(|| wrong("version", version_needed.into(), version))
            .or_else(|| wrong("version made by", made_by.into(), 3 << 8 | version))
            .or_else(|| {
                wrong(
                    "flags field",
                    flags.into(),
                    if self.name.is_ascii() { 0 } else { UTF8.into() },
                )
            })
            .or_else(|| wrong("time", time.into(), 0))
            // 1 January 1980, the first day of the format's calendar.
            .or_else(|| wrong("date", date.into(), 1 << 5 | 1))
            .or_else(|| wrong("disk", disk.into(), 0))
            .or_else(|| wrong("internal attributes field", internal.into(), 0))
            .or_else(|| wrong("external attributes field", external, 0o100_644 << 16))
            .or_else(|| wrong("comment length", comment_bytes.into(), 0))
            .or_else(|| wrong("number of extra fields", extras.into(), 0))
    }

    /// The possible forms of this entry's data descriptor: with and without signature, long sizes
    /// first.
    pub(crate) fn descriptors(&self) -> Vec<Vec<u8>> {
        let crc = self.common.crc.to_le_bytes();
        let long = [&crc[..], &self.stored_bytes.to_le_bytes(), &self.bytes.to_le_bytes()].concat();
        let short = [
            &crc[..],
            &(self.stored_bytes as u32).to_le_bytes(),
            &(self.bytes as u32).to_le_bytes(),
        ]
        .concat();
        let signed = |form: &[u8]| [b"PK\x07\x08", form].concat();
        vec![signed(&long), signed(&short), long, short]
    }
}

/// The extra fields of a record or a local header.
struct Extra<'a> {
    zip64: Option<&'a [u8]>,
    /// The number of other fields.
    others: u16,
}

impl<'a> Extra<'a> {
    fn parse(mut bytes: &'a [u8]) -> Option<Self> {
        let mut found = Self { zip64: None, others: 0 };
        while !bytes.is_empty() {
            let (head, rest) = bytes.split_at_checked(4)?;
            let (field, rest) = rest.split_at_checked(Fields(head).short(2).into())?;
            if Fields(head).short(0) == ZIP64_EXTRA && found.zip64.is_none() {
                found.zip64 = Some(field);
            } else {
                found.others += 1;
            }
            bytes = rest;
        }
        Some(found)
    }
}

/// The header before the contents of an entry.
pub(crate) struct LocalHeader {
    /// The length including name and extra fields.
    pub bytes: u64,
    common: Common,
    stored_bytes: u32,
    full_bytes: u32,
    name_bytes: usize,
    extra_bytes: usize,
}

impl LocalHeader {
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        if bytes.len() < LOCAL_HEADER_BYTES || !bytes.starts_with(b"PK\x03\x04") {
            return None;
        }
        let fields = Fields(bytes);
        let (name_bytes, extra_bytes) =
            (usize::from(fields.short(26)), usize::from(fields.short(28)));
        Some(Self {
            bytes: (LOCAL_HEADER_BYTES + name_bytes + extra_bytes) as u64,
            common: Common::parse(&fields, 4),
            stored_bytes: fields.word(18),
            full_bytes: fields.word(22),
            name_bytes,
            extra_bytes,
        })
    }

    /// The name; `bytes` are those read of the header.
    pub fn name<'a>(&self, bytes: &'a [u8]) -> Option<&'a str> {
        str::from_utf8(bytes.get(LOCAL_HEADER_BYTES..LOCAL_HEADER_BYTES + self.name_bytes)?).ok()
    }

    /// The length of the contents, if they are stored and the header gives it.
    pub fn stored_bytes(&self) -> Option<u64> {
        let plain =
            self.common.flags & (ENCRYPTED | HAS_DESCRIPTOR) == 0 && self.common.method == STORED;
        (plain && self.stored_bytes == self.full_bytes && self.stored_bytes != u32::MAX)
            .then_some(self.stored_bytes.into())
    }

    /// How the header contradicts the central directory; `bytes` are those read of it.
    pub fn unlike(&self, entry: &ArchiveEntry, bytes: &[u8]) -> Option<String> {
        let name = bytes.get(LOCAL_HEADER_BYTES..LOCAL_HEADER_BYTES + self.name_bytes);
        if name != Some(&*entry.name) {
            let name = name.map_or_else(|| "another".into(), String::from_utf8_lossy);
            return Some(format!("has the name {name:?} in its local header"));
        }
        let written_later = entry.has_descriptor();
        let mut common = self.common;
        let mut sizes = (self.stored_bytes.into(), self.full_bytes.into());
        let extra_at = LOCAL_HEADER_BYTES + self.name_bytes;
        // Longer fields are those of other writers, whose sizes are in the central directory too.
        if let Some(extra) = bytes.get(extra_at..extra_at + self.extra_bytes).map(Extra::parse) {
            let Some(extra) = extra else {
                return Some("the extra fields of its local header are truncated".to_owned());
            };
            if let Some(zip64) =
                extra.zip64.filter(|zip64| zip64.len() >= 16 && self.full_bytes == u32::MAX)
            {
                sizes = (Fields(zip64).long(8), Fields(zip64).long(0));
            }
        }
        // Fields that were not known when the header was written are zero.
        if written_later && common.crc == 0 {
            (common.crc, sizes) = (entry.common.crc, (entry.stored_bytes, entry.bytes));
        }
        // The version can be lower here: the offset in the central directory alone may need the
        // higher one.
        common.version_needed = entry.common.version_needed;
        let offset_alone = entry.large == (false, true);
        let version_fits = self.common.version_needed == entry.common.version_needed
            || offset_alone && self.common.version_needed == 10;
        if common != entry.common || sizes != (entry.stored_bytes, entry.bytes) || !version_fits {
            return Some(
                "its local header and the central directory contradict each other".to_owned(),
            );
        }
        None
    }
}
