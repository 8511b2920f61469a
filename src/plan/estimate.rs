//! How large tiles will be, before one is made.

use crate::encode::{Quality, Subsampling};

/// Thousandths of a byte a pixel, interpolated between measured qualities.
pub(super) fn millibytes_per_pixel(quality: Quality, subsampling: Subsampling) -> u64 {
    /// Quality, and thousandths of a byte a pixel at 4:4:4, 4:2:2 and 4:2:0.
    const MEASURED: [(u64, [u64; 3]); 7] = [
        (1, [46, 37, 33]),
        (50, [140, 118, 109]),
        (75, [204, 168, 152]),
        (80, [234, 191, 172]),
        (90, [360, 284, 249]),
        (95, [538, 411, 355]),
        (100, [1156, 813, 651]),
    ];
    let column = match subsampling {
        Subsampling::Full => 0,
        Subsampling::HalfWidth => 1,
        Subsampling::Quarter => 2,
    };
    let quality = u64::from(quality.get());
    let between = MEASURED.windows(2).find(|pair| quality <= pair[1].0);
    between.map_or(MEASURED[6].1[column], |pair| {
        let ((below, low), (above, high)) = (pair[0], pair[1]);
        low[column] + (high[column] - low[column]) * (quality.saturating_sub(below)) / (above - below)
    })
}
