//! The web page that comes with an export.
//!
//! The page is built from `viewer/` by npm and embedded here at compile time. It opens from a disk: one classic script,
//! one stylesheet, and the slide's description inlined as data, which no script policy objects to. Whatever a slide is
//! called, its name reaches the page as text and nothing else.

use std::borrow::Cow;

use serde::Serialize;

use crate::descriptor::DeepZoomNames;
use crate::geometry::Size;
use crate::plan::ExportPlan;
use crate::pyramid::TileGeometry;
use crate::render::Rgb;
use crate::slide::{MicronsPerPixel, SlideInfo};

/// The folder of the page's script, style and licences.
pub const FOLDER: &str = "viewer";

const PAGE: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/viewer/dist/index.html"));
const SCRIPT: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/viewer/dist/viewer.js"));
const STYLE: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/viewer/dist/viewer.css"));
const LICENCES: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/viewer/dist/LICENSES.txt"));

/// The page's files, in the order they are written in.
const FILES: [&str; 4] = ["viewer/viewer.js", "viewer/viewer.css", "viewer/LICENSES.txt", "index.html"];

/// What the page is told of the slide; `viewer/src/slide.ts` reads it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Description<'a> {
    name: &'a str,
    tiles: String,
    width: u32,
    height: u32,
    tile_size: u32,
    overlap: u32,
    format: &'a str,
    mpp: Option<MicronsPerPixel>,
    objective_power: Option<f64>,
    background: Rgb,
}

/// What the page has to know of an export.
#[derive(Clone, Debug, PartialEq)]
pub struct PageFacts<'a> {
    /// The export's name.
    pub name: &'a str,
    /// The tiles' file name extension.
    pub extension: &'a str,
    /// The full size in pixels.
    pub size: Size,
    /// Tile size and overlap.
    pub geometry: TileGeometry,
    /// Micrometres per pixel of the full size.
    pub microns_per_pixel: Option<MicronsPerPixel>,
    /// The objective's magnification.
    pub objective_power: Option<f64>,
    /// What is shown around the picture.
    pub background: Rgb,
}

impl<'a> PageFacts<'a> {
    /// Those of a planned export.
    #[must_use]
    pub fn of(info: &SlideInfo, plan: &'a ExportPlan) -> Self {
        Self {
            name: plan.name(),
            extension: plan.format().extension(),
            size: plan.pyramid().size(),
            geometry: plan.pyramid().geometry(),
            microns_per_pixel: plan.microns_per_pixel(),
            objective_power: info.objective_power,
            background: plan.background(),
        }
    }
}

/// The page's files, by name relative to the export's folder.
#[must_use]
pub fn files(facts: &PageFacts<'_>) -> Vec<(String, Cow<'static, str>)> {
    let contents = [Cow::Borrowed(SCRIPT), Cow::Borrowed(STYLE), Cow::Borrowed(LICENCES), Cow::Owned(page(facts))];
    FILES.iter().map(|&name| name.to_owned()).zip(contents).collect()
}

/// Where one of the page's files stands among them, the first being 1; 0 for any other file.
pub(crate) fn place_of(name: &str) -> usize {
    FILES.iter().position(|file| *file == name).map_or(0, |place| place + 1)
}

fn page(facts: &PageFacts<'_>) -> String {
    let description = Description {
        name: facts.name,
        tiles: DeepZoomNames::new(facts.name, facts.extension).tiles(),
        width: facts.size.width(),
        height: facts.size.height(),
        tile_size: facts.geometry.tile_size(),
        overlap: facts.geometry.overlap(),
        format: facts.extension,
        mpp: facts.microns_per_pixel,
        objective_power: facts.objective_power,
        background: facts.background,
    };
    let description = script_safe(&crate::metadata::to_json(&description));
    // Filled in one pass, so that a name that looks like a placeholder stays a name.
    let (head, rest) = PAGE.split_once("{{title}}").unwrap_or((PAGE, ""));
    let (middle, tail) = rest.split_once("{{description}}").unwrap_or((rest, ""));
    [head, &html_text(facts.name), middle, &description, tail].concat()
}

/// JSON that can stand inside a `script` element: nothing in it can end the element or begin a comment.
fn script_safe(json: &str) -> String {
    let special = ['<', '>', '&', '\u{2028}', '\u{2029}'];
    special.iter().fold(json.to_owned(), |text, &letter| text.replace(letter, &format!("\\u{:04x}", u32::from(letter))))
}

fn html_text(text: &str) -> String {
    quick_xml::escape::escape(text).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_in_a_name_can_leave_its_place() {
        let hostile = "</script><script>alert(1)</script><!--&\u{2028}\"'";
        let json = script_safe(&serde_json::to_string(hostile).unwrap());
        assert!(!json.contains(['<', '>', '&', '\u{2028}']), "{json}");
        assert_eq!(serde_json::from_str::<String>(&json).unwrap(), hostile);
        let html = html_text(hostile);
        assert!(!html.contains(['<', '>', '"']), "{html}");
    }

    #[test]
    fn the_page_has_a_place_for_the_title_and_one_for_the_description() {
        assert_eq!(PAGE.matches("{{").count(), 2, "{PAGE}");
        assert!(PAGE.find("{{title}}").unwrap() < PAGE.find("{{description}}").unwrap());
    }
}
