//! The `.dzi` descriptor.
//!
//! The format is Microsoft's Deep Zoom of 2008 as every viewer reads it: one `Image` element with `Format`, `Overlap` and
//! `TileSize`, holding one `Size`. What the tiles beside it are called is in [`tile_layout`](crate::layout::tile_layout).

use std::num::ParseIntError;

use quick_xml::events::{BytesDecl, BytesEnd, BytesStart, Event};
use quick_xml::{Reader, Writer};

use crate::geometry::Size;
use crate::pyramid::{TileGeometry, TileGeometryError};

mod display_rects;

pub use display_rects::{DisplayRect, display_rects};

const NAMESPACE: &str = "http://schemas.microsoft.com/deepzoom/2008";

/// What a `.dzi` file says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Descriptor {
    /// The size of the full image in pixels.
    pub size: Size,
    /// Tile size and overlap.
    pub geometry: TileGeometry,
    /// The tiles' file name extension.
    pub format: String,
    /// Where a sparse image has tiles; empty where every tile is there.
    pub display_rects: Vec<DisplayRect>,
}

/// Why a text is no descriptor.
#[derive(Clone, Debug, thiserror::Error)]
pub enum DescriptorError {
    /// It is not well-formed XML.
    #[error("not well-formed XML: {message}")]
    Xml {
        /// What the parser said.
        message: String,
    },
    /// An element or attribute is not there.
    #[error("{name} is missing")]
    Missing {
        /// The element or attribute.
        name: &'static str,
    },
    /// A number is not one.
    #[error("{name} is {found:?}, which is no number that fits")]
    Number {
        /// The attribute.
        name: &'static str,
        /// Its text.
        found: String,
        /// Why it is no number.
        source: ParseIntError,
    },
    /// The image would be empty.
    #[error("the size {width}×{height} is empty")]
    Empty {
        /// The width given.
        width: u32,
        /// The height given.
        height: u32,
    },
    /// Tile size and overlap make no tiles.
    #[error(transparent)]
    Geometry(#[from] TileGeometryError),
}

impl Descriptor {
    /// The XML text, with a declaration and a final newline.
    #[must_use]
    #[expect(clippy::expect_used, clippy::missing_panics_doc, reason = "writing to memory cannot fail")]
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
        let mut events =
            vec![Event::Decl(BytesDecl::new("1.0", Some("UTF-8"), None)), Event::Start(image), Event::Empty(size)];
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

    /// Reads a descriptor back, but for its display rectangles: which tiles are there, the description tells exactly. Entities other than XML's
    /// own five are not expanded.
    ///
    /// # Errors
    /// [`DescriptorError`] where the text is no XML, or an element, an attribute or a number is missing or impossible.
    pub fn from_xml(text: &str) -> Result<Self, DescriptorError> {
        let mut reader = Reader::from_str(text);
        let mut image: Option<(TileGeometry, String)> = None;
        loop {
            let event = reader.read_event().map_err(|error| DescriptorError::Xml { message: error.to_string() })?;
            match event {
                Event::Start(element) | Event::Empty(element) => match element.local_name().as_ref() {
                    "Image" => {
                        let geometry = TileGeometry::new(number(&element, "TileSize")?, number(&element, "Overlap")?)?;
                        image = Some((geometry, attribute(&element, "Format")?));
                    }
                    "Size" => {
                        let (geometry, format) = image.ok_or(DescriptorError::Missing { name: "Image" })?;
                        let (width, height) = (number(&element, "Width")?, number(&element, "Height")?);
                        let size = Size::new(width, height).ok_or(DescriptorError::Empty { width, height })?;
                        return Ok(Self { size, geometry, format, display_rects: Vec::new() });
                    }
                    _ => {}
                },
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
    let value =
        attribute.normalized_value(quick_xml::XmlVersion::Implicit1_0).map_err(|error| xml(error.to_string()))?;
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
    fn the_text_is_as_every_viewer_expects_it() {
        assert_eq!(
            descriptor().to_xml(),
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?><Image xmlns=\"http://schemas.microsoft.com/deepzoom/2008\" \
             Format=\"jpeg\" Overlap=\"1\" TileSize=\"254\"><Size Width=\"2220\" Height=\"2967\"/></Image>\n"
        );
    }

    /// As the Deep Zoom schema has it.
    #[test]
    fn a_sparse_image_says_where_it_has_tiles() {
        let pyramid = PyramidPlan::new(Size::new(20, 10).unwrap(), TileGeometry::new(10, 0).unwrap());
        let full = pyramid.max_level();
        let absent = crate::pyramid::TileSet::of(&pyramid, |ordinal| ordinal + 1 == pyramid.tile_count());
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
    fn what_is_written_is_read_back_and_so_is_what_others_write() {
        assert_eq!(Descriptor::from_xml(&descriptor().to_xml()).unwrap(), descriptor());
        let libvips = "<?xml version='1.0' encoding='UTF-8'?>\n<Image xmlns='http://schemas.microsoft.com/deepzoom/2008'\n  \
                       Format='jpeg'\n  Overlap='1'\n  TileSize='254'\n  >\n  <Size\n    Height='2967'\n    Width='2220'\n  />\n</Image>";
        assert_eq!(Descriptor::from_xml(libvips).unwrap(), descriptor());
    }

    #[test]
    fn what_is_no_descriptor_is_refused() {
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
