//! RGB images in memory, and a reference implementation of downsampling: the mean of 2×2 pixels,
//! exact halves rounded to even. Written for clarity, not for speed.

use std::io::Cursor;

use slidezoom_fixtures::Pattern;

use crate::deep_zoom::{DeepZoom, Tile};
use crate::tree::Tree;

/// An opaque RGB image.
#[derive(Clone, PartialEq, Eq)]
pub struct RgbImage {
    pub width: u32,
    pub height: u32,
    pub pixels: Vec<[u8; 3]>,
}

impl RgbImage {
    pub fn draw((width, height): (u32, u32), pixel: impl Fn(u32, u32) -> [u8; 3]) -> Self {
        let pixels = (0..height)
            .flat_map(|y| (0..width).map(move |x| (x, y)))
            .map(|(x, y)| pixel(x, y))
            .collect();
        Self { width, height, pixels }
    }

    /// Draws the image of an opaque slide with this pattern.
    pub fn of_pattern(size: (u32, u32), pattern: Pattern) -> Self {
        Self::draw(size, |x, y| pattern.pixel(x, y))
    }

    pub fn size(&self) -> (u32, u32) {
        (self.width, self.height)
    }

    pub fn pixel(&self, x: u32, y: u32) -> [u8; 3] {
        self.pixels[(y * self.width + x) as usize]
    }

    /// Returns the part of a level that a tile covers.
    pub fn part(&self, tile: &Tile) -> Self {
        Self::draw(tile.size(), |x, y| self.pixel(tile.columns.start + x, tile.rows.start + y))
    }

    /// Returns the next smaller level.
    pub fn halved(&self) -> Self {
        let mean = |x: u32, y: u32| {
            let columns = 2 * x..(2 * x + 2).min(self.width);
            let rows = 2 * y..(2 * y + 2).min(self.height);
            let pixels: Vec<[u8; 3]> = rows
                .flat_map(|y| columns.clone().map(move |x| (x, y)))
                .map(|(x, y)| self.pixel(x, y))
                .collect();
            [0, 1, 2].map(|channel| half_to_even_mean(pixels.iter().map(|pixel| pixel[channel])))
        };
        Self::draw((self.width.div_ceil(2), self.height.div_ceil(2)), mean)
    }

    /// Returns all levels, smallest first, so that a level's number is its index.
    pub fn levels(self) -> Vec<Self> {
        let mut levels = vec![self];
        while levels[0].size() != (1, 1) {
            levels.insert(0, levels[0].halved());
        }
        levels
    }

    pub fn from_png(bytes: &[u8]) -> Self {
        let mut reader = png::Decoder::new(Cursor::new(bytes)).read_info().unwrap();
        let mut rgb = vec![0; reader.output_buffer_size().unwrap()];
        let frame = reader.next_frame(&mut rgb).unwrap();
        assert_eq!(
            (frame.color_type, frame.bit_depth),
            (png::ColorType::Rgb, png::BitDepth::Eight)
        );
        Self::from_rgb(frame.width, frame.height, &rgb)
    }

    pub fn from_jpeg(bytes: &[u8]) -> Self {
        let image = turbojpeg::decompress(bytes, turbojpeg::PixelFormat::RGB).unwrap();
        Self::from_rgb(image.width as u32, image.height as u32, &image.pixels)
    }

    pub fn from_webp(bytes: &[u8]) -> Self {
        let mut decoder = image_webp::WebPDecoder::new(Cursor::new(bytes)).unwrap();
        assert!(!decoder.has_alpha() && !decoder.is_animated());
        let (width, height) = decoder.dimensions();
        let mut rgb = vec![0; decoder.output_buffer_size().unwrap()];
        decoder.read_image(&mut rgb).unwrap();
        Self::from_rgb(width, height, &rgb)
    }

    /// Decodes a file with this extension.
    pub fn from_file(extension: &str, bytes: &[u8]) -> Self {
        match extension {
            "jpeg" => Self::from_jpeg(bytes),
            "png" => Self::from_png(bytes),
            "webp" => Self::from_webp(bytes),
            other => panic!("unknown extension {other}"),
        }
    }

    /// Assembles a level of an export from its tiles, which do not overlap, and asserts their sizes.
    #[track_caller]
    pub fn assembled(
        tree: &Tree,
        name: &str,
        plan: &DeepZoom,
        level: u32,
        extension: &str,
    ) -> Self {
        let tiles = plan.level_tiles(level).into_iter().map(|tile| {
            let file = format!("{name}_files/{}", tile.file(extension));
            let image = Self::from_file(extension, tree.file(&file));
            assert_eq!(image.size(), tile.size(), "{file}");
            image
        });
        let (tiles, columns) = (tiles.collect::<Vec<_>>(), plan.grid(level).0);
        let side = plan.tile_size;
        Self::draw(plan.level_size(level), |x, y| {
            tiles[((y / side) * columns + x / side) as usize].pixel(x % side, y % side)
        })
    }

    fn from_rgb(width: u32, height: u32, rgb: &[u8]) -> Self {
        let (pixels, rest) = rgb.as_chunks::<3>();
        assert_eq!((pixels.len() as u32, rest.len()), (width * height, 0));
        Self { width, height, pixels: pixels.to_vec() }
    }

    /// Asserts that no channel of any pixel differs by more than `tolerance`.
    #[track_caller]
    pub fn assert_near(&self, expected: &Self, tolerance: u8, place: &str) {
        assert_eq!(self.size(), expected.size(), "{place}");
        for (index, (found, wanted)) in (0_u32..).zip(self.pixels.iter().zip(&expected.pixels)) {
            let near = found
                .iter()
                .zip(wanted)
                .all(|(found, wanted)| found.abs_diff(*wanted) <= tolerance);
            let (x, y) = (index % self.width, index / self.width);
            assert!(near, "{place}: pixel ({x}, {y}) is {found:?}, not {wanted:?} ± {tolerance}");
        }
    }
}

fn half_to_even_mean(values: impl ExactSizeIterator<Item = u8>) -> u8 {
    let count = values.len() as u32;
    let sum: u32 = values.map(u32::from).sum();
    let (down, rest) = (sum / count, sum % count);
    let up = 2 * rest > count || 2 * rest == count && down % 2 == 1;
    u8::try_from(down + u32::from(up)).unwrap()
}

/// Returns the width and height in a JPEG's header.
pub fn jpeg_size(bytes: &[u8]) -> (u32, u32) {
    let header = turbojpeg::read_header(bytes).unwrap();
    (header.width as u32, header.height as u32)
}

/// The tiles that an export of an image must have.
pub struct ExpectedTiles {
    pub plan: DeepZoom,
    levels: Vec<RgbImage>,
}

impl ExpectedTiles {
    pub fn new(base: RgbImage, tile_size: u32, overlap: u32) -> Self {
        let plan = DeepZoom::new(base.size()).with_tiles(tile_size, overlap);
        Self { plan, levels: base.levels() }
    }

    /// Returns the pixels of a tile.
    pub fn tile(&self, tile: &Tile) -> RgbImage {
        self.levels[tile.level as usize].part(tile)
    }
}

#[test]
fn rounds_exact_halves_to_even() {
    let mean = |values: &[u8]| half_to_even_mean(values.iter().copied());
    assert_eq!(
        (mean(&[0, 1]), mean(&[1, 2]), mean(&[0, 0, 1, 1]), mean(&[1, 1, 2, 2])),
        (0, 2, 0, 2)
    );
    assert_eq!((mean(&[0, 0, 0, 1]), mean(&[0, 1, 1, 1]), mean(&[7])), (0, 1, 7));
}
