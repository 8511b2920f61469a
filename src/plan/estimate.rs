//! How large tiles will be, before an export is made: from a table, or from tiles that were made of samples.

use crate::codec::{JpegCoding, Quality, Subsampling, TileFormat, WebPCompression};

/// Empty glass takes so much less than stained tissue: measured on CMU-1-Small-Region.
const BLANK_TAKES: f64 = 0.2;

/// What is known of a slide's contents from samples of it. `Default` is what is reckoned with where nothing was sampled: that all of it is
/// stained tissue.
#[derive(Clone, Copy, Debug, PartialEq, Default)]
pub struct Sampled {
    /// The share of the exported area that is blank, from 0 to 1.
    pub blank: f64,
    /// What tiles took that were made of parts of it.
    pub tiles: Option<SampledTiles>,
}

/// Tiles that were made of parts of the exported area, of the export's own format.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SampledTiles {
    /// The share of these parts that is blank, found in the same way as that of the whole area.
    pub blank: f64,
    /// Tiles of the full size.
    pub full_size: EncodedPixels,
    /// Tiles of the next smaller level, which stand for those of all smaller ones.
    pub reduced: EncodedPixels,
}

/// Pixels, and the bytes that they were encoded in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct EncodedPixels {
    /// How many pixels; at least 1 where a rate is taken.
    pub pixels: u64,
    /// How many bytes they took.
    pub bytes: u64,
}

impl EncodedPixels {
    /// The sum of both.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self { pixels: self.pixels + other.pixels, bytes: self.bytes + other.bytes }
    }

    fn bytes_a_pixel(self) -> f64 {
        self.bytes as f64 / self.pixels.max(1) as f64
    }
}

/// Bytes a pixel of the full size and of the smaller levels, where stained tissue takes `tissue` thousandths.
///
/// Samples hold more or less of what is blank than the area does; what they took is corrected by what that takes.
pub(crate) fn bytes_a_pixel(sampled: &Sampled, tissue: u64) -> (f64, f64) {
    let against_tissue = |blank: f64| 1.0 - (1.0 - BLANK_TAKES) * blank.clamp(0.0, 1.0);
    match sampled.tiles {
        None => {
            let both = tissue as f64 / 1000.0 * against_tissue(sampled.blank);
            (both, both)
        }
        Some(tiles) => {
            let corrected = against_tissue(sampled.blank) / against_tissue(tiles.blank);
            let smaller = if tiles.reduced.pixels > 0 { tiles.reduced } else { tiles.full_size };
            (tiles.full_size.bytes_a_pixel() * corrected, smaller.bytes_a_pixel() * corrected)
        }
    }
}

/// So many pixels of so many bytes each.
#[expect(clippy::cast_sign_loss, reason = "neither is negative")]
pub(crate) fn bytes(pixels: u64, bytes_a_pixel: f64) -> u64 {
    (pixels as f64 * bytes_a_pixel).round() as u64
}

/// Thousandths of a byte a pixel that JPEG takes at 4:4:4, 4:2:2 and 4:2:0, and gray tissue at 4:0:0, by quality.
const JPEG: [(u64, [u64; 4]); 7] = [
    (1, [46, 37, 33, 24]),
    (50, [140, 118, 109, 93]),
    (75, [204, 168, 152, 131]),
    (80, [234, 191, 172, 147]),
    (90, [360, 284, 249, 206]),
    (95, [538, 411, 355, 284]),
    (100, [1156, 813, 651, 450]),
];

/// The same of lossy WebP.
const WEBP: [(u64, [u64; 1]); 7] =
    [(1, [26]), (50, [90]), (75, [119]), (80, [142]), (90, [208]), (95, [268]), (100, [344])];

/// Thousandths of a byte a pixel.
pub(crate) fn millibytes_per_pixel(format: TileFormat) -> u64 {
    match format {
        TileFormat::Png => 996,
        TileFormat::WebP { compression: WebPCompression::Lossless } => 897,
        TileFormat::WebP { compression: WebPCompression::Lossy { quality } } => interpolated(&WEBP, 0, quality),
        TileFormat::Jpeg { quality, subsampling, coding } => {
            let column = match subsampling {
                Subsampling::Full => 0,
                Subsampling::HalfWidth => 1,
                Subsampling::Quarter => 2,
                Subsampling::Gray => 3,
            };
            let baseline = interpolated(&JPEG, column, quality);
            // At quality 80, and 5 % more or less at others.
            match coding {
                JpegCoding::Baseline => baseline,
                JpegCoding::Optimized => baseline * 93 / 100,
                JpegCoding::Progressive => baseline * 91 / 100,
            }
        }
    }
}

/// A column's value between the two measured qualities.
fn interpolated<const COLUMNS: usize>(measured: &[(u64, [u64; COLUMNS]); 7], column: usize, quality: Quality) -> u64 {
    let quality = u64::from(quality.get());
    let between = measured.windows(2).find(|pair| quality <= pair[1].0);
    between.map_or(measured[6].1[column], |pair| {
        let ((below, low), (above, high)) = (pair[0], pair[1]);
        low[column] + (high[column] - low[column]) * (quality.saturating_sub(below)) / (above - below)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_are_corrected_by_what_they_hold_of_the_blank() {
        let close = |(full, reduced): (f64, f64), expected: (f64, f64)| {
            assert!((full - expected.0).abs() < 1e-12 && (reduced - expected.1).abs() < 1e-12, "{full}, {reduced}");
        };
        close(bytes_a_pixel(&Sampled::default(), 234), (0.234, 0.234));
        close(bytes_a_pixel(&Sampled { blank: 1.0, tiles: None }, 250), (0.05, 0.05));
        let tiles = SampledTiles {
            blank: 0.5,
            full_size: EncodedPixels { pixels: 1000, bytes: 300 },
            reduced: EncodedPixels { pixels: 500, bytes: 200 },
        };
        let of = |blank: f64, tiles: SampledTiles| bytes_a_pixel(&Sampled { blank, tiles: Some(tiles) }, 234);
        // Half of the samples is blank and takes 0.1 a pixel, so that the other takes 0.5.
        close(of(0.5, tiles), (0.3, 0.4));
        close(of(0.0, tiles), (0.5, 0.4 / 0.6));
        close(of(1.0, tiles), (0.1, 0.4 / 3.0));
        // A slide of one pixel has no smaller level.
        close(of(0.5, SampledTiles { reduced: EncodedPixels::default(), ..tiles }), (0.3, 0.3));
        assert_eq!(bytes(1_000_000_000_000, 0.25), 250_000_000_000);
    }
}
