//! `slidezoom info`: what a slide is, and what an export of it would be.

use std::fmt::Write;
use std::path::{Path, PathBuf};

use clap::Args;
use serde::Serialize;
use slidezoom::export::{SavedImage, SavedImages, save_associated_images};
use slidezoom::plan::BaseTiles;
use slidezoom::sink::SinkError;
use slidezoom::{Error, ExportOptions, ExportPlan, SlideInfo, Source, slide};

use super::export::encoding;
use super::failure::Failure;
use super::options::Reading;

/// Show what a slide is, and what an export of it with the default options would be
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The slide
    slide: PathBuf,

    /// As JSON, with every property
    #[arg(long)]
    json: bool,

    /// Save all associated images in this folder, which is made where it is missing, as PNG with the slide's own pixels. Label and macro
    /// too, which can show a patient's name: mind where they go. No file is replaced: where one of the names is taken, none is saved.
    /// An image whose name cannot be a file's gets a number
    #[arg(long, value_name = "DIR")]
    associated: Option<PathBuf>,

    #[command(flatten)]
    reading: Reading,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Report<'a> {
    slide: &'a SlideInfo,
    export: &'a ExportPlan,
    #[serde(skip_serializing_if = "Option::is_none")]
    saved_images: Option<&'a [SavedImage]>,
}

pub(super) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let source = slide::open_with(&arguments.slide, arguments.reading.choice())?;
    let info = source.info();
    let name = super::inputs::name_exports(std::slice::from_ref(&arguments.slide), &[]).remove(0);
    let plan = ExportPlan::new(info, &name, &ExportOptions::default())?;
    let images =
        arguments.associated.as_deref().map(|folder| save_images(source.as_ref(), &plan, folder)).transpose()?;
    let saved = images.as_ref().map(|images| images.saved.as_slice());
    let text = if arguments.json {
        let report = Report { slide: info, export: &plan, saved_images: saved };
        serde_json::to_string_pretty(&report)
            .map(|text| text + "\n")
            .map_err(|error| Failure::other(error.to_string()))?
    } else {
        table(info, &plan, saved.unwrap_or_default())
    };
    super::print(text.as_bytes())?;
    match images.as_ref().map_or(&[][..], |images| &images.unreadable) {
        [] => Ok(()),
        [error] => Err(Failure::from(error.clone())),
        errors => {
            let messages: Vec<String> = errors.iter().map(ToString::to_string).collect();
            Err(Failure::summary(messages.join("; "), std::iter::once(Failure::from(errors[0].clone()).code())))
        }
    }
}

fn save_images(source: &dyn Source, plan: &ExportPlan, folder: &Path) -> Result<SavedImages, Failure> {
    let images = save_associated_images(source, plan.background(), folder).map_err(|error| {
        let hint = match error {
            Error::Destination(SinkError::Exists { .. }) => "no image was saved; name another folder",
            _ => "no image was saved",
        };
        Failure::from(error).hinted(hint)
    })?;
    for image in images.saved.iter().filter(|image| image.numbered) {
        let path = image.path.display().to_string();
        super::tell(&format!("note: the associated image {:?} is saved as {}", image.name, super::plain(&path)));
    }
    Ok(images)
}

/// Whether the slide's own tiles could be those of an export.
fn lossless(info: &SlideInfo, plan: &ExportPlan) -> String {
    let options = ExportOptions { base_tiles: BaseTiles::Lossless, ..ExportOptions::default() };
    match ExportPlan::new(info, plan.name(), &options) {
        Ok(plan) => format!("possible, of {}", plan.pyramid().geometry().tile_size()),
        Err(error) => error.to_string(),
    }
}

/// One line a fact.
fn table(info: &SlideInfo, plan: &ExportPlan, saved: &[SavedImage]) -> String {
    let unknown = || "unknown".to_owned();
    let mut text = String::new();
    let mut line = |label: &str, value: String| {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{label:<18}{}", super::plain(&value));
    };
    line("slide", info.path.display().to_string());
    line("vendor", info.vendor.clone().unwrap_or_else(unknown));
    line("reader", info.reader.to_string());
    line("size", format!("{} px, {:.1} megapixels", info.size(), info.size().area() as f64 / 1e6));
    line("µm per pixel", info.microns_per_pixel.map_or_else(unknown, |mpp| format!("{:.4} × {:.4}", mpp.x(), mpp.y())));
    line("objective", info.objective_power.map_or_else(unknown, |power| format!("{power}×")));
    line("scanned area", info.bounds.map_or_else(|| "all of it".to_owned(), |bounds| bounds.to_string()));
    line("background", info.background.map_or_else(unknown, |colour| colour.to_string()));
    line(
        "ICC profile",
        info.icc_profile.as_ref().map_or_else(
            || "none".to_owned(),
            |profile| format!("{} bytes: {}", profile.bytes().len(), plan.colour().handling()),
        ),
    );
    for (number, level) in info.levels.iter().enumerate() {
        let tiles = level.stored_tile.map_or_else(String::new, |tile| format!(", stored in {tile}"));
        line(&format!("slide level {number}"), format!("{}, downsample {:.3}{tiles}", level.size, level.downsample));
    }
    for image in &info.associated_images {
        let saved = saved.iter().find(|saved| saved.name == image.name);
        let saved = saved.map_or_else(String::new, |saved| format!(", saved as {}", saved.path.display()));
        line("associated image", format!("{}, {}{saved}", image.name, image.size));
    }
    line("lossless tiles", lossless(info, plan));
    line(
        "export",
        format!(
            "{} px of {}, {} levels, {} tiles, about {:.1} MB",
            plan.pyramid().size(),
            encoding(plan),
            plan.pyramid().levels().len(),
            plan.pyramid().tile_count(),
            plan.estimated_bytes() as f64 / 1e6
        ),
    );
    text
}
