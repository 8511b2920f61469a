//! Slides of every format that OpenSlide reads, through `openslide-rs`.
//!
//! One handle serves all threads. After an error, OpenSlide returns cleared buffers for every
//! further read of a handle, on all threads. The binding therefore checks the error state after
//! each read, and a failed region is read once more through a new handle. If that fails too, the
//! region is damaged; otherwise the new handle replaces the failed one.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, PoisonError, RwLock};

use openslide_rs::errors::OpenSlideError;
use openslide_rs::{Address, OpenSlide, Region};

use super::error::SlideError;
use super::native_color_space::NativeColorSpace;
use super::native_tiles::DirectReadUnsupported;
use super::pixel_source::Source;
use super::reader::Reader;
use super::slide_info::{AssociatedImage, SlideInfo, SlideLevel, SlideLevelInfo};
use crate::color::IccProfile;
use crate::geometry::{MicronsPerPixel, Point, Rect, Size};
use crate::pixels::{PremultipliedPixels, Rgb};
use crate::platform;

/// A slide opened by OpenSlide.
#[derive(Debug)]
pub(crate) struct OpenSlideSource {
    /// Every read holds the read lock. Replacing a failed handle takes the write lock.
    handle: RwLock<OpenSlide>,
    info: SlideInfo,
}

/// The cache in bytes if native tiles are read whole: a few tiles, for regions that cross them.
const WHOLE_TILE_CACHE: usize = 4 << 20;

/// Returns OpenSlide's version.
///
/// # Errors
/// OpenSlide's message if the version cannot be read.
pub fn library_version() -> Result<String, String> {
    OpenSlide::version().map_err(|error| error.to_string())
}

/// Returns the vendor of a file that OpenSlide recognizes.
pub(crate) fn detect_vendor(path: &Path) -> Option<String> {
    OpenSlide::detect_vendor(path).ok()
}

/// Checks that a path is a readable file. OpenSlide does not distinguish a missing or forbidden
/// file from one that is not a slide.
///
/// # Errors
/// [`SlideError`] if it cannot be opened, is not a file, or is empty.
pub(crate) fn check_file(path: &Path) -> Result<(), SlideError> {
    let cannot_open = |error| SlideError::Open { path: path.to_owned(), source: Arc::new(error) };
    // Checked before opening, because opening a pipe waits for a writer.
    let metadata = std::fs::metadata(path).map_err(cannot_open)?;
    if metadata.is_dir() {
        return Err(cannot_open(std::io::ErrorKind::IsADirectory.into()));
    }
    if platform::is_pipe(&metadata) {
        return Err(SlideError::Pipe { path: path.to_owned() });
    }
    if !metadata.is_file() {
        return Err(SlideError::Unsupported { path: path.to_owned() });
    }
    std::fs::File::open(path).map_err(cannot_open)?;
    if metadata.len() == 0 {
        return Err(SlideError::Malformed {
            path: path.to_owned(),
            message: "the file is empty".to_owned(),
        });
    }
    Ok(())
}

/// Reads the description of a slide.
///
/// # Errors
/// [`SlideError`] if the file cannot be opened, is not supported, is damaged, or has no pixels.
pub(crate) fn read_slide_info(path: &Path) -> Result<SlideInfo, SlideError> {
    read_info(path, &open_handle(path)?)
}

/// Reads an associated image through a separate handle, so that a damaged label does not break the
/// handle of the slide.
///
/// # Errors
/// [`SlideError::Associated`] if the slide has none of this name or it cannot be read.
pub(crate) fn read_associated_image(
    path: &Path,
    name: &str,
) -> Result<PremultipliedPixels, SlideError> {
    let failed = |message: String| SlideError::Associated {
        path: path.to_owned(),
        name: name.to_owned(),
        message,
    };
    let handle = open_handle(path)?;
    let (size, bytes) =
        handle.read_associated_buffer(name).map_err(|error| failed(error.to_string()))?;
    let size = Size::new(size.w, size.h).ok_or_else(|| failed("its size is 0".to_owned()))?;
    Ok(PremultipliedPixels::from_native_argb(size, bytes))
}

/// Reads the ICC profile of an associated image.
///
/// # Errors
/// [`SlideError::Associated`] if the slide cannot be opened again, or has no image of this name.
pub(crate) fn read_associated_profile(
    path: &Path,
    name: &str,
) -> Result<Option<IccProfile>, SlideError> {
    let handle = open_handle(path)?;
    let failed = |error: OpenSlideError| SlideError::Associated {
        path: path.to_owned(),
        name: name.to_owned(),
        message: error.to_string(),
    };
    handle.associated_image_dimensions(name).map_err(failed)?;
    // As for the slide, a profile that cannot be read becomes empty.
    Ok(handle
        .associated_image_icc_profile(name)
        .unwrap_or_else(|_| Some(Vec::new()))
        .map(IccProfile::new))
}

