//! Estimates of the size of an export's tiles, from a table or from encoded samples.

use crate::codec::{JpegCoding, Quality, Subsampling, TileFormat, WebPCompression};

/// Bytes of empty glass relative to stained tissue, measured on CMU-1-Small-Region.
const BLANK_SHARE: f64 = 0.2;

/// What samples tell about a slide's content. `Default` stands for a slide that was not sampled, and
/// assumes that all of it is stained tissue.
#[derive(Clone, Copy, Debug, PartialEq, Default)]
pub struct Sampled {
    /// The blank share of the exported area, from 0 to 1.
    pub blank: f64,
    /// Sizes of tiles that were encoded from samples.
    pub tiles: Option<SampledTiles>,
}

/// Tiles that were encoded from samples of the exported area in the export's format.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SampledTiles {
    /// The blank share of the samples, measured like that of the whole area.
    pub blank: f64,
    /// Tiles of the full size.
    pub full_size: EncodedPixels,
    /// Tiles of the next smaller level, which represent all smaller levels.
    pub reduced: EncodedPixels,
}

/// A number of pixels and the bytes of their encoding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct EncodedPixels {
    /// The number of pixels.
    pub pixels: u64,
    /// The number of bytes.
    pub bytes: u64,
}

impl EncodedPixels {
    /// Adds two counts.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self { pixels: self.pixels + other.pixels, bytes: self.bytes + other.bytes }
    }

    fn bytes_a_pixel(self) -> f64 {
        self.bytes as f64 / self.pixels.max(1) as f64
    }
}

/// Bytes per pixel of the full size and of smaller levels, where stained tissue takes `tissue`
/// thousandths of a byte. Corrects for the blank share, which differs between samples and area.
pub(crate) fn bytes_a_pixel(sampled: &Sampled, tissue: u64) -> (f64, f64) {
    let against_tissue = |blank: f64| 1.0 - (1.0 - BLANK_SHARE) * blank.clamp(0.0, 1.0);
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

#[expect(clippy::cast_sign_loss, reason = "neither factor is negative")]
pub(crate) fn bytes(pixels: u64, bytes_a_pixel: f64) -> u64 {
    (pixels as f64 * bytes_a_pixel).round() as u64
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
    fn corrects_samples_by_their_blank_share() {
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
        // Half of the samples is blank and takes 0.1 bytes per pixel; the rest takes 0.5.
        close(of(0.5, tiles), (0.3, 0.4));
        close(of(0.0, tiles), (0.5, 0.4 / 0.6));
        close(of(1.0, tiles), (0.1, 0.4 / 3.0));
        // A slide of one pixel has no smaller levels.
        close(of(0.5, SampledTiles { reduced: EncodedPixels::default(), ..tiles }), (0.3, 0.3));
        assert_eq!(bytes(1_000_000_000_000, 0.25), 250_000_000_000);
    }
}
