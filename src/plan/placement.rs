//! Where an export's pixels lie in the slide, and back.
//!
//! The one place that knows it: reading, the description, the unreadable regions and the page all go by this. What always holds: each pixel
//! of the export has its place in the exported area, and no two have the same.

use serde::ser::SerializeTuple;
use serde::{Serialize, Serializer};

use crate::geometry::{Orientation, Rect, Size};
use crate::render::relative_to;
use crate::slide::MicronsPerPixel;

/// Where an export's full size lies in the slide: first cut out, then turned, then mirrored.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Placement {
    area: Rect,
    orientation: Orientation,
}

impl Placement {
    pub(super) const fn new(area: Rect, orientation: Orientation) -> Self {
        Self { area, orientation }
    }

    /// The exported part of the slide, in slide-level-0 pixels.
    #[must_use]
    pub const fn area(&self) -> Rect {
        self.area
    }

    /// How it is turned and mirrored.
    #[must_use]
    pub const fn orientation(&self) -> Orientation {
        self.orientation
    }

    /// The export's full size in pixels.
    #[must_use]
    pub const fn size(&self) -> Size {
        self.orientation.size(self.area.size())
    }

    /// Where a part of the full size lies in the slide, in slide-level-0 pixels. `None` where it reaches outside.
    #[must_use]
    pub fn on_slide(&self, part: Rect) -> Option<Rect> {
        let part = Rect::of(self.size()).intersection(part).filter(|inside| *inside == part)?;
        self.orientation.to_upright(part, self.area.size()).moved(self.area.origin())
    }

    /// Where a part of the slide, in slide-level-0 pixels, lies in the full size, as far as it is exported. `None` where none of it is.
    #[must_use]
    pub fn from_slide(&self, part: Rect) -> Option<Rect> {
        let part = relative_to(self.area.intersection(part)?, self.area.origin());
        Some(self.orientation.from_upright(part, self.area.size()))
    }

    /// Micrometres per pixel of the export, from those of the slide.
    #[must_use]
    pub fn microns_per_pixel(&self, of_slide: MicronsPerPixel) -> MicronsPerPixel {
        if self.orientation.is_transposed() { of_slide.transposed() } else { of_slide }
    }

    /// The equation of each point of the export's full size in the slide.
    #[must_use]
    pub fn to_slide(&self) -> ToSlide {
        let (origin, size) = (self.area.origin(), self.area.size());
        // Along one axis of the slide: one step for a step of the export, from one end or the other.
        let axis = |origin: u32, length: u32, mirrored: bool| {
            let (step, from) = if mirrored { (-1.0, origin + length) } else { (1.0, origin) };
            (step, f64::from(from))
        };
        let (across, x) = axis(origin.x, size.width(), self.orientation.mirrors_columns());
        let (down, y) = axis(origin.y, size.height(), self.orientation.mirrors_rows());
        ToSlide(if self.orientation.is_transposed() {
            [[0.0, across, x], [down, 0.0, y]]
        } else {
            [[across, 0.0, x], [0.0, down, y]]
        })
    }
}

/// `[[a, b, c], [d, e, f]]`: a point (x, y) of the export's full size lies at (a·x + b·y + c, d·x + e·y + f) in slide-level-0 pixels.
///
/// Points are measured from the top left corner of the top left pixel, so that pixel (i, j) reaches from (i, j) to (i + 1, j + 1) and has its
/// centre at (i + ½, j + ½), in the export and in the slide.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ToSlide(pub [[f64; 3]; 2]);

impl ToSlide {
    /// Where a point of the export lies in the slide.
    #[must_use]
    pub fn apply(&self, (x, y): (f64, f64)) -> (f64, f64) {
        let [across, down] = self.0.map(|[of_x, of_y, from]| of_x * x + of_y * y + from);
        (across, down)
    }
}

impl Serialize for ToSlide {
    /// Whole numbers as such.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut rows = serializer.serialize_tuple(2)?;
        for row in self.0 {
            rows.serialize_element(&row.map(Coefficient))?;
        }
        rows.end()
    }
}

struct Coefficient(f64);

impl Serialize for Coefficient {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        /// Every whole number up to here is an `f64`.
        const LARGEST: f64 = 9_007_199_254_740_992.0;
        if self.0.fract() == 0.0 && self.0.abs() <= LARGEST {
            serializer.serialize_i64(self.0 as i64)
        } else {
            serializer.serialize_f64(self.0)
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::geometry::{Flip, Point, Rotation};

    fn rect(x: u32, y: u32, width: u32, height: u32) -> Rect {
        Rect::new(Point { x, y }, Size::new(width, height).unwrap()).unwrap()
    }

    #[test]
    fn the_equations_of_turns_by_hand() {
        let area = rect(100, 20, 30, 8);
        for (rotation, flip, expected) in [
            (Rotation::None, None, "[[1,0,100],[0,1,20]]"),
            // The top left corner of the turned picture is the bottom left corner of the area.
            (Rotation::Quarter, None, "[[0,1,100],[-1,0,28]]"),
            (Rotation::Half, None, "[[-1,0,130],[0,-1,28]]"),
            (Rotation::ThreeQuarters, None, "[[0,-1,130],[1,0,20]]"),
            (Rotation::None, Some(Flip::Horizontal), "[[-1,0,130],[0,1,20]]"),
            (Rotation::None, Some(Flip::Vertical), "[[1,0,100],[0,-1,28]]"),
            (Rotation::Quarter, Some(Flip::Horizontal), "[[0,1,100],[1,0,20]]"),
        ] {
            let placement = Placement::new(area, Orientation::new(rotation, flip));
            assert_eq!(serde_json::to_string(&placement.to_slide()).unwrap(), expected, "{rotation:?} {flip:?}");
        }
    }

    proptest! {
        #[test]
        fn rectangles_lie_where_the_equation_says(
            (x, y, width, height) in (0..1000_u32, 0..1000_u32, 1..1000_u32, 1..1000_u32),
            part in (0.0..1.0_f64, 0.0..1.0_f64, 0.0..1.0_f64, 0.0..1.0_f64),
            way in 0..12_usize,
        ) {
            let (rotation, flip) = crate::geometry::orientation_tests::every().nth(way).unwrap();
            let placement = Placement::new(rect(x, y, width, height), Orientation::new(rotation, flip));
            #[expect(clippy::cast_sign_loss, reason = "a share of a length")]
            let span = |length: u32, from: f64, share: f64| {
                let start = (f64::from(length) * from) as u32;
                (start, 1 + (f64::from(length - start - 1) * share) as u32)
            };
            let (left, across) = span(placement.size().width(), part.0, part.1);
            let (top, down) = span(placement.size().height(), part.2, part.3);
            let found = placement.on_slide(rect(left, top, across, down)).unwrap();
            let corner = |x: u32, y: u32| placement.to_slide().apply((f64::from(x), f64::from(y)));
            let (one, other) = (corner(left, top), corner(left + across, top + down));
            let ends = |one: f64, other: f64| (one.min(other), one.max(other));
            let range = |range: std::ops::Range<u32>| (f64::from(range.start), f64::from(range.end));
            prop_assert_eq!(ends(one.0, other.0), range(found.columns()));
            prop_assert_eq!(ends(one.1, other.1), range(found.rows()));
            prop_assert!(placement.area().contains(found));
            prop_assert_eq!(placement.from_slide(found), Some(rect(left, top, across, down)));
            let outside = Rect::of(Size::new(placement.size().width() + 1, 1).unwrap());
            prop_assert_eq!(placement.on_slide(outside), None);
        }
    }
}
