//! The web page that comes with an export.
//!
//! The page is built from `viewer/` by npm and embedded here at compile time. It opens from a disk: one classic script, one stylesheet, and the
//! slide's description in a second classic script, since browsers refuse to fetch a JSON file from a disk. Whatever a slide is called, its name
//! reaches the page as text and nothing else.

use std::borrow::Cow;

/// The folder of the page's script, style and licenses.
pub const FOLDER: &str = "viewer";

/// The script with the slide's description.
pub const SLIDE_SCRIPT: &str = "slide.js";

const PAGE: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/viewer/dist/index.html"));
const GALLERY: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/viewer/dist/gallery.html"));
const SCRIPT: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/viewer/dist/viewer.js"));
const STYLE: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/viewer/dist/viewer.css"));
const LICENSES: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/viewer/dist/LICENSES.txt"));

/// The page's files without the slide's script, in the order they are written in.
const FILES: [&str; 4] = ["viewer/viewer.js", "viewer/viewer.css", "viewer/LICENSES.txt", "index.html"];

/// The files beside a gallery's page, in the gallery's own folder.
pub(crate) const GALLERY_FILES: [(&str, &str); 3] =
    [("viewer.js", SCRIPT), ("viewer.css", STYLE), ("LICENSES.txt", LICENSES)];

/// The page's files, by name relative to the export's folder. They are the same for every slide but for the title, which is the export's name.
/// What they show is in the slide's script, of which see [`slide_script`].
#[must_use]
pub fn files(name: &str) -> Vec<(String, Cow<'static, str>)> {
    let page = titled(PAGE, name);
    let contents = [Cow::Borrowed(SCRIPT), Cow::Borrowed(STYLE), Cow::Borrowed(LICENSES), Cow::Owned(page)];
    FILES.iter().map(|&name| name.to_owned()).zip(contents).collect()
}

/// The page of a gallery; it shows what the script `gallery/gallery.js` lists.
pub(crate) fn gallery_page() -> String {
    titled(GALLERY, "Slides")
}

/// A template with its title, in which nothing is anything but text. It is filled in one pass, so that a name that looks like a placeholder
/// stays a name.
fn titled(template: &str, title: &str) -> String {
    template.split("{{title}}").collect::<Vec<_>>().join(&quick_xml::escape::escape(title))
}

/// The slide's script: the description, which is JSON as `<name>.json` has it, handed to the page. `viewer/src/slide.ts` reads it.
///
/// JSON is JavaScript since ECMAScript 2019, line separators and all.
#[must_use]
pub fn slide_script(description: &str) -> String {
    format!(
        "// The slide's description as a script, since browsers refuse to read a JSON file from a disk.\n\
         (globalThis.slidezoomSlides ??= []).push({});\n",
        description.trim_end()
    )
}

/// Where one of the page's files stands among them, the first being 1; 0 for any other file.
pub(crate) fn place_of(name: &str) -> usize {
    FILES.iter().chain([&SLIDE_SCRIPT]).position(|file| *file == name).map_or(0, |place| place + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_in_a_name_can_leave_its_place() {
        let hostile = "</title><script>alert(1)</script><!--&\"'{{title}}";
        let files = files(hostile);
        let (_, page) = files.last().unwrap();
        assert_eq!(page.matches("<script").count(), PAGE.matches("<script").count(), "{page}");
        assert!(page.contains("{{title}}</title>"), "{page}");
    }

    #[test]
    fn the_page_has_a_place_for_the_title() {
        assert_eq!(PAGE.matches("{{").count(), 1, "{PAGE}");
        assert!(PAGE.contains("<title>{{title}}</title>"), "{PAGE}");
        assert!(PAGE.contains(&format!("<script src=\"{SLIDE_SCRIPT}\"></script>")), "{PAGE}");
    }
}
