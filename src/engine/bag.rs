//! The tag files of `BagIt` 1.0 (RFC 8493), which make a folder a bag.
//!
//! The payload manifest is the manifest of the export. No bagging date is written, as an export is
//! a function of slide and options.

use super::files::Files;
use crate::key::Digest;
use crate::layout::manifest::ManifestText;
use crate::layout::{BAG_DECLARATION, BAG_INFORMATION, TAG_MANIFEST};
use crate::sink::SinkError;

const DECLARATION: &str = "BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n";

/// Writes the tag files of a bag. Its payload has been written: `tile_bytes` of tiles and the files
/// that `files` counted. `manifest` is the name and the digest of the payload manifest.
pub(crate) fn write_tags(
    files: &mut Files<'_>,
    tile_bytes: u64,
    manifest: (&str, Digest),
) -> Result<(), SinkError> {
    let (count, bytes) = files.count();
    let information = format!(
        "Bag-Software-Agent: slidezoom {}\nPayload-Oxum: {}.{count}\n",
        env!("CARGO_PKG_VERSION"),
        tile_bytes + bytes
    );
    let mut tags = ManifestText::default();
    for (name, contents) in [(BAG_DECLARATION, DECLARATION), (BAG_INFORMATION, &information)] {
        files.write_tag(name.to_owned(), contents.as_bytes())?;
        tags.add(name, Digest::of(contents.as_bytes()));
    }
    tags.add(manifest.0, manifest.1);
    files.write_tag(TAG_MANIFEST.to_owned(), tags.into_text().as_bytes())
}