impl OpenSlideSource {
    /// Opens the slide that `info` describes, to read its pixels.
    ///
    /// # Errors
    /// As [`read_slide_info`].
    pub fn open(info: SlideInfo) -> Result<Self, SlideError> {
        Ok(Self { handle: RwLock::new(open_to_read(&info)?), info })
    }

    fn read_region(
        &self,
        level: SlideLevel,
        origin: Point,
        size: Size,
    ) -> Result<PremultipliedPixels, SlideError> {
        let region = Region {
            address: Address { x: origin.x, y: origin.y },
            level: level.0,
            size: openslide_rs::Size { w: size.width(), h: size.height() },
        };
        let failed = |error: OpenSlideError| SlideError::Region {
            path: self.info.path.clone(),
            level,
            origin,
            size,
            message: error.to_string(),
        };
        let read = self.handle.read().unwrap_or_else(PoisonError::into_inner).read_region(&region);
        let bytes = if let Ok(bytes) = read {
            bytes
        } else {
            let new = open_to_read(&self.info)?;
            let bytes = new.read_region(&region).map_err(failed)?;
            *self.handle.write().unwrap_or_else(PoisonError::into_inner) = new;
            bytes
        };
        Ok(PremultipliedPixels::from_native_argb(size, bytes))
    }
}

impl Source for OpenSlideSource {
    fn info(&self) -> &SlideInfo {
        &self.info
    }

    /// The binding allocates memory for each read, so `spare` is not used.
    fn read(&self, region: Rect, _spare: Vec<u8>) -> Result<PremultipliedPixels, SlideError> {
        self.read_region(SlideLevel::BASE, region.origin(), region.size())
    }

    fn read_level(
        &self,
        level: SlideLevel,
        origin: Point,
        size: Size,
    ) -> Result<PremultipliedPixels, SlideError> {
        self.read_region(level, origin, size)
    }

    fn read_from_level(
        &self,
        level: SlideLevel,
        region: Rect,
        _spare: Vec<u8>,
    ) -> Result<PremultipliedPixels, SlideError> {
        let origin = match self.info.levels.get(level.0 as usize) {
            Some(of_level) if level != SlideLevel::BASE => of_level.read_from(region),
            _ => region.origin(),
        };
        self.read_region(level, origin, region.size())
    }

    fn read_associated(&self, name: &str) -> Result<PremultipliedPixels, SlideError> {
        read_associated_image(&self.info.path, name)
    }

    fn associated_profile(&self, name: &str) -> Result<Option<IccProfile>, SlideError> {
        read_associated_profile(&self.info.path, name)
    }
}

/// Opens a handle to read pixels. Native tiles of a usual size are read whole and once, so a large
/// cache would only keep memory from being reused while it is in the processor's cache. Other
/// slides profit from OpenSlide's default of 32 MB.
fn open_to_read(info: &SlideInfo) -> Result<OpenSlide, SlideError> {
    match info.levels[0].tile_to_read_whole() {
        Some(_) => {
            OpenSlide::new_with_cache(&info.path, WHOLE_TILE_CACHE).map_err(open_error(&info.path))
        }
        None => open_handle(&info.path),
    }
}

fn open_handle(path: &Path) -> Result<OpenSlide, SlideError> {
    OpenSlide::new(path).map_err(open_error(path))
}

fn open_error(path: &Path) -> impl Fn(OpenSlideError) -> SlideError {
    move |error| match error {
        OpenSlideError::UnsupportedFile(_) | OpenSlideError::MissingFile(_) => {
            SlideError::Unsupported { path: path.to_owned() }
        }
        other => {
            SlideError::Malformed { path: path.to_owned(), message: reader_message(path, &other) }
        }
    }
}

/// Returns OpenSlide's message without the path, which [`SlideError`] adds.
fn reader_message(path: &Path, error: &OpenSlideError) -> String {
    let message = match error {
        OpenSlideError::LibraryError(message) => message.clone(),
        other => other.to_string(),
    };
    let repeated = format!("Reading {}: ", path.display());
    message.strip_prefix(&repeated).map(str::to_owned).unwrap_or(message)
}

