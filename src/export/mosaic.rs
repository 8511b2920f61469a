//! The pieces of one level that are in memory, and the tiles that they complete.
//!
//! A level is cut into pieces in two ways: those that pixels arrive in (stored tiles at the full size, reduced cores below)
//! and the tiles that are to be written, which overlap. A [`Mosaic`] takes pieces as they come, tells which tiles
//! have all of theirs, and lets go of a piece with the last tile that uses it. What always holds: pieces partition
//! the level; each is given once; each tile is reported once.
//!
//! Where a stripe of the reading order ends, pieces wait for a whole column of the slide. Only the columns of pixels that the next
//! stripe still needs of them are kept.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

use crate::geometry::Rect;
use crate::pyramid::{Level, PyramidPlan};
use crate::render::{Pixels, relative_to};

/// Some pixels of a level and where they lie in it.
#[derive(Clone, Debug)]
pub(super) struct Piece {
    pub rect: Rect,
    pub pixels: Pixels,
}

/// One axis of a level: where pieces end, which pixels each tile takes, and who needs whom.
#[derive(Debug)]
pub(super) struct Axis {
    /// Where pieces begin, and after the last of them the level's length.
    edges: Vec<u32>,
    /// By tile: its pixels with overlap, and those that its reduction takes.
    wanted: Vec<Range<u32>>,
    /// By tile: its pieces.
    pieces: Vec<Range<u32>>,
    /// By piece: the tiles that use it.
    users: Vec<Range<u32>>,
}

impl Axis {
    /// `wanted` by tile, each range within the edges, ascending.
    fn new(edges: Vec<u32>, wanted: Vec<Range<u32>>) -> Self {
        let pieces: Vec<Range<u32>> = wanted
            .iter()
            .map(|range| {
                let first = edges.partition_point(|&edge| edge <= range.start) - 1;
                let end = edges.partition_point(|&edge| edge < range.end);
                first as u32..end as u32
            })
            .collect();
        let mut users = vec![0..0; edges.len() - 1];
        for (tile, range) in pieces.iter().enumerate() {
            let tile = tile as u32;
            for users in &mut users[range.start as usize..range.end as usize] {
                *users = if users.start == users.end { tile..tile + 1 } else { users.start..tile + 1 };
            }
        }
        Self { edges, wanted, pieces, users }
    }

    fn piece(&self, index: u32) -> Range<u32> {
        self.edges[index as usize]..self.edges[index as usize + 1]
    }
}

/// The two axes of every level, smallest level first, and by column which stripe completes it.
pub(super) struct LevelAxes {
    pub columns: Axis,
    pub rows: Axis,
    /// By column of pieces: the stripe in which they come.
    stripe_of_piece: Vec<u32>,
    /// By column of tiles: the stripe in which they are complete.
    stripe_of_tile: Vec<u32>,
}

/// Where the pieces of one axis of the next smaller level begin: at the reduced cores of this level's tiles. With an odd tile size
/// the pair of pixels at a core's end belongs to the tile that its first pixel is in; the last piece may then be empty.
pub(super) fn reduced_edges(tile_size: u32, tiles: u32, reduced_length: u32) -> Vec<u32> {
    (0..tiles).map(|tile| reduced_edge(tile_size, tile, reduced_length)).chain([reduced_length]).collect()
}

fn reduced_edge(tile_size: u32, tile: u32, reduced_length: u32) -> u32 {
    (u64::from(tile) * u64::from(tile_size)).div_ceil(2).min(u64::from(reduced_length)) as u32
}

/// The pixels of a core that its tile reduces, on one axis: whole pairs, as [`reduced_edges`] deals them out.
fn reduction_source(reduced: &Range<u32>, length: u32) -> Range<u32> {
    2 * reduced.start..(2 * reduced.end).min(length)
}

