//! The pieces of one level that are in memory, and the work that they make possible.
//!
//! A level is cut into pieces in two ways: those that pixels arrive in (native tiles at the full size, what was reduced below)
//! and the tiles that are to be written, which overlap. A [`LevelAssembler`] takes pieces as they come, tells which *tasks*
//! have all of theirs, and lets go of a piece with the last task that uses it. A task is a tile: to write it, and to reduce its core. What
//! always holds: pieces partition the level; each is given once; each task is reported once.
//!
//! Where a stripe of the reading order ends, pixels wait for the next stripe along the whole height of the slide. So that few do, a tile that
//! crosses the end is two tasks: what has come of its core is reduced at once, and only its writing waits. And of the
//! pieces that wait, only those columns and rows of pixels are kept that the tasks to come need: of most pieces, the row that two tiles share.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

use crate::geometry::Rect;
use crate::pixels::{Patch, Pixels, Rgb, relative_to};
use crate::pyramid::PyramidPlan;

/// A part of a level and what is to be seen in it.
#[derive(Clone, Debug)]
pub(crate) struct Block {
    pub rect: Rect,
    pub content: Content,
}

/// What is to be seen in a part of a level.
#[derive(Clone, Debug)]
pub(crate) enum Content {
    /// Nothing but the background. Its reduction is that too, whatever the filter.
    Blank,
    Pixels(Pixels),
}

impl Content {
    pub fn is_blank(&self) -> bool {
        matches!(self, Self::Blank)
    }

    /// To be put together with others.
    pub fn patch(&self, background: Rgb) -> Patch<'_> {
        match self {
            Self::Blank => Patch::Plain(background),
            Self::Pixels(pixels) => Patch::Pixels(pixels),
        }
    }

    /// Its bytes in memory; none of what is blank.
    pub fn bytes(&self) -> &[u8] {
        match self {
            Self::Blank => &[],
            Self::Pixels(pixels) => pixels.bytes(),
        }
    }
}

/// One axis of a task.
#[derive(Clone, Debug)]
struct Span {
    /// The column or row of the tile.
    tile: u32,
    /// Whether the tile is written, or only a part of its core reduced.
    writes: bool,
    /// The pixels that it takes.
    wanted: Range<u32>,
    reduction: Option<ReducedSpan>,
}

/// One axis of a reduction.
#[derive(Clone, Debug)]
struct ReducedSpan {
    /// The pixels that are reduced.
    core: Range<u32>,
    /// Those that are looked at for it: with the reduction's margin around them, as far as the level reaches.
    source: Range<u32>,
    /// Those that come of it, in the next smaller level.
    target: Range<u32>,
    /// The column or row of pieces that they are there.
    piece: u32,
}

/// One axis of a level: where pieces end, the tasks, and who needs whom.
#[derive(Debug)]
struct Axis {
    /// Where pieces begin, and after the last of them the level's length.
    edges: Vec<u32>,
    tasks: Vec<Span>,
    /// By task: its pieces.
    pieces: Vec<Range<u32>>,
    /// By piece: the tasks that use it.
    users: Vec<Range<u32>>,
}

impl Axis {
    /// `tasks` take ranges within the edges whose beginnings and ends ascend.
    fn new(edges: Vec<u32>, tasks: Vec<Span>) -> Self {
        debug_assert!(tasks.windows(2).all(|pair| {
            let (one, next) = (&pair[0].wanted, &pair[1].wanted);
            one.start <= next.start && one.end <= next.end
        }));
        let pieces: Vec<Range<u32>> = tasks
            .iter()
            .map(|task| {
                let first = edges.partition_point(|&edge| edge <= task.wanted.start) - 1;
                let end = edges.partition_point(|&edge| edge < task.wanted.end);
                first as u32..end as u32
            })
            .collect();
        let mut users = vec![0..0; edges.len() - 1];
        for (task, range) in (0_u32..).zip(&pieces) {
            for users in &mut users[range.start as usize..range.end as usize] {
                *users = if users.start == users.end { task..task + 1 } else { users.start..task + 1 };
            }
        }
        Self { edges, tasks, pieces, users }
    }

