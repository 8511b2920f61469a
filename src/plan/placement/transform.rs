//! The affine map from the export to the slide.

use serde::ser::SerializeTuple;
use serde::{Serialize, Serializer};

/// An affine map `[[a, b, c], [d, e, f]]`: the point (x, y) of the export's full size lies at
/// (a·x + b·y + c, d·x + e·y + f) in slide level 0.
///
/// Both coordinate systems have their origin at the top left corner of the top left pixel, so pixel
/// (i, j) spans (i, j) to (i + 1, j + 1).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SlideTransform(pub [[f64; 3]; 2]);

impl SlideTransform {
    /// Maps a point of the export to the slide.
    #[must_use]
    pub fn apply(&self, (x, y): (f64, f64)) -> (f64, f64) {
        let [across, down] = self.0.map(|[of_x, of_y, from]| of_x * x + of_y * y + from);
        (across, down)
    }
}

impl Serialize for SlideTransform {
    /// Writes whole numbers without a decimal point.
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
        /// Every whole number up to 2^53 is an `f64`.
        const LARGEST: f64 = 9_007_199_254_740_992.0;
        if self.0.fract() == 0.0 && self.0.abs() <= LARGEST {
            serializer.serialize_i64(self.0 as i64)
        } else {
            serializer.serialize_f64(self.0)
        }
    }
}
