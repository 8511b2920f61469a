//! Micrometers per pixel, believed only where it can be true.
//!
//! Files carry missing, empty, zero, negative and absurd values (a TIFF without a real resolution reads as
//! 1000 µm per pixel through OpenSlide). A scale bar made from such a number would be a lie, so it is "unknown" here. What a user says is taken as said: a
//! satellite's picture has meters a pixel.

use serde::Serialize;

/// Micrometers per pixel, each finite and above 0; those that a file says of itself below 100.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct MicronsPerPixel {
    x: f64,
    y: f64,
}

impl MicronsPerPixel {
    /// From this many micrometers per pixel on, a file's value is taken for a mistake: a 1× scan has about 10.
    pub const ABSURD: f64 = 100.0;

    /// The most that a user can say: a kilometer.
    pub const MOST_STATED: f64 = 1e9;

    /// Both values, as a file says them; `None` where either is not finite, not above 0, or 100 and more.
    #[must_use]
    pub fn new(x: f64, y: f64) -> Option<Self> {
        let credible = |value: f64| value > 0.0 && value < Self::ABSURD;
        (credible(x) && credible(y)).then_some(Self { x, y })
    }

    /// Both values, as a user says them; `None` where either is not finite, not above 0, or more than [`MOST_STATED`](Self::MOST_STATED).
    #[must_use]
    pub fn stated(x: f64, y: f64) -> Option<Self> {
        let sayable = |value: f64| value > 0.0 && value <= Self::MOST_STATED;
        (sayable(x) && sayable(y)).then_some(Self { x, y })
    }

    /// Reads the texts of the two properties of a file.
    #[must_use]
    pub fn parse(x: Option<&str>, y: Option<&str>) -> Option<Self> {
        Self::new(x?.trim().parse().ok()?, y?.trim().parse().ok()?)
    }

    /// Those of pixels so many times larger: of a reduced picture, which may have more than a slide could. `None` where they pass what a number holds.
    #[must_use]
    pub fn times(self, x: f64, y: f64) -> Option<Self> {
        let (x, y) = (self.x * x, self.y * y);
        let is_length = |value: f64| value.is_finite() && value > 0.0;
        (is_length(x) && is_length(y)).then_some(Self { x, y })
    }

    /// Those of the slide turned by a quarter.
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
    fn only_credible_values_are_numbers() {
        assert_eq!(MicronsPerPixel::parse(Some("0.499"), Some(" 0.5 ")), MicronsPerPixel::new(0.499, 0.5));
        assert!(MicronsPerPixel::parse(Some("99.9"), Some("99.9")).is_some());
        for wrong in ["", " ", "0", "-0.5", "100", "1000.0000150184934", "NaN", "inf", "0,5", "0.5 µm"] {
            assert_eq!(MicronsPerPixel::parse(Some(wrong), Some("0.5")), None, "{wrong:?}");
            assert_eq!(MicronsPerPixel::parse(Some("0.5"), Some(wrong)), None, "{wrong:?}");
        }
        assert_eq!(MicronsPerPixel::parse(None, Some("0.5")), None);
        assert_eq!(MicronsPerPixel::parse(Some("0.5"), None), None);
    }

    #[test]
    fn a_user_may_say_more_than_a_file() {
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
