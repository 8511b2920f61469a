//! Damage for the tests of the formats' readers: the same at each run.

/// A small generator of numbers (xorshift).
pub(super) struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    /// From 0 to below `end`.
    pub fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % end as u64) as usize
    }

    /// The file with some bytes changed, and now and then cut, or with a part of it twice.
    pub fn damaged(&mut self, file: &[u8]) -> Vec<u8> {
        let mut damaged = file.to_vec();
        for _ in 0..=self.below(4) {
            let at = self.below(damaged.len());
            // Headers are short, and there is most to be got wrong.
            let at = if self.below(2) == 0 { at % 128.min(damaged.len()) } else { at };
            damaged[at] = match self.below(4) {
                0 => 0,
                1 => 0xff,
                2 => damaged[at] ^ 1 << self.below(8),
                _ => self.below(256) as u8,
            };
        }
        match self.below(8) {
            0 => damaged.truncate(self.below(file.len())),
            1 => {
                let from = self.below(damaged.len());
                let part = damaged[from..].to_vec();
                damaged.extend_from_slice(&part);
            }
            _ => {}
        }
        damaged
    }
}
