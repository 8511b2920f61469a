//! `scan-properties.xml`, the metadata file of a `.szi` (Smart Zoom Image 1.2, section 3.4 and
//! appendix).
//!
//! `ImageWidth`, `ImageHeight` and three `MicronsPerPixel` fields are mandatory. Other fields of
//! the specification follow where the slide has them, and then the published properties by their
//! OpenSlide names, unless a name equals that of a field. The optional attribute `date` is omitted,
//! because output must not depend on the clock.

use std::collections::BTreeMap;

use quick_xml::events::{BytesDecl, BytesEnd, BytesStart, BytesText, Event};
use quick_xml::{Reader, Writer};

use crate::geometry::{MicronsPerPixel, Size};

/// The file's name in a `.szi`.
pub const SCAN_PROPERTIES: &str = "scan-properties.xml";

const NAMESPACE: &str = "http://www.pathozoom.com/SZI";

/// The metadata of a slide in a `.szi`.
#[derive(Clone, Debug, PartialEq)]
pub struct ScanFacts<'a> {
    /// The size in pixels.
    pub size: Size,
    /// Micrometers per pixel.
    pub microns_per_pixel: MicronsPerPixel,
    /// The magnification.
    pub objective_power: Option<f64>,
    /// The published properties, by OpenSlide name.
    pub properties: BTreeMap<&'a str, &'a str>,
}

/// Writes the text of `scan-properties.xml`.
#[must_use]
pub fn describe(facts: &ScanFacts<'_>) -> String {
    let (x, y) = (facts.microns_per_pixel.x(), facts.microns_per_pixel.y());
    let mut properties = vec![
        ("ImageWidth", facts.size.width().to_string()),
        ("ImageHeight", facts.size.height().to_string()),
        // The specification: "If microns per X and Y do not match, take an average here."
        ("MicronsPerPixel", f64::midpoint(x, y).to_string()),
        ("MicronsPerPixelX", x.to_string()),
        ("MicronsPerPixelY", y.to_string()),
    ];
    let vendor = facts.properties.get("openslide.vendor");
    properties.extend(vendor.map(|vendor| ("VendorName", (*vendor).to_owned())));
    properties
        .extend(facts.objective_power.map(|power| ("ObjectiveMagnification", power.to_string())));
    let fields: Vec<&str> = properties.iter().map(|(name, _)| *name).collect();
    let others =
        facts.properties.iter().filter(|(name, _)| !fields.contains(&plain_xml(name).trim()));
    properties.extend(others.map(|(&name, &value)| (name, value.to_owned())));
    to_xml(&properties)
}

/// Reads the micrometers per pixel of any writer's `scan-properties.xml`. Returns `None` if they
/// are missing or the text is not XML.
#[must_use]
pub fn microns_per_pixel(text: &str) -> Option<MicronsPerPixel> {
    let mut reader = Reader::from_str(text);
    let mut properties: BTreeMap<String, String> = BTreeMap::new();
    let (mut element, mut name) = (String::new(), String::new());
    loop {
        match reader.read_event().ok()? {
            Event::Start(start) => start.local_name().as_ref().clone_into(&mut element),
            Event::Text(text) if element == "name" => text.trim().clone_into(&mut name),
            Event::Text(text) if element == "value" => {
                properties.insert(std::mem::take(&mut name), text.trim().to_owned());
            }
            Event::End(_) => element.clear(),
            Event::Eof => break,
            _ => {}
        }
    }
    let value = |name: &str| properties.get(name).map(String::as_str);
    let both = value("MicronsPerPixel");
    MicronsPerPixel::parse(value("MicronsPerPixelX").or(both), value("MicronsPerPixelY").or(both))
}

#[expect(clippy::expect_used, reason = "writing to memory cannot fail")]
fn to_xml(properties: &[(&str, String)]) -> String {
    let mut writer = Writer::new_with_indent(Vec::new(), b' ', 2);
    let mut write =
        |event: Event<'_>| writer.write_event(event).expect("a vector takes every byte");
    let image =
        BytesStart::new("image").with_attributes([("xmlns", NAMESPACE), ("version", "1.0")]);
    write(Event::Decl(BytesDecl::new("1.0", Some("UTF-8"), None)));
    write(Event::Start(image));
    write(Event::Start(BytesStart::new("properties")));
    for (name, value) in properties {
        write(Event::Start(BytesStart::new("property")));
        for (element, text) in [("name", plain_xml(name)), ("value", plain_xml(value))] {
            write(Event::Start(BytesStart::new(element)));
            write(Event::Text(BytesText::new(&text)));
            write(Event::End(BytesEnd::new(element)));
        }
        write(Event::End(BytesEnd::new("property")));
    }
    write(Event::End(BytesEnd::new("properties")));
    write(Event::End(BytesEnd::new("image")));
    let mut text = String::from_utf8(writer.into_inner()).expect("quick-xml writes UTF-8");
    text.push('\n');
    text
}

/// Removes control characters that XML 1.0 cannot represent.
fn plain_xml(text: &str) -> String {
    let writable = |letter: &char| !matches!(letter, '\0'..='\u{8}' | '\u{b}' | '\u{c}' | '\u{e}'..='\u{1f}' | '\u{fffe}' | '\u{ffff}');
    text.chars().filter(writable).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_its_own_and_other_files() {
        let facts = ScanFacts {
            size: Size::new(3, 2).unwrap(),
            microns_per_pixel: MicronsPerPixel::new(0.25, 0.5).unwrap(),
            objective_power: None,
            properties: BTreeMap::new(),
        };
        assert_eq!(microns_per_pixel(&describe(&facts)), Some(facts.microns_per_pixel));
        let other = "<image><properties><property><name> MicronsPerPixel </name>\n<value>0.4</value></property></properties></image>";
        assert_eq!(microns_per_pixel(other), MicronsPerPixel::new(0.4, 0.4));
        for none in [
            "",
            "<",
            "<image/>",
            &other.replace("0.4", "big"),
            &other.replace("MicronsPerPixel", "Width"),
        ] {
            assert_eq!(microns_per_pixel(none), None, "{none}");
        }
    }

    #[test]
    fn escapes_values() {
        let text = to_xml(&[("a", "<&\u{1}]]>\"é".to_owned())]);
        assert_eq!(
            text,
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<image xmlns=\"http://www.pathozoom.com/SZI\" version=\"1.0\">\n  <properties>\n    \
             <property>\n      <name>a</name>\n      <value>&lt;&amp;]]&gt;&quot;é</value>\n    </property>\n  </properties>\n</image>\n"
        );
    }
}
