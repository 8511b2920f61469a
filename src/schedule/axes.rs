//! Where the blocks and the tiles of a level begin and end along each axis.
//!
//! A level is divided twice: into *blocks*, in which its pixels arrive (chunks at full size,
//! reduced tiles below), and into the tiles to write, which overlap. The work on a tile is a
//! *task*: write the tile and reduce its core.
//!
//! At the end of a stripe of the read order, pixels wait for the next stripe along the whole height
//! of the slide. To keep these few, a tile that crosses the end is two tasks: the part of its core
//! that has arrived is reduced at once, and only the writing waits.

use std::ops::Range;

use crate::geometry::Rect;
use crate::pyramid::PyramidPlan;

/// One axis of a task.
#[derive(Clone, Debug)]
pub(super) struct Span {
    /// The column or row of the tile.
    pub tile: u32,
    /// Whether the tile is written, or only part of its core reduced.
    pub writes: bool,
    /// The pixels that the task needs.
    pub needed: Range<u32>,
    pub reduction: Option<ReducedSpan>,
}

/// One axis of a reduction.
#[derive(Clone, Debug)]
pub(super) struct ReducedSpan {
    /// The pixels that are reduced.
    core: Range<u32>,
    /// The pixels that the filter reads: the core and its margin, cropped to the level.
    source: Range<u32>,
    /// The resulting pixels of the next smaller level.
    target: Range<u32>,
    /// The column or row of the resulting block.
    block: u32,
}

/// A part of a level that is reduced, and the result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Reduction {
    /// The pixels to reduce, in pixels of the tile's level.
    pub core: Rect,
    /// The pixels that the filter reads, in pixels of the tile's level.
    pub source: Rect,
    /// The resulting pixels, in pixels of the next smaller level.
    pub target: Rect,
    /// The column and row of the resulting block.
    pub block: (u32, u32),
}

impl Reduction {
    pub(super) fn new(columns: &Span, rows: &Span) -> Option<Self> {
        let (columns, rows) = columns.reduction.as_ref().zip(rows.reduction.as_ref())?;
        Some(Self {
            core: Rect::spanning(columns.core.clone(), rows.core.clone())?,
            source: Rect::spanning(columns.source.clone(), rows.source.clone())?,
            target: Rect::spanning(columns.target.clone(), rows.target.clone())?,
            block: (columns.block, rows.block),
        })
    }
}

/// One axis of a level: its blocks, its tasks, and which task uses which blocks.
#[derive(Debug)]
pub(super) struct Axis {
    /// Where blocks begin, followed by the length of the level.
    edges: Vec<u32>,
    pub tasks: Vec<Span>,
    /// The blocks of each task.
    pub blocks: Vec<Range<u32>>,
    /// The tasks that use each block.
    pub users: Vec<Range<u32>>,
}

impl Axis {
    /// Joins blocks and tasks. The ranges that the tasks need must ascend.
    fn new(edges: Vec<u32>, tasks: Vec<Span>) -> Self {
        debug_assert!(tasks.windows(2).all(|pair| {
            let (one, next) = (&pair[0].needed, &pair[1].needed);
            one.start <= next.start && one.end <= next.end
        }));
        let blocks: Vec<Range<u32>> = tasks
            .iter()
            .map(|task| {
                let first = edges.partition_point(|&edge| edge <= task.needed.start) - 1;
                let end = edges.partition_point(|&edge| edge < task.needed.end);
                first as u32..end as u32
            })
            .collect();
        let mut users = vec![0..0; edges.len() - 1];
        for (task, range) in (0_u32..).zip(&blocks) {
            for users in &mut users[range.start as usize..range.end as usize] {
                *users =
                    if users.start == users.end { task..task + 1 } else { users.start..task + 1 };
            }
        }
        Self { edges, tasks, blocks, users }
    }

    pub fn block(&self, index: u32) -> Range<u32> {
        self.edges[index as usize]..self.edges[index as usize + 1]
    }

    /// The edges of the blocks of the next smaller level.
    fn reduced_edges(&self) -> Vec<u32> {
        let spans = self.tasks.iter().filter_map(|task| task.reduction.as_ref());
        std::iter::once(0).chain(spans.map(|span| span.target.end)).collect()
    }
}

/// The geometry from which the tasks along one axis follow.
struct AxisPlan {
    length: u32,
    tile_size: u32,
    overlap: u32,
    /// The pixels that the reduction filter reads beyond its core, on each side.
    margin: u32,
    /// Whether there is a smaller level to reduce to.
    reduces: bool,
}

