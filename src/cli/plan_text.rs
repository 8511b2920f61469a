//! A plan as text, for `--dry-run` and `info`.

use crate::geometry::{Flip, Rotation};
use crate::plan::BaseTiles;
use crate::source::SlideLevel;
use crate::{ExportPlan, SlideInfo};

use super::destinations::Task;
use super::escape::plain;

/// Returns the plan as text, one fact a line and one level a line.
pub(super) fn describe(info: &SlideInfo, plan: &ExportPlan, task: &Task) -> String {
    use std::fmt::Write;

    let pyramid = plan.pyramid();
    let mut text = String::new();
    let area = plan.area();
    // Writing to a String cannot fail.
    let _ = writeln!(
        text,
        "{} → {}",
        plain(&task.slide.to_string_lossy()),
        plain(&task.destination.to_string_lossy())
    );
    let _ = writeln!(text, "  reader      {}", plain(&info.reader.to_string()));
    let _ = writeln!(text, "  area        {area} of the slide");
    if let Some(reduction) = reduction(info, plan) {
        let _ = writeln!(text, "  reduction   {reduction}");
    }
    if let Some(orientation) = orientation(plan) {
        let _ = writeln!(text, "  orientation {orientation}");
    }
    let _ = writeln!(text, "  layout      {}", plan.tile_layout().word());
    let _ = writeln!(text, "  color       {}", plan.color().handling());
    let _ = writeln!(text, "  background  {}", plan.background());
    let _ = writeln!(
        text,
        "  tiles       {} of {}, overlap {}, {}",
        pyramid.tile_count(),
        pyramid.geometry().tile_size(),
        pyramid.geometry().overlap(),
        encoding(plan)
    );
    let _ = writeln!(
        text,
        "  levels      {}, downsampled by {}",
        pyramid.levels().len(),
        plan.reduction().name()
    );
    let _ = writeln!(text, "  estimate    {:.1} MB", plan.estimated_bytes() as f64 / 1e6);
    let _ = writeln!(
        text,
        "  associated  {}",
        if plan.associated().is_empty() {
            "none".to_owned()
        } else {
            plain(&plan.associated().join(", "))
        }
    );
    let _ = writeln!(text, "  {:>5}  {:>15}  {:>11}  {:>9}", "level", "pixels", "grid", "tiles");
    for level in pyramid.levels().rev() {
        let _ = writeln!(
            text,
            "  {:>5}  {:>15}  {:>11}  {:>9}",
            level.number(),
            pyramid.level_size(level).to_string(),
            pyramid.grid(level).to_string(),
            pyramid.level_tile_count(level)
        );
    }
    text
}

/// Describes how the slide is downsampled; `None` for the slide's full size.
fn reduction(info: &SlideInfo, plan: &ExportPlan) -> Option<String> {
    let placement = plan.placement();
    if placement.is_full_size() {
        return None;
    }
    let from = match placement.level() {
        SlideLevel::BASE => "full size".to_owned(),
        level => {
            let downsample =
                info.levels.get(level.0 as usize).map_or(1.0, |level| level.downsample);
            format!("slide level {level} (downsample {downsample:.3})")
        }
    };
    let halved = (placement.reduction_levels() > 0)
        .then(|| format!("halved {}×", placement.reduction_levels()));
    let [across, down] = placement.scale();
    let resampled =
        placement.is_resampled().then(|| format!("resampled by {across:.4} × {down:.4}"));
    Some([Some(from), halved, resampled].into_iter().flatten().collect::<Vec<_>>().join(", "))
}

/// Describes rotation and flip; `None` if there is neither.
fn orientation(plan: &ExportPlan) -> Option<String> {
    let rotated = match plan.rotation() {
        Rotation::None => None,
        rotation => Some(format!("rotated by {}° clockwise", rotation.degrees())),
    };
    let flipped = plan.flip().map(|flip| match flip {
        Flip::Horizontal => "flipped horizontally".to_owned(),
        Flip::Vertical => "flipped vertically".to_owned(),
    });
    let words: Vec<String> = rotated.into_iter().chain(flipped).collect();
    (!words.is_empty()).then(|| words.join(", then "))
}

/// Describes the encoding of the tiles.
pub(super) fn encoding(plan: &ExportPlan) -> String {
    use crate::codec::{JpegCoding, Subsampling, TileFormat, WebPCompression};

    let encoded = match plan.format() {
        TileFormat::Png => "PNG".to_owned(),
        TileFormat::WebP { compression: WebPCompression::Lossless } => "WebP lossless".to_owned(),
        TileFormat::WebP { compression: WebPCompression::Lossy { quality } } => {
            format!("WebP quality {} 4:2:0", quality.get())
        }
        TileFormat::Jpeg { quality, subsampling, coding } => {
            let subsampling = match subsampling {
                Subsampling::Full => "4:4:4",
                Subsampling::HalfWidth => "4:2:2",
                Subsampling::Quarter => "4:2:0",
                Subsampling::Gray => "gray",
            };
            let coding = match coding {
                JpegCoding::Baseline => "",
                JpegCoding::Optimized => " optimized",
                JpegCoding::Progressive => " progressive",
            };
            format!("JPEG quality {} {subsampling}{coding}", quality.get())
        }
    };
    match plan.base_tiles() {
        BaseTiles::Encoded => encoded,
        BaseTiles::Lossless => format!("native JPEG (lossless), smaller levels {encoded}"),
    }
}
