//! Identifies an export, so that a run resumes or skips only an export of the same source and
//! options.

use std::ffi::OsStr;
use std::fs::Metadata;
use std::path::Path;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use walkdir::{DirEntry, WalkDir};

use super::metadata;
use crate::key::Digest;
use crate::layout::Container;
use crate::plan::ExportPlan;
use crate::platform;
use crate::source::{Source, SourceFile, SourceIdentity, identify, openslide_version};

/// Everything on which the bytes of a run's output depend.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct RunIdentity {
    slidezoom: String,
    openslide: Option<String>,
    /// The size and the fingerprint of the slide's file; `None` if it cannot be read.
    slide: Option<(u64, Option<String>)>,
    /// A digest of the state of all files of the slide.
    slide_files: String,
    quickhash: Option<String>,
    reader: String,
    settings: ExportSettings,
    container: String,
    associated: Vec<String>,
}

impl RunIdentity {
    /// The identity of exporting `source` as `plan` says.
    pub fn new(source: &dyn Source, plan: &ExportPlan) -> Self {
        let info = source.info();
        let file = identify(&info.path, plan.name(), SourceIdentity::Fingerprint, &|| false)
            .ok()
            .flatten();
        let slide = |SourceFile { bytes, fingerprint, .. }| {
            (bytes, fingerprint.map(|fingerprint| fingerprint.to_string()))
        };
        Self {
            slidezoom: env!("CARGO_PKG_VERSION").to_owned(),
            openslide: openslide_version().ok(),
            slide: file.map(slide),
            slide_files: stamp_of_files(&info.path, info.vendor.as_deref()).to_string(),
            quickhash: info.properties.get("openslide.quickhash-1").cloned(),
            reader: info.reader.to_string(),
            settings: ExportSettings::of_plan(source, plan),
            container: format!("{:?}", plan.layout().container()).to_lowercase(),
            associated: plan.associated().to_vec(),
        }
    }

    /// The first difference from the identity of a later run.
    pub fn difference(&self, now: &Self) -> Option<Difference> {
        let slide =
            |identity: &Self| identity.slide.as_ref().map(|(bytes, _)| format!("{bytes} bytes"));
        let fingerprint = |identity: &Self| {
            identity.slide.as_ref().and_then(|(_, fingerprint)| fingerprint.clone())
        };
        let text = |value: &String| Some(value.clone());
        Difference::of("version of slidezoom", text(&self.slidezoom), text(&now.slidezoom))
            .or_else(|| {
                Difference::of(
                    "version of OpenSlide",
                    self.openslide.clone(),
                    now.openslide.clone(),
                )
            })
            .or_else(|| Difference::of("slide", slide(self), slide(now)))
            .or_else(|| {
                Difference::of("fingerprint of the slide", fingerprint(self), fingerprint(now))
            })
            .or_else(|| {
                Difference::of(
                    "state of the slide's files",
                    text(&self.slide_files),
                    text(&now.slide_files),
                )
            })
            .or_else(|| {
                Difference::of("slide's quickhash", self.quickhash.clone(), now.quickhash.clone())
            })
            .or_else(|| Difference::of("reader", text(&self.reader), text(&now.reader)))
            .or_else(|| self.settings.difference(&now.settings))
            .or_else(|| Difference::of("container", text(&self.container), text(&now.container)))
            .or_else(|| {
                let list =
                    |names: &[String]| Some(names.join(", ")).filter(|names| !names.is_empty());
                Difference::of(
                    "list of associated images",
                    list(&self.associated),
                    list(&now.associated),
                )
            })
    }
}

/// A field in which two exports differ, in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Difference {
    pub field: String,
    pub before: String,
    pub now: String,
}

impl Difference {
    fn of(field: &str, before: Option<String>, now: Option<String>) -> Option<Self> {
        let word = |value: Option<String>| value.unwrap_or_else(|| "none".to_owned());
        (before != now).then(|| Self {
            field: field.to_owned(),
            before: word(before),
            now: word(now),
        })
    }
}

/// The settings of an export, by the names of the fields of its description. They include
/// everything in the description that is settled before a pixel is read.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct ExportSettings {
    /// The requested options.
    options: Value,
    /// The settings that follow from the options and the slide.
    settled: Map<String, Value>,
}

/// The fields of a description that are known only after the export.
const OUTCOME: [&str; 8] = [
    "associatedImages",
    "unreadable",
    "skippedTiles",
    "tilesLeftOut",
    "blankTiles",
    "source",
    "manifest",
    "writtenBy",
];

impl ExportSettings {
    /// The settings of a plan.
    pub fn of_plan(source: &dyn Source, plan: &ExportPlan) -> Self {
        Self::of_description(metadata::planned(source.info(), plan))
    }

    /// The settings of an export with this description.
    pub fn of_description(mut settled: Map<String, Value>) -> Self {
        let options = settled.shift_remove("options").unwrap_or_default();
        settled.retain(|key, _| !OUTCOME.contains(&key.as_str()));
        Self { options, settled }
    }

