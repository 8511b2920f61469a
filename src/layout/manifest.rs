//! Manifests: the SHA-256 digest of every file, in the format of `sha256sum -c`.
//!
//! A line has the digest in hexadecimal, two spaces, and the file's name relative to the root. In
//! lines that begin with a backslash, backslashes, newlines and carriage returns in the name are
//! escaped, as in GNU coreutils 9.

use std::collections::BTreeMap;
use std::fmt::Write;

use crate::key::{Digest, EntryName};

/// The manifest's file name.
pub const MANIFEST: &str = "manifest-sha256.txt";

/// Writes a manifest in the order in which files are added.
#[derive(Debug, Default)]
pub struct ManifestText {
    text: String,
}

impl ManifestText {
    /// Adds a file.
    pub fn add(&mut self, name: &str, digest: Digest) {
        let escaped = name.contains(['\\', '\n', '\r']);
        let mark = if escaped { "\\" } else { "" };
        // Writing to a String cannot fail.
        let _ = write!(self.text, "{mark}{digest}  ");
        for letter in name.chars() {
            match letter {
                '\\' if escaped => self.text.push_str("\\\\"),
                '\n' => self.text.push_str("\\n"),
                '\r' => self.text.push_str("\\r"),
                other => self.text.push(other),
            }
        }
        self.text.push('\n');
    }

    /// Returns the text.
    #[must_use]
    pub fn into_text(self) -> String {
        self.text
    }
}

/// A line of a manifest is invalid.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line} {reason}")]
pub struct ManifestError {
    /// The line number, from 1.
    pub line: usize,
    /// The reason.
    pub reason: ManifestFault,
}

/// Reasons why a line of a manifest is invalid.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ManifestFault {
    /// The line is not a digest, two spaces and a name.
    #[error("is not a SHA-256 digest and a name")]
    Form,
    /// The name points outside the export.
    #[error("names a file outside the export")]
    Name,
    /// The name is a duplicate.
    #[error("names a file a second time")]
    Twice,
}

/// Parses a manifest. No name that it returns points outside the export.
///
/// # Errors
/// [`ManifestError`] for the first invalid line.
pub fn parse(text: &str) -> Result<BTreeMap<EntryName, Digest>, ManifestError> {
    let mut files = BTreeMap::new();
    for (index, line) in text.split_terminator('\n').enumerate() {
        let fault = |reason| ManifestError { line: index + 1, reason };
        let (digest, name) = parse_line(line).ok_or_else(|| fault(ManifestFault::Form))?;
        let name = EntryName::new(name).map_err(|_| fault(ManifestFault::Name))?;
        if files.insert(name, digest).is_some() {
            return Err(fault(ManifestFault::Twice));
        }
    }
    Ok(files)
}

fn parse_line(line: &str) -> Option<(Digest, String)> {
    let (line, escaped) = line.strip_prefix('\\').map_or((line, false), |line| (line, true));
    let (digest, name) = line.split_at_checked(64)?;
    // `sha256sum --binary` writes a space and an asterisk.
    let name = name.strip_prefix("  ").or_else(|| name.strip_prefix(" *"))?;
    let name = if escaped { unescaped(name)? } else { name.to_owned() };
    Some((Digest::from_hex(digest)?, name))
}

fn unescaped(name: &str) -> Option<String> {
    let mut text = String::with_capacity(name.len());
    let mut letters = name.chars();
    while let Some(letter) = letters.next() {
        text.push(match letter {
            '\\' => match letters.next()? {
                '\\' => '\\',
                'n' => '\n',
                'r' => '\r',
                _ => return None,
            },
            other => other,
        });
    }
    Some(text)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// An example of FIPS 180-4.
    const ABC: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

    #[test]
    fn digests_are_sha_256_in_hexadecimal() {
        assert_eq!(Digest::of(b"abc").to_string(), ABC);
        assert_eq!(Digest::from_hex(&ABC.to_uppercase()), Some(Digest::of(b"abc")));
        for wrong in
            ["", &ABC[1..], &format!("{ABC}0"), &ABC.replace('b', "g"), &ABC.replace("ba", "é")]
        {
            assert_eq!(Digest::from_hex(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn reports_the_first_invalid_line() {
        let good = format!("{ABC}  a/b\n{ABC} *c\n\\{ABC}  d\\\\\\n\n");
        let names: Vec<String> =
            parse(&good).unwrap().keys().map(|name| name.as_str().to_owned()).collect();
        assert_eq!(names, ["a/b", "c", "d\\\n"]);
        for (line, reason) in [
            ("", ManifestFault::Form),
            ("a/b", ManifestFault::Form),
            (&format!("{ABC} a"), ManifestFault::Form),
            (&format!("\\{ABC}  a\\t"), ManifestFault::Form),
            (&format!("{ABC}  ../a"), ManifestFault::Name),
            (&format!("{ABC}  /etc/passwd"), ManifestFault::Name),
            (&format!("{ABC}  "), ManifestFault::Name),
            (&format!("{ABC}  c"), ManifestFault::Twice),
        ] {
            assert_eq!(
                parse(&format!("{good}{line}\n")),
                Err(ManifestError { line: 4, reason }),
                "{line}"
            );
        }
    }

    proptest! {
        #[test]
        fn reads_back_any_name(names in prop::collection::btree_set("[^/\0]{1,12}", 0..6)) {
            let mut manifest = ManifestText::default();
            let mut expected = BTreeMap::new();
            for name in names.into_iter().filter(|name| !matches!(name.as_str(), "." | "..")) {
                let digest = Digest::of(name.as_bytes());
                manifest.add(&name, digest);
                expected.insert(EntryName::new(name).unwrap(), digest);
            }
            prop_assert_eq!(parse(&manifest.into_text()), Ok(expected));
        }
    }
}
