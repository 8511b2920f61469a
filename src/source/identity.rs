//! Identifies the file that an export was made from.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;
use std::sync::Arc;

use serde::Serialize;
use sha2::{Digest as _, Sha256};

use super::SlideError;
use crate::key::Digest;

/// What an export records of the slide's file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize)]
#[non_exhaustive]
#[serde(rename_all = "lowercase")]
pub enum SourceIdentity {
    /// Name, size and SHA-256. The whole file is read, during the export.
    #[default]
    Sha256,
    /// Name, size and a fingerprint, which is quick: the SHA-256 of the first and last MiB.
    Fingerprint,
    /// Nothing.
    Omit,
}

/// The file that an export was made from. Of a slide in several files, it is the one that was
/// opened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct SourceFile {
    /// The file name. `None` if the export has another name, which may be meant to hide it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// The size in bytes.
    pub bytes: u64,
    /// The SHA-256 of the whole file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sha256: Option<Digest>,
    /// The SHA-256 of its first and last MiB, which overlap in a small file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fingerprint: Option<Digest>,
}

const MEBIBYTE: u64 = 1 << 20;

/// Identifies the file that the export `export_name` is made from. Returns `None` for
/// [`SourceIdentity::Omit`], or when `stop` returns `true`.
///
/// # Errors
/// [`SlideError::Open`] if it cannot be read.
pub(crate) fn identify(
    path: &Path,
    export_name: &str,
    identity: SourceIdentity,
    stop: &dyn Fn() -> bool,
) -> Result<Option<SourceFile>, SlideError> {
    if identity == SourceIdentity::Omit {
        return Ok(None);
    }
    let failed = |error| SlideError::Open { path: path.to_owned(), source: Arc::new(error) };
    let mut file = File::open(path).map_err(failed)?;
    let bytes = file.metadata().map_err(failed)?.len();
    let as_text = |name: &std::ffi::OsStr| name.to_string_lossy().into_owned();
    let named_alike =
        path.file_stem().map(as_text).is_some_and(|stem| export_name.starts_with(&stem));
    let name = path.file_name().map(as_text).filter(|_| named_alike);
    let mut found = SourceFile { file: name, bytes, sha256: None, fingerprint: None };
    let mut hasher = Sha256::new();
    let mut part = vec![0; MEBIBYTE as usize];
    if identity == SourceIdentity::Sha256 {
        loop {
            if stop() {
                return Ok(None);
            }
            match file.read(&mut part).map_err(failed)? {
                0 => break,
                length => hasher.update(&part[..length]),
            }
        }
        found.sha256 = Some(Digest::finish(hasher));
    } else {
        for start in [0, bytes.saturating_sub(MEBIBYTE)] {
            file.seek(SeekFrom::Start(start)).map_err(failed)?;
            part.clear();
            file.by_ref().take(MEBIBYTE).read_to_end(&mut part).map_err(failed)?;
            hasher.update(&part);
        }
        found.fingerprint = Some(Digest::finish(hasher));
    }
    Ok(Some(found))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_digests_and_fingerprints() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("slide.svs");
        for length in [0, 5, MEBIBYTE, MEBIBYTE + 1, 3 * MEBIBYTE + 7] {
            let contents: Vec<u8> = (0..length).map(|at| (at * at % 251) as u8).collect();
            std::fs::write(&path, &contents).unwrap();
            let identified = |identity| identify(&path, "slide", identity, &|| false).unwrap();
            let whole = identified(SourceIdentity::Sha256).unwrap();
            assert_eq!((whole.file.as_deref(), whole.bytes), (Some("slide.svs"), length));
            assert_eq!((whole.sha256, whole.fingerprint), (Some(Digest::of(&contents)), None));
            let ends = contents.len().min(MEBIBYTE as usize);
            let both = [&contents[..ends], &contents[contents.len() - ends..]].concat();
            let quick = identified(SourceIdentity::Fingerprint).unwrap();
            assert_eq!((quick.sha256, quick.fingerprint), (None, Some(Digest::of(&both))));
            assert_eq!(identified(SourceIdentity::Omit), None);
        }
        let renamed =
            identify(&path, "case-17", SourceIdentity::Fingerprint, &|| false).unwrap().unwrap();
        assert_eq!(renamed.file, None);
        assert_eq!(identify(&path, "slide", SourceIdentity::Sha256, &|| true).unwrap(), None);
        assert!(
            identify(&folder.path().join("none"), "none", SourceIdentity::Sha256, &|| false)
                .is_err()
        );
    }
}
