//! How a picture lies: turned by quarters and mirrored, without a pixel between pixels.
//!
//! There are eight ways for a rectangle of pixels to lie on its sides. What always holds: a pixel of the oriented picture is exactly one
//! of the upright picture, and rectangles go to rectangles both ways.

use std::ops::Range;

use serde::{Serialize, Serializer};

use super::{Rect, Size, between};

/// A turn, clockwise, as `vips rot` and `vips dzsave --angle` count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Rotation {
    /// As it is.
    #[default]
    None,
    /// By 90°: what was at the left edge comes to the top.
    Quarter,
    /// By 180°.
    Half,
    /// By 270°: what was at the right edge comes to the top.
    ThreeQuarters,
}

impl Rotation {
    /// In degrees, clockwise.
    #[must_use]
    pub const fn degrees(self) -> u32 {
        match self {
            Self::None => 0,
            Self::Quarter => 90,
            Self::Half => 180,
            Self::ThreeQuarters => 270,
        }
    }
}

impl Serialize for Rotation {
    /// The degrees.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u32(self.degrees())
    }
}

/// How a picture is mirrored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Flip {
    /// Left and right change places.
    Horizontal,
    /// Top and bottom change places.
    Vertical,
}

/// One of the eight ways in which a picture can lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub struct Orientation {
    /// Whether the oriented picture's columns are the upright one's rows.
    transposed: bool,
    /// Whether the upright picture's columns are counted from the right.
    mirrored_columns: bool,
    /// Whether its rows are counted from the bottom.
    mirrored_rows: bool,
}

impl Orientation {
    /// As it is.
    pub const UPRIGHT: Self = Self { transposed: false, mirrored_columns: false, mirrored_rows: false };

    /// First turned, then mirrored.
    #[must_use]
    pub const fn new(rotation: Rotation, flip: Option<Flip>) -> Self {
        let (transposed, mut mirrored_columns, mut mirrored_rows) = match rotation {
            Rotation::None => (false, false, false),
            Rotation::Quarter => (true, false, true),
            Rotation::Half => (false, true, true),
            Rotation::ThreeQuarters => (true, true, false),
        };
        match (flip, transposed) {
            (None, _) => {}
            // A turned picture's columns are the upright one's rows.
            (Some(Flip::Horizontal), false) | (Some(Flip::Vertical), true) => mirrored_columns = !mirrored_columns,
            (Some(Flip::Vertical), false) | (Some(Flip::Horizontal), true) => mirrored_rows = !mirrored_rows,
        }
        Self { transposed, mirrored_columns, mirrored_rows }
    }

    /// Whether width and height change places.
    #[must_use]
    pub const fn is_transposed(self) -> bool {
        self.transposed
    }

    /// Whether the upright picture's columns are counted from the right.
    #[must_use]
    pub const fn mirrors_columns(self) -> bool {
        self.mirrored_columns
    }

    /// Whether the upright picture's rows are counted from the bottom.
    #[must_use]
    pub const fn mirrors_rows(self) -> bool {
        self.mirrored_rows
    }

    /// What comes first of two things that belong to the columns and the rows of one picture, in the other.
    #[must_use]
    pub fn swapped<T>(self, columns: T, rows: T) -> (T, T) {
        if self.transposed { (rows, columns) } else { (columns, rows) }
    }

    /// The size of the oriented picture of an upright one of `size`, and the other way round.
    #[must_use]
    pub const fn size(self, size: Size) -> Size {
        if self.transposed { Size { width: size.height, height: size.width } } else { size }
    }

    /// Where a part of the oriented picture lies in the upright one, which has `upright` pixels.
    ///
    /// # Panics
    /// Where the part reaches outside.
    #[must_use]
    pub fn to_upright(self, part: Rect, upright: Size) -> Rect {
        let (columns, rows) = self.swapped(part.columns(), part.rows());
        self.mirrored(columns, rows, upright)
    }

    /// Where a part of the upright picture, which has `upright` pixels, lies in the oriented one.
    ///
    /// # Panics
    /// As [`to_upright`](Self::to_upright).
    #[must_use]
    pub fn from_upright(self, part: Rect, upright: Size) -> Rect {
        let mirrored = self.mirrored(part.columns(), part.rows(), upright);
        let (columns, rows) = self.swapped(mirrored.columns(), mirrored.rows());
        between(columns, rows)
    }

    /// Where columns and rows of pieces of the upright picture begin, from 0 to its width and height, as they lie in the oriented one.
    #[must_use]
    pub fn edges(self, columns: Vec<u32>, rows: Vec<u32>) -> (Vec<u32>, Vec<u32>) {
        let turned = |edges: Vec<u32>, mirrored: bool| match (mirrored, edges.last()) {
            (true, Some(&length)) => edges.iter().rev().map(|edge| length - edge).collect(),
            _ => edges,
        };
        self.swapped(turned(columns, self.mirrored_columns), turned(rows, self.mirrored_rows))
    }