    fn piece(&self, index: u32) -> Range<u32> {
        self.edges[index as usize]..self.edges[index as usize + 1]
    }

    /// Where the pieces of the next smaller level begin, and its length.
    fn reduced_edges(&self) -> Vec<u32> {
        let spans = self.tasks.iter().filter_map(|task| task.reduction.as_ref());
        std::iter::once(0).chain(spans.map(|span| span.target.end)).collect()
    }
}

/// What the tasks of one axis of a level are cut from.
struct AxisPlan {
    length: u32,
    tile_size: u32,
    overlap: u32,
    /// What the reduction looks at beyond what it reduces, on each side.
    margin: u32,
    /// Whether there is a smaller level to reduce to.
    reduces: bool,
}

impl AxisPlan {
    /// The tasks, in order. `ends` are where stripes end, in pixels of this level.
    fn tasks(&self, ends: &[u32]) -> Vec<Span> {
        let mut tasks: Vec<Span> = Vec::new();
        let mut pieces = 0;
        for (tile, start) in (0..).zip((0..self.length).step_by(self.tile_size as usize)) {
            let end = (start + self.tile_size).min(self.length);
            let reduced = if self.reduces { self.reduced_edge(tile)..self.reduced_edge(tile + 1) } else { 0..0 };
            let core = |reduced: &Range<u32>| 2 * reduced.start..(2 * reduced.end).min(self.length);
            let source = |reduced: &Range<u32>| {
                let Range { start, end } = core(reduced);
                start.saturating_sub(self.margin)..(end + self.margin).min(self.length)
            };
            let mut full = start.saturating_sub(self.overlap)..(end + self.overlap).min(self.length);
            if !reduced.is_empty() {
                let whole = source(&reduced);
                full = full.start.min(whole.start)..full.end.max(whole.end);
            }
            let mut task = |tasks: &mut Vec<Span>, writes: bool, reduced: Range<u32>| {
                let source = source(&reduced);
                let wanted = full.start..if writes { full.end } else { source.end };
                let reduction = (!reduced.is_empty()).then(|| {
                    pieces += 1;
                    ReducedSpan { core: core(&reduced), source, target: reduced, piece: pieces - 1 }
                });
                tasks.push(Span { tile, writes, wanted, reduction });
            };
            let mut rest = reduced;
            let first = ends.partition_point(|&end| end <= full.start);
            for stripe_end in ends[first..].iter().take_while(|&&end| end < full.end) {
                let cut = (stripe_end.saturating_sub(self.margin) / 2).min(rest.end);
                // Where the stripe ends in what two tiles share, the one before waits, and this one with it.
                let in_order = || tasks.last().is_none_or(|before| before.wanted.end <= source(&(rest.start..cut)).end);
                if cut > rest.start && in_order() {
                    task(&mut tasks, false, rest.start..cut);
                    rest.start = cut;
                }
            }
            task(&mut tasks, true, rest);
        }
        tasks
    }

    /// Where a tile's part of the next smaller level begins. With an odd tile size the pair of pixels at a core's end belongs to the tile that
    /// its first pixel is in; the last tile's part may then be empty.
    fn reduced_edge(&self, tile: u32) -> u32 {
        (u64::from(tile) * u64::from(self.tile_size)).div_ceil(2).min(u64::from(self.length.div_ceil(2))) as u32
    }
}

/// The two axes of a level, and by column which stripe completes it.
pub(crate) struct LevelAxes {
    columns: Axis,
    rows: Axis,
    /// By column of pieces: the stripe in which they come.
    stripe_of_piece: Vec<u32>,
    /// By column of tasks: the stripe in which they are complete.
    stripe_of_task: Vec<u32>,
}

