//! Checks whether a finished export is the one that a run would produce.
//!
//! An export is skipped only if its description names the same slide and options. Its tiles are not
//! read; verifying does that.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use serde_json::Value;

use crate::engine::identity::{Difference, ExportSettings};
use crate::engine::metadata;
use crate::error::Error;
use crate::export::existing;
use crate::plan::ExportPlan;
use crate::sink::SinkError;
use crate::source::{Source, SourceIdentity, identify};

/// Checks that the export at `destination` is the one that `plan` makes of `source`, whatever
/// version of the program made it.
///
/// If the description has the SHA-256 of the slide's file, the file is read and compared. If the
/// slide has a quickhash of OpenSlide's, the quickhash and the file's length are compared instead.
/// `stop` is called repeatedly.
///
/// # Errors
/// [`Error::OtherExport`] if the export is of another file or has other options,
/// [`SinkError::Exists`] if the destination is not an export, [`Error::Slide`] if the slide's file
/// cannot be read, and [`Error::Interrupted`] if `stop` returned `true`.
pub fn check_finished(
    source: &dyn Source,
    plan: &ExportPlan,
    destination: &Path,
    stop: &dyn Fn() -> bool,
) -> Result<(), Error> {
    let not_an_export = || Error::from(SinkError::Exists { path: destination.to_owned() });
    let description = read_description(plan, destination).map_err(|_| not_an_export())?;
    let description: Value = serde_json::from_slice(&description).map_err(|_| not_an_export())?;
    let differs = |(what, before, now)| Error::OtherExport {
        path: destination.to_owned(),
        what,
        before,
        now,
    };
    let fields = description.as_object().cloned().unwrap_or_default();
    let settings = ExportSettings::of_description(fields);
    if let Some(Difference { field, before, now }) =
        settings.difference(&ExportSettings::of_plan(source, plan))
    {
        return Err(differs((field, before, now)));
    }
    let list = |names: &[&str]| if names.is_empty() { "none".to_owned() } else { names.join(", ") };
    let written: Vec<&str> = names(&description["associatedImages"]).collect();
    let planned: Vec<&str> = plan.associated().iter().map(String::as_str).collect();
    if written != planned {
        return Err(differs((
            "list of associated images".to_owned(),
            list(&written),
            list(&planned),
        )));
    }
    let before = &description["source"];
    if before.is_null() {
        return Ok(());
    }
    let quickhash = source.info().properties.contains_key("openslide.quickhash-1");
    let requested = if quickhash { SourceIdentity::Fingerprint } else { plan.source_identity() };
    let file =
        identify(&source.info().path, plan.name(), requested, stop)?.ok_or(Error::Interrupted)?;
    let now = serde_json::to_value(&file).unwrap_or_default();
    for (key, what) in [
        ("bytes", "length of the file"),
        ("sha256", "SHA-256 of the file"),
        ("fingerprint", "fingerprint of the file"),
    ] {
        let comparable = !before[key].is_null() && !now[key].is_null();
        if comparable && before[key] != now[key] {
            let text =
                |value: &Value| value.as_str().map_or_else(|| value.to_string(), ToOwned::to_owned);
            return Err(differs((what.to_owned(), text(&before[key]), text(&now[key]))));
        }
    }
    Ok(())
}

fn names(images: &Value) -> impl Iterator<Item = &str> {
    images.as_array().into_iter().flatten().filter_map(|image| image["name"].as_str())
}

/// Reads the description of an existing export in the container of `plan`.
fn read_description(plan: &ExportPlan, destination: &Path) -> io::Result<Vec<u8>> {
    let (name, longest) = (plan.layout().description(), metadata::LONGEST);
    if plan.layout().container().is_archive() {
        return existing::open(destination).map_err(io::Error::other)?.read(&name, longest);
    }
    // A folder is not listed, as it can hold a million tiles.
    let mut contents = Vec::new();
    File::open(destination.join(name))?.take(longest).read_to_end(&mut contents)?;
    Ok(contents)
}