fn read_info(path: &Path, handle: &OpenSlide) -> Result<SlideInfo, SlideError> {
    let malformed = |error: OpenSlideError| SlideError::Malformed {
        path: path.to_owned(),
        message: reader_message(path, &error),
    };
    let mut properties = BTreeMap::new();
    for name in handle.property_names().map_err(malformed)? {
        let value = handle.property_value(&name).map_err(malformed)?;
        properties.insert(name, value);
    }
    let property = |name: &str| properties.get(name).map(String::as_str);

    let levels = read_levels(path, handle, &properties)?;
    let microns_per_pixel =
        MicronsPerPixel::parse(property("openslide.mpp-x"), property("openslide.mpp-y"));
    let whole = Rect::of(levels[0].size);
    let associated_images = read_associated_images(handle).map_err(malformed)?;
    Ok(SlideInfo {
        path: path.to_owned(),
        vendor: property("openslide.vendor").map(str::to_owned),
        reader: Reader::OpenSlide(DirectReadUnsupported::AskedFor),
        microns_per_pixel,
        objective_power: property("openslide.objective-power")
            .and_then(|text| text.trim().parse::<f64>().ok())
            .filter(|power| power.is_finite() && *power > 0.0),
        bounds: read_bounds(path, &properties, whole)?,
        background: property("openslide.background-color").and_then(Rgb::from_hex),
        native_subsampling: None,
        native_color_space: NativeColorSpace::Rgb,
        // A profile that cannot be read becomes empty. The plan warns of it, and the pixels are
        // exported.
        icc_profile: handle.icc_profile().unwrap_or_else(|_| Some(Vec::new())).map(IccProfile::new),
        associated_images,
        pages: None,
        unshown_samples: 0,
        levels,
        properties,
    })
}

fn read_levels(
    path: &Path,
    handle: &OpenSlide,
    properties: &BTreeMap<String, String>,
) -> Result<Vec<SlideLevelInfo>, SlideError> {
    let mut levels = Vec::new();
    for (number, (size, downsample)) in
        handle.all_level_dimensions().iter().zip(handle.all_level_downsamples()).enumerate()
    {
        let number = number as u32;
        // Coordinates are u32 and must have room for an overlap.
        let largest = i32::MAX as u32;
        let size = Size::new(size.w, size.h)
            .filter(|size| size.width() <= largest && size.height() <= largest)
            .ok_or_else(|| SlideError::Size {
                path: path.to_owned(),
                level: SlideLevel(number),
                width: u64::from(size.w),
                height: u64::from(size.h),
            })?;
        let tile_length = |axis: &str| -> Option<u32> {
            properties.get(&format!("openslide.level[{number}].tile-{axis}"))?.parse().ok()
        };
        let native_tile = tile_length("width")
            .zip(tile_length("height"))
            .and_then(|(width, height)| Size::new(width, height));
        levels.push(SlideLevelInfo { size, downsample: *downsample, native_tile });
    }
    if levels.is_empty() {
        return Err(SlideError::Empty { path: path.to_owned() });
    }
    Ok(levels)
}

/// Reads the scanned area: OpenSlide's bounds, clipped to the slide. Bounds without an area mean
/// that no pixel is stored. Such a slide reads as transparent everywhere, without an error.
fn read_bounds(
    path: &Path,
    properties: &BTreeMap<String, String>,
    whole: Rect,
) -> Result<Option<Rect>, SlideError> {
    let names = ["x", "y", "width", "height"].map(|axis| format!("openslide.bounds-{axis}"));
    let texts = names.map(|name| properties.get(&name));
    if texts.iter().all(Option::is_none) {
        return Ok(None);
    }
    let size = whole.size();
    let value = |text: Option<&String>, default: u32| -> Option<i64> {
        text.map_or(Some(i64::from(default)), |text| text.trim().parse().ok())
    };
    let [x, y, width, height] = texts;
    let edges = value(x, 0)
        .zip(value(y, 0))
        .zip(value(width, size.width()).zip(value(height, size.height())))
        .map(|((x, y), (width, height))| (x, y, x.saturating_add(width), y.saturating_add(height)));
    // Bounds that are not numbers are ignored.
    let Some((left, top, right, bottom)) = edges else {
        return Ok(None);
    };
    #[expect(clippy::cast_sign_loss, reason = "clamped to 0 or more")]
    let within = |value: i64, limit: u32| value.clamp(0, i64::from(limit)) as u32;
    let columns = within(left, size.width())..within(right, size.width());
    let rows = within(top, size.height())..within(bottom, size.height());
    Rect::spanning(columns, rows)
        .map(Some)
        .ok_or_else(|| SlideError::Empty { path: path.to_owned() })
}

fn read_associated_images(handle: &OpenSlide) -> Result<Vec<AssociatedImage>, OpenSlideError> {
    let mut images = Vec::new();
    for name in handle.associated_image_names()? {
        let size = handle.associated_image_dimensions(&name)?;
        if let Some(size) = Size::new(size.w, size.h) {
            images.push(AssociatedImage { name, size });
        }
    }
    images.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(images)
}