/// The axes of all levels, smallest level first, for a source that is read in chunks with these edges; `stripe_ends` are where stripes end inside
/// the full size, each at a chunk's edge; `margin` is the reduction's.
pub(crate) fn level_axes(
    plan: &PyramidPlan,
    margin: u32,
    chunk_columns: &[u32],
    chunk_rows: &[u32],
    stripe_ends: &[u32],
) -> Vec<LevelAxes> {
    let (tile_size, overlap) = (plan.geometry().tile_size(), plan.geometry().overlap());
    let mut levels = Vec::new();
    let (mut columns, mut rows, mut ends) = (chunk_columns.to_vec(), chunk_rows.to_vec(), stripe_ends.to_vec());
    let mut stripe_of_piece: Vec<u32> = chunk_columns[..chunk_columns.len() - 1]
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
        let stripe_of_task: Vec<u32> =
            columns_axis.pieces.iter().map(|pieces| stripe_of_piece[pieces.end as usize - 1]).collect();
        (columns, rows) = (columns_axis.reduced_edges(), rows_axis.reduced_edges());
        for end in &mut ends {
            *end = end.saturating_sub(margin) / 2;
        }
        let with_stripes = columns_axis.tasks.iter().zip(&stripe_of_task);
        let stripe_of_reduced =
            with_stripes.filter(|(task, _)| task.reduction.is_some()).map(|(_, &stripe)| stripe).collect();
        levels.push(LevelAxes { columns: columns_axis, rows: rows_axis, stripe_of_piece, stripe_of_task });
        stripe_of_piece = stripe_of_reduced;
    }
    levels.reverse();
    levels
}

/// A tile that has all of its pieces, or a part of one that can be reduced already.
#[derive(Debug)]
pub(crate) struct Task {
    pub column: u32,
    pub row: u32,
    /// Whether the tile is to be written.
    pub writes: bool,
    pub reduction: Option<Reduction>,
    pub pieces: Vec<Arc<Block>>,
}

/// A part of a level that is reduced, and what comes of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Reduction {
    /// What is reduced, in pixels of the tile's level.
    pub core: Rect,
    /// What is looked at for it, of the same pixels.
    pub source: Rect,
    /// What comes of it, in pixels of the next smaller level.
    pub target: Rect,
    /// The column and row of pieces that it is there.
    pub piece: (u32, u32),
}

struct Held {
    piece: Arc<Block>,
    /// How many of the tasks that use it are still to come.
    users: u32,
}

/// What is kept of a level_assembler for another run.
#[derive(Debug, Default)]
pub(crate) struct SavedAssembler {
    /// Column, row, how many tasks are still to use it, and the piece.
    pub held: Vec<(u32, u32, u32, Arc<Block>)>,
    /// By task: how many of its pieces have come.
    pub arrived: Vec<((u32, u32), u32)>,
}

impl SavedAssembler {
    /// The bytes of its pixels.
    pub fn bytes(&self) -> u64 {
        self.held.iter().map(|(.., piece)| piece.content.bytes().len() as u64).sum()
    }
}

/// The pieces of one level that have come and are still needed.
pub(crate) struct LevelAssembler {
    axes: LevelAxes,
    held: HashMap<(u32, u32), Held>,
    /// By task: how many of its pieces have come. Tasks without any, or with all, are not in here.
    arrived: HashMap<(u32, u32), u32>,
}

impl LevelAssembler {
    pub fn new(axes: LevelAxes) -> Self {
        Self { axes, held: HashMap::new(), arrived: HashMap::new() }
    }

    /// The rectangle of a piece; `None` where it is empty.
    pub fn piece_rect(&self, column: u32, row: u32) -> Option<Rect> {
        Rect::spanning(self.axes.columns.piece(column), self.axes.rows.piece(row))
    }

