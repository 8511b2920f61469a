//! Why an image cannot be decoded.

use std::io;

use super::ImageFormat;

/// Why an image cannot be decoded. The text follows the file's name.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ImageError {
    /// The operating system could not read the file.
    #[error(transparent)]
    System(io::Error),
    /// The file ends too early.
    #[error("the file is truncated")]
    Truncated,
    /// The file contradicts itself or its format.
    #[error("{problem}")]
    Malformed {
        /// What is wrong, as the rest of a sentence about the file.
        problem: String,
    },
    /// The file looks sound but uses a feature that is not supported.
    #[error("not supported: {feature}")]
    Unsupported {
        /// The feature.
        feature: String,
    },
    /// The format needs random access, which a pipe does not allow.
    #[error("{} can be read from a file, but not from a pipe", format.name())]
    NeedsFile {
        /// The format.
        format: ImageFormat,
    },
    /// Decoding needs more memory than allowed.
    #[error("decoding needs {needed} bytes of memory")]
    Memory {
        /// The bytes that decoding needs.
        needed: u64,
        /// What needs them, as the rest of a sentence about the image.
        why: &'static str,
    },
    /// The file has no page of that number.
    #[error("the file has {pages} pages")]
    NoSuchPage {
        /// The number of pages.
        pages: usize,
    },
    /// The width or height is 0 or larger than a pyramid can have.
    #[error("the size {width}×{height} is out of range")]
    Size {
        /// Width in pixels, as read.
        width: u64,
        /// Height in pixels, as read.
        height: u64,
    },
}

impl ImageError {
    /// Returns the error of a file that contradicts itself or its format.
    pub fn malformed(problem: impl Into<String>) -> Self {
        Self::Malformed { problem: problem.into() }
    }

    /// Returns the error of a sound file with an unsupported feature.
    pub fn unsupported(feature: impl Into<String>) -> Self {
        Self::Unsupported { feature: feature.into() }
    }

    /// Classifies an error of reading the file: an early end means that the file is damaged, and
    /// anything else is the operating system's.
    pub fn reading(error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::UnexpectedEof {
            Self::Truncated
        } else {
            Self::System(error)
        }
    }
}
