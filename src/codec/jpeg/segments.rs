//! Splits a JPEG stream into its segments: ITU-T T.81, annex B. Every segment is inside the stream.

use std::ops::Range;

use super::error::JpegStreamError;

pub(crate) const START_OF_IMAGE: [u8; 2] = [0xff, 0xd8];
pub(crate) const END_OF_IMAGE: [u8; 2] = [0xff, 0xd9];
pub(crate) const START_OF_SCAN: u8 = 0xda;
pub(crate) const RESTART_INTERVAL: u8 = 0xdd;

/// The kind of a segment.
pub(crate) enum Kind {
    /// Quantization or Huffman tables, or a restart interval.
    Table,
    /// Application segments and comments.
    Application,
    /// A start of frame.
    Frame,
    Scan,
    Other,
}

pub(crate) const fn kind(marker: u8) -> Kind {
    match marker {
        0xc4 | 0xdb | 0xdd => Kind::Table,
        0xe0..=0xef | 0xfe => Kind::Application,
        // Huffman-coded baseline, extended and progressive frames, which browsers show. OpenSlide
        // reads arithmetic-coded and other frames.
        0xc0..=0xc2 => Kind::Frame,
        START_OF_SCAN => Kind::Scan,
        _ => Kind::Other,
    }
}

/// Iterates over the segments of a stream.
pub(crate) struct Header<'a> {
    stream: &'a [u8],
    pub position: usize,
}

impl<'a> Header<'a> {
    pub fn begin(stream: &'a [u8]) -> Result<Self, JpegStreamError> {
        if !stream.starts_with(&START_OF_IMAGE) {
            return Err(JpegStreamError::Start);
        }
        Ok(Self { stream, position: START_OF_IMAGE.len() })
    }

    pub fn rest(&self) -> &'a [u8] {
        &self.stream[self.position..]
    }

    /// Skips the entropy-coded data after a scan's header, in which 0xff precedes 0, another 0xff
    /// or a restart marker. Returns the position of its end.
    pub fn skip_entropy_coded_data(&mut self) -> usize {
        loop {
            let Some(found) = memchr::memchr(0xff, self.rest()) else {
                self.position = self.stream.len();
                return self.position;
            };
            self.position += found;
            match self.rest().get(1) {
                Some(0 | 0xd0..=0xd7) => self.position += 2,
                Some(0xff) => self.position += 1,
                Some(_) | None => return self.position,
            }
        }
    }

    /// Returns the next marker and the range of its segment, including the marker.
    pub fn next_segment(&mut self) -> Result<(u8, Range<usize>), JpegStreamError> {
        // Any number of 0xff may precede a marker.
        while self.rest().starts_with(&[0xff, 0xff]) {
            self.position += 1;
        }
        let rest = self.rest();
        let [0xff, marker, high, low, ..] = *rest else {
            return Err(match rest.first() {
                Some(&first) if first != 0xff => JpegStreamError::Marker { marker: first },
                _ => JpegStreamError::CutShort,
            });
        };
        let length = 2 + usize::from(u16::from_be_bytes([high, low]));
        if length < 4 || length > rest.len() {
            return Err(JpegStreamError::CutShort);
        }
        let segment = self.position..self.position + length;
        self.position = segment.end;
        Ok((marker, segment))
    }
}
