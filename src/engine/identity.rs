//! What an export is made of and how, so that what an earlier run has left, finished or not, is known for the same or for another one.
//!
//! What always holds: whatever the description tells that is settled before a pixel is read is part of it, so that nothing which changes an export can be left out here.

use std::ffi::OsStr;
use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use serde_json::Value;
use walkdir::{DirEntry, WalkDir};

use crate::engine::metadata::{ExportOutcome, describe};
use crate::key::Digest;
use crate::layout::Container;
use crate::plan::ExportPlan;
use crate::pyramid::TileSet;
use crate::source::{Source, SourceIdentity, identify, openslide_version};

/// What is said of an export, and of what, in words for a user; what was asked for comes first, and what follows from it later.
pub(crate) type Identity = Vec<(String, String)>;

/// The identity of a run. Of a slide that is no file, or cannot be read any more, the file says nothing.
pub(crate) fn of_run(source: &dyn Source, plan: &ExportPlan) -> Identity {
    let info = source.info();
    let file = identify(&info.path, plan.name(), SourceIdentity::Fingerprint, &|| false).ok().flatten();
    let file = file.map_or_else(String::new, |file| format!("{} bytes, {:?}", file.bytes, file.fingerprint));
    let versions = [
        ("version of slidezoom", env!("CARGO_PKG_VERSION").to_owned()),
        ("version of OpenSlide", openslide_version().unwrap_or_default()),
    ];
    let slide = [
        ("slide", file),
        ("state of the slide's files", stamp_of_files(&info.path, info.vendor.as_deref()).to_string()),
        ("slide's quickhash", info.properties.get("openslide.quickhash-1").cloned().unwrap_or_default()),
        ("reader", info.reader.to_string()),
    ];
    let rest = [
        ("container", format!("{:?}", plan.layout().container()).to_lowercase()),
        ("list of associated images", plan.associated().join(", ")),
    ];
    let named = |(what, value): (&str, String)| (what.to_owned(), value);
    let before = versions.into_iter().chain(slide).map(named);
    before.chain(of_plan(source, plan)).chain(rest.into_iter().map(named)).collect()
}

/// The part of it that a finished export tells of itself.
pub(crate) fn of_plan(source: &dyn Source, plan: &ExportPlan) -> Identity {
    let nothing =
        ExportOutcome { associated_images: &[], unreadable: &[], left_out: &TileSet::default(), source: None };
    of_description(&serde_json::from_str(&describe(source.info(), plan, nothing)).unwrap_or_default())
}

/// The same, by the description of an export.
pub(crate) fn of_description(description: &Value) -> Identity {
    /// What came of the export, where it is kept and who has made it.
    const LATER: [&str; 7] =
        ["associatedImages", "unreadable", "skippedTiles", "blankTiles", "source", "manifest", "writtenBy"];
    let mut identity = Identity::new();
    add("", &description["options"], &mut identity);
    for (key, value) in description.as_object().into_iter().flatten() {
        if key != "options" && !LATER.contains(&key.as_str()) {
            add(&words(key), value, &mut identity);
        }
    }
    identity
}

/// Adds what a part of a description says, called `what`.
fn add(what: &str, value: &Value, identity: &mut Identity) {
    match value {
        Value::Object(parts) => {
            for (key, part) in parts {
                let key = words(key);
                add(&if what.is_empty() { key } else { format!("{what} {key}") }, part, identity);
            }
        }
        Value::Null => {}
        Value::String(text) => identity.push((what.to_owned(), text.clone())),
        other => identity.push((what.to_owned(), other.to_string())),
    }
}

/// `onReadError` as `on read error`. What has a point is a property's own name.
fn words(key: &str) -> String {
    if key.contains('.') {
        return key.to_owned();
    }
    key.chars().fold(String::new(), |mut words, letter| {
        if letter.is_uppercase() {
            words.push(' ');
        }
        words.extend(letter.to_lowercase());
        words
    })
}

