//! Sizes, points and rectangles in whole pixels.
//!
//! Every other module measures with these types, so that no rounding can creep in: integers only, and
//! nothing here can be empty or pass `u32`. A [`Size`] has at least one pixel each way, and the right and
//! bottom edges of a [`Rect`] always fit `u32`.

use std::fmt;
use std::num::NonZeroU32;
use std::ops::Range;

use serde::Serialize;

mod microns;
mod orientation;

pub use microns::MicronsPerPixel;
pub use orientation::{Flip, Orientation, Rotation};

#[cfg(test)]
pub(crate) use orientation::tests as orientation_tests;

/// A width and a height in pixels (or, for a grid, in columns and rows), each at least 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
pub struct Size {
    width: u32,
    height: u32,
}

impl Size {
    /// A size; `None` where either side is 0.
    #[must_use]
    pub const fn new(width: u32, height: u32) -> Option<Self> {
        if width == 0 || height == 0 { None } else { Some(Self { width, height }) }
    }

    /// The width, at least 1.
    #[must_use]
    pub const fn width(self) -> u32 {
        self.width
    }

    /// The height, at least 1.
    #[must_use]
    pub const fn height(self) -> u32 {
        self.height
    }

    /// Width × height.
    #[must_use]
    pub const fn area(self) -> u64 {
        self.width as u64 * self.height as u64
    }

    /// The size of the next smaller Deep Zoom level: each side halved with the ceiling.
    #[must_use]
    pub const fn halved(self) -> Self {
        Self { width: self.width.div_ceil(2), height: self.height.div_ceil(2) }
    }

    /// How many cells of `cell` pixels a side cover this size: columns × rows, rounded up.
    #[must_use]
    pub const fn grid(self, cell: NonZeroU32) -> Self {
        Self { width: self.width.div_ceil(cell.get()), height: self.height.div_ceil(cell.get()) }
    }
}

impl fmt::Display for Size {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}×{}", self.width, self.height)
    }
}

/// A position in pixels from the top left corner.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default, Serialize)]
pub struct Point {
    /// Pixels from the left edge.
    pub x: u32,
    /// Pixels from the top edge.
    pub y: u32,
}

/// A rectangle of pixels that is never empty and whose edges fit `u32`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
pub struct Rect {
    origin: Point,
    #[serde(flatten)]
    size: Size,
}

impl Rect {
    /// A rectangle; `None` where its right or bottom edge does not fit `u32`.
    #[must_use]
    pub const fn new(origin: Point, size: Size) -> Option<Self> {
        if origin.x.checked_add(size.width).is_none() || origin.y.checked_add(size.height).is_none() {
            return None;
        }
        Some(Self { origin, size })
    }

    /// The rectangle of a whole image.
    #[must_use]
    pub const fn of(size: Size) -> Self {
        Self { origin: Point { x: 0, y: 0 }, size }
    }

    /// The rectangle between the given columns and rows; `None` where either range is empty.
    #[must_use]
    pub const fn spanning(columns: Range<u32>, rows: Range<u32>) -> Option<Self> {
        if columns.start >= columns.end || rows.start >= rows.end {
            return None;
        }
        Some(Self {
            origin: Point { x: columns.start, y: rows.start },
            size: Size { width: columns.end - columns.start, height: rows.end - rows.start },
        })
    }

    /// The top left corner.
    #[must_use]
    pub const fn origin(self) -> Point {
        self.origin
    }

    /// Width and height.
    #[must_use]
    pub const fn size(self) -> Size {
        self.size
    }

    /// The x coordinates covered.
    #[must_use]
    pub const fn columns(self) -> Range<u32> {
        self.origin.x..self.origin.x + self.size.width
    }

    /// The y coordinates covered.
    #[must_use]
    pub const fn rows(self) -> Range<u32> {
        self.origin.y..self.origin.y + self.size.height
    }

    /// The part that both rectangles cover, if any.
    #[must_use]
    pub fn intersection(self, other: Self) -> Option<Self> {
        Self::spanning(overlap(&self.columns(), &other.columns()), overlap(&self.rows(), &other.rows()))
    }

