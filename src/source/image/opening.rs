//! Opens an image from a file or a pipe.
//!
//! A header that claims more pixels than the file can hold is refused, and so is an image that
//! needs more memory than allowed, before any memory is allocated for it.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::sync::Arc;

use super::conversion::{Conversion, UnknownRange};
use super::row_source::{Reopen, RowSource};
use super::tile_rows::TileRows;
use crate::codec::Subsampling;
use crate::codec::decode::samples::{Channels, SampleLayout};
use crate::codec::decode::{
    Decoder, ImageError, ImageFormat, ImageHeader, Input, Request, bmp, in_memory, jpeg, jpeg2000,
    png, pnm, webp,
};
use crate::geometry::Size;
use crate::source::tiff::{self, TiffFile};
use crate::source::tiled::TiledSource;
use crate::source::{
    Access, ImageReader, NativeColorSpace, OpenOptions, PageChoice, Pages, Reader, SlideError,
    SlideInfo, SlideLevel, SlideLevelInfo, Source,
};

/// Rows of pixels that an export holds, including smaller levels and tiles in progress.
const ROWS_OF_PIXELS: u64 = 1_024;

/// Rows of decoded samples that an export holds.
const ROWS_OF_SAMPLES: u64 = 256;

/// Opens an image file of this format.
///
/// # Errors
/// [`SlideError`] if it is damaged, not supported, or needs more memory than allowed.
pub(crate) fn open_file(
    path: &Path,
    format: ImageFormat,
    tiff: Option<TiffFile>,
    options: &OpenOptions,
) -> Result<Box<dyn Source>, SlideError> {
    let request = request(options);
    let bytes = std::fs::metadata(path).map_err(|error| ImageError::System(error).of(path))?.len();
    let opened = open_at(path, format, tiff, request).map_err(|error| match error {
        // The claim is the problem, not the memory.
        ImageError::Memory { needed, .. }
            if format
                .largest_expansion()
                .is_some_and(|most| bytes.saturating_mul(most) < needed) =>
        {
            ImageError::malformed(format!(
                "its header claims more pixels than a file of {bytes} bytes can hold"
            ))
            .of(path)
        }
        error => with_page(error, path, request),
    })?;
    let reopen = {
        let path = path.to_owned();
        Arc::new(move || match open_at(&path, format, None, request) {
            Ok((_, Decoder::Rows(rows))) => Ok(rows),
            Ok((_, Decoder::Tiles(_))) => {
                Err(ImageError::malformed("the file changed while it was read").of(&path))
            }
            Err(error) => Err(error.of(&path)),
        })
    };
    join(path, format, Some(bytes), opened, Some(reopen), options)
}

/// Opens an image from a pipe, called `name`, whose first bytes were read already.
///
/// # Errors
/// Those of [`open_file`], and [`SlideError::NeedsFile`].
pub(crate) fn open_pipe(
    name: &Path,
    first: Vec<u8>,
    rest: Box<dyn Read + Send>,
    options: &OpenOptions,
) -> Result<Box<dyn Source>, SlideError> {
    let format = ImageFormat::detect(&first, None)
        .ok_or_else(|| SlideError::Unsupported { path: name.to_owned() })?;
    let request = request(options);
    let input = Input::Pipe(Box::new(io::Cursor::new(first).chain(rest)));
    let opened =
        open_rows(input, format, request).map_err(|error| with_page(error, name, request))?;
    let (header, rows) = opened;
    join(name, format, None, (header, Decoder::Rows(rows)), None, options)
}

fn request(options: &OpenOptions) -> Request {
    Request { page: options.page.map_or(0, |page| page.get() as usize - 1), memory: options.memory }
}

fn with_page(error: ImageError, path: &Path, request: Request) -> SlideError {
    match error {
        ImageError::NoSuchPage { pages } => {
            SlideError::NoSuchPage { path: path.to_owned(), page: request.page + 1, pages }
        }
        ImageError::Memory { needed, why: reason } => {
            SlideError::Memory { path: path.to_owned(), needed, allowed: request.memory, reason }
        }
        ImageError::Size { width, height } => {
            SlideError::Size { path: path.to_owned(), level: SlideLevel::BASE, width, height }
        }
        other => other.of(path),
    }
}

