//! Keys of files: the name of a file in an export, and the digest of its contents.

use std::fmt;

use serde::Serialize;
use sha2::{Digest as _, Sha256};

/// The name of a file in an export: a relative path with `/` between folders.
///
/// It has at least one component, and none is empty, `.`, `..` or contains a NUL, so it cannot name
/// anything outside the export.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EntryName(String);

impl EntryName {
    /// Checks a name.
    ///
    /// # Errors
    /// [`EntryNameError`] if the name is empty or could reach outside the export.
    pub fn new(name: String) -> Result<Self, EntryNameError> {
        let plain =
            |component: &str| !matches!(component, "" | "." | "..") && !component.contains('\0');
        if name.split('/').all(plain) { Ok(Self(name)) } else { Err(EntryNameError { name }) }
    }

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for EntryName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

/// The error for a name that is empty or could reach outside the export.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{name:?} is not a valid file name inside an export")]
pub struct EntryNameError {
    /// The name.
    pub name: String,
}

/// The SHA-256 of a file's contents.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub struct Digest([u8; 32]);

impl Digest {
    /// Hashes `contents`.
    #[must_use]
    pub fn of(contents: &[u8]) -> Self {
        Self(Sha256::digest(contents).into())
    }

    /// The digest of everything that `hasher` was given.
    #[must_use]
    pub fn finish(hasher: Sha256) -> Self {
        Self(hasher.finalize().into())
    }

    /// The 32 bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// The digest with these bytes.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Parses 64 hexadecimal digits of either case.
    #[must_use]
    pub fn from_hex(text: &str) -> Option<Self> {
        let digits = text.as_bytes();
        if digits.len() != 64 || !digits.iter().all(u8::is_ascii_hexdigit) {
            return None;
        }
        let mut bytes = [0; 32];
        for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
            *byte = u8::from_str_radix(str::from_utf8(pair).ok()?, 16).ok()?;
        }
        Some(Self(bytes))
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(formatter, "{byte:02x}"))
    }
}

impl Serialize for Digest {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rejects_names_that_reach_outside() {
        for good in ["a", "CMU-1.dzi", "a/b/c", "..a", "a b/#%é", "...", "new\nline"] {
            assert!(EntryName::new(good.to_owned()).is_ok(), "{good:?}");
        }
        for bad in ["", "/a", "a/", "a//b", ".", "..", "../a", "a/../b", "a/.", "nul\0"] {
            assert!(EntryName::new(bad.to_owned()).is_err(), "{bad:?}");
        }
    }
}