/// The part of a tile's level that its reduction takes, and what comes of it in the next smaller level. `None` for the smallest
/// level, and for a tile whose reduced core is empty.
pub(super) fn reduction(plan: &PyramidPlan, level: Level, column: u32, row: u32) -> Option<(Rect, Rect)> {
    let size = plan.level_size(level);
    let reduced = plan.level_size(level.smaller()?);
    let axis = |tile: u32, length: u32| {
        let edge = |tile| reduced_edge(plan.geometry().tile_size(), tile, length);
        edge(tile)..edge(tile + 1)
    };
    let columns = axis(column, reduced.width());
    let rows = axis(row, reduced.height());
    let source = Rect::spanning(reduction_source(&columns, size.width()), reduction_source(&rows, size.height()))?;
    Some((source, Rect::spanning(columns, rows)?))
}

/// The axes of all levels for a source that is read in chunks with these edges, `stripe_of_column` by column of chunks.
pub(super) fn level_axes(
    plan: &PyramidPlan,
    chunk_columns: &[u32],
    chunk_rows: &[u32],
    stripe_of_column: Vec<u32>,
) -> Vec<LevelAxes> {
    let tile_size = plan.geometry().tile_size();
    let mut levels = Vec::new();
    let (mut columns, mut rows) = (chunk_columns.to_vec(), chunk_rows.to_vec());
    let mut stripe_of_piece = stripe_of_column;
    for level in plan.levels().rev() {
        let (size, grid) = (plan.level_size(level), plan.grid(level));
        let reduced = size.halved();
        let next_columns = reduced_edges(tile_size, grid.width(), reduced.width());
        let next_rows = reduced_edges(tile_size, grid.height(), reduced.height());
        let axis = |edges: Vec<u32>, reduced: &[u32], length: u32| {
            let overlap = plan.geometry().overlap();
            let wanted = reduced.windows(2).zip((0..length).step_by(tile_size as usize)).map(|(reduced, start)| {
                let end = (start + tile_size).min(length);
                let source = reduction_source(&(reduced[0]..reduced[1]), length);
                let first = start.saturating_sub(overlap).min(source.start);
                first..(end + overlap).min(length).max(source.end)
            });
            let wanted = wanted.collect();
            Axis::new(edges, wanted)
        };
        let columns_axis = axis(columns, &next_columns, size.width());
        let stripe_of_tile: Vec<u32> =
            columns_axis.pieces.iter().map(|pieces| stripe_of_piece[pieces.end as usize - 1]).collect();
        levels.push(LevelAxes {
            rows: axis(rows, &next_rows, size.height()),
            columns: columns_axis,
            stripe_of_piece,
            stripe_of_tile: stripe_of_tile.clone(),
        });
        (columns, rows, stripe_of_piece) = (next_columns, next_rows, stripe_of_tile);
    }
    levels.reverse();
    levels
}

/// A tile that has all of its pieces.
pub(super) struct CompleteTile {
    pub column: u32,
    pub row: u32,
    pub pieces: Vec<Arc<Piece>>,
}

struct Held {
    piece: Arc<Piece>,
    /// How many of the tiles that use it are still to come.
    users: u32,
}

/// The pieces of one level that have come and are still needed.
pub(super) struct Mosaic {
    axes: LevelAxes,
    held: HashMap<(u32, u32), Held>,
    /// By tile: how many of its pieces have come. Tiles without any, or with all, are not in here.
    arrived: HashMap<(u32, u32), u32>,
}

impl Mosaic {
    pub fn new(axes: LevelAxes) -> Self {
        Self { axes, held: HashMap::new(), arrived: HashMap::new() }
    }

    /// The rectangle of a piece; `None` where it is empty.
    pub fn piece_rect(&self, column: u32, row: u32) -> Option<Rect> {
        Rect::spanning(self.axes.columns.piece(column), self.axes.rows.piece(row))
    }

