//! The files of an export that are no tiles, in the order they are written in: each with the next entry number, counted and hashed.

use std::io::{self, Read};

use sha2::{Digest as _, Sha256};

use crate::key::Digest;
use crate::key::EntryName;
use crate::layout::manifest::ManifestText;
use crate::sink::{Sink, SinkError};

const COPIED_AT_A_TIME: u64 = 1 << 20;

/// Some hundred kilobytes of text.
const MANIFEST_LINES_AT_A_TIME: usize = 2_000;

/// Writes files one after the other.
pub(crate) struct Files<'a> {
    sink: &'a dyn Sink,
    next_entry: u64,
    written: u64,
    bytes: u64,
    digests: Vec<(String, Digest)>,
}

impl<'a> Files<'a> {
    /// So many entry numbers were used for tiles, and so many tiles written.
    pub fn new(sink: &'a dyn Sink, entries: u64, tiles: u64) -> Self {
        Self { sink, next_entry: entries, written: tiles, bytes: 0, digests: Vec::new() }
    }

    pub fn create_folder(&self, name: String) -> Result<(), SinkError> {
        self.sink.create_folder(&EntryName::new(name)?)
    }

    pub fn create_folders(&self, name: String) -> Result<(), SinkError> {
        self.sink.create_folders(&EntryName::new(name)?)
    }

    pub fn write(&mut self, name: String, contents: &[u8]) -> Result<(), SinkError> {
        self.write_tag(name.clone(), contents)?;
        self.written += 1;
        self.bytes += contents.len() as u64;
        self.digests.push((name, Digest::of(contents)));
        Ok(())
    }

    /// Copies a file of any length, part by part; the inner error is one of reading it.
    pub fn copy(&mut self, name: String, contents: &mut dyn Read) -> Result<io::Result<()>, SinkError> {
        let (mut hasher, mut length, mut outcome) = (Sha256::new(), 0, Ok(()));
        let mut parts = std::iter::from_fn(|| {
            let mut part = Vec::new();
            if let Err(error) = contents.take(COPIED_AT_A_TIME).read_to_end(&mut part) {
                outcome = Err(error);
                return None;
            }
            hasher.update(&part);
            length += part.len() as u64;
            Some(part).filter(|part| !part.is_empty())
        });
        self.sink.write_parts(self.next_entry, &EntryName::new(name.clone())?, &mut parts)?;
        self.next_entry += 1;
        self.written += 1;
        self.bytes += length;
        self.digests.push((name, Digest::finish(hasher)));
        Ok(outcome)
    }

    /// Writes a file that is neither counted nor listed: it tells of the others.
    pub fn write_tag(&mut self, name: String, contents: &[u8]) -> Result<(), SinkError> {
        self.sink.write(self.next_entry, &EntryName::new(name)?, contents)?;
        self.next_entry += 1;
        Ok(())
    }

    /// Writes the manifest of what is `listed`, part by part; returns its own digest.
    pub fn write_manifest(
        &mut self,
        name: String,
        mut listed: impl Iterator<Item = (String, Digest)>,
    ) -> Result<Digest, SinkError> {
        let mut hasher = Sha256::new();
        let mut parts = std::iter::from_fn(|| {
            let mut part = ManifestText::default();
            for (name, digest) in listed.by_ref().take(MANIFEST_LINES_AT_A_TIME) {
                part.add(&name, digest);
            }
            let part = Some(part.into_text().into_bytes()).filter(|part| !part.is_empty())?;
            hasher.update(&part);
            Some(part)
        });
        self.sink.write_parts(self.next_entry, &EntryName::new(name)?, &mut parts)?;
        self.next_entry += 1;
        Ok(Digest::finish(hasher))
    }

    /// What was written so far, to be listed.
    pub fn take_digests(&mut self) -> Vec<(String, Digest)> {
        std::mem::take(&mut self.digests)
    }

    /// How many files were written, tiles among them, and how many bytes those that are no tiles have.
    pub const fn count(&self) -> (u64, u64) {
        (self.written, self.bytes)
    }
}
