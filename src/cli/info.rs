//! `slidezoom info`: what a slide is, and what an export of it would be.

use std::fmt::Write;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use crate::color::Intent;
use crate::engine::{BlankShare, Sample, SavedImage, SavedImages, sample, save_associated_images};
use crate::plan::{BaseTiles, PlanError, Sampled};
use crate::sink::SinkError;
use crate::source::{Reader, SlideError};
use crate::{Error, ExportOptions, ExportPlan, SlideInfo, Source};
use clap::Args;
use serde::Serialize;

use super::escape::plain;
use super::failure::Failure;
use super::options::available_jobs;
use super::plan_text::encoding;
use super::reading::Reading;
use super::terminal;

/// Show what a slide is, and what an export of it with the default options would be
#[derive(Debug, Args)]
#[command(after_help = "\
How much is blank, how many bytes an export takes, and how long, are estimated from samples: one of the slide's smaller levels, and up to 32 \
regions of the full size, 50 megapixels at most together. Blank is what was never scanned, and what shows one color but for noise, as empty glass \
does. The bytes are those of the regions' tiles, corrected by how much of the regions, and of all that is exported, is blank. The time is that \
of reading and encoding these regions here and now, by all processors that this program may use; another disk or a busy machine \
takes another. Everything else in the JSON is the same each time.

Of an ordinary image nothing is said of blank parts: even is its sky as well. One that is decoded row by row is told from its first rows, some 33 megapixels, \
and from all of it where it has no more. An interlaced, a progressive or a turned one has to be decoded as a whole for that.")]
pub(super) struct Arguments {
    /// The slide
    slide: PathBuf,

    /// As JSON, with every property
    #[arg(long)]
    json: bool,

    /// Do not read pixels: nothing is said of blank parts and of time, and the bytes are reckoned as if all of it were tissue
    #[arg(long)]
    quick: bool,

    /// Save all associated images in this folder, which is made where it is missing, as PNG with the slide's own pixels. Label and macro
    /// too, which can show a patient's name: mind where they go. No file is replaced: where one of the names is taken, none is saved.
    /// An image whose name cannot be a file's gets a number
    #[arg(long, value_name = "DIR")]
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
    sample: Option<Samples>,
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

/// The one thing that is not the same each time.
#[derive(Clone, Copy, Serialize)]
struct EstimatedTime {
    seconds: f64,
    workers: NonZeroUsize,
}

/// Whether the slide's own tiles could be those of an export.
#[derive(Serialize)]
#[serde(untagged, rename_all_fields = "camelCase")]
enum Lossless {
    Possible { possible: bool, tile_size: u32, estimated_bytes: u64 },
    Impossible { possible: bool, reason: String },
}

/// What the estimates come from.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Samples {
    blank: Option<BlankShare>,
    regions: usize,
    /// How many rows these are of, where it is not all of an image.
    #[serde(skip_serializing_if = "Option::is_none")]
    first_rows: Option<u32>,
    unreadable: Vec<String>,
}

/// Samples what can be sampled. What takes more memory than it may is no damage: an export of it is refused too, and with the same words.
fn sampled(source: &dyn Source, plan: &ExportPlan, workers: NonZeroUsize) -> Result<Option<Sample>, Error> {
    match sample(source, plan, workers) {
        Err(Error::Slide(error @ (SlideError::Memory { .. } | SlideError::ReadOnce { .. }))) => {
            terminal::tell(&format!("note: {}; its pixels are not looked at", plain(&error.to_string())));
            Ok(None)
        }
        found => found.map(Some),
    }
}

pub(super) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let source = arguments.reading.open(&arguments.slide)?;
    let info = source.info();
    let name = super::inputs::name_exports(std::slice::from_ref(&arguments.slide), &[]).remove(0);
    let plan = ExportPlan::new(info, &name, &ExportOptions::default())?;
    let images =
        arguments.save_associated.as_deref().map(|folder| save_images(source.as_ref(), &plan, folder)).transpose()?;
    let saved = images.as_ref().map(|images| images.saved.as_slice());
    let workers = available_jobs();
    let found = if arguments.quick { None } else { sampled(source.as_ref(), &plan, workers)? };
    let contents = found.as_ref().map_or_else(Sampled::default, |found| found.contents);
    let seconds = found.as_ref().and_then(|found| found.estimated_seconds(&plan, workers));
    let report = Report {
        slide: info,
        export: Export {
            plan: &plan,
            estimated_bytes: plan.estimated_bytes_of(&contents),
            estimated_time: seconds.map(|seconds| EstimatedTime { seconds, workers }),
        },
        lossless: Lossless::of(info, &plan, &contents),
        sample: found.as_ref().map(|Sample { blank, regions, first_rows, unreadable, .. }| Samples {
            blank: *blank,
            regions: *regions,
            first_rows: *first_rows,
            unreadable: unreadable.iter().map(ToString::to_string).collect(),
        }),
        saved_images: saved,
    };
    let text = if arguments.json {
        serde_json::to_string_pretty(&report)
            .map(|text| text + "\n")
            .map_err(|error| Failure::other(error.to_string()))?
    } else {
        report.table()
    };
    terminal::print(text.as_bytes())?;
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
        Failure::from(error).with_hint(hint)
    })?;
    for image in images.saved.iter().filter(|image| image.numbered) {
        let path = image.path.display().to_string();
        terminal::tell(&format!("note: the associated image {:?} is saved as {}", image.name, plain(&path)));
    }
    Ok(images)
}

