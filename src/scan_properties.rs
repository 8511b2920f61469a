//! `scan-properties.xml`: what a `.szi` says of its slide, by the Smart Zoom Image specification 1.2, section 3.4 and appendix.
//!
//! `ImageWidth`, `ImageHeight` and the three `MicronsPerPixel` fields are mandatory there: viewers measure with them. Beside them stand the
//! fields of the specification that a slide's harmless properties answer, and these properties themselves under the names that OpenSlide gives
//! them. The attribute `date` is left out: the file is a function of slide and options, and of no clock.

use quick_xml::Writer;
use quick_xml::events::{BytesDecl, BytesEnd, BytesStart, BytesText, Event};

use crate::metadata::published_properties;
use crate::plan::ExportPlan;
use crate::slide::{MicronsPerPixel, SlideInfo};

/// The file's name in the root folder of a `.szi`.
pub const SCAN_PROPERTIES: &str = "scan-properties.xml";

const NAMESPACE: &str = "http://www.pathozoom.com/SZI";

/// The text of `scan-properties.xml` for a slide's export.
#[must_use]
pub fn describe(info: &SlideInfo, plan: &ExportPlan, microns_per_pixel: MicronsPerPixel) -> String {
    let size = plan.pyramid().size();
    let (x, y) = (microns_per_pixel.x(), microns_per_pixel.y());
    let mut properties = vec![
        ("ImageWidth", size.width().to_string()),
        ("ImageHeight", size.height().to_string()),
        // "If microns per X and Y do not match, take an average here."
        ("MicronsPerPixel", f64::midpoint(x, y).to_string()),
        ("MicronsPerPixelX", x.to_string()),
        ("MicronsPerPixelY", y.to_string()),
    ];
    properties.extend(info.vendor.clone().map(|vendor| ("VendorName", vendor)));
    properties.extend(info.objective_power.map(|power| ("ObjectiveMagnification", power.to_string())));
    properties.extend(published_properties(info).into_iter().map(|(name, value)| (name, value.to_owned())));
    to_xml(&properties)
}

#[expect(clippy::expect_used, reason = "writing to memory cannot fail")]
fn to_xml(properties: &[(&str, String)]) -> String {
    let mut writer = Writer::new_with_indent(Vec::new(), b' ', 2);
    let mut write = |event: Event<'_>| writer.write_event(event).expect("a vector takes every byte");
    let image = BytesStart::new("image").with_attributes([("xmlns", NAMESPACE), ("version", "1.0")]);
    write(Event::Decl(BytesDecl::new("1.0", Some("UTF-8"), None)));
    write(Event::Start(image));
    write(Event::Start(BytesStart::new("properties")));
    for (name, value) in properties {
        write(Event::Start(BytesStart::new("property")));
        for (element, text) in [("name", *name), ("value", &plain_xml(value))] {
            write(Event::Start(BytesStart::new(element)));
            write(Event::Text(BytesText::new(text)));
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

/// Without the control codes that XML 1.0 has no way to write.
fn plain_xml(text: &str) -> String {
    let writable = |letter: &char| !matches!(letter, '\0'..='\u{8}' | '\u{b}' | '\u{c}' | '\u{e}'..='\u{1f}' | '\u{fffe}' | '\u{ffff}');
    text.chars().filter(writable).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_text_whatever_they_hold() {
        let text = to_xml(&[("a", "<&\u{1}]]>\"é".to_owned())]);
        assert_eq!(
            text,
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<image xmlns=\"http://www.pathozoom.com/SZI\" version=\"1.0\">\n  <properties>\n    \
             <property>\n      <name>a</name>\n      <value>&lt;&amp;]]&gt;&quot;é</value>\n    </property>\n  </properties>\n</image>\n"
        );
    }
}
