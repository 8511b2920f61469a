//! The pixels of one level's blocks that have arrived and are still needed.
//!
//! The [schedule](crate::schedule) decides which blocks a tile uses and when a block can be trimmed
//! or dropped; a [`LevelAssembler`] does it.

use std::collections::HashMap;
use std::sync::Arc;

use crate::geometry::Rect;
use crate::pixels::{Patch, Pixels, Rgb, relative_to};
use crate::schedule::BlockUse;

/// A part of a level with its pixels.
#[derive(Clone, Debug)]
pub(crate) struct Block {
    pub rect: Rect,
    pub content: Content,
}

/// The pixels of a block.
#[derive(Clone, Debug)]
pub(crate) enum Content {
    /// Nothing but the background. Its reduction is blank too, whatever the filter.
    Blank,
    Pixels(Pixels),
}

impl Content {
    pub fn is_blank(&self) -> bool {
        matches!(self, Self::Blank)
    }

    /// A patch to assemble a tile from.
    pub fn patch(&self, background: Rgb) -> Patch<'_> {
        match self {
            Self::Blank => Patch::Plain(background),
            Self::Pixels(pixels) => Patch::Pixels(pixels),
        }
    }

    /// Its bytes in memory, which are none if it is blank.
    pub fn bytes(&self) -> &[u8] {
        match self {
            Self::Blank => &[],
            Self::Pixels(pixels) => pixels.bytes(),
        }
    }
}

/// A block in its column and row of blocks.
pub(crate) type SavedBlock = ((u32, u32), Arc<Block>);

/// The blocks of one level.
#[derive(Debug, Default)]
pub(crate) struct LevelAssembler {
    blocks: HashMap<(u32, u32), Arc<Block>>,
}

impl LevelAssembler {
    /// Restores the blocks that were saved. They must be those that the schedule holds, which are
    /// `held`; otherwise returns `None`.
    pub fn restored(
        saved: Vec<SavedBlock>,
        held: impl ExactSizeIterator<Item = ((u32, u32), Rect)>,
    ) -> Option<Self> {
        let blocks: HashMap<_, _> = saved.into_iter().collect();
        let mut same = blocks.len() == held.len();
        for (place, rect) in held {
            same &= blocks.get(&place).is_some_and(|block| block.rect == rect);
        }
        same.then_some(Self { blocks })
    }

    /// Adds a block.
    pub fn insert(&mut self, place: (u32, u32), block: Block) {
        self.blocks.insert(place, Arc::new(block));
    }

    /// Returns the blocks that a tile uses, and keeps of each what later tiles need.
    pub fn take(&mut self, uses: &[BlockUse]) -> Vec<Arc<Block>> {
        uses.iter().filter_map(|&used| self.take_one(used)).collect()
    }

    fn take_one(&mut self, BlockUse { place, rest }: BlockUse) -> Option<Arc<Block>> {
        let Some(rest) = rest else { return self.blocks.remove(&place) };
        let block = self.blocks.get_mut(&place)?;
        let taken = Arc::clone(block);
        if rest != taken.rect {
            let content = match &taken.content {
                Content::Blank => Content::Blank,
                Content::Pixels(pixels) => {
                    Content::Pixels(pixels.cropped(relative_to(rest, taken.rect.origin())))
                }
            };
            *block = Arc::new(Block { rect: rest, content });
        }
        Some(taken)
    }

    /// All blocks, for a checkpoint.
    pub fn saved(&self) -> Vec<SavedBlock> {
        self.blocks.iter().map(|(&place, block)| (place, Arc::clone(block))).collect()
    }

    pub fn is_empty(&self) -> bool {
        self.blocks.is_empty()
    }
}
