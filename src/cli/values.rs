//! Values as they are typed: each is read whole, or refused with what was expected.

use crate::geometry::MicronsPerPixel;
use crate::geometry::{Point, Rect, Size};
use crate::layout::tile_layout::ResourceId;
use crate::pixels::Rgb;
use crate::plan::{BlankTiles, Magnification};
use crate::source::SampleRange;

pub(super) fn blank(text: &str) -> Result<BlankTiles, String> {
    let (policy, tolerance) =
        text.split_once('=').map_or((text, None), |(policy, tolerance)| (policy, Some(tolerance)));
    let tolerance = tolerance.map(|tolerance| {
        tolerance.parse::<u8>().map_err(|_| format!("{tolerance:?} is not a whole number from 0 to 255"))
    });
    let tolerance = tolerance.transpose()?;
    match (policy, tolerance) {
        ("keep", None) => Ok(BlankTiles::Keep),
        ("skip", tolerance) => Ok(BlankTiles::Skip(tolerance.unwrap_or(0))),
        ("share", tolerance) => Ok(BlankTiles::Share(tolerance.unwrap_or(0))),
        _ => Err("possible values: keep, skip, share, and skip=N or share=N with N from 0 to 255".to_owned()),
    }
}

pub(super) fn resource_id(text: &str) -> Result<ResourceId, String> {
    ResourceId::new(text).map_err(|error| error.to_string())
}

pub(super) fn range(text: &str) -> Result<SampleRange, String> {
    let numbers =
        text.split_once(',').and_then(|(black, white)| black.trim().parse().ok().zip(white.trim().parse().ok()));
    let range = numbers.and_then(|(black, white)| SampleRange::new(black, white));
    range.ok_or_else(|| "a range is two numbers, the smaller one first, such as 0,4095".to_owned())
}

pub(super) fn memory(text: &str) -> Result<u64, String> {
    let (number, unit) = match text.to_ascii_uppercase() {
        text if text.ends_with('G') => (text.trim_end_matches('G').to_owned(), 1 << 30),
        text if text.ends_with('M') => (text.trim_end_matches('M').to_owned(), 1 << 20),
        text => (text, 1),
    };
    let bytes = number.parse::<u64>().ok().and_then(|number| number.checked_mul(unit));
    bytes.ok_or_else(|| "memory is a number of bytes, or of mebibytes or gibibytes: 500M, 4G".to_owned())
}

pub(super) fn color(text: &str) -> Result<Rgb, String> {
    Rgb::from_hex(text).ok_or_else(|| "a color is six hexadecimal digits, such as f0e0d0".to_owned())
}

pub(super) fn rect(text: &str) -> Result<Rect, String> {
    let numbers = text.split(',').map(|number| number.trim().parse::<u32>()).collect::<Result<Vec<_>, _>>();
    let rect = match numbers.as_deref() {
        Ok(&[x, y, width, height]) => Size::new(width, height).and_then(|size| Rect::new(Point { x, y }, size)),
        _ => None,
    };
    rect.ok_or_else(|| "a part of a slide is X,Y,WIDTH,HEIGHT in whole pixels, such as 1024,2048,500,400".to_owned())
}

pub(super) fn target(text: &str) -> Result<MicronsPerPixel, String> {
    let expected = || {
        format!("micrometers per pixel are a number above 0 and up to {}, such as 0.5", MicronsPerPixel::MOST_STATED)
    };
    stated_microns(text, text).ok_or_else(expected)
}

fn stated_microns(x: &str, y: &str) -> Option<MicronsPerPixel> {
    MicronsPerPixel::stated(x.trim().parse().ok()?, y.trim().parse().ok()?)
}

pub(super) fn magnification(text: &str) -> Result<Magnification, String> {
    let number = text.strip_suffix(['x', '×']).unwrap_or(text).trim().parse().ok();
    number.and_then(Magnification::new).ok_or_else(|| "a magnification is a number above 0, such as 10".to_owned())
}

pub(super) fn microns(text: &str) -> Result<MicronsPerPixel, String> {
    let (x, y) = text.split_once(',').unwrap_or((text, text));
    stated_microns(x, y).ok_or_else(|| {
        format!(
            "micrometers per pixel are a number above 0 and up to {}, or two with a comma, such as 0.25",
            MicronsPerPixel::MOST_STATED
        )
    })
}
