//! Copies samples of 1 to 64 bits into rows, and interleaves planes.

/// Writes the `samples` of plane number `plane` to a `row` of pixels with `count` samples of `bits`
/// bits each. The other samples of `row` are kept.
pub(crate) fn spread(samples: &[u8], row: &mut [u8], bits: usize, plane: usize, count: usize) {
    match bits {
        8 => spread_bytes::<1>(samples, row, plane, count),
        16 => spread_bytes::<2>(samples, row, plane, count),
        32 => spread_bytes::<4>(samples, row, plane, count),
        64 => spread_bytes::<8>(samples, row, plane, count),
        _ => {
            let pixels = (8 * row.len() / (bits * count)).min(8 * samples.len() / bits);
            (0..pixels)
                .for_each(|pixel| put(row, bits, pixel * count + plane, get(samples, bits, pixel)));
        }
    }
}

fn spread_bytes<const BYTES: usize>(samples: &[u8], row: &mut [u8], plane: usize, count: usize) {
    let (samples, _) = samples.as_chunks::<BYTES>();
    let (row, _) = row.as_chunks_mut::<BYTES>();
    for (pixel, sample) in row.chunks_exact_mut(count).zip(samples) {
        pixel[plane] = *sample;
    }
}

/// Copies `count` samples of `bits` bits from index `from` of one row to index `to` of another.
pub(crate) fn copy(
    source: &[u8],
    from: usize,
    target: &mut [u8],
    to: usize,
    count: usize,
    bits: usize,
) {
    if [from, to, count].iter().all(|samples| (samples * bits).is_multiple_of(8)) {
        let (from, to, length) = (from * bits / 8, to * bits / 8, count * bits / 8);
        target[to..to + length].copy_from_slice(&source[from..from + length]);
    } else {
        (0..count)
            .for_each(|sample| put(target, bits, to + sample, get(source, bits, from + sample)));
    }
}

/// Returns a sample of 1, 2 or 4 bits.
fn get(row: &[u8], bits: usize, index: usize) -> u8 {
    let bit = index * bits;
    (row[bit / 8] >> (8 - bits - bit % 8)) & ((1 << bits) - 1)
}

fn put(row: &mut [u8], bits: usize, index: usize, sample: u8) {
    let bit = index * bits;
    let shift = 8 - bits - bit % 8;
    let mask = ((1_u8 << bits) - 1) << shift;
    row[bit / 8] = (row[bit / 8] & !mask) | sample << shift;
}
