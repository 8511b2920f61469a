//! An independent rendering of an export: the whole image in memory, downsampled level by level.
//!
//! For Lanczos, a whole level is resampled at once by the library. Unit tests compare the filter
//! with its definition.

use slidezoom::ExportPlan;
use slidezoom::internals::geometry::{Flip, Rect, Size};
use slidezoom::internals::pixels::{Pixels, ReductionMethod};

use crate::drawn_source::color;

/// An image in memory.
pub struct Image {
    width: usize,
    height: usize,
    pub pixels: Vec<[u8; 3]>,
}

impl Image {
    pub fn drawn(area: Rect) -> Self {
        let pixels = area.rows().flat_map(|y| area.columns().map(move |x| color(x, y))).collect();
        Self { width: area.size().width() as usize, height: area.size().height() as usize, pixels }
    }

    /// The mean of the existing pixels of each 2×2, in floating point, rounding halves to even.
    fn halved(&self) -> Self {
        let (width, height) = (self.width.div_ceil(2), self.height.div_ceil(2));
        let mut pixels = Vec::with_capacity(width * height);
        for y in 0..height {
            for x in 0..width {
                let mut of: Vec<[u8; 3]> = Vec::new();
                for row in [2 * y, 2 * y + 1] {
                    for column in [2 * x, 2 * x + 1] {
                        if row < self.height && column < self.width {
                            of.push(self.pixels[row * self.width + column]);
                        }
                    }
                }
                #[expect(clippy::cast_sign_loss, reason = "a mean of bytes")]
                let mean = |channel: usize| {
                    let sum: f64 = of.iter().map(|pixel| f64::from(pixel[channel])).sum();
                    (sum / of.len() as f64).round_ties_even() as u8
                };
                pixels.push([mean(0), mean(1), mean(2)]);
            }
        }
        Self { width, height, pixels }
    }

    /// Rotates by 90° clockwise: each row from the top becomes a column from the right.
    fn rotated(&self) -> Self {
        let columns = (0..self.width).flat_map(|x| (0..self.height).rev().map(move |y| (x, y)));
        let pixels = columns.map(|(x, y)| self.pixels[y * self.width + x]).collect();
        Self { width: self.height, height: self.width, pixels }
    }

    fn flipped(mut self, flip: Option<Flip>) -> Self {
        let mut rows: Vec<Vec<[u8; 3]>> =
            self.pixels.chunks(self.width).map(<[_]>::to_vec).collect();
        match flip {
            None => {}
            Some(Flip::Horizontal) => rows.iter_mut().for_each(|row| row.reverse()),
            Some(Flip::Vertical) => rows.reverse(),
        }
        self.pixels = rows.concat();
        self
    }

    /// The full size of an export: cropped, rotated, flipped.
    pub fn of(plan: &ExportPlan) -> Self {
        let turns = plan.rotation().degrees() / 90;
        (0..turns).fold(Self::drawn(plan.area()), |image, _| image.rotated()).flipped(plan.flip())
    }

    /// The next smaller level.
    pub fn reduced(&self, method: ReductionMethod) -> Self {
        let each = |value: &dyn Fn(&[[u8; 3]]) -> [u8; 3]| {
            let (width, height) = (self.width.div_ceil(2), self.height.div_ceil(2));
            let four = |x: usize, y: usize| {
                let (right, below) =
                    ((2 * x + 1).min(self.width - 1), (2 * y + 1).min(self.height - 1));
                [(2 * x, 2 * y), (right, 2 * y), (2 * x, below), (right, below)]
                    .map(|(x, y)| self.pixels[y * self.width + x])
            };
            let pixels = (0..height).flat_map(|y| (0..width).map(move |x| (x, y)));
            Self { width, height, pixels: pixels.map(|(x, y)| value(&four(x, y))).collect() }
        };
        let by_channel = |value: fn([u8; 4]) -> u8| {
            each(&|four| {
                [0, 1, 2].map(|channel| {
                    let mut values = [0, 1, 2, 3].map(|at: usize| four[at][channel]);
                    values.sort_unstable();
                    value(values)
                })
            })
        };
        match method {
            ReductionMethod::Mean => self.halved(),
            ReductionMethod::Median => by_channel(|[_, one, other, _]| {
                let sum = u16::from(one) + u16::from(other);
                (sum / 2 + sum % 2 * (sum / 2 % 2)) as u8
            }),
            ReductionMethod::Max => by_channel(|values| values[3]),
            ReductionMethod::Min => by_channel(|values| values[0]),
            ReductionMethod::Nearest => each(&|four| four[0]),
            ReductionMethod::Mode => each(&|four| {
                let count = |at: usize| four.iter().filter(|&&other| other == four[at]).count();
                // The most frequent ones; ties are resolved as documented.
                let most = (0..4).map(count).max().unwrap();
                let order = if most == 1 { [2, 1, 0, 3] } else { [1, 0, 2, 3] };
                four[order.into_iter().find(|&at| count(at) == most).unwrap()]
            }),
            ReductionMethod::Lanczos3 => {
                let whole = Size::new(self.width as u32, self.height as u32).unwrap();
                let bytes = self
                    .pixels
                    .iter()
                    .flat_map(|&[red, green, blue]| [blue, green, red, 255])
                    .collect();
                let pixels = Pixels::from_bytes(whole, bytes).unwrap();
                let reduced = pixels.view().reduced(Rect::of(whole), method, Vec::new());
                let (width, height) =
                    (reduced.size().width() as usize, reduced.size().height() as usize);
                let pixels = reduced
                    .bytes()
                    .chunks_exact(4)
                    .map(|pixel| [pixel[2], pixel[1], pixel[0]])
                    .collect();
                Self { width, height, pixels }
            }
            other => panic!("no definition of {other:?}"),
        }
    }

    pub fn cut(&self, rect: Rect) -> Vec<[u8; 3]> {
        let columns = rect.columns().start as usize..rect.columns().end as usize;
        let rows = self.pixels.chunks_exact(self.width).skip(rect.rows().start as usize);
        let rows = rows.take(rect.size().height() as usize);
        rows.map(|row| &row[columns.clone()]).collect::<Vec<_>>().concat()
    }
}
