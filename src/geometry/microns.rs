//! Micrometers per pixel.
//!
//! Files contain empty, zero, negative and absurd values: OpenSlide returns 1000 µm per pixel for a
//! TIFF without a real resolution. Such values count as unknown, so that no scale bar shows them.
//! Values from the user are accepted: a satellite image has meters per pixel.

use serde::Serialize;

/// Micrometers per pixel along rows and columns, finite and greater than 0.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct MicronsPerPixel {
    x: f64,
    y: f64,
}

impl MicronsPerPixel {
    /// Values from a file are unknown from this one on. A 1× scan has about 10 µm per pixel.
    pub const ABSURD: f64 = 100.0;

    /// The maximum value from a user, a kilometer per pixel.
    pub const MAX_STATED: f64 = 1e9;

    /// Creates a scale from a file's values. `None` unless both are greater than 0 and less than
    /// [`ABSURD`](Self::ABSURD).
    #[must_use]
    pub fn new(x: f64, y: f64) -> Option<Self> {
        let is_plausible = |value: f64| value > 0.0 && value < Self::ABSURD;
        (is_plausible(x) && is_plausible(y)).then_some(Self { x, y })
    }

    /// Creates a scale from a user's values. `None` unless both are greater than 0 and at most
    /// [`MAX_STATED`](Self::MAX_STATED).
    #[must_use]
    pub fn stated(x: f64, y: f64) -> Option<Self> {
        let is_valid = |value: f64| value > 0.0 && value <= Self::MAX_STATED;
        (is_valid(x) && is_valid(y)).then_some(Self { x, y })
    }

    /// Parses the values of a file's two properties.
    #[must_use]
    pub fn parse(x: Option<&str>, y: Option<&str>) -> Option<Self> {
        Self::new(x?.trim().parse().ok()?, y?.trim().parse().ok()?)
    }

    /// The scale of pixels that are `x` times as wide and `y` times as high, which can exceed the
    /// limits of a slide. `None` if a value is no longer finite or greater than 0.
    #[must_use]
    pub fn times(self, x: f64, y: f64) -> Option<Self> {
        let (x, y) = (self.x * x, self.y * y);
        let is_length = |value: f64| value.is_finite() && value > 0.0;
        (is_length(x) && is_length(y)).then_some(Self { x, y })
    }

    /// The scale after a quarter turn.
    #[must_use]
    pub const fn transposed(self) -> Self {
        Self { x: self.y, y: self.x }
    }

    /// Micrometers per pixel along a row.
    #[must_use]
    pub const fn x(self) -> f64 {
        self.x
    }

    /// Micrometers per pixel along a column.
    #[must_use]
    pub const fn y(self) -> f64 {
        self.y
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parses_only_plausible_values() {
        assert_eq!(
            MicronsPerPixel::parse(Some("0.499"), Some(" 0.5 ")),
            MicronsPerPixel::new(0.499, 0.5)
        );
        assert!(MicronsPerPixel::parse(Some("99.9"), Some("99.9")).is_some());
        for wrong in
            ["", " ", "0", "-0.5", "100", "1000.0000150184934", "NaN", "inf", "0,5", "0.5 µm"]
        {
            assert_eq!(MicronsPerPixel::parse(Some(wrong), Some("0.5")), None, "{wrong:?}");
            assert_eq!(MicronsPerPixel::parse(Some("0.5"), Some(wrong)), None, "{wrong:?}");
        }
        assert_eq!(MicronsPerPixel::parse(None, Some("0.5")), None);
        assert_eq!(MicronsPerPixel::parse(Some("0.5"), None), None);
    }

    #[test]
    fn accepts_larger_values_from_a_user() {
        for microns in [1e-3, 0.25, 100.0, 25_400.0 / 72.0, 1e7, 1e9] {
            assert_eq!(
                MicronsPerPixel::stated(microns, 0.5).map(|stated| (stated.x(), stated.y())),
                Some((microns, 0.5))
            );
        }
        for wrong in [0.0, -0.0, -1.0, 1.000_001e9, f64::INFINITY, f64::NAN] {
            assert_eq!(MicronsPerPixel::stated(wrong, 0.5), None, "{wrong}");
            assert_eq!(MicronsPerPixel::stated(0.5, wrong), None, "{wrong}");
        }
    }
}
