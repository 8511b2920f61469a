//! A source whose pixels are computed and that records every read.

use std::sync::Mutex;

use slidezoom::internals::color::IccProfile;
use slidezoom::internals::geometry::MicronsPerPixel;
use slidezoom::internals::geometry::{Point, Rect, Size};
use slidezoom::internals::pixels::PremultipliedPixels;
use slidezoom::internals::source::{
    AssociatedImage, SlideError, SlideInfo, SlideLevel, SlideLevelInfo, Source,
};

/// The color of a slide-level-0 pixel: red, green, blue. Neighbors differ, and so do x and y.
pub fn color(x: u32, y: u32) -> [u8; 3] {
    let mixed = x.wrapping_mul(0x9e37_79b1) ^ y.wrapping_mul(0x85eb_ca77);
    [(x ^ (mixed >> 28)) as u8, (y.wrapping_mul(3) ^ (mixed >> 29)) as u8, (mixed >> 13) as u8]
}

/// The color of a pixel of a smaller slide level, which differs from any reduction of the full
/// size.
pub fn level_color(level: SlideLevel, x: u32, y: u32) -> [u8; 3] {
    color(x + 1000 * level.0, y)
}

/// The behavior of reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Every read succeeds.
    None,
    /// A read that touches this pixel fails.
    Unreadable(Point),
    /// A read that touches this pixel panics.
    Panic(Point),
}

pub struct DrawnSource {
    info: SlideInfo,
    fault: Fault,
    unscanned: fn(u32) -> bool,
    label: Option<(PremultipliedPixels, Option<IccProfile>)>,
    reads: Mutex<Vec<Rect>>,
}

impl DrawnSource {
    pub fn new(size: Size, native_tile: Option<Size>, bounds: Option<Rect>) -> Self {
        let mut info = SlideInfo::builder("drawn", size).build();
        info.levels[0].native_tile = native_tile;
        info.bounds = bounds;
        Self {
            info,
            fault: Fault::None,
            unscanned: |_| false,
            label: None,
            reads: Mutex::new(Vec::new()),
        }
    }

    pub fn with_fault(mut self, fault: Fault) -> Self {
        self.fault = fault;
        self
    }

    /// Adds rows that were not scanned.
    pub fn with_unscanned(mut self, unscanned: fn(u32) -> bool) -> Self {
        self.unscanned = unscanned;
        self
    }

    /// Adds an associated image.
    pub fn with_label(mut self, pixels: PremultipliedPixels, profile: Option<IccProfile>) -> Self {
        self.info
            .associated_images
            .push(AssociatedImage { name: "label".to_owned(), size: pixels.size() });
        self.label = Some((pixels, profile));
        self
    }

    /// Adds a slide level with the pixels of [`level_color`].
    pub fn with_level(mut self, size: Size, downsample: f64, native_tile: Option<Size>) -> Self {
        self.info.levels.push(SlideLevelInfo { size, downsample, native_tile });
        self
    }

    pub fn with_scale(mut self, microns: f64, objective_power: f64) -> Self {
        self.info.microns_per_pixel = MicronsPerPixel::new(microns, microns);
        self.info.objective_power = Some(objective_power);
        self
    }

    /// Adds an associated image of this name that shows the top left corner of the slide.
    pub fn with_associated(mut self, name: &str, size: Size) -> Self {
        self.info.associated_images.push(AssociatedImage { name: name.to_owned(), size });
        self
    }

    /// All regions read, in the order of calls.
    pub fn reads(&self) -> Vec<Rect> {
        self.reads.lock().unwrap().clone()
    }
}

/// Draws opaque pixels.
pub fn draw(region: Rect, color: impl Fn(u32, u32) -> [u8; 3]) -> PremultipliedPixels {
    fill(region, |x, y| opaque(color(x, y)))
}

/// An opaque pixel, as [`PremultipliedPixels::from_native_argb`] takes it.
fn opaque([red, green, blue]: [u8; 3]) -> u32 {
    u32::from_be_bytes([255, red, green, blue])
}

/// Pixels of these values. A plain loop, as tests draw hundreds of megapixels in debug code.
fn fill(region: Rect, argb: impl Fn(u32, u32) -> u32) -> PremultipliedPixels {
    let mut bytes = Vec::with_capacity(4 * region.size().area() as usize);
    for y in region.rows() {
        for x in region.columns() {
            bytes.extend_from_slice(&argb(x, y).to_ne_bytes());
        }
    }
    PremultipliedPixels::from_native_argb(region.size(), bytes)
}

impl Source for DrawnSource {
    fn info(&self) -> &SlideInfo {
        &self.info
    }

    fn read(&self, region: Rect, _spare: Vec<u8>) -> Result<PremultipliedPixels, SlideError> {
        assert!(Rect::of(self.info.size()).contains(region), "{region} of {}", self.info.size());
        self.reads.lock().unwrap().push(region);
        let touches =
            |point: Point| region.columns().contains(&point.x) && region.rows().contains(&point.y);
        match self.fault {
            Fault::Unreadable(point) if touches(point) => {
                return Err(SlideError::Region {
                    path: self.info.path.clone(),
                    level: SlideLevel::BASE,
                    origin: region.origin(),
                    size: region.size(),
                    message: "drawn to fail".to_owned(),
                });
            }
            Fault::Panic(point) if touches(point) => panic!("drawn to panic"),
            _ => {}
        }
        Ok(fill(region, |x, y| if (self.unscanned)(y) { 0 } else { opaque(color(x, y)) }))
    }

    fn read_level(
        &self,
        _: SlideLevel,
        origin: Point,
        size: Size,
    ) -> Result<PremultipliedPixels, SlideError> {
        self.read(Rect::new(origin, size).unwrap(), Vec::new())
    }

    fn read_from_level(
        &self,
        level: SlideLevel,
        region: Rect,
        spare: Vec<u8>,
    ) -> Result<PremultipliedPixels, SlideError> {
        if level == SlideLevel::BASE {
            return self.read(region, spare);
        }
        assert!(
            Rect::of(self.info.levels[level.0 as usize].size).contains(region),
            "{region} of level {level}"
        );
        self.reads.lock().unwrap().push(region);
        Ok(draw(region, |x, y| level_color(level, x, y)))
    }

    /// The image `damaged` cannot be read.
    fn read_associated(&self, name: &str) -> Result<PremultipliedPixels, SlideError> {
        if let Some((pixels, _)) = self.label.as_ref().filter(|_| name == "label") {
            return Ok(pixels.clone());
        }
        let image = self
            .info
            .associated_images
            .iter()
            .find(|image| image.name == name && name != "damaged");
        if let Some(image) = image {
            return self.read(Rect::of(image.size), Vec::new());
        }
        Err(SlideError::Associated {
            path: self.info.path.clone(),
            name: name.to_owned(),
            message: "it has none".to_owned(),
        })
    }

    fn associated_profile(&self, _: &str) -> Result<Option<IccProfile>, SlideError> {
        Ok(self.label.as_ref().and_then(|(_, profile)| profile.clone()))
    }
}
