//! Writes the files of an export that are not tiles, in order, and counts and hashes them.

use std::io::{self, Read};

use sha2::{Digest as _, Sha256};

use crate::key::{Digest, EntryName};
use crate::layout::manifest::ManifestText;
use crate::sink::{Role, Sink, SinkError};

const COPY_BYTES: u64 = 1 << 20;

/// A few hundred kilobytes of text.
const MANIFEST_LINES: usize = 2_000;

/// Writes files one after another.
pub(crate) struct Files<'a> {
    sink: &'a dyn Sink,
    next_entry: u64,
    written: u64,
    bytes: u64,
    digests: Vec<(String, Digest)>,
}

impl<'a> Files<'a> {
    /// Starts after `entries` entry numbers, with `tiles` tiles written.
    pub fn new(sink: &'a dyn Sink, entries: u64, tiles: u64) -> Self {
        Self { sink, next_entry: entries, written: tiles, bytes: 0, digests: Vec::new() }
    }

    /// Writes a file.
    pub fn write(&mut self, name: String, contents: &[u8]) -> Result<(), SinkError> {
        self.write_tag(name.clone(), contents)?;
        self.written += 1;
        self.bytes += contents.len() as u64;
        self.digests.push((name, Digest::of(contents)));
        Ok(())
    }

    /// Copies a file of any length. The inner error is one of reading it.
    pub fn copy(
        &mut self,
        name: String,
        contents: &mut dyn Read,
    ) -> Result<io::Result<()>, SinkError> {
        let (mut hasher, mut length, mut outcome) = (Sha256::new(), 0, Ok(()));
        let mut parts = std::iter::from_fn(|| {
            let mut part = Vec::new();
            if let Err(error) = contents.take(COPY_BYTES).read_to_end(&mut part) {
                outcome = Err(error);
                return None;
            }
            hasher.update(&part);
            length += part.len() as u64;
            Some(part).filter(|part| !part.is_empty())
        });
        self.sink.write_parts(
            &EntryName::new(name.clone())?,
            Role::Auxiliary,
            self.next_entry,
            &mut parts,
        )?;
        self.next_entry += 1;
        self.written += 1;
        self.bytes += length;
        self.digests.push((name, Digest::finish(hasher)));
        Ok(outcome)
    }

    /// Writes a file that describes others, and is neither counted nor listed.
    pub fn write_tag(&mut self, name: String, contents: &[u8]) -> Result<(), SinkError> {
        self.sink.write(&EntryName::new(name)?, Role::Auxiliary, self.next_entry, contents)?;
        self.next_entry += 1;
        Ok(())
    }

    /// Writes the manifest of the files `listed`; returns its own digest.
    pub fn write_manifest(
        &mut self,
        name: String,
        mut listed: impl Iterator<Item = (String, Digest)>,
    ) -> Result<Digest, SinkError> {
        let mut hasher = Sha256::new();
        let mut parts = std::iter::from_fn(|| {
            let mut part = ManifestText::default();
            for (name, digest) in listed.by_ref().take(MANIFEST_LINES) {
                part.add(&name, digest);
            }
            let part = Some(part.into_text().into_bytes()).filter(|part| !part.is_empty())?;
            hasher.update(&part);
            Some(part)
        });
        self.sink.write_parts(
            &EntryName::new(name)?,
            Role::Auxiliary,
            self.next_entry,
            &mut parts,
        )?;
        self.next_entry += 1;
        Ok(Digest::finish(hasher))
    }

    /// Takes the names and digests of the files written so far, to list them.
    pub fn take_digests(&mut self) -> Vec<(String, Digest)> {
        std::mem::take(&mut self.digests)
    }

    /// The number of files written, including tiles, and the total size of those that are not
    /// tiles.
    pub const fn count(&self) -> (u64, u64) {
        (self.written, self.bytes)
    }
}