/// The first thing that differs: what it is, what it was, and what it is now.
pub(crate) fn difference(before: &Identity, now: &Identity) -> Option<(String, String, String)> {
    let value = |identity: &Identity, what: &str| {
        let found = identity.iter().find(|(key, _)| key == what).map(|(_, value)| value.clone());
        found.filter(|value| !value.is_empty()).unwrap_or_else(|| "not there".to_owned())
    };
    let mut each = now.iter().chain(before).map(|(what, _)| (what.clone(), value(before, what), value(now, what)));
    each.find(|(_, before, now)| before != now)
}

/// A digest of what the file system says of each of a slide's files: whoever writes one anew, be it with the times that it had, gives it another
/// inode or another time of change.
fn stamp_of_files(path: &Path, vendor: Option<&str>) -> Digest {
    // MIRAX keeps its pixels in a folder called as the slide; DICOM, VMS and VMU in files beside it.
    let ending = path.extension().map(OsStr::to_ascii_lowercase);
    let folder = match vendor {
        Some("mirax") => Some(WalkDir::new(path.with_extension(""))),
        Some("dicom") => path.parent().map(|folder| WalkDir::new(folder).max_depth(1)),
        Some("hamamatsu") if ending.is_some_and(|ending| ending != "ndpi") => {
            path.parent().map(|folder| WalkDir::new(folder).max_depth(1))
        }
        _ => None,
    };
    // What an export writes beside a slide is none of the slide's files.
    let is_output = |file: &Path| {
        let hidden = file.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."));
        hidden || Container::of_path(file).is_archive()
    };
    let auxiliary_files = folder.into_iter().flatten().filter_map(Result::ok).map(DirEntry::into_path);
    let mut stamps: Vec<String> = auxiliary_files
        .filter(|file| !is_output(file))
        .chain([path.to_owned()])
        .filter_map(|file| {
            let found = std::fs::metadata(&file).ok().filter(Metadata::is_file)?;
            let times = (found.mtime(), found.mtime_nsec(), found.ctime(), found.ctime_nsec());
            Some(format!("{} {} {} {} {times:?}", file.display(), found.dev(), found.ino(), found.len()))
        })
        .collect();
    stamps.sort_unstable();
    stamps.dedup();
    Digest::of(stamps.join("\n").as_bytes())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn identity(pairs: &[(&str, &str)]) -> Identity {
        pairs.iter().map(|&(what, value)| (what.to_owned(), value.to_owned())).collect()
    }

    #[test]
    fn what_differs_is_told() {
        let before = identity(&[("a", "1"), ("b", "2")]);
        let told = |now: &[(&str, &str)]| difference(&before, &identity(now));
        let of = |what: &str, before: &str, now: &str| Some((what.to_owned(), before.to_owned(), now.to_owned()));
        assert_eq!(told(&[("a", "1"), ("b", "2")]), None);
        assert_eq!(told(&[("b", "2"), ("a", "1")]), None);
        assert_eq!(told(&[("a", "1"), ("b", "3")]), of("b", "2", "3"));
        assert_eq!(told(&[("b", "2")]), of("a", "1", "not there"));
        assert_eq!(told(&[("a", "1"), ("b", "2"), ("c", "0")]), of("c", "not there", "0"));
    }

    #[test]
    fn a_description_is_told_in_words_and_without_what_came_of_it() {
        let description = json!({
            "name": "scan", "tileSize": 254, "toSlide": [1, 0], "color": { "handling": "ignored", "profileBytes": null },
            "properties": { "openslide.vendor": "aperio" }, "unreadable": [1], "writtenBy": { "slidezoom": "0" },
            "options": { "onReadError": "stop" },
        });
        let expected = identity(&[
            ("on read error", "stop"),
            ("name", "scan"),
            ("tile size", "254"),
            ("to slide", "[1,0]"),
            ("color handling", "ignored"),
            ("properties openslide.vendor", "aperio"),
        ]);
        assert_eq!(of_description(&description), expected);
    }
}
