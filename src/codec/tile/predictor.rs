//! Undoes the predictor of compressed rows: TIFF 6.0, section 14, and Adobe's Technical Note 3.

use crate::codec::decode::samples::{ByteOrder, SampleType};

/// The predictor applied to rows before compression. `step` is the distance between two samples of
/// one channel: the number of samples per pixel, or 1 if planes are separate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Predictor {
    /// No predictor.
    None,
    /// Each sample is the difference from its left neighbor, as an integer of `bits` bits in
    /// `order`.
    Differences { bits: usize, order: ByteOrder, step: usize },
    /// Floating-point samples, split into planes of bytes with the most significant byte first.
    /// Each byte is the difference from its left neighbor. Undoing it stores samples in `order`.
    FloatingPoint { bytes: usize, order: ByteOrder, step: usize },
}

impl Predictor {
    /// Returns the predictor for a value of TIFF tag 317; `None` if it does not apply to the
    /// samples.
    pub fn new(code: u64, sample: SampleType, step: usize) -> Option<Self> {
        let (bits, order) = match sample {
            SampleType::Bits(bits) => (usize::from(bits), ByteOrder::BigEndian),
            SampleType::U8 => (8, ByteOrder::BigEndian),
            SampleType::U16(order)
            | SampleType::U32(order)
            | SampleType::I16(order)
            | SampleType::F32(order)
            | SampleType::F64(order) => (sample.bits(), order),
        };
        match (code, sample) {
            (1, _) => Some(Self::None),
            (2, _) if bits >= 8 => Some(Self::Differences { bits, order, step }),
            (3, SampleType::F32(_) | SampleType::F64(_)) => {
                Some(Self::FloatingPoint { bytes: bits / 8, order, step })
            }
            _ => None,
        }
    }

    /// Undoes the predictor in place, in rows of `row_bytes` bytes. `spare` is reused memory.
    pub fn undo(self, rows: &mut [u8], row_bytes: usize, spare: &mut Vec<u8>) {
        if self == Self::None {
            return;
        }
        for row in rows.chunks_exact_mut(row_bytes) {
            match self {
                Self::None => {}
                Self::Differences { bits: 8, step, .. } => accumulate_bytes(row, step),
                Self::Differences { bits, order, step } => accumulate(row, bits / 8, order, step),
                Self::FloatingPoint { bytes, order, step } => {
                    accumulate_bytes(row, step);
                    spare.clear();
                    spare.extend_from_slice(row);
                    gather(spare, row, bytes, order);
                }
            }
        }
    }
}

fn accumulate_bytes(row: &mut [u8], step: usize) {
    match step {
        1 => accumulate_pixels::<1>(row),
        3 => accumulate_pixels::<3>(row),
        4 => accumulate_pixels::<4>(row),
        _ => (step..row.len()).for_each(|at| row[at] = row[at].wrapping_add(row[at - step])),
    }
}

/// With the sums in registers: through memory, each addition waits for the store before it.
fn accumulate_pixels<const STEP: usize>(row: &mut [u8]) {
    let mut sums = [0_u8; STEP];
    for pixel in row.chunks_exact_mut(STEP) {
        for (sum, sample) in sums.iter_mut().zip(pixel) {
            *sum = sum.wrapping_add(*sample);
            *sample = *sum;
        }
    }
}

fn accumulate(row: &mut [u8], bytes: usize, order: ByteOrder, step: usize) {
    /// Adds numbers of a type to those at their left.
    macro_rules! add {
        ($number:ty, $read:ident, $write:ident) => {{
            let (numbers, _) = row.as_chunks_mut::<{ size_of::<$number>() }>();
            for at in step..numbers.len() {
                let left = <$number>::$read(numbers[at - step]);
                numbers[at] = <$number>::$read(numbers[at]).wrapping_add(left).$write();
            }
        }};
    }
    match (bytes, order) {
        (2, ByteOrder::BigEndian) => add!(u16, from_be_bytes, to_be_bytes),
        (2, ByteOrder::LittleEndian) => add!(u16, from_le_bytes, to_le_bytes),
        (4, ByteOrder::BigEndian) => add!(u32, from_be_bytes, to_be_bytes),
        (4, ByteOrder::LittleEndian) => add!(u32, from_le_bytes, to_le_bytes),
        (_, ByteOrder::BigEndian) => add!(u64, from_be_bytes, to_be_bytes),
        (_, ByteOrder::LittleEndian) => add!(u64, from_le_bytes, to_le_bytes),
    }
}

/// Joins planes of bytes into the samples of a row.
fn gather(planes: &[u8], row: &mut [u8], bytes: usize, order: ByteOrder) {
    let numbers = row.len() / bytes;
    for (byte, plane) in planes.chunks_exact(numbers.max(1)).take(bytes).enumerate() {
        let place = match order {
            ByteOrder::BigEndian => byte,
            ByteOrder::LittleEndian => bytes - 1 - byte,
        };
        for (number, value) in row.chunks_exact_mut(bytes).zip(plane) {
            number[place] = *value;
        }
    }
}
