//! Estimates of the size of an export's tiles.

use crate::codec::{JpegCoding, Quality, Subsampling, TileFormat, WebPCompression};

/// The size of encoded tiles, in bytes per pixel.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BytesPerPixel {
    /// Tiles of the full size.
    pub full_size: f64,
    /// Tiles of all smaller levels.
    pub reduced: f64,
}

impl BytesPerPixel {
    /// The size of stained tissue in `format`, measured on CMU-1-Small-Region. Empty glass takes a
    /// fifth of it.
    pub(crate) fn of_tissue(format: TileFormat) -> Self {
        let both = millibytes_per_pixel(format) as f64 / 1000.0;
        Self { full_size: both, reduced: both }
    }
}

#[expect(clippy::cast_sign_loss, reason = "neither factor is negative")]
pub(crate) fn bytes(pixels: u64, bytes_per_pixel: f64) -> u64 {
    (pixels as f64 * bytes_per_pixel).round() as u64
}

/// Thousandths of a byte per pixel of JPEG tissue at 4:4:4, 4:2:2, 4:2:0 and gray, by quality.
const JPEG: [(u64, [u64; 4]); 7] = [
    (1, [46, 37, 33, 24]),
    (50, [140, 118, 109, 93]),
    (75, [204, 168, 152, 131]),
    (80, [234, 191, 172, 147]),
    (90, [360, 284, 249, 206]),
    (95, [538, 411, 355, 284]),
    (100, [1156, 813, 651, 450]),
];

/// Thousandths of a byte per pixel of lossy WebP tissue, by quality.
const WEBP: [(u64, [u64; 1]); 7] =
    [(1, [26]), (50, [90]), (75, [119]), (80, [142]), (90, [208]), (95, [268]), (100, [344])];

/// Thousandths of a byte per pixel of stained tissue.
fn millibytes_per_pixel(format: TileFormat) -> u64 {
    match format {
        TileFormat::Png => 996,
        TileFormat::WebP { compression: WebPCompression::Lossless } => 897,
        TileFormat::WebP { compression: WebPCompression::Lossy { quality } } => {
            interpolated(&WEBP, 0, quality)
        }
        TileFormat::Jpeg { quality, subsampling, coding } => {
            let column = match subsampling {
                Subsampling::Full => 0,
                Subsampling::HalfWidth => 1,
                Subsampling::Quarter => 2,
                Subsampling::Gray => 3,
            };
            let baseline = interpolated(&JPEG, column, quality);
            // Measured at quality 80; other qualities differ by up to 5 %.
            match coding {
                JpegCoding::Baseline => baseline,
                JpegCoding::Optimized => baseline * 93 / 100,
                JpegCoding::Progressive => baseline * 91 / 100,
            }
        }
    }
}

/// Interpolates a column between the two nearest measured qualities.
fn interpolated<const COLUMNS: usize>(
    measured: &[(u64, [u64; COLUMNS]); 7],
    column: usize,
    quality: Quality,
) -> u64 {
    let quality = u64::from(quality.get());
    let between = measured.windows(2).find(|pair| quality <= pair[1].0);
    between.map_or(measured[6].1[column], |pair| {
        let ((below, low), (above, high)) = (pair[0], pair[1]);
        low[column]
            + (high[column] - low[column]) * (quality.saturating_sub(below)) / (above - below)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn interpolates_between_measured_qualities() {
        let jpeg = |quality, subsampling| TileFormat::Jpeg {
            quality: Quality::new(quality).unwrap(),
            subsampling,
            coding: JpegCoding::Baseline,
        };
        assert_eq!(millibytes_per_pixel(jpeg(80, Subsampling::Full)), 234);
        assert_eq!(millibytes_per_pixel(jpeg(85, Subsampling::Full)), u64::midpoint(234, 360));
        assert_eq!(millibytes_per_pixel(jpeg(100, Subsampling::Gray)), 450);
        assert_eq!(bytes(1_000_000_000_000, 0.25), 250_000_000_000);
    }
}
