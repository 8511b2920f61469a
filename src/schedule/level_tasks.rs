//! Which blocks of one level have arrived, and which tasks they complete.
//!
//! Blocks partition the level and each arrives once; each task is reported once. A block is kept
//! until its last task has used it, and between tasks it is trimmed to the rows and columns of
//! pixels that the remaining tasks need: usually the row that two tiles share.

use std::collections::HashMap;

use super::axes::{LevelAxes, Reduction};
use crate::geometry::Rect;
use crate::pixels::PIXEL_BYTES;

/// A task whose blocks have all arrived.
#[derive(Debug)]
pub(crate) struct Task {
    pub column: u32,
    pub row: u32,
    /// Whether the tile is to be written.
    pub writes: bool,
    pub reduction: Option<Reduction>,
    pub blocks: Vec<BlockUse>,
}

/// A block that a task uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct BlockUse {
    /// The block's column and row.
    pub place: (u32, u32),
    /// The part that later tasks need, or `None` if no task does.
    pub rest: Option<Rect>,
}

#[derive(Debug)]
struct Held {
    rect: Rect,
    /// The number of tasks that have yet to use the block.
    users: u32,
}

/// The blocks and tasks of one level.
#[derive(Debug)]
pub(crate) struct LevelTasks {
    axes: LevelAxes,
    held: HashMap<(u32, u32), Held>,
    /// For each task, the number of blocks that have arrived, if some but not all have.
    arrived: HashMap<(u32, u32), u32>,
}

impl LevelTasks {
    pub fn new(axes: LevelAxes) -> Self {
        Self { axes, held: HashMap::new(), arrived: HashMap::new() }
    }

    /// The pixels of a block; `None` if it is empty.
    pub fn block_rect(&self, (column, row): (u32, u32)) -> Option<Rect> {
        Rect::spanning(self.axes.columns.block(column), self.axes.rows.block(row))
    }

    /// The reduction of the task in this column and row of tasks.
    pub fn reduction(&self, (column, row): (u32, u32)) -> Option<Reduction> {
        Reduction::new(
            &self.axes.columns.tasks[column as usize],
            &self.axes.rows.tasks[row as usize],
        )
    }

    /// Adds a block and returns the tasks that it completes.
    pub fn insert(&mut self, place: (u32, u32)) -> Vec<Task> {
        let Some(rect) = self.block_rect(place) else { return Vec::new() };
        let task_columns = self.axes.columns.users[place.0 as usize].clone();
        let task_rows = self.axes.rows.users[place.1 as usize].clone();
        let users = (task_columns.len() * task_rows.len()) as u32;
        self.held.insert(place, Held { rect, users });
        let mut complete = Vec::new();
        for task_row in task_rows {
            for task_column in task_columns.clone() {
                let task = (task_column, task_row);
                let needed = self.axes.columns.blocks[task_column as usize].len()
                    * self.axes.rows.blocks[task_row as usize].len();
                let arrived = self.arrived.entry(task).or_insert(0);
                *arrived += 1;
                if *arrived as usize == needed {
                    self.arrived.remove(&task);
                    complete.push(self.complete(task));
                }
            }
        }
        complete
    }

    /// The blocks that are held, and the part of each that is still needed.
    pub fn held(&self) -> impl ExactSizeIterator<Item = ((u32, u32), Rect)> {
        self.held.iter().map(|(&place, held)| (place, held.rect))
    }

    /// The size in bytes of the pixels of all blocks that are held.
    pub fn held_bytes(&self) -> u64 {
        self.held.values().map(|held| held.rect.size().area() * PIXEL_BYTES as u64).sum()
    }

    /// Whether every block has been used and no task waits.
    pub fn is_empty(&self) -> bool {
        self.held.is_empty() && self.arrived.is_empty()
    }

    /// Takes the blocks of a task and drops or trims those that no later task needs whole.
    fn complete(&mut self, task: (u32, u32)) -> Task {
        let columns = self.axes.columns.blocks[task.0 as usize].clone();
        let rows = self.axes.rows.blocks[task.1 as usize].clone();
        let mut blocks = Vec::with_capacity(columns.len() * rows.len());
        for row in rows {
            for place in columns.clone().map(|column| (column, row)) {
                let Some(held) = self.held.get_mut(&place) else { continue };
                held.users -= 1;
                let rest = if held.users == 0 {
                    self.held.remove(&place);
                    None
                } else {
                    self.trim(place, task)
                };
                blocks.push(BlockUse { place, rest });
            }
        }
        let (column, row) =
            (&self.axes.columns.tasks[task.0 as usize], &self.axes.rows.tasks[task.1 as usize]);
        Task {
            column: column.tile,
            row: row.tile,
            writes: column.writes && row.writes,
            reduction: Reduction::new(column, row),
            blocks,
        }
    }

    /// Trims a block that `task` has just used to the part that the remaining tasks need.
    fn trim(&mut self, place: (u32, u32), task: (u32, u32)) -> Option<Rect> {
        let (columns, rows) = (&self.axes.columns, &self.axes.rows);
        let (column_users, row_users) =
            (columns.users[place.0 as usize].clone(), rows.users[place.1 as usize].clone());
        let held = self.held.get_mut(&place)?;
        let rect = held.rect;
        // If only tasks of later stripes remain, the columns on their left are no longer needed.
        let stripe = self.axes.stripe_of_block[place.0 as usize];
        let is_later = |task: u32| self.axes.stripe_of_task[task as usize] > stripe;
        let left = column_users.clone().find(|&task| is_later(task)).filter(|first_later| {
            held.users == (column_users.end - first_later) * row_users.len() as u32
        });
        let left = left.map_or(0, |first_later| columns.tasks[first_later as usize].needed.start);
        // No block arrives before one to its upper left, so tasks are complete in that order too.
        // After the rightmost task of a row, all tasks of this row and above that use the block are
        // done.
        let below = task.1 + 1..row_users.end;
        let top = if task.0 + 1 == column_users.end && !below.is_empty() {
            debug_assert!(
                held.users as usize <= column_users.len() * below.len(),
                "tasks out of order"
            );
            rows.tasks[below.start as usize].needed.start
        } else {
            0
        };
        // Copying most of a block to drop a few rows would cost more than the rows.
        let top =
            if 4 * rect.rows().end.saturating_sub(top) > rect.size().height() { 0 } else { top };
        let columns = left.max(rect.columns().start)..rect.columns().end;
        if let Some(rest) = Rect::spanning(columns, top.max(rect.rows().start)..rect.rows().end) {
            held.rect = rest;
        }
        Some(held.rect)
    }
}
