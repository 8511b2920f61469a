//! The `.dzi` descriptor of Deep Zoom. [`tile_layout`](crate::layout::tile_layout) names the tiles.

use std::num::ParseIntError;

use quick_xml::events::{BytesDecl, BytesEnd, BytesStart, Event};
use quick_xml::{Reader, Writer};

use crate::geometry::Size;
use crate::pyramid::{TileGeometry, TileGeometryError};

mod display_rects;

pub use display_rects::{DisplayRect, display_rects};

const NAMESPACE: &str = "http://schemas.microsoft.com/deepzoom/2008";

/// The content of a `.dzi` file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Descriptor {
    /// The size of the full image in pixels.
    pub size: Size,
    /// Tile size and overlap.
    pub geometry: TileGeometry,
    /// The file name extension of tiles.
    pub format: String,
    /// The rectangles in which tiles exist; empty if all tiles do.
    pub display_rects: Vec<DisplayRect>,
}

/// Reasons why a text is not a valid descriptor.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DescriptorError {
    /// The text is not well-formed XML.
    #[error("not well-formed XML: {message}")]
    Xml {
        /// The parser's message.
        message: String,
    },
    /// An element or attribute is missing.
    #[error("{name} is missing")]
    Missing {
        /// Its name.
        name: &'static str,
    },
    /// An attribute is not a number.
    #[error("{name} is {found:?}, not a valid number")]
    Number {
        /// The attribute's name.
        name: &'static str,
        /// The attribute's value.
        found: String,
        /// The parse error.
        source: ParseIntError,
    },
    /// The image is empty.
    #[error("the size {width}×{height} is empty")]
    Empty {
        /// The width.
        width: u32,
        /// The height.
        height: u32,
    },
    /// Tile size and overlap are invalid.
    #[error(transparent)]
    Geometry(#[from] TileGeometryError),
}

impl Descriptor {
    /// Writes the XML text, with a declaration and a final newline.
    #[must_use]
    #[expect(
        clippy::expect_used,
        clippy::missing_panics_doc,
        reason = "writing to memory cannot fail"
    )]
    pub fn to_xml(&self) -> String {
        let mut writer = Writer::new(Vec::new());
        let image = BytesStart::new("Image").with_attributes([
            ("xmlns", NAMESPACE),
            ("Format", self.format.as_str()),
            ("Overlap", self.geometry.overlap().to_string().as_str()),
            ("TileSize", self.geometry.tile_size().to_string().as_str()),
        ]);
        let size = BytesStart::new("Size").with_attributes([
            ("Width", self.size.width().to_string().as_str()),
            ("Height", self.size.height().to_string().as_str()),
        ]);
        let mut events = vec![
            Event::Decl(BytesDecl::new("1.0", Some("UTF-8"), None)),
            Event::Start(image),
            Event::Empty(size),
        ];
        if !self.display_rects.is_empty() {
            events.push(Event::Start(BytesStart::new("DisplayRects")));
            events.extend(self.display_rects.iter().flat_map(DisplayRect::events));
            events.push(Event::End(BytesEnd::new("DisplayRects")));
        }
        events.push(Event::End(BytesEnd::new("Image")));
        for event in events {
            writer.write_event(event).expect("a vector takes every byte");
        }
        let mut text = String::from_utf8(writer.into_inner()).expect("quick-xml writes UTF-8");
        text.push('\n');
        text
    }

    /// Parses a descriptor. Ignores its display rectangles, because the description lists existing
    /// tiles exactly. Expands no entities but XML's predefined five.
    ///
    /// # Errors
    /// [`DescriptorError`] if the text is not XML, or an element, attribute or number is missing or
    /// invalid.
    pub fn from_xml(text: &str) -> Result<Self, DescriptorError> {
        let mut reader = Reader::from_str(text);
        let mut image: Option<(TileGeometry, String)> = None;
        loop {
            let event = reader
                .read_event()
                .map_err(|error| DescriptorError::Xml { message: error.to_string() })?;
            match event {
                Event::Start(element) | Event::Empty(element) => {
                    match element.local_name().as_ref() {
                        "Image" => {
                            let geometry = TileGeometry::new(
                                number(&element, "TileSize")?,
                                number(&element, "Overlap")?,
                            )?;
                            image = Some((geometry, attribute(&element, "Format")?));
                        }
                        "Size" => {
                            let (geometry, format) =
                                image.ok_or(DescriptorError::Missing { name: "Image" })?;
                            let (width, height) =
                                (number(&element, "Width")?, number(&element, "Height")?);
                            let size = Size::new(width, height)
                                .ok_or(DescriptorError::Empty { width, height })?;
                            return Ok(Self { size, geometry, format, display_rects: Vec::new() });
                        }
                        _ => {}
                    }
                }
                Event::Eof => {
                    let name = if image.is_some() { "Size" } else { "Image" };
                    return Err(DescriptorError::Missing { name });
                }
                _ => {}
            }
        }
    }
}

