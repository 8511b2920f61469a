//! The scale of TIFF files that are not a scanner's, from the description or the resolution.
//!
//! The rule is the same for every reader; properties have OpenSlide's names. Microscopy programs
//! write the pixel size to the description, as OME-XML or in ImageJ's format, and it is trusted.
//! TIFF's own resolution mostly describes a print or a screen, or is a program's default (libvips:
//! 1000 µm per pixel). It is trusted only if it is finer than any of these. A description is parsed
//! in one pass, whatever its length, and damaged parts are ignored.

use std::collections::BTreeMap;

use quick_xml::events::{BytesStart, Event};
use quick_xml::{Reader, XmlVersion};

use crate::geometry::MicronsPerPixel;
use crate::geometry::Size;

/// The pixel size in micrometers from which a resolution per inch or centimeter is taken for a
/// printer's or screen's: 1270 dots per inch.
const COARSE: f64 = 20.0;

/// Returns the scale of an image of `size` stored pixels. `description` is that of the whole file.
pub(crate) fn microns_per_pixel(
    properties: &BTreeMap<String, String>,
    description: Option<&str>,
    size: Size,
) -> Option<MicronsPerPixel> {
    let property = |name: &str| properties.get(name).map(String::as_str);
    let description = description.unwrap_or_default().trim_start_matches('\u{feff}').trim_start();
    let resolution = Resolution::parse(property("tiff.XResolution"), property("tiff.YResolution"));
    let of_resolution = || match (property("tiff.ResolutionUnit"), resolution?) {
        (Some("inch"), resolution) => resolution.in_units([Unit::INCH; 2]),
        (Some("centimeter"), resolution) => resolution.in_units([Unit::CENTIMETER; 2]),
        // ImageJ's description contains units that TIFF does not have.
        (Some("none"), resolution) => resolution.in_units(imagej_units(description)?),
        _ => None,
    };
    of_ome(description, size).or_else(of_resolution)
}

/// Pixels per unit of length, along rows and columns.
#[derive(Clone, Copy)]
struct Resolution([f64; 2]);

impl Resolution {
    fn parse(x: Option<&str>, y: Option<&str>) -> Option<Self> {
        Some(Self([x?.trim().parse().ok()?, y?.trim().parse().ok()?]))
    }

    /// Returns the scale, if it is credible for its unit.
    fn in_units(self, units: [Unit; 2]) -> Option<MicronsPerPixel> {
        let [x, y] = [0, 1].map(|axis| units[axis].microns / (self.0[axis] * units[axis].parts));
        let is_credible = |unit: Unit, microns: f64| !unit.is_of_print() || microns < COARSE;
        MicronsPerPixel::new(x, y).filter(|_| is_credible(units[0], x) && is_credible(units[1], y))
    }
}

/// A unit of length: `microns` micrometers divided by `parts`. Both are integers, so that 325 nm
/// are exactly 0.325 µm.
#[derive(Clone, Copy, PartialEq)]
struct Unit {
    microns: f64,
    parts: f64,
}

impl Unit {
    const MICROMETER: Self = Self::of(1.0);
    const INCH: Self = Self::of(25_400.0);
    const CENTIMETER: Self = Self::of(10_000.0);

    const fn of(microns: f64) -> Self {
        Self { microns, parts: 1.0 }
    }

    const fn part(parts: f64) -> Self {
        Self { microns: 1.0, parts }
    }

    /// Parses a symbol of OME's schema, or a name that people type in ImageJ. Case matters: `Mm` is
    /// a megameter.
    fn parse(name: &str) -> Option<Self> {
        Some(match name.trim() {
            "pm" => Self::part(1e6),
            "Å" | "\u{212b}" | "angstrom" => Self::part(1e4),
            "nm" | "nanometer" | "nanometre" => Self::part(1e3),
            "µm" | "μm" | "um" | "\\u00B5m" | "\\u00b5m" | "micron" | "microns" | "micrometer"
            | "micrometre" => Self::MICROMETER,
            "thou" => Self { microns: 254.0, parts: 10.0 },
            "mm" | "millimeter" | "millimetre" => Self::of(1e3),
            "cm" | "centimeter" | "centimetre" => Self::CENTIMETER,
            "in" | "inch" | "inches" => Self::INCH,
            "dm" => Self::of(1e5),
            "m" | "meter" | "metre" => Self::of(1e6),
            _ => return None,
        })
    }

