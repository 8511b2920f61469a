//! The pyramid's arithmetic: properties of every size, and counts of openslide-python.

use proptest::prelude::*;
use slidezoom::internals::geometry::{Rect, Size};
use slidezoom::internals::pyramid::{PyramidPlan, TileGeometry};

fn plan(width: u32, height: u32, tile_size: u32, overlap: u32) -> PyramidPlan {
    PyramidPlan::new(
        Size::new(width, height).unwrap(),
        TileGeometry::new(tile_size, overlap).unwrap(),
    )
}

/// Multiples of the tile size and their neighbors, single pixels, and any length.
fn lengths(tile_size: u32) -> impl Strategy<Value = u32> {
    prop_oneof![
        Just(1),
        (1..6_u32, -1..=1_i32)
            .prop_map(move |(tiles, off)| (tiles * tile_size).saturating_add_signed(off).max(1)),
        1..3000_u32,
    ]
}

fn plans() -> impl Strategy<Value = PyramidPlan> {
    (2..300_u32)
        .prop_flat_map(|tile_size| {
            (Just(tile_size), 0..tile_size.min(20), lengths(tile_size), lengths(tile_size))
        })
        .prop_map(|(tile_size, overlap, width, height)| plan(width, height, tile_size, overlap))
}

proptest! {
    #[test]
    fn levels_halve_rounding_up_down_to_one_pixel(plan in plans()) {
        let sizes: Vec<Size> = plan.levels().map(|level| plan.level_size(level)).collect();
        prop_assert_eq!(sizes[0], Size::new(1, 1).unwrap());
        prop_assert_eq!(*sizes.last().unwrap(), plan.size());
        for pair in sizes.windows(2) {
            prop_assert_eq!(pair[0], pair[1].halved());
            prop_assert!(pair[1].area() > 1);
        }
    }

    #[test]
    fn tiles_without_overlap_partition_each_level(plan in plans()) {
        for level in plan.levels() {
            let (size, grid) = (plan.level_size(level), plan.grid(level));
            let mut area = 0;
            let mut expected_x = 0;
            for column in 0..grid.width() {
                let core = plan.region(plan.tile(level, column, 0).unwrap()).core;
                prop_assert_eq!(core.columns().start, expected_x);
                expected_x = core.columns().end;
            }
            prop_assert_eq!(expected_x, size.width());
            let mut expected_y = 0;
            for row in 0..grid.height() {
                let core = plan.region(plan.tile(level, 0, row).unwrap()).core;
                prop_assert_eq!(core.rows().start, expected_y);
                expected_y = core.rows().end;
                area += core.size().area() / u64::from(core.size().width()) * u64::from(size.width());
            }
            prop_assert_eq!(expected_y, size.height());
            prop_assert_eq!(area, size.area());
            prop_assert_eq!(plan.tile(level, grid.width(), 0), None);
            prop_assert_eq!(plan.tile(level, 0, grid.height()), None);
        }
    }

    #[test]
    fn overlap_is_on_interior_edges_and_clipped(plan in plans(), column in any::<prop::sample::Index>(), row in any::<prop::sample::Index>()) {
        let overlap = plan.geometry().overlap();
        for level in plan.levels() {
            let grid = plan.grid(level);
            let tile = plan.tile(level, column.index(grid.width() as usize) as u32, row.index(grid.height() as usize) as u32).unwrap();
            let region = plan.region(tile);
            let whole = Rect::of(plan.level_size(level));
            let grown = |range: std::ops::Range<u32>, limit: u32| range.start.saturating_sub(overlap)..(range.end + overlap).min(limit);
            prop_assert_eq!(region.full.columns(), grown(region.core.columns(), whole.columns().end));
            prop_assert_eq!(region.full.rows(), grown(region.core.rows(), whole.rows().end));
        }
    }
}

#[test]
fn counts_match_openslide_python() {
    let table = include_str!("../../fixtures/deep-zoom-generator.csv");
    let mut lines = 0;
    for line in table.lines().filter(|line| !line.starts_with('#')).skip(1) {
        let fields: Vec<u32> = line.split(',').map(|field| field.parse().unwrap()).collect();
        let [
            width,
            height,
            tile_size,
            overlap,
            levels,
            level,
            level_width,
            level_height,
            columns,
            rows,
            ..,
        ] = fields[..]
        else {
            panic!("{line}")
        };
        let plan = plan(width, height, tile_size, overlap);
        assert_eq!(plan.levels().len() as u32, levels, "{line}");
        let level = plan.level(level).unwrap();
        assert_eq!(plan.level_size(level), Size::new(level_width, level_height).unwrap(), "{line}");
        assert_eq!(plan.grid(level), Size::new(columns, rows).unwrap(), "{line}");
        let size_at =
            |column: u32, row: u32| plan.region(plan.tile(level, column, row).unwrap()).full.size();
        let widths = [0, 1.min(columns - 1), columns - 1].map(|column| size_at(column, 0).width());
        let heights = [0, 1.min(rows - 1), rows - 1].map(|row| size_at(0, row).height());
        assert_eq!(widths[..], fields[10..13], "{line}");
        assert_eq!(heights[..], fields[13..16], "{line}");
        lines += 1;
    }
    assert!(lines > 2000, "{lines} lines");
}

#[test]
fn nothing_overflows_at_the_largest_size() {
    let plan = plan(u32::MAX, u32::MAX, 2, 1);
    assert_eq!(plan.levels().len(), 33);
    assert_eq!(plan.level_tile_count(plan.max_level()), (1 << 31) * (1 << 31));
    let last = plan.tile(plan.max_level(), (1 << 31) - 1, (1 << 31) - 1).unwrap();
    assert_eq!(plan.region(last).full.columns(), u32::MAX - 2..u32::MAX);
}
