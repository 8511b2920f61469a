//! `slidezoom info`: describes a slide and an export of it.

use std::fmt::Write;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use clap::Args;
use serde::Serialize;

use super::escape::plain;
use super::failure::Failure;
use super::inputs::name_exports;
use super::options::available_jobs;
use super::plan_text::encoding;
use super::reading::Reading;
use super::terminal::{self, print_json};
use crate::color::Intent;
use crate::engine::{Sample, SavedImage, SavedImages, sample, save_associated_images};
use crate::error::with_causes;
use crate::plan::{BaseTiles, PlanError};
use crate::sink::SinkError;
use crate::{Error, ExportOptions, ExportPlan, SlideInfo, Source};

/// Describe a slide, and an export of it with default options
///
/// Blank share, bytes, and time of an export are rough estimates from up to 64 sampled tiles. Blank
/// is what was never scanned, or has a single color but for noise. The time is for a local disk and
/// all available processors. Images that are decoded row by row are not sampled: their bytes are
/// estimated as if they were stained tissue.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  slidezoom info CMU-1.svs
  slidezoom info CMU-1.svs --json --quick
  slidezoom info CMU-1.svs --save-associated images")]
pub(super) struct Arguments {
    /// Slide or image to describe
    slide: PathBuf,

    /// Print JSON, with every property of the slide
    #[arg(long, help_heading = "Output")]
    json: bool,

    /// Do not read pixels
    ///
    /// Omits the blank share and the time, and estimates bytes as if all of the slide were tissue.
    #[arg(long, help_heading = "Output")]
    quick: bool,

    /// Save all associated images as PNG files in this folder
    ///
    /// Label and macro images are included and can show a patient's name. Existing files are never
    /// replaced: if one of the names exists, no image is saved. An image whose name is not a valid
    /// file name gets a number.
    #[arg(long, value_name = "DIR", help_heading = "Output")]
    save_associated: Option<PathBuf>,

    #[command(flatten)]
    reading: Reading,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Report<'a> {
    slide: &'a SlideInfo,
    export: Export<'a>,
    lossless: Lossless,
    #[serde(skip_serializing_if = "Option::is_none")]
    sample: Option<SampleReport>,
    #[serde(skip_serializing_if = "Option::is_none")]
    saved_images: Option<&'a [SavedImage]>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Export<'a> {
    #[serde(flatten)]
    plan: &'a ExportPlan,
    estimated_bytes: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    estimated_time: Option<EstimatedTime>,
}

/// The only field that differs between runs.
#[derive(Clone, Copy, Serialize)]
struct EstimatedTime {
    seconds: f64,
    workers: NonZeroUsize,
}

/// Whether `export --lossless` is possible.
#[derive(Serialize)]
#[serde(untagged, rename_all_fields = "camelCase")]
enum Lossless {
    Possible { possible: bool, tile_size: u32, estimated_bytes: u64 },
    Impossible { possible: bool, reason: String },
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct SampleReport {
    /// The blank share of the sampled pixels, from 0 to 1; null for images.
    blank: Option<f64>,
    tiles: usize,
    unreadable: Vec<String>,
}

impl From<&Sample> for SampleReport {
    fn from(sample: &Sample) -> Self {
        let unreadable = sample.unreadable.iter().map(|error| with_causes(error)).collect();
        Self { blank: sample.blank, tiles: sample.tiles, unreadable }
    }
}

pub(super) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let source = arguments.reading.open(&arguments.slide)?;
    let info = source.info();
    let name = name_exports(std::slice::from_ref(&arguments.slide), &[]).remove(0);
    let plan = ExportPlan::new(info, &name, &ExportOptions::default())?;
    let images = arguments
        .save_associated
        .as_deref()
        .map(|folder| save_images(source.as_ref(), &plan, folder))
        .transpose()?;
    let workers = available_jobs();
    let sample = if arguments.quick { None } else { sample(source.as_ref(), &plan, workers)? };
    let sample = sample.as_ref();
    let report = Report {
        slide: info,
        export: Export {
            plan: &plan,
            estimated_bytes: estimated_bytes(&plan, sample),
            estimated_time: sample.map(|sample| EstimatedTime {
                seconds: sample.estimated_seconds(&plan, workers),
                workers,
            }),
        },
        lossless: Lossless::of(info, &plan, sample),
        sample: sample.map(SampleReport::from),
        saved_images: images.as_ref().map(|images| images.saved.as_slice()),
    };
    if arguments.json {
        print_json(&report)?;
    } else {
        terminal::print(report.table().as_bytes())?;
    }
    match images.as_ref().map_or(&[][..], |images| &images.unreadable) {
        [] => Ok(()),
        [error] => Err(Failure::from(error.clone())),
        errors => {
            let messages: Vec<String> = errors.iter().map(|error| with_causes(error)).collect();
            Err(Failure::summary(
                messages.join("; "),
                std::iter::once(Failure::from(errors[0].clone()).code()),
            ))
        }
    }
}

fn estimated_bytes(plan: &ExportPlan, sample: Option<&Sample>) -> u64 {
    sample.map_or_else(
        || plan.estimated_bytes(),
        |sample| plan.estimated_bytes_at(sample.bytes_per_pixel),
    )
}

fn save_images(
    source: &dyn Source,
    plan: &ExportPlan,
    folder: &Path,
) -> Result<SavedImages, Failure> {
    let images = save_associated_images(source, plan.background(), folder).map_err(|error| {
        let hint = match error {
            Error::Destination(SinkError::Exists { .. }) => {
                "no image was saved; choose another folder"
            }
            _ => "no image was saved",
        };
        Failure::from(error).with_hint(hint)
    })?;
    for image in images.saved.iter().filter(|image| image.numbered) {
        let path = image.path.display().to_string();
        terminal::tell(&format!(
            "note: the associated image {:?} is saved as {}",
            image.name,
            plain(&path)
        ));
    }
    Ok(images)
}

impl Lossless {
    fn of(info: &SlideInfo, plan: &ExportPlan, sample: Option<&Sample>) -> Self {
        let options = ExportOptions::default().base_tiles(BaseTiles::Lossless);
        match ExportPlan::new(info, plan.name(), &options) {
            Ok(plan) => Self::Possible {
                possible: true,
                tile_size: plan.pyramid().geometry().tile_size(),
                estimated_bytes: estimated_bytes(&plan, sample),
            },
            Err(PlanError::NotLossless(reason)) => {
                Self::Impossible { possible: false, reason: reason.to_string() }
            }
            Err(other) => Self::Impossible { possible: false, reason: other.to_string() },
        }
    }
}

const fn intent_name(intent: Intent) -> &'static str {
    match intent {
        Intent::Perceptual => "perceptual",
        Intent::Relative => "relative",
        Intent::Saturation => "saturation",
        Intent::Absolute => "absolute",
    }
}

