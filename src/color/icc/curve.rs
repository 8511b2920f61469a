//! A profile's curves: tables of values, and ICC.1's functions.

use super::{ProfileError, Width, cut_short, fixed, malformed, number, part, shares, short};

/// A function of numbers from 0 to 1.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Curve {
    Identity,
    /// Straight lines between values at equal distances, two at least.
    Table(Vec<f32>),
    /// `(a·x + b)^g + e` from `d` on, and `c·x + f` before: what all of ICC's functions come to.
    Power {
        g: f64,
        a: f64,
        b: f64,
        c: f64,
        d: f64,
        e: f64,
        f: f64,
    },
}

impl Curve {
    /// What it makes of a number; beyond 0 and 1 it goes on as there.
    pub fn of(&self, x: f64) -> f64 {
        let x = x.clamp(0.0, 1.0);
        let y = match self {
            Self::Identity => x,
            Self::Table(values) => {
                let at = x * (values.len() - 1) as f64;
                #[expect(clippy::cast_sign_loss, reason = "from 0 on")]
                let cell = (at as usize).min(values.len() - 2);
                let (low, high) = (f64::from(values[cell]), f64::from(values[cell + 1]));
                low + (high - low) * (at - cell as f64)
            }
            &Self::Power { g, a, b, c, d, e, f } => {
                if x >= d {
                    (a * x + b).max(0.0).powf(g) + e
                } else {
                    c * x + f
                }
            }
        };
        // What is no number becomes 0.
        if y > 0.0 { y.min(1.0) } else { 0.0 }
    }

    fn power(g: f64) -> Self {
        Self::Power { g, a: 1.0, b: 0.0, c: 0.0, d: 0.0, e: 0.0, f: 0.0 }
    }

    /// ICC.1's functions by their kind, of whose numbers only the first may be there.
    #[expect(clippy::many_single_char_names, reason = "by the specification's names")]
    fn function(kind: u16, [g, a, b, c, d, e, f]: [f64; 7]) -> Self {
        match kind {
            0 => Self::power(g),
            1 => Self::Power { g, a, b, c: 0.0, d: -b / a, e: 0.0, f: 0.0 },
            2 => Self::Power { g, a, b, c: 0.0, d: -b / a, e: c, f: c },
            3 => Self::Power { g, a, b, c, d, e: 0.0, f: 0.0 },
            _ => Self::Power { g, a, b, c, d, e, f },
        }
    }

    pub fn table(values: Vec<f32>) -> Result<Self, ProfileError> {
        if values.len() < 2 {
            return Err(malformed("a curve has fewer than two values"));
        }
        let last = (values.len() - 1) as f32;
        let is_identity = values.iter().enumerate().all(|(at, value)| (value - at as f32 / last).abs() < 1e-5);
        Ok(if is_identity { Self::Identity } else { Self::Table(values) })
    }

    /// Reads a `curveType` or a `parametricCurveType`, and how many bytes it has.
    pub fn read(bytes: &[u8]) -> Result<(Self, usize), ProfileError> {
        match part(bytes, 0, 4)? {
            b"curv" => {
                let count = number(bytes, 8)?;
                let length = count.checked_mul(2).and_then(|values| values.checked_add(12));
                let length = length.filter(|&length| length <= bytes.len()).ok_or_else(cut_short)?;
                let curve = match count {
                    0 => Self::Identity,
                    1 => Self::power(f64::from(short(bytes, 12)?) / 256.0),
                    _ => Self::table(shares(&bytes[12..length], Width::Two))?,
                };
                Ok((curve, length))
            }
            b"para" => {
                let kind = short(bytes, 8)?;
                let count =
                    *[1, 3, 4, 5, 7].get(usize::from(kind)).ok_or_else(|| malformed("a curve is of no known kind"))?;
                let mut numbers = [0.0; 7];
                for (at, number) in numbers.iter_mut().take(count).enumerate() {
                    *number = fixed(bytes, 12 + 4 * at)?;
                }
                if matches!(kind, 1 | 2) && numbers[1] == 0.0 {
                    return Err(malformed("a curve has no slope"));
                }
                let curve = Self::function(kind, numbers);
                Ok((curve, 12 + 4 * count))
            }
            _ => Err(malformed("a curve is of no known type")),
        }
    }

    /// Reads as many as are wanted, each of which begins at a multiple of four bytes.
    pub fn read_some(bytes: &[u8], at: usize, count: usize) -> Result<Vec<Self>, ProfileError> {
        let mut rest = bytes.get(at..).ok_or_else(cut_short)?;
        let mut curves = Vec::with_capacity(count);
        for _ in 0..count {
            let (curve, length) = Self::read(rest)?;
            curves.push(curve);
            rest = rest.get(length.next_multiple_of(4)..).unwrap_or_default();
        }
        Ok(curves)
    }
}
