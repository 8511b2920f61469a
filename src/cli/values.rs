//! Parsers for the values of options. Each error says what was expected.

use crate::geometry::MicronsPerPixel;
use crate::geometry::{Point, Rect, Size};
use crate::layout::tile_layout::ResourceId;
use crate::pixels::Rgb;
use crate::plan::{BlankTiles, Magnification};
use crate::source::SampleRange;
use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};

/// Parses one of a fixed set of names, given as `name` or `name|alias`, with the help of each.
pub(super) fn one_of<T, const N: usize>(
    choices: [(&'static str, &'static str, T); N],
) -> impl TypedValueParser<Value = T>
where
    T: Clone + Send + Sync + 'static,
{
    let possible = |(names, help, _): &(&'static str, &'static str, T)| {
        let mut names = names.split('|');
        let value = PossibleValue::new(names.next().unwrap_or_default()).aliases(names);
        if help.is_empty() { value } else { value.help(*help) }
    };
    let possible: Vec<_> = choices.iter().map(possible).collect();
    PossibleValuesParser::new(possible).try_map(move |typed| {
        let found = choices.iter().find(|(names, ..)| names.split('|').any(|name| name == typed));
        found.map(|(.., value)| value.clone()).ok_or("is not one of the possible values")
    })
}

pub(super) fn blank(text: &str) -> Result<BlankTiles, String> {
    let (policy, tolerance) = match text.split_once('=') {
        Some((policy, tolerance)) => (policy, Some(tolerance)),
        None => (text, None),
    };
    let tolerance = tolerance.map(|tolerance| {
        tolerance
            .parse::<u8>()
            .map_err(|_| format!("{tolerance:?} is not a whole number from 0 to 255"))
    });
    match (policy, tolerance.transpose()?) {
        ("keep", None) => Ok(BlankTiles::Keep),
        ("skip", tolerance) => Ok(BlankTiles::Skip(tolerance.unwrap_or(0))),
        ("share", tolerance) => Ok(BlankTiles::Share(tolerance.unwrap_or(0))),
        _ => {
            Err("possible values: keep, skip, share, skip=N, share=N, where N is 0 to 255"
                .to_owned())
        }
    }
}

pub(super) fn resource_id(text: &str) -> Result<ResourceId, String> {
    ResourceId::new(text).map_err(|error| error.to_string())
}

pub(super) fn range(text: &str) -> Result<SampleRange, String> {
    let numbers = text.split_once(',').and_then(|(black, white)| number(black).zip(number(white)));
    let range = numbers.and_then(|(black, white)| SampleRange::new(black, white));
    range.ok_or_else(|| "expected two numbers, the smaller one first, such as 0,4095".to_owned())
}

pub(super) fn memory(text: &str) -> Result<u64, String> {
    let (number, unit) = match text.to_ascii_uppercase() {
        text if text.ends_with('G') => (text.trim_end_matches('G').to_owned(), 1 << 30),
        text if text.ends_with('M') => (text.trim_end_matches('M').to_owned(), 1 << 20),
        text => (text, 1),
    };
    let bytes = number.parse::<u64>().ok().and_then(|number| number.checked_mul(unit));
    bytes.ok_or_else(|| {
        "expected a number of bytes, or of mebibytes or gibibytes: 500M, 4G".to_owned()
    })
}

pub(super) fn color(text: &str) -> Result<Rgb, String> {
    Rgb::from_hex(text).ok_or_else(|| "expected six hexadecimal digits, such as f0e0d0".to_owned())
}

pub(super) fn rect(text: &str) -> Result<Rect, String> {
    let numbers =
        text.split(',').map(|number| number.trim().parse::<u32>()).collect::<Result<Vec<_>, _>>();
    let rect = match numbers.as_deref() {
        Ok(&[x, y, width, height]) => {
            Size::new(width, height).and_then(|size| Rect::new(Point { x, y }, size))
        }
        _ => None,
    };
    rect.ok_or_else(|| {
        "expected X,Y,WIDTH,HEIGHT in whole pixels, such as 1024,2048,500,400".to_owned()
    })
}

pub(super) fn target(text: &str) -> Result<MicronsPerPixel, String> {
    stated_microns(text, text).ok_or_else(|| {
        format!("expected a number above 0 and up to {}, such as 0.5", MicronsPerPixel::MAX_STATED)
    })
}

pub(super) fn magnification(text: &str) -> Result<Magnification, String> {
    let times = number(text.strip_suffix(['x', '×']).unwrap_or(text));
    times
        .and_then(Magnification::new)
        .ok_or_else(|| "expected a number above 0, such as 10".to_owned())
}

pub(super) fn microns(text: &str) -> Result<MicronsPerPixel, String> {
    let (x, y) = text.split_once(',').unwrap_or((text, text));
    stated_microns(x, y).ok_or_else(|| {
        format!(
            "expected a number above 0 and up to {}, or two separated by a comma, such as 0.25",
            MicronsPerPixel::MAX_STATED
        )
    })
}

fn stated_microns(x: &str, y: &str) -> Option<MicronsPerPixel> {
    MicronsPerPixel::stated(number(x)?, number(y)?)
}

fn number(text: &str) -> Option<f64> {
    text.trim().parse().ok()
}
