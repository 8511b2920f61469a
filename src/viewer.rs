//! The web page that comes with an export.
//!
//! The page is built from `viewer/` by npm and embedded here at compile time. It opens from a disk: one classic script,
//! one stylesheet, and the slide's description inlined as data, which no script policy objects to. Whatever a slide is
//! called, its name reaches the page as text and nothing else.

use std::borrow::Cow;

use serde::Serialize;

use crate::descriptor::DeepZoomNames;
use crate::plan::ExportPlan;
use crate::render::Rgb;
use crate::slide::{MicronsPerPixel, SlideInfo};

/// The folder of the page's script, style and licences.
pub const FOLDER: &str = "viewer";

const PAGE: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/viewer/dist/index.html"));
const SCRIPT: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/viewer/dist/viewer.js"));
const STYLE: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/viewer/dist/viewer.css"));
const LICENCES: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/viewer/dist/LICENSES.txt"));

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
    format: &'static str,
    mpp: Option<MicronsPerPixel>,
    objective_power: Option<f64>,
    background: Rgb,
}

/// The page's files, by name relative to the export's folder.
#[must_use]
pub fn files(info: &SlideInfo, plan: &ExportPlan) -> Vec<(String, Cow<'static, str>)> {
    let fixed = |name: &str, contents: &'static str| (format!("{FOLDER}/{name}"), Cow::Borrowed(contents));
    vec![
        fixed("viewer.js", SCRIPT),
        fixed("viewer.css", STYLE),
        fixed("LICENSES.txt", LICENCES),
        ("index.html".to_owned(), Cow::Owned(page(info, plan))),
    ]
}

fn page(info: &SlideInfo, plan: &ExportPlan) -> String {
    let pyramid = plan.pyramid();
    let description = Description {
        name: plan.name(),
        tiles: DeepZoomNames::new(plan.name(), plan.format().extension()).tiles(),
        width: pyramid.size().width(),
        height: pyramid.size().height(),
        tile_size: pyramid.geometry().tile_size(),
        overlap: pyramid.geometry().overlap(),
        format: plan.format().extension(),
        mpp: plan.microns_per_pixel(),
        objective_power: info.objective_power,
        background: plan.background(),
    };
    let description = script_safe(&crate::metadata::to_json(&description));
    // Filled in one pass, so that a name that looks like a placeholder stays a name.
    let (head, rest) = PAGE.split_once("{{title}}").unwrap_or((PAGE, ""));
    let (middle, tail) = rest.split_once("{{description}}").unwrap_or((rest, ""));
    [head, &html_text(plan.name()), middle, &description, tail].concat()
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