fn attribute(element: &BytesStart<'_>, name: &'static str) -> Result<String, DescriptorError> {
    let xml = |message: String| DescriptorError::Xml { message };
    let attribute = element
        .try_get_attribute(name)
        .map_err(|error| xml(error.to_string()))?
        .ok_or(DescriptorError::Missing { name })?;
    let value = attribute
        .normalized_value(quick_xml::XmlVersion::Implicit1_0)
        .map_err(|error| xml(error.to_string()))?;
    Ok(value.into_owned())
}

fn number(element: &BytesStart<'_>, name: &'static str) -> Result<u32, DescriptorError> {
    let found = attribute(element, name)?;
    found.parse().map_err(|source| DescriptorError::Number { name, found, source })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pyramid::PyramidPlan;

    fn descriptor() -> Descriptor {
        Descriptor {
            size: Size::new(2220, 2967).unwrap(),
            geometry: TileGeometry::default(),
            format: "jpeg".to_owned(),
            display_rects: Vec::new(),
        }
    }

    #[test]
    fn writes_the_text_that_viewers_expect() {
        assert_eq!(
            descriptor().to_xml(),
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?><Image xmlns=\"http://schemas.microsoft.com/deepzoom/2008\" \
             Format=\"jpeg\" Overlap=\"1\" TileSize=\"254\"><Size Width=\"2220\" Height=\"2967\"/></Image>\n"
        );
    }

    #[test]
    fn writes_display_rects_of_sparse_images() {
        let pyramid =
            PyramidPlan::new(Size::new(20, 10).unwrap(), TileGeometry::new(10, 0).unwrap());
        let full = pyramid.max_level();
        let absent =
            crate::pyramid::TileSet::of(&pyramid, |ordinal| ordinal + 1 == pyramid.tile_count());
        let sparse = Descriptor { display_rects: display_rects(&pyramid, &absent), ..descriptor() };
        let text = sparse.to_xml();
        let expected = format!(
            "<Size Width=\"2220\" Height=\"2967\"/><DisplayRects>\
             <DisplayRect MinLevel=\"0\" MaxLevel=\"{}\"><Rect X=\"0\" Y=\"0\" Width=\"20\" Height=\"10\"/></DisplayRect>\
             <DisplayRect MinLevel=\"{full}\" MaxLevel=\"{full}\"><Rect X=\"0\" Y=\"0\" Width=\"10\" Height=\"10\"/></DisplayRect>\
             </DisplayRects></Image>",
            full.number() - 1
        );
        assert!(text.contains(&expected), "{text}");
        assert_eq!(Descriptor::from_xml(&text).unwrap(), descriptor());
    }

    #[test]
    fn reads_its_own_and_other_descriptors() {
        assert_eq!(Descriptor::from_xml(&descriptor().to_xml()).unwrap(), descriptor());
        let libvips = "<?xml version='1.0' encoding='UTF-8'?>\n<Image xmlns='http://schemas.microsoft.com/deepzoom/2008'\n  \
                       Format='jpeg'\n  Overlap='1'\n  TileSize='254'\n  >\n  <Size\n    Height='2967'\n    Width='2220'\n  />\n</Image>";
        assert_eq!(Descriptor::from_xml(libvips).unwrap(), descriptor());
    }

    #[test]
    fn rejects_invalid_descriptors() {
        for text in [
            "",
            "<",
            "<Size Width='1' Height='1'/>",
            "<Image TileSize='254' Overlap='1' Format='jpeg'></Image>",
            "<Image TileSize='0' Overlap='0' Format='jpeg'><Size Width='1' Height='1'/></Image>",
            "<Image TileSize='254' Overlap='254' Format='jpeg'><Size Width='1' Height='1'/></Image>",
            "<Image TileSize='254' Overlap='1' Format='jpeg'><Size Width='0' Height='1'/></Image>",
            "<Image TileSize='254' Overlap='1' Format='jpeg'><Size Width='4294967296' Height='1'/></Image>",
            "<Image TileSize='254' Overlap='1' Format='&bomb;'><Size Width='1' Height='1'/></Image>",
        ] {
            assert!(Descriptor::from_xml(text).is_err(), "{text}");
        }
    }
}