    /// The smallest rectangle that covers both.
    #[must_use]
    pub fn union(self, other: Self) -> Self {
        let x = self.origin.x.min(other.origin.x);
        let y = self.origin.y.min(other.origin.y);
        let right = self.columns().end.max(other.columns().end);
        let bottom = self.rows().end.max(other.rows().end);
        Self { origin: Point { x, y }, size: Size { width: right - x, height: bottom - y } }
    }

    /// Whether `other` lies wholly inside.
    #[must_use]
    pub fn contains(self, other: Self) -> bool {
        self.intersection(other) == Some(other)
    }

    /// Cut in two across its longer side; `None` for a single pixel.
    #[must_use]
    pub fn halves(self) -> Option<(Self, Self)> {
        let (columns, rows) = (self.columns(), self.rows());
        if columns.len() >= rows.len() {
            let middle = columns.start + self.size.width / 2;
            Some((Self::spanning(columns.start..middle, rows.clone())?, Self::spanning(middle..columns.end, rows)?))
        } else {
            let middle = rows.start + self.size.height / 2;
            Some((Self::spanning(columns.clone(), rows.start..middle)?, Self::spanning(columns, middle..rows.end)?))
        }
    }

    /// The same rectangle seen from a plane whose origin lies at `-offset` of this one.
    /// `None` where the moved edges do not fit `u32`.
    #[must_use]
    pub const fn moved(self, offset: Point) -> Option<Self> {
        let (Some(x), Some(y)) = (self.origin.x.checked_add(offset.x), self.origin.y.checked_add(offset.y)) else {
            return None;
        };
        Self::new(Point { x, y }, self.size)
    }
}

impl fmt::Display for Rect {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} at ({}, {})", self.size, self.origin.x, self.origin.y)
    }
}

fn overlap(one: &Range<u32>, other: &Range<u32>) -> Range<u32> {
    one.start.max(other.start)..one.end.min(other.end)
}

/// The rectangle between columns and rows of which neither is empty: those of another rectangle, moved.
#[expect(clippy::expect_used, reason = "moving or mirroring a range leaves its length")]
fn between(columns: Range<u32>, rows: Range<u32>) -> Rect {
    Rect::spanning(columns, rows).expect("a moved rectangle has pixels")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rect(x: u32, y: u32, width: u32, height: u32) -> Rect {
        Rect::new(Point { x, y }, Size::new(width, height).unwrap()).unwrap()
    }

    #[test]
    fn nothing_is_empty_or_passes_u32() {
        assert_eq!(Size::new(0, 5), None);
        assert_eq!(Size::new(5, 0), None);
        let size = Size::new(2, 2).unwrap();
        assert_eq!(Rect::new(Point { x: u32::MAX - 1, y: 0 }, size), None);
        assert!(Rect::new(Point { x: u32::MAX - 2, y: 0 }, size).is_some());
        assert_eq!(rect(5, 5, 2, 2).moved(Point { x: u32::MAX - 6, y: 0 }), None);
        assert_eq!(Rect::spanning(3..3, 0..1), None);
    }

    #[test]
    fn halving_takes_the_ceiling_and_stays_at_one() {
        assert_eq!(Size::new(5, 1).unwrap().halved(), Size::new(3, 1).unwrap());
        assert_eq!(Size::new(u32::MAX, 2).unwrap().halved(), Size::new(1 << 31, 1).unwrap());
    }

    #[test]
    fn intersections_and_unions() {
        assert_eq!(rect(0, 0, 4, 4).intersection(rect(2, 3, 9, 9)), Some(rect(2, 3, 2, 1)));
        assert_eq!(rect(0, 0, 4, 4).intersection(rect(4, 0, 1, 1)), None);
        assert_eq!(rect(0, 0, 4, 4).union(rect(2, 3, 9, 9)), rect(0, 0, 11, 12));
        assert!(rect(0, 0, 4, 4).contains(rect(1, 1, 3, 3)));
        assert!(!rect(0, 0, 4, 4).contains(rect(1, 1, 4, 3)));
    }
}
