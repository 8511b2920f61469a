//! The end record of an archive, which locates the central directory, in its original form and in
//! that of ZIP64.

use std::fs::File;
use std::io;
use std::ops::Range;

use super::Fault;
use super::records::Fields;
use crate::platform::FileExt;

const END_RECORD_BYTES: usize = 22;
const LOCATOR_BYTES: usize = 20;
const ZIP64_END_RECORD_BYTES: usize = 56;
const LONGEST_COMMENT: usize = u16::MAX as usize;

/// The position and the length of the central directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct EndRecord {
    /// Where the first of the end records begins and the central directory ends.
    pub starts_at: u64,
    pub directory: Range<u64>,
    pub entries: u64,
    comment_bytes: u16,
    /// The two versions in the ZIP64 record, if there is one.
    zip64: Option<(u16, u16)>,
}

impl EndRecord {
    /// Finds the end record of a file; `None` if it has none.
    pub fn find(file: &File, length: u64, faults: &mut Vec<Fault>) -> io::Result<Option<Self>> {
        let tail_bytes = length.min(
            (LONGEST_COMMENT + END_RECORD_BYTES + LOCATOR_BYTES + ZIP64_END_RECORD_BYTES) as u64,
        );
        let mut tail = vec![0; tail_bytes as usize];
        let tail_offset = length - tail_bytes;
        file.read_exact_at(&mut tail, tail_offset)?;
        // The last that extends exactly to the end: a comment can contain what looks like another.
        let ends_the_file = |&at: &usize| {
            tail[at..].starts_with(b"PK\x05\x06")
                && at + END_RECORD_BYTES + usize::from(Fields(&tail[at..]).short(20)) == tail.len()
        };
        let Some(at) =
            (0..(tail.len() + 1).saturating_sub(END_RECORD_BYTES)).rev().find(ends_the_file)
        else {
            return Ok(None);
        };
        let record = Fields(&tail[at..at + END_RECORD_BYTES]);
        let (here, all) = (record.short(10), record.short(8));
        let mut fault = |message: String| faults.push(Fault::of_archive(message));
        if record.short(4) != 0 || record.short(6) != 0 || here != all {
            fault("the end record is that of a multi-disk archive".to_owned());
        }
        let mut end = Self {
            starts_at: tail_offset + at as u64,
            directory: Self::range(record.word(16).into(), record.word(12).into()),
            entries: here.into(),
            comment_bytes: record.short(20),
            zip64: None,
        };
        let Some(locator_at) =
            at.checked_sub(LOCATOR_BYTES).filter(|&at| tail[at..].starts_with(b"PK\x06\x07"))
        else {
            return Ok(Some(end));
        };
        let locator = Fields(&tail[locator_at..at]);
        let large = locator_at
            .checked_sub(ZIP64_END_RECORD_BYTES)
            .filter(|&at| tail[at..].starts_with(b"PK\x06\x06"));
        let Some(large_at) = large else {
            fault("the ZIP64 end record is not where it should be".to_owned());
            return Ok(Some(end));
        };
        let large = Fields(&tail[large_at..locator_at]);
        end.starts_at = tail_offset + large_at as u64;
        if locator.word(4) != 0
            || locator.word(16) != 1
            || large.word(16) != 0
            || large.word(20) != 0
            || large.long(24) != large.long(32)
        {
            fault("the ZIP64 end record is that of a multi-disk archive".to_owned());
        }
        if locator.long(8) != end.starts_at || large.long(4) != (ZIP64_END_RECORD_BYTES - 12) as u64
        {
            fault("the ZIP64 end record has the wrong position or length".to_owned());
        }
        // The original record repeats the values that fit, and has all bits set elsewhere.
        let fits = |old: u64, full: u64, new: u64| old == full || old == new;
        let directory = Self::range(large.long(48), large.long(40));
        let same = fits(here.into(), u16::MAX.into(), large.long(32))
            && fits(record.word(12).into(), u32::MAX.into(), large.long(40))
            && fits(record.word(16).into(), u32::MAX.into(), large.long(48));
        if !same {
            fault("the end record and the ZIP64 end record contradict each other".to_owned());
        }
        Ok(Some(Self {
            directory,
            entries: large.long(32),
            zip64: Some((large.short(12), large.short(14))),
            ..end
        }))
    }

    fn range(start: u64, length: u64) -> Range<u64> {
        start..start.saturating_add(length)
    }

    /// Returns how the records differ from those that this crate writes. `version` is the highest
    /// version that an entry needs.
    pub fn unlike_ours(&self, entries: u64, version: u16) -> Option<String> {
        // A value with all bits set still fits the original field.
        let needed = entries > u16::MAX.into()
            || self.directory.start > u32::MAX.into()
            || self.directory.end - self.directory.start > u32::MAX.into();
        if self.comment_bytes > 0 {
            return Some("has a comment".to_owned());
        }
        match self.zip64 {
            Some(_) if !needed => Some("has an unnecessary ZIP64 end record".to_owned()),
            None if needed => Some("has no ZIP64 end record, which it needs".to_owned()),
            Some(versions) if versions != (version, version) => {
                Some(format!("has a ZIP64 end record with versions {versions:?}"))
            }
            _ => None,
        }
    }
}
