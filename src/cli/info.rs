//! `slidezoom info`: what a slide is, and what an export of it would be.

use std::fmt::Write;
use std::path::PathBuf;

use clap::Args;
use serde::Serialize;
use slidezoom::plan::BaseTiles;
use slidezoom::{ExportOptions, ExportPlan, SlideInfo, slide};

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

    #[command(flatten)]
    reading: Reading,
}

#[derive(Serialize)]
struct Report<'a> {
    slide: &'a SlideInfo,
    export: &'a ExportPlan,
}

pub(super) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let source = slide::open_with(&arguments.slide, arguments.reading.choice())?;
    let info = source.info();
    let name = super::inputs::name_exports(std::slice::from_ref(&arguments.slide), &[]).remove(0);
    let plan = ExportPlan::new(info, &name, &ExportOptions::default())?;
    let text = if arguments.json {
        let report = Report { slide: info, export: &plan };
        serde_json::to_string_pretty(&report)
            .map(|text| text + "\n")
            .map_err(|error| Failure::other(error.to_string()))?
    } else {
        table(info, &plan)
    };
    super::print(text.as_bytes())
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
fn table(info: &SlideInfo, plan: &ExportPlan) -> String {
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
        line("associated image", format!("{}, {}", image.name, image.size));
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