    fn mirrored(self, columns: Range<u32>, rows: Range<u32>, upright: Size) -> Rect {
        let turned = |range: Range<u32>, length: u32, mirrored: bool| {
            if mirrored { length - range.end..length - range.start } else { range }
        };
        between(turned(columns, upright.width, self.mirrored_columns), turned(rows, upright.height, self.mirrored_rows))
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use proptest::prelude::*;

    use super::super::Point;
    use super::*;

    /// Every turn with every flip: each of the eight ways at least once.
    pub(crate) fn every() -> impl Iterator<Item = (Rotation, Option<Flip>)> {
        let rotations = [Rotation::None, Rotation::Quarter, Rotation::Half, Rotation::ThreeQuarters];
        rotations
            .into_iter()
            .flat_map(|rotation| [None, Some(Flip::Horizontal), Some(Flip::Vertical)].map(move |flip| (rotation, flip)))
    }

    /// The definition, pixel by pixel: where a pixel of a picture of `size` comes to by quarter turns, one after the other, and then a flip.
    pub(crate) fn moved(
        rotation: Rotation,
        flip: Option<Flip>,
        mut point: (u32, u32),
        mut size: (u32, u32),
    ) -> (u32, u32) {
        for _ in 0..rotation.degrees() / 90 {
            // The top row becomes the right column.
            point = (size.1 - 1 - point.1, point.0);
            size = (size.1, size.0);
        }
        match flip {
            None => point,
            Some(Flip::Horizontal) => (size.0 - 1 - point.0, point.1),
            Some(Flip::Vertical) => (point.0, size.1 - 1 - point.1),
        }
    }

    fn pixel((x, y): (u32, u32)) -> Rect {
        Rect::new(Point { x, y }, Size::new(1, 1).unwrap()).unwrap()
    }

    #[test]
    fn every_pixel_goes_where_turns_and_flips_take_it() {
        let upright = Size::new(4, 3).unwrap();
        let mut ways = std::collections::HashSet::new();
        for (rotation, flip) in every() {
            let orientation = Orientation::new(rotation, flip);
            ways.insert(orientation);
            for point in (0..3).flat_map(|y| (0..4).map(move |x| (x, y))) {
                let found = orientation.from_upright(pixel(point), upright);
                assert_eq!(found, pixel(moved(rotation, flip, point, (4, 3))), "{rotation:?} {flip:?} {point:?}");
                assert_eq!(orientation.to_upright(found, upright), pixel(point), "{rotation:?} {flip:?}");
                assert!(Rect::of(orientation.size(upright)).contains(found));
            }
        }
        assert_eq!(ways.len(), 8);
    }

    proptest! {
        #[test]
        fn rectangles_and_edges_go_there_and_back(
            (width, height) in (1..500_u32, 1..500_u32),
            cuts in prop::collection::vec((0..500_u32, 0..500_u32), 0..6),
            way in 0..12_usize,
        ) {
            let (rotation, flip) = every().nth(way).unwrap();
            let orientation = Orientation::new(rotation, flip);
            let upright = Size::new(width, height).unwrap();
            let edges = |length: u32, cuts: Vec<u32>| {
                let mut edges: Vec<u32> = cuts.into_iter().filter(|&cut| cut < length).chain([0, length]).collect();
                edges.sort_unstable();
                edges.dedup();
                edges
            };
            let columns = edges(width, cuts.iter().map(|cut| cut.0).collect());
            let rows = edges(height, cuts.iter().map(|cut| cut.1).collect());
            let (across, down) = orientation.edges(columns.clone(), rows.clone());
            let oriented = orientation.size(upright);
            prop_assert_eq!((across.last(), down.last()), (Some(&oriented.width()), Some(&oriented.height())));
            let mut found = Vec::new();
            for x in across.windows(2) {
                for y in down.windows(2) {
                    let piece = Rect::spanning(x[0]..x[1], y[0]..y[1]).unwrap();
                    let place = orientation.to_upright(piece, upright);
                    prop_assert_eq!(orientation.from_upright(place, upright), piece);
                    found.push((place.columns().start, place.columns().end, place.rows().start, place.rows().end));
                }
            }
            found.sort_unstable();
            let pieces = columns.windows(2).flat_map(|x| rows.windows(2).map(|y| (x[0], x[1], y[0], y[1])));
            prop_assert_eq!(found, pieces.collect::<Vec<_>>());
        }
    }
}
