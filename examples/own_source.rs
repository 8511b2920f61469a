//! Exports pixels that no file holds: a [`Source`] that computes the Mandelbrot set.
//!
//! ```sh
//! cargo run --release --example own_source -- mandelbrot.zip [WIDTH]
//! ```
//!
//! writes a square image, WIDTH pixels wide (4,096 by default), to a folder, or to an archive
//! if the name ends in `.zip`. The engine asks for one region at a time, from many threads, so
//! memory does not grow with the area.

use std::error::Error;
use std::path::Path;
use std::thread::available_parallelism;

use slidezoom::options::Container;
use slidezoom::sources::{PremultipliedPixels, SlideError};
use slidezoom::{ExportOptions, NoProgress, OverwritePolicy, Rect, Size, Slide, SlideInfo, Source};

/// The Mandelbrot set between -2.25 - 1.5i and 0.75 + 1.5i.
struct Mandelbrot {
    info: SlideInfo,
}

impl Source for Mandelbrot {
    fn info(&self) -> &SlideInfo {
        &self.info
    }

    /// Computes the pixels of a region. A source that can fail returns `SlideError::Region`.
    fn read(&self, region: Rect, mut spare: Vec<u8>) -> Result<PremultipliedPixels, SlideError> {
        let step = 3.0 / f64::from(self.info.size().width());
        spare.clear();
        for y in region.rows() {
            for x in region.columns() {
                let steps = escape(f64::from(x) * step - 2.25, f64::from(y) * step - 1.5);
                // Blue, green, red, alpha.
                spare.extend([255 - steps, steps, steps / 2, 255]);
            }
        }
        Ok(PremultipliedPixels::opaque(region.size(), spare))
    }
}

/// Returns the number of steps, at most 255, after which a point is more than 2 away from 0.
fn escape(x: f64, y: f64) -> u8 {
    let (mut real, mut imaginary) = (0.0_f64, 0.0_f64);
    for steps in 0..255 {
        if real * real + imaginary * imaginary > 4.0 {
            return steps;
        }
        (real, imaginary) = (real * real - imaginary * imaginary + x, 2.0 * real * imaginary + y);
    }
    255
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (output, width) = match &arguments[..] {
        [output] => (Path::new(output), 4_096),
        [output, width] => (Path::new(output), width.parse()?),
        _ => return Err("usage: own_source OUT [WIDTH]".into()),
    };
    let size = Size::new(width, width).ok_or("WIDTH must be at least 1")?;
    let source = Mandelbrot { info: SlideInfo::builder("mandelbrot", size).build() };
    let options = ExportOptions::default().container(Container::of_path(output));
    let pyramid = Slide::from_source(source).pyramid_named("mandelbrot", &options)?;
    pyramid.export(output, OverwritePolicy::Refuse, available_parallelism()?, &NoProgress)?;
    Ok(())
}
