//! The digests of all tiles. A copy for a checkpoint is cheap: blocks are shared until they change.

use std::sync::Arc;

use crate::key::Digest;

/// The number of digests in a block of 128 KB.
const BLOCK: usize = 4096;

/// A digest for each tile, by ordinal; zero for tiles that have not been written.
#[derive(Clone, Debug, Default)]
pub(crate) struct TileDigests {
    blocks: Vec<Arc<Vec<Digest>>>,
}

impl TileDigests {
    /// Digests of `tiles` tiles, none of which has been written.
    pub fn none_of(tiles: u64) -> Self {
        let tiles = tiles as usize;
        let full = std::iter::repeat_n(BLOCK, tiles / BLOCK);
        let lengths = full.chain(Some(tiles % BLOCK).filter(|&rest| rest > 0));
        Self { blocks: lengths.map(|length| Arc::new(vec![Digest::default(); length])).collect() }
    }

    /// The number of tiles.
    pub fn len(&self) -> usize {
        self.blocks.iter().map(|block| block.len()).sum()
    }

    /// Sets the digest of a tile that was written.
    pub fn set(&mut self, ordinal: u64, digest: Digest) {
        Arc::make_mut(&mut self.blocks[ordinal as usize / BLOCK])[ordinal as usize % BLOCK] =
            digest;
    }

    /// The digest of a tile; `None` if it has not been written.
    pub fn get(&self, ordinal: u64) -> Option<Digest> {
        let digest = *self.blocks.get(ordinal as usize / BLOCK)?.get(ordinal as usize % BLOCK)?;
        (digest != Digest::default()).then_some(digest)
    }

    /// All digests by ordinal.
    pub fn iter(&self) -> impl Iterator<Item = Digest> {
        self.blocks.iter().flat_map(|block| block.iter().copied())
    }
}

impl FromIterator<Digest> for TileDigests {
    fn from_iter<I: IntoIterator<Item = Digest>>(digests: I) -> Self {
        let mut blocks: Vec<Vec<Digest>> = Vec::new();
        for digest in digests {
            match blocks.last_mut() {
                Some(block) if block.len() < BLOCK => block.push(digest),
                _ => blocks.push(vec![digest]),
            }
        }
        Self { blocks: blocks.into_iter().map(Arc::new).collect() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn copies_share_unchanged_blocks() {
        for tiles in [0, 1, 4095, 4096, 4097, 10_000] {
            let mut digests = TileDigests::none_of(tiles);
            assert_eq!((digests.len() as u64, digests.get(tiles)), (tiles, None));
            let Some(last) = tiles.checked_sub(1) else { continue };
            let before = digests.clone();
            digests.set(last, Digest::of(b"tile"));
            assert_eq!((digests.get(last), before.get(last)), (Some(Digest::of(b"tile")), None));
            let again: TileDigests = digests.iter().collect();
            assert!(again.iter().eq(digests.iter()) && again.len() == digests.len());
            let shared = digests
                .blocks
                .iter()
                .zip(&before.blocks)
                .filter(|(one, other)| Arc::ptr_eq(one, other));
            assert_eq!(shared.count(), digests.blocks.len() - 1, "only what changed is copied");
        }
    }
}
