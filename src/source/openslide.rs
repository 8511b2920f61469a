//! Every format that OpenSlide reads, through `openslide-rs`: the only file that names that crate.
//!
//! OpenSlide's errors are terminal for a handle: from the first one on, every read of every thread returns a
//! cleared buffer. The wrapper asks for the error state after each read, and so a cleared buffer never passes for
//! pixels. One handle serves all threads. Because a failure on one thread makes the reads of all others fail
//! too, a failed region is read once more through a new handle: what fails there as well is the region to name, and a handle with which it succeeds
//! takes the place of the dead one.

use std::collections::BTreeMap;
use std::os::unix::fs::FileTypeExt;
use std::path::Path;
use std::sync::{Arc, PoisonError, RwLock};

use openslide_rs::errors::OpenSlideError;
use openslide_rs::{Address, OpenSlide, Region};

use super::{
    AssociatedImage, DirectReadUnsupported, NativeColorSpace, Reader, SlideError, SlideInfo, SlideLevel,
    SlideLevelInfo, Source, tiff_scale,
};
use crate::color::IccProfile;
use crate::geometry::MicronsPerPixel;
use crate::geometry::{Point, Rect, Size};
use crate::pixels::{PremultipliedPixels, Rgb};

/// A slide opened by OpenSlide.
#[derive(Debug)]
pub(crate) struct OpenSlideSource {
    /// Held for reading by every read; for writing only to replace a dead handle.
    handle: RwLock<OpenSlide>,
    info: SlideInfo,
}

/// The cache, in bytes, where native tiles are read whole: a few tiles, for the reads of single regions that cross them.
const CACHE_OF_WHOLE_TILES: usize = 4 << 20;

/// OpenSlide's version, as the library says it.
///
/// # Errors
/// The reader's words where the library does not say.
pub fn library_version() -> Result<String, String> {
    OpenSlide::version().map_err(|error| error.to_string())
}

/// The vendor of a file that OpenSlide has a reader for.
pub(crate) fn detect_vendor(path: &Path) -> Option<String> {
    OpenSlide::detect_vendor(path).ok()
}

/// Looks at a file before any reader does: OpenSlide tells "no such file" and "may not be read" apart from neither each other nor "not a slide".
///
/// # Errors
/// [`SlideError`] where it cannot be opened, is no file, or is empty.
pub(crate) fn check_file(path: &Path) -> Result<(), SlideError> {
    let cannot_open = |source| SlideError::Open { path: path.to_owned(), source: Arc::new(source) };
    // Looked at before it is opened: opening a pipe waits for a writer.
    let metadata = std::fs::metadata(path).map_err(cannot_open)?;
    if metadata.is_dir() {
        return Err(cannot_open(std::io::ErrorKind::IsADirectory.into()));
    }
    if metadata.file_type().is_fifo() {
        return Err(SlideError::Pipe { path: path.to_owned() });
    }
    if !metadata.is_file() {
        return Err(SlideError::Unsupported { path: path.to_owned() });
    }
    std::fs::File::open(path).map_err(cannot_open)?;
    if metadata.len() == 0 {
        return Err(SlideError::Malformed { path: path.to_owned(), message: "the file is empty".to_owned() });
    }
    Ok(())
}

/// Reads all that is known of a slide but its pixels.
///
/// # Errors
/// [`SlideError`] where the file can't be opened, is of no known kind, is damaged, or says that it holds no pixels.
pub(crate) fn read_slide_info(path: &Path) -> Result<SlideInfo, SlideError> {
    read_info(path, &open_handle(path)?)
}

/// Reads an associated image, through a handle of its own: a damaged label must not end the reading of the slide.
///
/// # Errors
/// [`SlideError::Associated`] where the slide has none of this name or it can't be read.
pub(crate) fn read_associated_image(path: &Path, name: &str) -> Result<PremultipliedPixels, SlideError> {
    let failed = |message: String| SlideError::Associated { path: path.to_owned(), name: name.to_owned(), message };
    let handle = open_handle(path)?;
    let (size, bytes) = handle.read_associated_buffer(name).map_err(|error| failed(error.to_string()))?;
    let size = Size::new(size.w, size.h).ok_or_else(|| failed("its size is 0".to_owned()))?;
    Ok(PremultipliedPixels::from_native_argb(size, bytes))
}

/// Reads an associated image's profile.
///
/// # Errors
/// [`SlideError::Associated`] where the slide cannot be opened again, or has no image of this name.
pub(crate) fn read_associated_profile(path: &Path, name: &str) -> Result<Option<IccProfile>, SlideError> {
    let handle = open_handle(path)?;
    let failed = |error: OpenSlideError| SlideError::Associated {
        path: path.to_owned(),
        name: name.to_owned(),
        message: error.to_string(),
    };
    handle.associated_image_dimensions(name).map_err(failed)?;
    // As of the slide itself.
    Ok(handle.associated_image_icc_profile(name).unwrap_or_else(|_| Some(Vec::new())).map(IccProfile::new))
}

