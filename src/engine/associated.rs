//! Writes the associated images of an export.

use super::files::Files;
use super::metadata::PublishedImage;
use super::warning::Warning;
use crate::codec::TileEncoder;
use crate::error::Error;
use crate::plan::{Color, ExportPlan};
use crate::source::Source;

/// Returns the color space of a profile that RGB tiles cannot have.
pub(super) fn space_of(color: &Color) -> &'static str {
    if matches!(color, Color::ConvertedCmyk(_)) { "CMYK" } else { "gray" }
}

/// Writes the associated images that the plan publishes. An image that cannot be read or encoded is
/// skipped with a warning.
pub(super) fn write_associated(
    source: &dyn Source,
    plan: &ExportPlan,
    files: &mut Files<'_>,
    warnings: &mut Vec<Warning>,
) -> Result<Vec<PublishedImage>, Error> {
    let mut published = Vec::new();
    let layout = plan.layout();
    for name in plan.associated() {
        let read = source
            .read_associated(name)
            .and_then(|pixels| Ok((pixels, source.associated_profile(name)?)));
        let (pixels, profile) = match read {
            Ok(read) => read,
            Err(error) => {
                warnings.push(Warning::AssociatedImage(error));
                continue;
            }
        };
        let color = plan.associated_color(&pixels, profile.as_ref());
        if let Color::Unusable(_, reason) = &color {
            warnings.push(Warning::AssociatedColorProfile {
                name: name.clone(),
                reason: reason.clone(),
            });
        }
        if plan.is_converted_instead(&color) {
            let space = space_of(&color);
            warnings.push(Warning::AssociatedColorProfileNotEmbedded { name: name.clone(), space });
        }
        let pixels = color.apply(pixels).over(plan.background());
        let mut encoder = TileEncoder::new(plan.associated_format(), color.embedded())?;
        let contents = match encoder.encode(pixels.view()) {
            Ok(contents) => contents,
            Err(source) => {
                warnings.push(Warning::AssociatedImageFormat { name: name.clone(), source });
                continue;
            }
        };
        let path = layout.associated(name, plan.associated_format().extension());
        files.write(path.clone(), contents)?;
        let path = path.strip_prefix(layout.payload()).unwrap_or(&path).to_owned();
        published.push(PublishedImage { name: name.clone(), path, size: pixels.size(), color });
    }
    Ok(published)
}
