//! Rotation by quarter turns and mirroring.
//!
//! A rectangle of pixels has eight orientations. Each maps pixels to pixels and rectangles to
//! rectangles.

use std::ops::Range;

use serde::{Serialize, Serializer};

use super::{Rect, Size, between};

/// A clockwise rotation, as in `vips rot` and `vips dzsave --angle`.
// Exhaustive, because there are only four rotations by quarter turns.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Rotation {
    /// By 0°.
    #[default]
    None,
    /// By 90°: the left edge becomes the top edge.
    Quarter,
    /// By 180°.
    Half,
    /// By 270°: the right edge becomes the top edge.
    ThreeQuarters,
}

impl Rotation {
    /// The clockwise angle in degrees.
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
    /// Serializes the angle in degrees.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u32(self.degrees())
    }
}

/// The direction in which an image is mirrored.
// Exhaustive, because there are only two directions along the pixel grid.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Flip {
    /// Swaps left and right.
    Horizontal,
    /// Swaps top and bottom.
    Vertical,
}

/// One of the eight orientations of an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub struct Orientation {
    /// Whether the columns of the oriented image are the rows of the upright one.
    transposed: bool,
    /// Whether the columns of the upright image are counted from the right.
    mirrored_columns: bool,
    /// Whether the rows of the upright image are counted from the bottom.
    mirrored_rows: bool,
}

impl Orientation {
    /// Neither rotated nor mirrored.
    pub const UPRIGHT: Self =
        Self { transposed: false, mirrored_columns: false, mirrored_rows: false };

    /// Creates the orientation that rotates first and mirrors second.
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
            // The columns of a transposed image are the rows of the upright one.
            (Some(Flip::Horizontal), false) | (Some(Flip::Vertical), true) => {
                mirrored_columns = !mirrored_columns;
            }
            (Some(Flip::Vertical), false) | (Some(Flip::Horizontal), true) => {
                mirrored_rows = !mirrored_rows;
            }
        }
        Self { transposed, mirrored_columns, mirrored_rows }
    }

    /// Returns whether width and height are swapped.
    #[must_use]
    pub const fn is_transposed(self) -> bool {
        self.transposed
    }

    /// Returns whether the columns of the upright image are counted from the right.
    #[must_use]
    pub const fn mirrors_columns(self) -> bool {
        self.mirrored_columns
    }

    /// Returns whether the rows of the upright image are counted from the bottom.
    #[must_use]
    pub const fn mirrors_rows(self) -> bool {
        self.mirrored_rows
    }

    /// Converts a pair of values for columns and rows between the upright and the oriented image,
    /// by swapping them if the orientation is transposed.
    #[must_use]
    pub fn swapped<T>(self, columns: T, rows: T) -> (T, T) {
        if self.transposed { (rows, columns) } else { (columns, rows) }
    }

    /// The size of the oriented image for an upright image of `size`, or vice versa.
    #[must_use]
    pub const fn size(self, size: Size) -> Size {
        if self.transposed { Size { width: size.height, height: size.width } } else { size }
    }

    /// Converts a rectangle of the oriented image to one of the upright image, which has the size
    /// `upright`.
    ///
    /// # Panics
    /// Panics if the rectangle extends beyond the image.
    #[must_use]
    pub fn to_upright(self, part: Rect, upright: Size) -> Rect {
        let (columns, rows) = self.swapped(part.columns(), part.rows());
        self.mirrored(columns, rows, upright)
    }

    /// Converts a rectangle of the upright image, which has the size `upright`, to one of the
    /// oriented image.
    ///
    /// # Panics
    /// As in [`to_upright`](Self::to_upright).
    #[must_use]
    pub fn from_upright(self, part: Rect, upright: Size) -> Rect {
        let mirrored = self.mirrored(part.columns(), part.rows(), upright);
        let (columns, rows) = self.swapped(mirrored.columns(), mirrored.rows());
        between(columns, rows)
    }

    /// Converts the edges of a grid over the upright image, from 0 to its width and height, to
    /// those of the oriented image.
    #[must_use]
    pub fn edges(self, columns: Vec<u32>, rows: Vec<u32>) -> (Vec<u32>, Vec<u32>) {
        let mirror = |edges: Vec<u32>, mirrored: bool| match (mirrored, edges.last()) {
            (true, Some(&length)) => edges.iter().rev().map(|edge| length - edge).collect(),
            _ => edges,
        };
        self.swapped(mirror(columns, self.mirrored_columns), mirror(rows, self.mirrored_rows))
    }

    fn mirrored(self, columns: Range<u32>, rows: Range<u32>, upright: Size) -> Rect {
        let mirror = |range: Range<u32>, length: u32, mirrored: bool| {
            if mirrored { length - range.end..length - range.start } else { range }
        };
        between(
            mirror(columns, upright.width, self.mirrored_columns),
            mirror(rows, upright.height, self.mirrored_rows),
        )
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use proptest::prelude::*;

    use super::super::Point;
    use super::*;

    /// Every rotation with every flip: each of the eight orientations at least once.
    pub(crate) fn every() -> impl Iterator<Item = (Rotation, Option<Flip>)> {
        let rotations =
            [Rotation::None, Rotation::Quarter, Rotation::Half, Rotation::ThreeQuarters];
        rotations.into_iter().flat_map(|rotation| {
            [None, Some(Flip::Horizontal), Some(Flip::Vertical)].map(move |flip| (rotation, flip))
        })
    }

    /// The definition: moves a pixel of an image of `size` by successive quarter turns and then a
    /// flip.
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
    fn moves_every_pixel_as_defined() {
        let upright = Size::new(4, 3).unwrap();
        let mut orientations = std::collections::HashSet::new();
        for (rotation, flip) in every() {
            let orientation = Orientation::new(rotation, flip);
            orientations.insert(orientation);
            for point in (0..3).flat_map(|y| (0..4).map(move |x| (x, y))) {
                let found = orientation.from_upright(pixel(point), upright);
                assert_eq!(
                    found,
                    pixel(moved(rotation, flip, point, (4, 3))),
                    "{rotation:?} {flip:?} {point:?}"
                );
                assert_eq!(
                    orientation.to_upright(found, upright),
                    pixel(point),
                    "{rotation:?} {flip:?}"
                );
                assert!(Rect::of(orientation.size(upright)).contains(found));
            }
        }
        assert_eq!(orientations.len(), 8);
    }

    proptest! {
        #[test]
        fn converts_rectangles_and_edges_both_ways(
            (width, height) in (1..500_u32, 1..500_u32),
            cuts in prop::collection::vec((0..500_u32, 0..500_u32), 0..6),
            index in 0..12_usize,
        ) {
            let (rotation, flip) = every().nth(index).unwrap();
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
