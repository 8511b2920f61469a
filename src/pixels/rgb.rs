//! Opaque colors.

use std::fmt;

use serde::Serialize;

/// An opaque color of red, green and blue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rgb(pub [u8; 3]);

impl Rgb {
    /// White, the background of most scans.
    pub const WHITE: Self = Self([255, 255, 255]);

    /// Parses `RRGGBB`, case-insensitively and with an optional leading `#`.
    #[must_use]
    pub fn from_hex(text: &str) -> Option<Self> {
        let digits = text.strip_prefix('#').unwrap_or(text);
        if digits.len() != 6 || !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return None;
        }
        let value = u32::from_str_radix(digits, 16).ok()?;
        let [_, red, green, blue] = value.to_be_bytes();
        Some(Self([red, green, blue]))
    }
}

impl fmt::Display for Rgb {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [red, green, blue] = self.0;
        write!(formatter, "{red:02x}{green:02x}{blue:02x}")
    }
}

impl Serialize for Rgb {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parses_six_hexadecimal_digits() {
        assert_eq!(Rgb::from_hex("8000fF"), Some(Rgb([128, 0, 255])));
        assert_eq!(Rgb::from_hex("#ffffff"), Some(Rgb::WHITE));
        for wrong in ["", "fff", "gggggg", "+fffff", "1234567", "é0000", "##fffff"] {
            assert_eq!(Rgb::from_hex(wrong), None, "{wrong}");
        }
        assert_eq!(Rgb([1, 2, 255]).to_string(), "0102ff");
    }
}