impl AxisPlan {
    /// The tasks in order. `stripe_ends` are in pixels of this level.
    fn tasks(&self, stripe_ends: &[u32]) -> Vec<Span> {
        let mut tasks: Vec<Span> = Vec::new();
        let mut blocks = 0;
        for (tile, start) in (0..).zip((0..self.length).step_by(self.tile_size as usize)) {
            let end = (start + self.tile_size).min(self.length);
            let reduced = if self.reduces {
                self.reduced_edge(tile)..self.reduced_edge(tile + 1)
            } else {
                0..0
            };
            let core = |reduced: &Range<u32>| 2 * reduced.start..(2 * reduced.end).min(self.length);
            let source = |reduced: &Range<u32>| {
                let Range { start, end } = core(reduced);
                start.saturating_sub(self.margin)..(end + self.margin).min(self.length)
            };
            let mut full =
                start.saturating_sub(self.overlap)..(end + self.overlap).min(self.length);
            if !reduced.is_empty() {
                let whole = source(&reduced);
                full = full.start.min(whole.start)..full.end.max(whole.end);
            }
            let mut task = |tasks: &mut Vec<Span>, writes: bool, reduced: Range<u32>| {
                let source = source(&reduced);
                let needed = full.start..if writes { full.end } else { source.end };
                let reduction = (!reduced.is_empty()).then(|| {
                    blocks += 1;
                    ReducedSpan { core: core(&reduced), source, target: reduced, block: blocks - 1 }
                });
                tasks.push(Span { tile, writes, needed, reduction });
            };
            let mut rest = reduced;
            let first = stripe_ends.partition_point(|&end| end <= full.start);
            for stripe_end in stripe_ends[first..].iter().take_while(|&&end| end < full.end) {
                let cut = (stripe_end.saturating_sub(self.margin) / 2).min(rest.end);
                // If the stripe ends inside the overlap of two tiles, the first of them waits, and
                // the second must not overtake it.
                let in_order = || {
                    tasks
                        .last()
                        .is_none_or(|before| before.needed.end <= source(&(rest.start..cut)).end)
                };
                if cut > rest.start && in_order() {
                    task(&mut tasks, false, rest.start..cut);
                    rest.start = cut;
                }
            }
            task(&mut tasks, true, rest);
        }
        tasks
    }

    /// Where a tile's part of the next smaller level begins. With an odd tile size, the pair of
    /// pixels that straddles two cores belongs to the tile of its first pixel, which can leave the
    /// last tile without a part.
    fn reduced_edge(&self, tile: u32) -> u32 {
        (u64::from(tile) * u64::from(self.tile_size))
            .div_ceil(2)
            .min(u64::from(self.length.div_ceil(2))) as u32
    }
}

/// The two axes of a level, and the stripes in which its columns arrive.
#[derive(Debug)]
pub(crate) struct LevelAxes {
    pub(super) columns: Axis,
    pub(super) rows: Axis,
    /// For each column of blocks, the stripe in which it arrives.
    pub(super) stripe_of_block: Vec<u32>,
    /// For each column of tasks, the stripe that completes it.
    pub(super) stripe_of_task: Vec<u32>,
}

/// The axes of all levels, smallest level first, for chunks with these edges. `stripe_ends` are the
/// inner ends of stripes in pixels of the full size, each at the edge of a chunk; `margin` is the
/// margin of the reduction filter.
pub(super) fn level_axes(
    plan: &PyramidPlan,
    margin: u32,
    chunk_columns: &[u32],
    chunk_rows: &[u32],
    stripe_ends: &[u32],
) -> Vec<LevelAxes> {
    let (tile_size, overlap) = (plan.geometry().tile_size(), plan.geometry().overlap());
    let mut levels = Vec::new();
    let (mut columns, mut rows, mut ends) =
        (chunk_columns.to_vec(), chunk_rows.to_vec(), stripe_ends.to_vec());
    let mut stripe_of_block: Vec<u32> = chunk_columns[..chunk_columns.len() - 1]
        .iter()
        .map(|&column| stripe_ends.partition_point(|&end| end <= column) as u32)
        .collect();
    for level in plan.levels().rev() {
        let (size, reduces) = (plan.level_size(level), level > plan.smallest_level());
        let axis = |length, edges: Vec<u32>, ends: &[u32]| {
            Axis::new(edges, AxisPlan { length, tile_size, overlap, margin, reduces }.tasks(ends))
        };
        let columns_axis = axis(size.width(), columns, &ends);
        let rows_axis = axis(size.height(), rows, &[]);
        let stripe_of_task: Vec<u32> = columns_axis
            .blocks
            .iter()
            .map(|blocks| stripe_of_block[blocks.end as usize - 1])
            .collect();
        (columns, rows) = (columns_axis.reduced_edges(), rows_axis.reduced_edges());
        for end in &mut ends {
            *end = end.saturating_sub(margin) / 2;
        }
        let with_stripes = columns_axis.tasks.iter().zip(&stripe_of_task);
        let stripe_of_reduced = with_stripes
            .filter(|(task, _)| task.reduction.is_some())
            .map(|(_, &stripe)| stripe)
            .collect();
        levels.push(LevelAxes {
            columns: columns_axis,
            rows: rows_axis,
            stripe_of_block,
            stripe_of_task,
        });
        stripe_of_block = stripe_of_reduced;
    }
    levels.reverse();
    levels
}

/// The number of pixels, over all levels and along the whole height, that wait for the next stripe
/// when the columns before `end` of the full size have arrived.
pub(super) fn waiting_pixels(plan: &PyramidPlan, margin: u32, end: u32) -> u64 {
    let tile_size = plan.geometry().tile_size();
    let before = plan.geometry().overlap().max(margin);
    let after = after_tile(plan, margin);
    let mut waiting = 0;
    let mut end = end;
    for level in plan.levels().rev() {
        let (size, tiles) = (plan.level_size(level), plan.grid(level).width());
        let complete =
            if end >= size.width() { tiles } else { end.saturating_sub(after) / tile_size };
        if complete < tiles {
            let kept_from = (complete * tile_size).saturating_sub(before);
            waiting += u64::from(end.saturating_sub(kept_from)) * u64::from(size.height());
        }
        end = end.saturating_sub(margin) / 2;
    }
    waiting
}

/// The number of pixels that a tile needs beyond its core: its overlap, or what its reduction
/// reads, which is the filter's margin and with an odd tile size one pixel more.
pub(super) fn after_tile(plan: &PyramidPlan, margin: u32) -> u32 {
    plan.geometry().overlap().max(plan.geometry().tile_size() % 2 + margin)
}