    /// The first difference from the settings of a later run: in the requested options, or else in
    /// what follows from them.
    pub fn difference(&self, now: &Self) -> Option<Difference> {
        let settled = |settings: &Self| Value::Object(settings.settled.clone());
        difference("", &self.options, &now.options)
            .or_else(|| difference("", &settled(self), &settled(now)))
    }
}

/// The first difference between two values of the field `name`.
fn difference(name: &str, before: &Value, now: &Value) -> Option<Difference> {
    // A missing object differs in its first field.
    let empty = Map::new();
    let objects = match (before, now) {
        (Value::Object(before), Value::Object(now)) => Some((before, now)),
        (Value::Null, Value::Object(now)) => Some((&empty, now)),
        (Value::Object(before), Value::Null) => Some((before, &empty)),
        _ => None,
    };
    if let Some((before, now)) = objects {
        return now.keys().chain(before.keys()).find_map(|key| {
            let part = |object: &Map<String, Value>| object.get(key).cloned().unwrap_or_default();
            let words = words(key);
            let name = if name.is_empty() { words } else { format!("{name} {words}") };
            difference(&name, &part(before), &part(now))
        });
    }
    let text = |value: &Value| match value {
        Value::Null => None,
        Value::String(text) => Some(text.clone()),
        other => Some(other.to_string()),
    };
    if before == now { None } else { Difference::of(name, text(before), text(now)) }
}

/// Turns `onReadError` into `on read error`. A name with a point is the name of a slide property
/// and stays.
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

/// Returns a digest of the state of each of a slide's files.
fn stamp_of_files(path: &Path, vendor: Option<&str>) -> Digest {
    // MIRAX keeps its pixels in a folder named after the slide; DICOM, VMS and VMU in files next to
    // it.
    let extension = path.extension().map(OsStr::to_ascii_lowercase);
    let folder = match vendor {
        Some("mirax") => Some(WalkDir::new(path.with_extension(""))),
        Some("dicom") => path.parent().map(|folder| WalkDir::new(folder).max_depth(1)),
        Some("hamamatsu") if extension.is_some_and(|extension| extension != "ndpi") => {
            path.parent().map(|folder| WalkDir::new(folder).max_depth(1))
        }
        _ => None,
    };
    // An export written next to the slide is not one of its files.
    let is_output = |file: &Path| {
        let hidden = file.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."));
        hidden || Container::of_path(file).is_archive()
    };
    let others = folder.into_iter().flatten().filter_map(Result::ok).map(DirEntry::into_path);
    let mut stamps: Vec<String> = others
        .filter(|file| !is_output(file))
        .chain([path.to_owned()])
        .filter_map(|file| {
            let found = std::fs::metadata(&file).ok().filter(Metadata::is_file)?;
            Some(format!("{} {}", file.display(), platform::change_stamp(&found)))
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

    fn settings(description: &Value) -> ExportSettings {
        ExportSettings::of_description(description.as_object().unwrap().clone())
    }

    #[test]
    fn names_the_first_field_that_differs() {
        let description = json!({
            "name": "scan", "tileSize": 254, "toSlide": [1, 0], "color": { "handling": "ignored", "profileBytes": null },
            "properties": { "openslide.vendor": "aperio" }, "options": { "onReadError": "stop" },
        });
        let before = settings(&description);
        assert_eq!(before.difference(&before), None);
        for (pointer, value, field, was, is) in [
            ("/name", json!("other"), "name", "scan", "other"),
            ("/tileSize", json!(256), "tile size", "254", "256"),
            ("/tileSize", json!(null), "tile size", "254", "none"),
            ("/toSlide", json!([1, 5]), "to slide", "[1,0]", "[1,5]"),
            ("/color/profileBytes", json!(7), "color profile bytes", "none", "7"),
            (
                "/properties/openslide.vendor",
                json!("mirax"),
                "properties openslide.vendor",
                "aperio",
                "mirax",
            ),
            ("/options/onReadError", json!("blank"), "on read error", "stop", "blank"),
            ("/options", json!(null), "on read error", "stop", "none"),
            ("/color", json!(null), "color handling", "ignored", "none"),
        ] {
            let mut changed = description.clone();
            *changed.pointer_mut(pointer).unwrap() = value;
            let expected =
                Difference { field: field.to_owned(), before: was.to_owned(), now: is.to_owned() };
            assert_eq!(before.difference(&settings(&changed)), Some(expected));
        }
    }

    #[test]
    fn names_options_before_what_follows_from_them() {
        let before = settings(&json!({ "width": 10, "options": { "rotation": 0 } }));
        let now = settings(&json!({ "width": 20, "options": { "rotation": 90 } }));
        assert_eq!(before.difference(&now).unwrap().field, "rotation");
    }

    #[test]
    fn ignores_order_and_outcome() {
        let before = settings(
            &json!({ "width": 1, "height": 2, "unreadable": [1], "writtenBy": { "slidezoom": "0" } }),
        );
        assert_eq!(before.difference(&settings(&json!({ "height": 2, "width": 1 }))), None);
    }
}