    fn is_of_print(self) -> bool {
        self == Self::INCH || self == Self::CENTIMETER
    }
}

/// Returns the units along x and y in ImageJ's description, which has one property per line.
fn imagej_units(description: &str) -> Option<[Unit; 2]> {
    if !description.starts_with("ImageJ=") {
        return None;
    }
    let value = |name: &str| {
        description.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix('='))
    };
    let across = Unit::parse(value("unit")?)?;
    Some([across, value("yunit").map_or(Some(across), Unit::parse)?])
}

/// Returns the scale in OME-XML for images of `size` pixels. A file can contain several images with
/// scales of their own; if those of this size differ, the scale is unknown.
fn of_ome(description: &str, size: Size) -> Option<MicronsPerPixel> {
    if !description.starts_with('<') {
        return None;
    }
    let mut reader = Reader::from_str(description);
    let (mut root_seen, mut depth) = (false, 0_u64);
    let (mut found_any, mut found) = (false, None);
    loop {
        let event = reader.read_event().ok()?;
        match &event {
            Event::Start(_) => depth += 1,
            Event::End(_) => depth = depth.saturating_sub(1),
            _ => {}
        }
        match event {
            Event::Start(element) | Event::Empty(element) => match element.local_name().as_ref() {
                "OME" => root_seen = true,
                _ if !root_seen => return None,
                "Pixels" => {
                    let (of_size, scale) = OmePixels::read(&element).settle();
                    if of_size == Some(size) {
                        if found_any && found != scale {
                            return None;
                        }
                        (found_any, found) = (true, scale);
                    }
                }
                _ => {}
            },
            // A document that ends inside an element is truncated.
            Event::Eof => return found.filter(|_| depth == 0),
            _ => {}
        }
    }
}

/// The attributes of a `Pixels` element.
struct OmePixels {
    size: [Option<u32>; 2],
    physical_size: [Option<f64>; 2],
    /// `None` for an unknown unit. The default is micrometers.
    units: [Option<Unit>; 2],
}

impl OmePixels {
    /// Reads all attributes in one pass. Looking up each by name would take quadratic time.
    fn read(element: &BytesStart<'_>) -> Self {
        let mut pixels =
            Self { size: [None; 2], physical_size: [None; 2], units: [Some(Unit::MICROMETER); 2] };
        for attribute in element.attributes().with_checks(false).flatten() {
            let (axis, name) = match attribute.key.as_ref() {
                name @ ("SizeX" | "PhysicalSizeX" | "PhysicalSizeXUnit") => (0, name),
                name @ ("SizeY" | "PhysicalSizeY" | "PhysicalSizeYUnit") => (1, name),
                _ => continue,
            };
            let Ok(value) = attribute.normalized_value(XmlVersion::Implicit1_0) else { continue };
            match name {
                "SizeX" | "SizeY" => pixels.size[axis] = value.trim().parse().ok(),
                "PhysicalSizeX" | "PhysicalSizeY" => {
                    pixels.physical_size[axis] = value.trim().parse().ok();
                }
                _ => pixels.units[axis] = Unit::parse(&value),
            }
        }
        pixels
    }

