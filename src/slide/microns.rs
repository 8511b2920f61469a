//! Micrometres per pixel, believed only where it can be true.
//!
//! Files carry missing, empty, zero, negative and absurd values (a TIFF without a real resolution reads as
//! 1000 µm per pixel through OpenSlide). A scale bar made from such a number would be a lie, so it is "unknown" here.

use serde::Serialize;

/// Micrometres per pixel, each finite and above 0; those of a slide's full size below 100.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct MicronsPerPixel {
    x: f64,
    y: f64,
}

impl MicronsPerPixel {
    /// From this many micrometres per pixel on, a value is taken for a mistake: a 1× scan has about 10.
    pub const ABSURD: f64 = 100.0;

    /// Both values; `None` where either is not finite, not above 0, or 100 and more.
    #[must_use]
    pub fn new(x: f64, y: f64) -> Option<Self> {
        let credible = |value: f64| value > 0.0 && value < Self::ABSURD;
        (credible(x) && credible(y)).then_some(Self { x, y })
    }

    /// Reads the texts of the two properties.
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

    /// Micrometres per pixel along a row.
    #[must_use]
    pub const fn x(self) -> f64 {
        self.x
    }

    /// Micrometres per pixel along a column.
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
}