fn open_at(
    path: &Path,
    format: ImageFormat,
    tiff: Option<TiffFile>,
    request: Request,
) -> Result<(ImageHeader, Decoder), ImageError> {
    let file = || File::open(path).map_err(ImageError::System);
    let (mut header, decoder) = match format {
        ImageFormat::Tiff => tiff::open(tiff.map_or_else(|| TiffFile::open(file()?), Ok)?, request),
        ImageFormat::Jpeg2000 => jpeg2000::open(path, request),
        _ => open_rows(Input::File(file()?), format, request)
            .map(|(header, rows)| (header, Decoder::Rows(rows))),
    }?;
    match decoder {
        Decoder::Tiles(tiles) if !SlideLevelInfo::is_read_whole(tiles.grids()[0].tile) => {
            let rows = TileRows::new(tiles, header.size, &header.samples);
            header.held_bytes = header.held_bytes.saturating_add(rows.held_bytes());
            Ok((header, Decoder::Rows(Box::new(rows))))
        }
        decoder => Ok((header, decoder)),
    }
}

type Rows = (ImageHeader, Box<dyn crate::codec::decode::RowDecoder>);

fn open_rows(input: Input, format: ImageFormat, request: Request) -> Result<Rows, ImageError> {
    if request.page > 0 {
        return Err(ImageError::NoSuchPage { pages: 1 });
    }
    match format {
        ImageFormat::Png => png::open(input, request),
        ImageFormat::Jpeg => jpeg::open(input, request),
        ImageFormat::Pnm => pnm::open(input, request),
        ImageFormat::Webp => webp::open(input, request),
        ImageFormat::Bmp => bmp::open(input, request),
        ImageFormat::Tiff | ImageFormat::Jpeg2000 => Err(ImageError::NeedsFile { format }),
        ImageFormat::Gif
        | ImageFormat::Tga
        | ImageFormat::Qoi
        | ImageFormat::OpenExr
        | ImageFormat::Hdr
        | ImageFormat::Farbfeld
        | ImageFormat::Ico
        | ImageFormat::Dds => in_memory::open(input, format, request),
    }
}

fn join(
    path: &Path,
    format: ImageFormat,
    bytes: Option<u64>,
    (header, decoder): (ImageHeader, Decoder),
    reopen: Reopen,
    options: &OpenOptions,
) -> Result<Box<dyn Source>, SlideError> {
    let ImageHeader { size, orientation, held_bytes, .. } = header;
    let samples = header.samples.clone();
    check_claim(path, format, bytes, size, &samples)?;
    check_memory(path, &header, matches!(decoder, Decoder::Rows(_)), options.memory)?;
    let unknown = |error: UnknownRange| SlideError::UnknownRange {
        path: path.to_owned(),
        message: error.to_string(),
    };
    let conversion = Conversion::new(samples, options.range).map_err(unknown)?;
    let access = match (&decoder, &reopen) {
        (Decoder::Tiles(_), _) => Access::Parts,
        (Decoder::Rows(_), Some(_)) => Access::Rows,
        (Decoder::Rows(_), None) => Access::Once,
    };
    let info = info(path, format, header, access, options);
    Ok(match decoder {
        Decoder::Rows(rows) => Box::new(RowSource::new(
            info,
            (size, orientation),
            conversion,
            (options.memory, held_bytes),
            (rows, reopen),
        )),
        Decoder::Tiles(tiles) => {
            let levels = tiles.grids().iter().map(|grid| grid.size).map(|level| SlideLevelInfo {
                size: orientation.size(level),
                // As in OpenSlide.
                downsample: f64::midpoint(
                    f64::from(size.width()) / f64::from(level.width()),
                    f64::from(size.height()) / f64::from(level.height()),
                ),
                native_tile: Some(orientation.size(tiles.grids()[0].tile)),
            });
            let info = SlideInfo { levels: levels.collect(), ..info };
            Box::new(TiledSource::image(info, tiles, conversion, orientation))
        }
    })
}

