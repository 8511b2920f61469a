//! How large tiles will be, before one is made.

use crate::encode::{JpegCoding, Quality, Subsampling, TileFormat, WebPCompression};

/// Thousandths of a byte a pixel that JPEG takes at 4:4:4, 4:2:2 and 4:2:0, and grey tissue at 4:0:0, by quality.
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
pub(super) fn millibytes_per_pixel(format: TileFormat) -> u64 {
    match format {
        TileFormat::Png => 996,
        TileFormat::WebP { compression: WebPCompression::Lossless } => 897,
        TileFormat::WebP { compression: WebPCompression::Lossy { quality } } => interpolated(&WEBP, 0, quality),
        TileFormat::Jpeg { quality, subsampling, coding } => {
            let column = match subsampling {
                Subsampling::Full => 0,
                Subsampling::HalfWidth => 1,
                Subsampling::Quarter => 2,
                Subsampling::Grey => 3,
            };
            let baseline = interpolated(&JPEG, column, quality);
            // At quality 80, and 5 % more or less at others.
            match coding {
                JpegCoding::Baseline => baseline,
                JpegCoding::Optimised => baseline * 93 / 100,
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