impl OpenSlideSource {
    /// Opens the slide that `info` was read from, to read its pixels.
    ///
    /// # Errors
    /// As [`read_slide_info`].
    pub fn open(info: SlideInfo) -> Result<Self, SlideError> {
        Ok(Self { handle: RwLock::new(open_to_read(&info)?), info })
    }

    fn read_region(&self, level: SlideLevel, origin: Point, size: Size) -> Result<PremultipliedPixels, SlideError> {
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

    /// The binding has memory of its own for each read.
    fn read(&self, region: Rect, _spare: Vec<u8>) -> Result<PremultipliedPixels, SlideError> {
        self.read_region(SlideLevel::BASE, region.origin(), region.size())
    }

    fn read_level(&self, level: SlideLevel, origin: Point, size: Size) -> Result<PremultipliedPixels, SlideError> {
        self.read_region(level, origin, size)
    }

    fn read_associated(&self, name: &str) -> Result<PremultipliedPixels, SlideError> {
        read_associated_image(&self.info.path, name)
    }

    fn associated_profile(&self, name: &str) -> Result<Option<IccProfile>, SlideError> {
        read_associated_profile(&self.info.path, name)
    }
}

/// A handle to read pixels with. Native tiles of a sane size are read whole and once: a cache of them would only keep memory from being used
/// again while the processor's own cache still holds it. What is read in other parts gains from OpenSlide's 32 MB.
fn open_to_read(info: &SlideInfo) -> Result<OpenSlide, SlideError> {
    match info.levels[0].tile_to_read_whole() {
        Some(_) => OpenSlide::new_with_cache(&info.path, CACHE_OF_WHOLE_TILES).map_err(open_error(&info.path)),
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
        other => SlideError::Malformed { path: path.to_owned(), message: reader_words(path, &other) },
    }
}

/// OpenSlide's message without the path that [`SlideError`] puts before it anyway.
fn reader_words(path: &Path, error: &OpenSlideError) -> String {
    let message = match error {
        OpenSlideError::LibraryError(message) => message.clone(),
        other => other.to_string(),
    };
    let repeated = format!("Reading {}: ", path.display());
    message.strip_prefix(&repeated).map(str::to_owned).unwrap_or(message)
}

fn read_info(path: &Path, handle: &OpenSlide) -> Result<SlideInfo, SlideError> {
    let malformed =
        |error: OpenSlideError| SlideError::Malformed { path: path.to_owned(), message: reader_words(path, &error) };
    let mut properties = BTreeMap::new();
    for name in handle.property_names().map_err(malformed)? {
        let value = handle.property_value(&name).map_err(malformed)?;
        properties.insert(name, value);
    }
    let property = |name: &str| properties.get(name).map(String::as_str);

    let levels = read_levels(path, handle, &properties)?;
    let microns_per_pixel = match property("openslide.vendor") {
        // OpenSlide takes every resolution for a scale there, and no description.
        Some(super::PLAIN_TIFF) => {
            tiff_scale::microns_per_pixel(&properties, property("tiff.ImageDescription"), levels[0].size)
        }
        _ => MicronsPerPixel::parse(property("openslide.mpp-x"), property("openslide.mpp-y")),
    };
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
        // One that cannot be read is of no use, which the plan tells of; the pixels may be.
        icc_profile: handle.icc_profile().unwrap_or_else(|_| Some(Vec::new())).map(IccProfile::new),
        associated_images,
        // Whoever opens it may know more.
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
        // OpenSlide's own coordinates are signed 64-bit; ours are u32 with room for an overlap.
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
        let native_tile =
            tile_length("width").zip(tile_length("height")).and_then(|(width, height)| Size::new(width, height));
        levels.push(SlideLevelInfo { size, downsample: *downsample, native_tile });
    }
    if levels.is_empty() {
        return Err(SlideError::Empty { path: path.to_owned() });
    }
    Ok(levels)
}

/// The scanned area: OpenSlide's bounds cut to the slide. Bounds of no area mean that no pixel was stored: such a slide
/// reads as transparent everywhere without an error, and an export of it would be made up.
fn read_bounds(path: &Path, properties: &BTreeMap<String, String>, whole: Rect) -> Result<Option<Rect>, SlideError> {
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
    // Bounds that are no numbers say nothing.
    let Some((left, top, right, bottom)) = edges else {
        return Ok(None);
    };
    #[expect(clippy::cast_sign_loss, reason = "clamped to 0 and more")]
    let within = |value: i64, limit: u32| value.clamp(0, i64::from(limit)) as u32;
    let columns = within(left, size.width())..within(right, size.width());
    let rows = within(top, size.height())..within(bottom, size.height());
    Rect::spanning(columns, rows).map(Some).ok_or_else(|| SlideError::Empty { path: path.to_owned() })
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