    /// Takes a piece; returns the tiles that it completes.
    pub fn insert(&mut self, column: u32, row: u32, piece: Piece) -> Vec<CompleteTile> {
        let tile_columns = self.axes.columns.users[column as usize].clone();
        let tile_rows = self.axes.rows.users[row as usize].clone();
        let users = (tile_columns.len() * tile_rows.len()) as u32;
        self.held.insert((column, row), Held { piece: Arc::new(piece), users });
        let mut complete = Vec::new();
        for tile_row in tile_rows {
            for tile_column in tile_columns.clone() {
                let tile = (tile_column, tile_row);
                let needed = self.axes.columns.pieces[tile_column as usize].len()
                    * self.axes.rows.pieces[tile_row as usize].len();
                let arrived = self.arrived.entry(tile).or_insert(0);
                *arrived += 1;
                if *arrived as usize == needed {
                    self.arrived.remove(&tile);
                    let pieces = self.collect(tile);
                    complete.push(CompleteTile { column: tile_column, row: tile_row, pieces });
                }
            }
        }
        complete
    }

    /// Whether nothing is held and no tile waits: so it is when all pieces have come.
    pub fn is_empty(&self) -> bool {
        self.held.is_empty() && self.arrived.is_empty()
    }

    /// The pieces of a tile; lets go of those that no further tile uses.
    fn collect(&mut self, tile: (u32, u32)) -> Vec<Arc<Piece>> {
        let columns = self.axes.columns.pieces[tile.0 as usize].clone();
        let rows = self.axes.rows.pieces[tile.1 as usize].clone();
        let mut pieces = Vec::with_capacity(columns.len() * rows.len());
        for row in rows {
            for column in columns.clone() {
                let Some(held) = self.held.get_mut(&(column, row)) else { continue };
                pieces.push(Arc::clone(&held.piece));
                held.users -= 1;
                if held.users == 0 {
                    self.held.remove(&(column, row));
                } else {
                    self.trim(column, row);
                }
            }
        }
        pieces
    }

    /// Where only tiles of later stripes still use a piece, keeps the columns of pixels that those need.
    fn trim(&mut self, column: u32, row: u32) {
        let stripe = self.axes.stripe_of_piece[column as usize];
        let users = self.axes.columns.users[column as usize].clone();
        let Some(first_later) = users.clone().find(|&tile| self.axes.stripe_of_tile[tile as usize] > stripe) else {
            return;
        };
        let later = (users.end - first_later) * self.axes.rows.users[row as usize].len() as u32;
        let from = self.axes.columns.wanted[first_later as usize].start;
        let Some(held) = self.held.get_mut(&(column, row)) else { return };
        let rect = held.piece.rect;
        if held.users != later || from <= rect.columns().start {
            return;
        }
        if let Some(kept) = Rect::spanning(from..rect.columns().end, rect.rows()) {
            let pixels = held.piece.pixels.cropped(relative_to(kept, rect.origin()));
            held.piece = Arc::new(Piece { rect: kept, pixels });
        }
    }
}

/// How many columns of pixels of each level, smallest first, wait for the next stripe when columns before `complete` of the full
/// size have come.
pub(super) fn waiting_columns(plan: &PyramidPlan, complete: u32) -> Vec<u32> {
    let (tile_size, overlap) = (plan.geometry().tile_size(), plan.geometry().overlap());
    let mut waiting = Vec::new();
    let mut complete = complete;
    for level in plan.levels().rev() {
        let (length, tiles) = (plan.level_size(level).width(), plan.grid(level).width());
        // A tile wants its overlap, and with an odd tile size a pixel more than its core for the reduction.
        let after = overlap.max(tile_size % 2);
        let tiles_complete = if complete >= length { tiles } else { complete.saturating_sub(after) / tile_size };
        let kept_from = (tiles_complete * tile_size).saturating_sub(overlap);
        waiting.push(if tiles_complete == tiles { 0 } else { complete.saturating_sub(kept_from) });
        let reduced = length.div_ceil(2);
        complete = if tiles_complete == tiles { reduced } else { reduced_edge(tile_size, tiles_complete, reduced) };
    }
    waiting.reverse();
    waiting
}