fn megabytes(bytes: u64) -> String {
    format!("about {:.1} MB", bytes as f64 / 1e6)
}

impl Report<'_> {
    /// Returns the report as text, one fact a line.
    fn table(&self) -> String {
        let (info, plan) = (self.slide, self.export.plan);
        let unknown = || "unknown".to_owned();
        let mut text = String::new();
        let mut line = |label: &str, value: String| {
            // Writing to a String cannot fail.
            let _ = writeln!(text, "{label:<18}{}", plain(&value));
        };
        line("slide", info.path.display().to_string());
        line("vendor", info.vendor.clone().unwrap_or_else(unknown));
        line("reader", info.reader.to_string());
        line(
            "size",
            format!("{} px, {:.1} megapixels", info.size(), info.size().area() as f64 / 1e6),
        );
        if let Some(pages) = info.pages {
            line("pages", pages.count().to_string());
        }
        if info.unshown_samples > 0 {
            line("extra samples", format!("{} of each pixel, not displayed", info.unshown_samples));
        }
        let microns = info.microns_per_pixel.map(|mpp| format!("{:.4} × {:.4}", mpp.x(), mpp.y()));
        line("µm per pixel", microns.unwrap_or_else(unknown));
        line("objective", info.objective_power.map_or_else(unknown, |power| format!("{power}×")));
        line(
            "scanned area",
            info.bounds.map_or_else(|| "entire slide".to_owned(), |bounds| bounds.to_string()),
        );
        line("background", info.background.map_or_else(unknown, |color| color.to_string()));
        line("ICC profile", self.profile());
        for (number, level) in info.levels.iter().enumerate() {
            let tiles =
                level.native_tile.map_or_else(String::new, |tile| format!(", native tiles {tile}"));
            line(
                &format!("slide level {number}"),
                format!("{}, downsample {:.3}{tiles}", level.size, level.downsample),
            );
        }
        for image in &info.associated_images {
            let saved =
                self.saved_images.unwrap_or_default().iter().find(|saved| saved.name == image.name);
            let saved = saved
                .map_or_else(String::new, |saved| format!(", saved as {}", saved.path.display()));
            line("associated image", format!("{}, {}{saved}", image.name, image.size));
        }
        if let Some(sample) = &self.sample {
            if let Some(blank) = sample.blank {
                line("blank share", format!("about {:.0} %", 100.0 * blank));
            }
            if let Some(first) = sample.unreadable.first() {
                line(
                    "unreadable",
                    format!("{} of the sampled tiles, the first: {first}", sample.unreadable.len()),
                );
            }
        }
        line(
            "export",
            format!(
                "{} px of {}, {} levels, {} tiles",
                plan.pyramid().size(),
                encoding(plan),
                plan.pyramid().levels().len(),
                plan.pyramid().tile_count(),
            ),
        );
        line("estimate", self.estimate());
        line(
            "lossless tiles",
            match &self.lossless {
                Lossless::Possible { tile_size, estimated_bytes, .. } => {
                    format!("possible, of {tile_size}, {}", megabytes(*estimated_bytes))
                }
                Lossless::Impossible { reason, .. } => format!("not possible: {reason}"),
            },
        );
        text
    }

    fn profile(&self) -> String {
        let color = self.export.plan.color();
        let Some(profile) = &self.slide.icc_profile else { return "none".to_owned() };
        let intent = color
            .intent()
            .map_or_else(String::new, |intent| format!(", {} intent", intent_name(intent)));
        format!("{} bytes: {}{intent}", profile.bytes().len(), color.handling())
    }

    fn estimate(&self) -> String {
        let bytes = megabytes(self.export.estimated_bytes);
        let Some(EstimatedTime { seconds, workers }) = self.export.estimated_time else {
            return format!("{bytes} if all of it is tissue");
        };
        let workers =
            if workers.get() == 1 { "1 worker".to_owned() } else { format!("{workers} workers") };
        format!("{bytes}, {} with {workers}", describe_seconds(seconds))
    }
}

fn describe_seconds(seconds: f64) -> String {
    match seconds {
        ..10.0 => format!("{seconds:.1} s"),
        10.0..100.0 => format!("{seconds:.0} s"),
        _ => format!("{:.0} min", seconds / 60.0),
    }
}