    /// Takes a piece; returns the tasks that it completes.
    pub fn insert(&mut self, column: u32, row: u32, piece: Block) -> Vec<Task> {
        let task_columns = self.axes.columns.users[column as usize].clone();
        let task_rows = self.axes.rows.users[row as usize].clone();
        let users = (task_columns.len() * task_rows.len()) as u32;
        self.held.insert((column, row), Held { piece: Arc::new(piece), users });
        let mut complete = Vec::new();
        for task_row in task_rows {
            for task_column in task_columns.clone() {
                let task = (task_column, task_row);
                let needed = self.axes.columns.pieces[task_column as usize].len()
                    * self.axes.rows.pieces[task_row as usize].len();
                let arrived = self.arrived.entry(task).or_insert(0);
                *arrived += 1;
                if *arrived as usize == needed {
                    self.arrived.remove(&task);
                    let pieces = self.collect(task);
                    complete.push(Task { pieces, ..self.task(task_column, task_row) });
                }
            }
        }
        complete
    }

    /// A task of the level, without its pieces.
    pub fn task(&self, column: u32, row: u32) -> Task {
        let (columns, rows) = (&self.axes.columns.tasks[column as usize], &self.axes.rows.tasks[row as usize]);
        let reduction = columns.reduction.as_ref().zip(rows.reduction.as_ref()).and_then(|(columns, rows)| {
            Some(Reduction {
                core: Rect::spanning(columns.core.clone(), rows.core.clone())?,
                source: Rect::spanning(columns.source.clone(), rows.source.clone())?,
                target: Rect::spanning(columns.target.clone(), rows.target.clone())?,
                piece: (columns.piece, rows.piece),
            })
        });
        Task {
            column: columns.tile,
            row: rows.tile,
            writes: columns.writes && rows.writes,
            reduction,
            pieces: Vec::new(),
        }
    }

    /// What would have to be kept for another run to go on.
    pub fn saved(&self) -> SavedAssembler {
        let held = self.held.iter().map(|(&(column, row), held)| (column, row, held.users, Arc::clone(&held.piece)));
        SavedAssembler {
            held: held.collect(),
            arrived: self.arrived.iter().map(|(&task, &count)| (task, count)).collect(),
        }
    }

    /// How many bytes [`saved`](Self::saved) would keep.
    pub fn saved_bytes(&self) -> u64 {
        self.held.values().map(|held| held.piece.content.bytes().len() as u64).sum()
    }

    /// Goes on from what was saved of a level_assembler with the same axes; `None` where it is of another.
    pub fn restored(axes: LevelAxes, saved: SavedAssembler) -> Option<Self> {
        let mut level_assembler = Self::new(axes);
        for (column, row, users, piece) in saved.held {
            let (columns, rows) = (&level_assembler.axes.columns, &level_assembler.axes.rows);
            let fits = (column as usize) < columns.users.len() && (row as usize) < rows.users.len();
            // Some rows and columns of pixels at the top and on the left may have been let go of.
            let rect = fits.then(|| level_assembler.piece_rect(column, row)).flatten()?;
            let end = |rect: Rect| (rect.columns().end, rect.rows().end);
            if !rect.contains(piece.rect) || end(rect) != end(piece.rect) || users == 0 {
                return None;
            }
            level_assembler.held.insert((column, row), Held { piece, users });
        }
        for (task, count) in saved.arrived {
            let (columns, rows) = (&level_assembler.axes.columns, &level_assembler.axes.rows);
            if task.0 as usize >= columns.tasks.len() || task.1 as usize >= rows.tasks.len() {
                return None;
            }
            level_assembler.arrived.insert(task, count);
        }
        Some(level_assembler)
    }

    /// Whether nothing is held and no task waits: so it is when all pieces have come.
    pub fn is_empty(&self) -> bool {
        self.held.is_empty() && self.arrived.is_empty()
    }