    /// Returns the size in pixels, and the scale.
    fn settle(&self) -> (Option<Size>, Option<MicronsPerPixel>) {
        let [width, height] = self.size;
        let microns = |axis: usize| {
            let unit = self.units[axis]?;
            Some(self.physical_size[axis]? * unit.microns / unit.parts)
        };
        let size = width.zip(height).and_then(|(width, height)| Size::new(width, height));
        (size, microns(0).zip(microns(1)).and_then(|(x, y)| MicronsPerPixel::new(x, y)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scale(resolution: [&str; 2], unit: &str, description: &str) -> Option<MicronsPerPixel> {
        let [x, y] = resolution;
        let said =
            [("tiff.XResolution", x), ("tiff.YResolution", y), ("tiff.ResolutionUnit", unit)];
        let properties = said.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
        microns_per_pixel(&properties, Some(description), Size::new(60, 40).unwrap())
    }

    fn both(microns: f64) -> Option<MicronsPerPixel> {
        MicronsPerPixel::new(microns, microns)
    }

    #[test]
    fn trusts_resolutions_finer_than_a_printers() {
        for (resolution, unit, expected) in [
            (["20000", "40000"], "centimeter", MicronsPerPixel::new(0.5, 0.25)),
            (["25400", "50800"], "inch", MicronsPerPixel::new(1.0, 0.5)),
            (["1280", "1280"], "inch", MicronsPerPixel::new(19.84375, 19.84375)),
            // 1270 and 600 dots per inch; 300 in centimeters; libvips' default; and one coarse
            // axis.
            (["1270", "1270"], "inch", None),
            (["500", "500"], "centimeter", None),
            (["600", "600"], "inch", None),
            (["118.11", "118.11"], "centimeter", None),
            (["10", "10"], "centimeter", None),
            (["25400", "72"], "inch", None),
            (["25400", "25400"], "none", None),
            (["25400", "25400"], "unknown", None),
            (["0", "0"], "inch", None),
            (["-25400", "25400"], "inch", None),
            (["inf", "inf"], "inch", None),
            (["NaN", "25400"], "inch", None),
            (["many", "25400"], "inch", None),
        ] {
            assert_eq!(scale(resolution, unit, "a scan"), expected, "{resolution:?} per {unit}");
        }
        assert_eq!(microns_per_pixel(&BTreeMap::new(), None, Size::new(60, 40).unwrap()), None);
    }

    #[test]
    fn reads_units_from_imagej_descriptions() {
        let of = |resolution, units: &str| {
            scale(
                [resolution; 2],
                "none",
                &format!("ImageJ=1.54f\nimages=3\n{units}\nspacing=2.0\n"),
            )
        };
        for (resolution, units, expected) in [
            ("4", "unit=micron", both(0.25)),
            ("4", "unit=um", both(0.25)),
            ("4", "unit=µm", both(0.25)),
            ("4", "unit=\\u00B5m", both(0.25)),
            ("0.004", "unit=nm", both(0.25)),
            ("4000", "unit=mm", both(0.25)),
            ("20", "unit=mm", both(50.0)),
            ("40000", "unit=cm", both(0.25)),
            ("25400", "unit=inch", both(1.0)),
            ("300", "unit=inch", None),
            ("4", "unit=micron\nyunit=nm", MicronsPerPixel::new(0.25, 0.000_25)),
            ("4", "unit=micron\nyunit=pixel", None),
            ("4", "unit=pixel", None),
            ("4", "", None),
            ("0.001", "unit=micron", None),
        ] {
            assert_eq!(of(resolution, units), expected, "{resolution} per {units:?}");
        }
        assert_eq!(scale(["4"; 2], "none", "unit=micron\n"), None, "not an ImageJ description");
        // ImageJ's output for units that TIFF has.
        assert_eq!(scale(["300"; 2], "inch", "ImageJ=1.54f\nunit=inch\n"), None);
        assert_eq!(scale(["20000"; 2], "centimeter", "ImageJ=1.54f\nunit=cm\n"), both(0.5));
    }

    fn ome(pixels: &[&str]) -> String {
        let image = |attributes: &&str| {
            format!("<Image><Pixels ID=\"Pixels:0\" {attributes}><TiffData/></Pixels></Image>")
        };
        let images: String = pixels.iter().map(image).collect();
        format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<!-- Warning --><OME xmlns=\"http://x\">{images}</OME>"
        )
    }

    #[test]
    fn reads_pixel_sizes_from_ome_xml() {
        let of = |text: &str| scale(["72", "72"], "inch", text);
        for (attributes, expected) in [
            ("PhysicalSizeX='0.325' PhysicalSizeY='0.25'", MicronsPerPixel::new(0.325, 0.25)),
            (
                "PhysicalSizeX='325' PhysicalSizeXUnit='nm' PhysicalSizeY='0.25'",
                MicronsPerPixel::new(0.325, 0.25),
            ),
            (
                "PhysicalSizeX='1' PhysicalSizeXUnit='&#181;m' PhysicalSizeY='1' PhysicalSizeYUnit='µm'",
                both(1.0),
            ),
            (
                "PhysicalSizeX='5E-4' PhysicalSizeXUnit='mm' PhysicalSizeY='5000' PhysicalSizeYUnit='Å'",
                both(0.5),
            ),
            (
                "PhysicalSizeX='5E-5' PhysicalSizeXUnit='cm' PhysicalSizeY='5E-7' PhysicalSizeYUnit='m'",
                both(0.5),
            ),
            // Not taken for a print resolution: a 1024th of an inch.
            (
                "PhysicalSizeX='0.0009765625' PhysicalSizeXUnit='in' PhysicalSizeY='0.9765625' PhysicalSizeYUnit='thou'",
                both(24.804_687_5),
            ),
            ("PhysicalSizeX='1' PhysicalSizeXUnit='Mm' PhysicalSizeY='1'", None),
            ("PhysicalSizeX='1' PhysicalSizeXUnit='pixel' PhysicalSizeY='1'", None),
            ("PhysicalSizeX='1'", None),
            ("PhysicalSizeX='0' PhysicalSizeY='0'", None),
            ("PhysicalSizeX='100' PhysicalSizeY='100'", None),
            ("PhysicalSizeX='&bomb;' PhysicalSizeY='1'", None),
        ] {
            let text = ome(&[&format!("SizeX='60' SizeY='40' {attributes}")]);
            assert_eq!(of(&text), expected, "{attributes}");
            assert_eq!(of(&format!("\u{feff}{text}")), expected, "{attributes}");
        }
        let (one, other) =
            ("PhysicalSizeX='1' PhysicalSizeY='1'", "PhysicalSizeX='2' PhysicalSizeY='2'");
        let of_sizes = |images: &[(&str, &str)]| {
            let images: Vec<String> =
                images.iter().map(|(size, attributes)| format!("{size} {attributes}")).collect();
            of(&ome(&images.iter().map(String::as_str).collect::<Vec<_>>()))
        };
        let (size, another) = ("SizeX='60' SizeY='40'", "SizeX='40' SizeY='60'");
        assert_eq!(of_sizes(&[(another, one), (size, other)]), both(2.0));
        assert_eq!(of_sizes(&[(size, one), (size, one)]), both(1.0));
        assert_eq!(of_sizes(&[(size, one), (size, other)]), None);
        assert_eq!(of_sizes(&[(another, one)]), None);
        assert_eq!(
            scale(["20000"; 2], "centimeter", &ome(&[size])),
            both(0.5),
            "falls back to the resolution"
        );
    }

    #[test]
    fn ignores_broken_xml_and_reads_long_xml_in_one_pass() {
        let whole = ome(&["SizeX='60' SizeY='40' PhysicalSizeX='1' PhysicalSizeY='1'"]);
        let of = |text: &str| scale(["72", "72"], "inch", text);
        assert_eq!(of(&whole), both(1.0));
        let other_root = whole.replace("OME", "Philips");
        let unclosed = whole.replace("</Image>", "");
        for text in
            ["<", "<OME", "<OME>", "<!DOCTYPE OME [<!ENTITY a \"b\">]>", &other_root, &unclosed]
        {
            assert_eq!(of(text), None, "{text}");
        }
        for end in 0..whole.len() {
            assert_eq!(of(&whole[..end]), None, "cut at {end}");
        }
        let attributes =
            (0..200_000).fold(String::new(), |text, number| text + &format!(" a{number}='1'"));
        let crowded = whole.replace("SizeX='60'", &format!("{attributes} SizeX='60'"));
        let deep = whole.replace(
            "<TiffData/>",
            &format!("{}{}", "<a>".repeat(200_000), "</a>".repeat(200_000)),
        );
        for long in [crowded, deep] {
            assert_eq!(of(&long), both(1.0), "{} bytes", long.len());
        }
    }
}
