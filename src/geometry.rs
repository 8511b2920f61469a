//! Sizes, points and rectangles in whole pixels.
//!
//! A [`Size`] is at least 1×1, and the right and bottom edges of a [`Rect`] fit into `u32`.

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

/// A width and a height in pixels, or of a grid in columns and rows. Both are at least 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
pub struct Size {
    width: u32,
    height: u32,
}

impl Size {
    /// Creates a size. `None` if `width` or `height` is 0.
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

    /// The width times the height.
    #[must_use]
    pub const fn area(self) -> u64 {
        self.width as u64 * self.height as u64
    }

    /// The size of the next smaller Deep Zoom level: half of each side, rounded up.
    #[must_use]
    pub const fn halved(self) -> Self {
        Self { width: self.width.div_ceil(2), height: self.height.div_ceil(2) }
    }

    /// The grid of square cells with sides of `cell` pixels that covers this size, in columns and
    /// rows.
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

/// A position in pixels, relative to the top left corner.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default, Serialize)]
pub struct Point {
    /// The distance from the left edge.
    pub x: u32,
    /// The distance from the top edge.
    pub y: u32,
}

/// A non-empty rectangle of pixels whose edges fit into `u32`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
pub struct Rect {
    origin: Point,
    #[serde(flatten)]
    size: Size,
}

impl Rect {
    /// Creates a rectangle. `None` if its right or bottom edge does not fit into `u32`.
    #[must_use]
    pub const fn new(origin: Point, size: Size) -> Option<Self> {
        if origin.x.checked_add(size.width).is_none() || origin.y.checked_add(size.height).is_none()
        {
            return None;
        }
        Some(Self { origin, size })
    }

    /// The rectangle of a whole image of `size`.
    #[must_use]
    pub const fn of(size: Size) -> Self {
        Self { origin: Point { x: 0, y: 0 }, size }
    }

    /// Creates a rectangle from ranges of columns and rows. `None` if either range is empty.
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

    /// The size.
    #[must_use]
    pub const fn size(self) -> Size {
        self.size
    }

    /// The range of x coordinates.
    #[must_use]
    pub const fn columns(self) -> Range<u32> {
        self.origin.x..self.origin.x + self.size.width
    }

    /// The range of y coordinates.
    #[must_use]
    pub const fn rows(self) -> Range<u32> {
        self.origin.y..self.origin.y + self.size.height
    }

    /// The part that both rectangles cover. `None` if they do not overlap.
    #[must_use]
    pub fn intersection(self, other: Self) -> Option<Self> {
        Self::spanning(
            overlap(&self.columns(), &other.columns()),
            overlap(&self.rows(), &other.rows()),
        )
    }

    /// The smallest rectangle that covers both rectangles.
    #[must_use]
    pub fn union(self, other: Self) -> Self {
        let x = self.origin.x.min(other.origin.x);
        let y = self.origin.y.min(other.origin.y);
        let right = self.columns().end.max(other.columns().end);
        let bottom = self.rows().end.max(other.rows().end);
        Self { origin: Point { x, y }, size: Size { width: right - x, height: bottom - y } }
    }

    /// Returns whether `other` lies entirely within this rectangle.
    #[must_use]
    pub fn contains(self, other: Self) -> bool {
        self.intersection(other) == Some(other)
    }

    /// Splits the rectangle in two across its longer side. `None` for a single pixel.
    #[must_use]
    pub fn halves(self) -> Option<(Self, Self)> {
        let (columns, rows) = (self.columns(), self.rows());
        if columns.len() >= rows.len() {
            let middle = columns.start + self.size.width / 2;
            Some((
                Self::spanning(columns.start..middle, rows.clone())?,
                Self::spanning(middle..columns.end, rows)?,
            ))
        } else {
            let middle = rows.start + self.size.height / 2;
            Some((
                Self::spanning(columns.clone(), rows.start..middle)?,
                Self::spanning(columns, middle..rows.end)?,
            ))
        }
    }

    /// Moves the rectangle right by `offset.x` and down by `offset.y`. `None` if its edges no
    /// longer fit into `u32`.
    #[must_use]
    pub const fn moved(self, offset: Point) -> Option<Self> {
        let (Some(x), Some(y)) =
            (self.origin.x.checked_add(offset.x), self.origin.y.checked_add(offset.y))
        else {
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

/// Creates a rectangle from the moved or mirrored ranges of another one.
#[expect(clippy::expect_used, reason = "moving or mirroring a range keeps its length")]
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
    fn rejects_empty_sizes_and_edges_beyond_u32() {
        assert_eq!(Size::new(0, 5), None);
        assert_eq!(Size::new(5, 0), None);
        let size = Size::new(2, 2).unwrap();
        assert_eq!(Rect::new(Point { x: u32::MAX - 1, y: 0 }, size), None);
        assert!(Rect::new(Point { x: u32::MAX - 2, y: 0 }, size).is_some());
        assert_eq!(rect(5, 5, 2, 2).moved(Point { x: u32::MAX - 6, y: 0 }), None);
        assert_eq!(Rect::spanning(3..3, 0..1), None);
    }

    #[test]
    fn halved_rounds_up() {
        assert_eq!(Size::new(5, 1).unwrap().halved(), Size::new(3, 1).unwrap());
        assert_eq!(Size::new(u32::MAX, 2).unwrap().halved(), Size::new(1 << 31, 1).unwrap());
    }

    #[test]
    fn intersects_unites_and_contains() {
        assert_eq!(rect(0, 0, 4, 4).intersection(rect(2, 3, 9, 9)), Some(rect(2, 3, 2, 1)));
        assert_eq!(rect(0, 0, 4, 4).intersection(rect(4, 0, 1, 1)), None);
        assert_eq!(rect(0, 0, 4, 4).union(rect(2, 3, 9, 9)), rect(0, 0, 11, 12));
        assert!(rect(0, 0, 4, 4).contains(rect(1, 1, 3, 3)));
        assert!(!rect(0, 0, 4, 4).contains(rect(1, 1, 4, 3)));
    }
}