impl Lossless {
    fn of(info: &SlideInfo, plan: &ExportPlan, contents: &Sampled) -> Self {
        let options = ExportOptions { base_tiles: BaseTiles::Lossless, ..ExportOptions::default() };
        match ExportPlan::new(info, plan.name(), &options) {
            Ok(plan) => Self::Possible {
                possible: true,
                tile_size: plan.pyramid().geometry().tile_size(),
                estimated_bytes: plan.estimated_bytes_of(contents),
            },
            Err(PlanError::NotLossless(reason)) => Self::Impossible { possible: false, reason: reason.to_string() },
            Err(other) => Self::Impossible { possible: false, reason: other.to_string() },
        }
    }
}

const fn in_a_word(intent: Intent) -> &'static str {
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
    /// One line a fact.
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
        line("size", format!("{} px, {:.1} megapixels", info.size(), info.size().area() as f64 / 1e6));
        if let Some(pages) = info.pages {
            line("pages", pages.count().to_string());
        }
        if info.unshown_samples > 0 {
            line("other samples", format!("{} of each pixel, not shown", info.unshown_samples));
        }
        let microns = info.microns_per_pixel.map(|mpp| format!("{:.4} × {:.4}", mpp.x(), mpp.y()));
        line("µm per pixel", microns.unwrap_or_else(unknown));
        line("objective", info.objective_power.map_or_else(unknown, |power| format!("{power}×")));
        line("scanned area", info.bounds.map_or_else(|| "all of it".to_owned(), |bounds| bounds.to_string()));
        line("background", info.background.map_or_else(unknown, |color| color.to_string()));
        line("ICC profile", self.profile());
        for (number, level) in info.levels.iter().enumerate() {
            let tiles = level.native_tile.map_or_else(String::new, |tile| format!(", stored in {tile}"));
            line(
                &format!("slide level {number}"),
                format!("{}, downsample {:.3}{tiles}", level.size, level.downsample),
            );
        }
        for image in &info.associated_images {
            let saved = self.saved_images.unwrap_or_default().iter().find(|saved| saved.name == image.name);
            let saved = saved.map_or_else(String::new, |saved| format!(", saved as {}", saved.path.display()));
            line("associated image", format!("{}, {}{saved}", image.name, image.size));
        }
        if let Some(found) = &self.sample {
            if found.blank.is_some() || !self.is_image() {
                line("blank share", found.blank.map_or_else(unknown, |blank| describe_blank(&blank)));
            }
            match &found.unreadable[..] {
                [] => {}
                [one] if self.is_image() => line("unreadable", one.clone()),
                [first, ..] => {
                    line("unreadable", format!("{} of the sampled parts, the first: {first}", found.unreadable.len()));
                }
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

    fn is_image(&self) -> bool {
        matches!(self.slide.reader, Reader::Image(_))
    }

    fn profile(&self) -> String {
        let color = self.export.plan.color();
        let Some(profile) = &self.slide.icc_profile else { return "none".to_owned() };
        let intent = color.intent().map_or_else(String::new, |intent| format!(", {} intent", in_a_word(intent)));
        format!("{} bytes: {}{intent}", profile.bytes().len(), color.handling())
    }

    fn estimate(&self) -> String {
        let bytes = megabytes(self.export.estimated_bytes);
        match (&self.sample, self.export.estimated_time) {
            (Some(found), Some(EstimatedTime { seconds, workers })) => {
                let workers = if workers.get() == 1 { "1 worker".to_owned() } else { format!("{workers} workers") };
                let regions = if found.regions == 1 { "region" } else { "regions" };
                let seconds = describe_seconds(seconds);
                let of = found.first_rows.map_or_else(|| "it".to_owned(), |rows| format!("its first {rows} rows"));
                format!("{bytes}, {seconds} on {workers}, as {} {regions} of {of} took", found.regions)
            }
            (Some(found), None) if found.blank.is_some() => format!("{bytes}; of the full size nothing could be read"),
            _ if self.is_image() => format!("{bytes}, if it is as detailed as tissue"),
            _ => format!("{bytes}, if all of it is tissue"),
        }
    }
}

fn describe_blank(blank: &BlankShare) -> String {
    let percent = |share: f64| format!("{:.1} %", 100.0 * share);
    let seen = blank
        .slide_level
        .map_or_else(|| "in regions of the full size".to_owned(), |level| format!("on slide level {level}"));
    format!("{}, of which {} never scanned; seen {seen}", percent(blank.share), percent(blank.transparent))
}

fn describe_seconds(seconds: f64) -> String {
    match seconds {
        ..10.0 => format!("{seconds:.1} s"),
        10.0..100.0 => format!("{seconds:.0} s"),
        _ => format!("{:.0} min", seconds / 60.0),
    }
}
