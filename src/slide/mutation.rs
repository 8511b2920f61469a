//! Files with something wrong in them, for the tests of what reads files.
//!
//! What always holds: a number names an input for good, so that one that fails can be looked at again.

/// A small generator of its own, so that a number names an input for good (`SplitMix64`, Steele and others 2014).
pub(super) struct Random(pub u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number from 0 to below `end`.
    pub fn below(&mut self, end: usize) -> usize {
        (self.next() % end as u64) as usize
    }
}

/// Values at which arithmetic breaks.
const EDGES: [u64; 12] = [0, 1, 2, 7, 15, 16, 255, 65_535, 1 << 31, u32::MAX as u64, 1 << 63, u64::MAX];

/// The bytes of a TIFF file with some of them changed, or cut short.
pub(super) fn mutate(seed: &[u8], random: &mut Random) -> Vec<u8> {
    let mut bytes = seed.to_vec();
    // Half of the changes go where the structure is: the header, and the directories at the end.
    let place = |random: &mut Random, length: usize| match random.below(4) {
        0 => random.below(16.min(length)),
        1 => length - 1 - random.below(700.min(length)),
        _ => random.below(length),
    };
    for _ in 0..=random.below(6) {
        let length = bytes.len();
        let at = place(random, length);
        match random.below(5) {
            0 => bytes[at] ^= 1 << random.below(8),
            1 => bytes[at] = random.next() as u8,
            2 => {
                let value = EDGES[random.below(EDGES.len())].to_le_bytes();
                let width = [1, 2, 4, 8][random.below(4)].min(length - at);
                bytes[at..at + width].copy_from_slice(&value[..width]);
            }
            3 => {
                let from = place(random, length);
                let width = (1 + random.below(12)).min(length - at.max(from));
                bytes.copy_within(from..from + width, at);
            }
            _ if random.below(8) == 0 => bytes.truncate(1 + random.below(length)),
            _ => bytes[at] = 0xff,
        }
    }
    bytes
}