    /// The pieces of a task; lets go of those that no further task uses.
    fn collect(&mut self, task: (u32, u32)) -> Vec<Arc<Block>> {
        let columns = self.axes.columns.pieces[task.0 as usize].clone();
        let rows = self.axes.rows.pieces[task.1 as usize].clone();
        let mut pieces = Vec::with_capacity(columns.len() * rows.len());
        for row in rows {
            for column in columns.clone() {
                let Some(held) = self.held.get_mut(&(column, row)) else { continue };
                pieces.push(Arc::clone(&held.piece));
                held.users -= 1;
                if held.users == 0 {
                    self.held.remove(&(column, row));
                } else {
                    self.trim((column, row), task);
                }
            }
        }
        pieces
    }

    /// Of a piece that `task` has just used, keeps the rows and columns of pixels that the tasks that are still to come need.
    fn trim(&mut self, (column, row): (u32, u32), task: (u32, u32)) {
        let (columns, rows) = (&self.axes.columns, &self.axes.rows);
        let (column_users, row_users) = (columns.users[column as usize].clone(), rows.users[row as usize].clone());
        let Some(held) = self.held.get_mut(&(column, row)) else { return };
        let rect = held.piece.rect;
        // Tasks of later stripes alone: then what is left of them has been used.
        let stripe = self.axes.stripe_of_piece[column as usize];
        let is_later = |task: u32| self.axes.stripe_of_task[task as usize] > stripe;
        let left = column_users
            .clone()
            .find(|&task| is_later(task))
            .filter(|first_later| held.users == (column_users.end - first_later) * row_users.len() as u32);
        let left = left.map_or(0, |first_later| columns.tasks[first_later as usize].wanted.start);
        // Pieces come in an order in which none comes before one to the left of it and above, and so do tasks. With the rightmost task of a
        // row, all that use the piece in this row and above are done.
        let below = task.1 + 1..row_users.end;
        let top = if task.0 + 1 == column_users.end && !below.is_empty() {
            debug_assert!(held.users as usize <= column_users.len() * below.len(), "tasks out of order");
            rows.tasks[below.start as usize].wanted.start
        } else {
            0
        };
        // To copy most of a piece for the sake of a few rows would cost more than they.
        let top = if 4 * rect.rows().end.saturating_sub(top) > rect.size().height() { 0 } else { top };
        if left <= rect.columns().start && top <= rect.rows().start {
            return;
        }
        let columns = left.max(rect.columns().start)..rect.columns().end;
        if let Some(kept) = Rect::spanning(columns, top.max(rect.rows().start)..rect.rows().end) {
            let content = match &held.piece.content {
                Content::Blank => Content::Blank,
                Content::Pixels(pixels) => Content::Pixels(pixels.cropped(relative_to(kept, rect.origin()))),
            };
            held.piece = Arc::new(Block { rect: kept, content });
        }
    }
}

/// How many pixels of all levels wait for the next stripe, along the whole height, when columns before `end` of the full size have
/// come, with a reduction of this `margin`.
pub(crate) fn waiting_pixels(plan: &PyramidPlan, margin: u32, end: u32) -> u64 {
    let tile_size = plan.geometry().tile_size();
    let before = plan.geometry().overlap().max(margin);
    let after = after_tile(plan, margin);
    let mut waiting = 0;
    let mut end = end;
    for level in plan.levels().rev() {
        let (size, tiles) = (plan.level_size(level), plan.grid(level).width());
        let complete = if end >= size.width() { tiles } else { end.saturating_sub(after) / tile_size };
        if complete < tiles {
            let kept_from = (complete * tile_size).saturating_sub(before);
            waiting += u64::from(end.saturating_sub(kept_from)) * u64::from(size.height());
        }
        end = end.saturating_sub(margin) / 2;
    }
    waiting
}

/// How many pixels a tile wants after its core: its overlap, or what is reduced with it: with an odd tile size a pixel more than the core,
/// and the reduction's margin.
pub(crate) fn after_tile(plan: &PyramidPlan, margin: u32) -> u32 {
    plan.geometry().overlap().max(plan.geometry().tile_size() % 2 + margin)
}