const fn native_color_space(channels: &Channels) -> NativeColorSpace {
    match channels {
        Channels::Gray | Channels::GrayAlpha(_) => NativeColorSpace::Gray,
        Channels::Rgb | Channels::Bgra | Channels::Rgba(_) | Channels::Palette(_) => {
            NativeColorSpace::Rgb
        }
        Channels::Cmyk => NativeColorSpace::Cmyk,
    }
}

/// Refuses a size that the file cannot hold.
fn check_claim(
    path: &Path,
    format: ImageFormat,
    bytes: Option<u64>,
    size: Size,
    samples: &SampleLayout,
) -> Result<(), SlideError> {
    let claimed = (samples.row_bytes(size.width()) as u64).saturating_mul(size.height().into());
    let Some((bytes, most)) = bytes.zip(format.largest_expansion()) else { return Ok(()) };
    if claimed <= bytes.saturating_mul(most) {
        return Ok(());
    }
    let message =
        format!("its header claims {size} pixels, which a file of {bytes} bytes cannot hold");
    Err(SlideError::Malformed { path: path.to_owned(), message })
}

fn check_memory(
    path: &Path,
    header: &ImageHeader,
    by_rows: bool,
    allowed: u64,
) -> Result<(), SlideError> {
    let (width, height) = (u64::from(header.size.width()), u64::from(header.size.height()));
    let samples =
        header.samples.row_bytes(header.size.width()) as u64 * height.min(ROWS_OF_SAMPLES);
    let pixels = crate::pixels::PIXEL_BYTES as u64 * width * height.min(ROWS_OF_PIXELS);
    let rows = if by_rows { samples + pixels } else { 0 };
    let needed = header.held_bytes.saturating_add(rows);
    if needed <= allowed {
        return Ok(());
    }
    let reason = if header.held_bytes > rows {
        "it can only be decoded as a whole"
    } else {
        "it is decoded in whole rows, which are very wide"
    };
    Err(SlideError::Memory { path: path.to_owned(), needed, allowed, reason })
}

fn info(
    path: &Path,
    format: ImageFormat,
    header: ImageHeader,
    access: Access,
    options: &OpenOptions,
) -> SlideInfo {
    let is_gray = header.samples.is_gray();
    let choice = match (options.page, format) {
        (Some(_), _) => PageChoice::Asked,
        (None, ImageFormat::Tiff) => PageChoice::First,
        (None, _) => PageChoice::Only,
    };
    let page = options.page.filter(|page| page.get() > 1).map(|page| format!("page {page}"));
    let range = options.range.map(|range| format!("from {range}"));
    let words = [
        Some(header.samples.describe()),
        Some(header.coding).filter(|words| !words.is_empty()),
        page,
        range,
    ];
    let coding = words.into_iter().flatten().collect::<Vec<_>>().join(", ");
    SlideInfo {
        path: path.to_owned(),
        vendor: None,
        reader: Reader::Image(ImageReader { format, coding, access }),
        levels: vec![SlideLevelInfo {
            size: header.orientation.size(header.size),
            downsample: 1.0,
            native_tile: None,
        }],
        microns_per_pixel: header.microns_per_pixel.map(|stored| {
            if header.orientation.is_transposed() { stored.transposed() } else { stored }
        }),
        objective_power: None,
        bounds: None,
        background: None,
        native_subsampling: header.subsampling.or(is_gray.then_some(Subsampling::Gray)),
        native_color_space: native_color_space(&header.samples.channels),
        icc_profile: header.icc_profile,
        associated_images: Vec::new(),
        pages: Pages::new(header.pages, choice),
        unshown_samples: header.unshown_samples,
        properties: header.properties,
    }
}
