//! The web page of an export.
//!
//! npm builds the page from `viewer/`, and it is embedded at compile time. It works from `file://`
//! URLs: it consists of one classic script, one stylesheet, and a second classic script with the
//! slide's description, because browsers do not fetch JSON from `file://` URLs.

use std::borrow::Cow;

/// The script with the slide's description.
pub const SLIDE_SCRIPT: &str = "slide.js";

const PAGE: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/viewer/dist/index.html"));
const GALLERY: &str =
    include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/viewer/dist/gallery.html"));
const SCRIPT: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/viewer/dist/viewer.js"));
const STYLE: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/viewer/dist/viewer.css"));
const LICENSES: &str =
    include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/viewer/dist/LICENSES.txt"));

/// The page's files except the slide's script, in writing order.
const FILES: [&str; 4] =
    ["viewer/viewer.js", "viewer/viewer.css", "viewer/LICENSES.txt", "index.html"];

/// The files that a gallery's page uses, in the gallery's directory.
pub(crate) const GALLERY_FILES: [(&str, &str); 3] =
    [("viewer.js", SCRIPT), ("viewer.css", STYLE), ("LICENSES.txt", LICENSES)];

/// The names and contents of the page's files. They depend on the slide only by the title, which is
/// the export's name; [`slide_script`] has the rest.
#[must_use]
pub fn files(name: &str) -> Vec<(String, Cow<'static, str>)> {
    let page = titled(PAGE, name);
    let contents =
        [Cow::Borrowed(SCRIPT), Cow::Borrowed(STYLE), Cow::Borrowed(LICENSES), Cow::Owned(page)];
    FILES.iter().map(|&name| name.to_owned()).zip(contents).collect()
}

/// The page of a gallery, which shows the slides listed in `gallery/gallery.js`.
pub(crate) fn gallery_page() -> String {
    titled(GALLERY, "Slides")
}

/// Inserts an escaped title into a template. A single pass keeps titles that look like a
/// placeholder unchanged.
fn titled(template: &str, title: &str) -> String {
    template.split("{{title}}").collect::<Vec<_>>().join(&quick_xml::escape::escape(title))
}

/// The slide's script, which hands the JSON description to the page. `viewer/src/read_slide.ts`
/// reads it.
///
/// Since ECMAScript 2019, every JSON text is a JavaScript expression.
#[must_use]
pub fn slide_script(description: &str) -> String {
    format!(
        "// The slide's description as a script, since browsers refuse to read a JSON file from a disk.\n\
         (globalThis.slidezoomSlides ??= []).push({});\n",
        description.trim_end()
    )
}

/// The position of a page file in writing order, from 1; 0 for other files.
pub(crate) fn place_of(name: &str) -> usize {
    FILES.iter().chain([&SLIDE_SCRIPT]).position(|file| *file == name).map_or(0, |place| place + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_names() {
        let hostile = "</title><script>alert(1)</script><!--&\"'{{title}}";
        let files = files(hostile);
        let (_, page) = files.last().unwrap();
        assert_eq!(page.matches("<script").count(), PAGE.matches("<script").count(), "{page}");
        assert!(page.contains("{{title}}</title>"), "{page}");
    }

    #[test]
    fn page_contains_one_title_placeholder() {
        assert_eq!(PAGE.matches("{{").count(), 1, "{PAGE}");
        assert!(PAGE.contains("<title>{{title}}</title>"), "{PAGE}");
        assert!(PAGE.contains(&format!("<script src=\"{SLIDE_SCRIPT}\"></script>")), "{PAGE}");
    }
}
