//! A file's bytes by position, wherever they come from.
//!
//! Formats that are not read from the first byte to the last need this: a bitmap begins with its last row, and a WebP has its orientation
//! behind its picture. What always holds: bytes of a file are not kept, those of a pipe are, and never more of them than may be.

use std::fs::File;
use std::io::Read;

use super::{ImageError, Input};
use crate::platform::FileExt;

/// Where a file's bytes are.
pub(crate) enum Stored {
    /// On a disk.
    File(File),
    /// In memory, as all that came from a pipe.
    Memory(Vec<u8>),
}

impl Stored {
    /// Takes a file as it is, and all of a pipe.
    ///
    /// # Errors
    /// [`ImageError::Unsupported`] where a pipe has more than `memory` bytes.
    pub fn of(input: Input, memory: u64) -> Result<Self, ImageError> {
        let pipe = match input {
            Input::File(file) => return Ok(Self::File(file)),
            Input::Pipe(pipe) => pipe,
        };
        // The vector grows by what is there and not by what the file says.
        let mut bytes = Vec::new();
        pipe.take(memory.saturating_add(1)).read_to_end(&mut bytes).map_err(ImageError::System)?;
        if bytes.len() as u64 > memory {
            let problem =
                format!("it comes from a pipe and has more than the {memory} bytes that may be kept in memory");
            return Err(ImageError::unsupported(problem));
        }
        Ok(Self::Memory(bytes))
    }

    /// How many bytes there are.
    pub fn length(&self) -> Result<u64, ImageError> {
        match self {
            Self::File(file) => file.metadata().map(|metadata| metadata.len()).map_err(ImageError::System),
            Self::Memory(bytes) => Ok(bytes.len() as u64),
        }
    }

    /// Fills `target` from `offset` on.
    pub fn read_at(&self, offset: u64, target: &mut [u8]) -> Result<(), ImageError> {
        match self {
            Self::File(file) => file.read_exact_at(target, offset).map_err(ImageError::reading),
            Self::Memory(bytes) => {
                let part = usize::try_from(offset).ok().and_then(|offset| bytes.get(offset..));
                let part = part.and_then(|part| part.get(..target.len())).ok_or(ImageError::Truncated)?;
                target.copy_from_slice(part);
                Ok(())
            }
        }
    }

    /// The first `length` bytes.
    #[cfg(feature = "webp")]
    pub fn into_bytes(self, length: u64) -> Result<Vec<u8>, ImageError> {
        match self {
            Self::File(_) => {
                let mut bytes = vec![0; length as usize];
                self.read_at(0, &mut bytes)?;
                Ok(bytes)
            }
            Self::Memory(mut bytes) => {
                bytes.truncate(length as usize);
                Ok(bytes)
            }
        }
    }

    /// Bytes of memory that it takes.
    pub fn held_bytes(&self) -> u64 {
        match self {
            Self::File(_) => 0,
            Self::Memory(bytes) => bytes.capacity() as u64,
        }
    }
}
