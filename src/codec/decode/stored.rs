//! Random access to the bytes of a file or a pipe.
//!
//! Some formats are not read from the first byte to the last: a bitmap begins with its last row,
//! and a WebP file has its orientation after the image. A file is read on demand; a pipe is read
//! into memory, up to a limit.

use std::fs::File;
use std::io::Read;

use super::{ImageError, Input};
use crate::platform::FileExt;

/// The bytes of a file or a pipe.
pub(crate) enum Stored {
    /// An open file.
    File(File),
    /// All bytes of a pipe.
    Memory(Vec<u8>),
}

impl Stored {
    /// Opens an input; a pipe is read to its end.
    ///
    /// # Errors
    /// [`ImageError::Unsupported`] if a pipe has more than `memory` bytes.
    pub fn of(input: Input, memory: u64) -> Result<Self, ImageError> {
        let pipe = match input {
            Input::File(file) => return Ok(Self::File(file)),
            Input::Pipe(pipe) => pipe,
        };
        // The vector grows with the bytes that arrive.
        let mut bytes = Vec::new();
        pipe.take(memory.saturating_add(1)).read_to_end(&mut bytes).map_err(ImageError::System)?;
        if bytes.len() as u64 > memory {
            let problem = format!(
                "images of more than {memory} bytes from a pipe, because the format needs random access"
            );
            return Err(ImageError::unsupported(problem));
        }
        Ok(Self::Memory(bytes))
    }

    /// Returns the number of bytes.
    pub fn length(&self) -> Result<u64, ImageError> {
        match self {
            Self::File(file) => {
                file.metadata().map(|metadata| metadata.len()).map_err(ImageError::System)
            }
            Self::Memory(bytes) => Ok(bytes.len() as u64),
        }
    }

    /// Fills `target` with the bytes at `offset`.
    pub fn read_at(&self, offset: u64, target: &mut [u8]) -> Result<(), ImageError> {
        match self {
            Self::File(file) => file.read_exact_at(target, offset).map_err(ImageError::reading),
            Self::Memory(bytes) => {
                let part = usize::try_from(offset).ok().and_then(|offset| bytes.get(offset..));
                let part =
                    part.and_then(|part| part.get(..target.len())).ok_or(ImageError::Truncated)?;
                target.copy_from_slice(part);
                Ok(())
            }
        }
    }

    /// Returns the first `length` bytes.
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

    /// Returns the bytes of memory that this takes.
    pub fn held_bytes(&self) -> u64 {
        match self {
            Self::File(_) => 0,
            Self::Memory(bytes) => bytes.capacity() as u64,
        }
    }
}
