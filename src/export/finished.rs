//! Checks whether a finished export is the one that a run would produce.
//!
//! What always holds: an export is passed over only where its own description tells of the same
//! picture and the same options. Its tiles are not looked at, which is what verifying does.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use serde_json::Value;

use crate::engine::identity::{Difference, ExportSettings};
use crate::engine::metadata;
use crate::error::Error;
use crate::export::exported;
use crate::layout::Container;
use crate::plan::ExportPlan;
use crate::sink::SinkError;
use crate::source::{Source, SourceIdentity, identify};

/// Looks whether the export at `destination` is what `plan` would make of `source`, whichever
/// version has made it. Where its description has the SHA-256 of the picture's file, that file is
/// read; of a slide that has a quickhash of OpenSlide's, only its length is looked at beside that.
/// `stop` is asked now and then.
///
/// # Errors
/// [`Error::OtherExport`] where it is of another file, or made with other options;
/// [`SinkError::Exists`] where there is something else than an export; [`Error::Slide`] where the
/// picture's file cannot be read, and [`Error::Interrupted`] where `stop` said so.
pub fn check_finished(
    source: &dyn Source,
    plan: &ExportPlan,
    destination: &Path,
    stop: &dyn Fn() -> bool,
) -> Result<(), Error> {
    let none = || Error::from(SinkError::Exists { path: destination.to_owned() });
    let description = read_description(plan, destination).map_err(|_| none())?;
    let description: Value = serde_json::from_slice(&description).map_err(|_| none())?;
    let differs = |(what, before, now)| Error::OtherExport {
        path: destination.to_owned(),
        what,
        before,
        now,
    };
    let fields = description.as_object().cloned().unwrap_or_default();
    let is = ExportSettings::of_description(fields);
    if let Some(Difference { field, before, now }) =
        is.difference(&ExportSettings::of_plan(source, plan))
    {
        return Err(differs((field, before, now)));
    }
    let words =
        |names: &[&str]| if names.is_empty() { "none".to_owned() } else { names.join(", ") };
    let written: Vec<&str> = names(&description["associatedImages"]).collect();
    let planned: Vec<&str> = plan.associated().iter().map(String::as_str).collect();
    if written != planned {
        return Err(differs((
            "list of associated images".to_owned(),
            words(&written),
            words(&planned),
        )));
    }
    let before = &description["source"];
    if before.is_null() {
        return Ok(());
    }
    let quickhash = source.info().properties.contains_key("openslide.quickhash-1");
    let asked = if quickhash { SourceIdentity::Fingerprint } else { plan.source_identity() };
    let file =
        identify(&source.info().path, plan.name(), asked, stop)?.ok_or(Error::Interrupted)?;
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

/// The description of the export that stands there, if one does that is kept as `plan` says.
fn read_description(plan: &ExportPlan, destination: &Path) -> io::Result<Vec<u8>> {
    let name = plan.layout().description();
    match plan.layout().container() {
        // Without looking at the tiles, of which there may be a million.
        Container::Folder | Container::Bag => {
            let mut contents = Vec::new();
            File::open(destination.join(name))?
                .take(metadata::LONGEST)
                .read_to_end(&mut contents)?;
            Ok(contents)
        }
        Container::Zip | Container::Szi => {
            exported::open(destination).map_err(io::Error::other)?.read(&name, metadata::LONGEST)
        }
    }
}
