//! `--dry-run` prints the plan and writes nothing.

use std::fs;

use crate::deep_zoom::DeepZoom;
use crate::slides::{self, LARGE_SIZE, SIZE, WriteInto};
use crate::workspace::Workspace;

/// The rows of the table of levels: level, size, grid, tiles.
fn levels(text: &str) -> Vec<[String; 4]> {
    text.lines()
        .filter_map(|line| {
            let words: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
            <[String; 4]>::try_from(words).ok().filter(|words| words[0].parse::<u32>().is_ok())
        })
        .collect()
}

#[test]
fn prints_the_plan_and_writes_nothing() {
    let workspace = Workspace::new();
    slides::aperio().write_into(&workspace, "scan.svs");
    slides::large().write_into(&workspace, "large.tif");
    for (slide, size, tile_size, overlap) in
        [("scan.svs", SIZE, 254, 1), ("scan.svs", SIZE, 101, 3), ("large.tif", LARGE_SIZE, 256, 0)]
    {
        let plan = DeepZoom::new(size).with_tiles(tile_size, overlap);
        let cut = [
            "--tile-size".to_owned(),
            tile_size.to_string(),
            "--overlap".to_owned(),
            overlap.to_string(),
        ];
        let mut command = workspace.command(["export", slide, "-o", "out", "--dry-run"]);
        let run = crate::workspace::Run::of(command.args(cut)).succeeds();
        assert!(run.stderr.is_empty(), "{run:?}");
        assert!(run.text().contains(&format!("{slide} → out")), "{run:?}");
        let tiles = format!(
            "{} of {tile_size}, overlap {overlap}, JPEG quality 80 4:2:0",
            plan.tiles().len()
        );
        assert!(run.text().contains(&tiles), "{tiles}: {run:?}");

        let expected: Vec<[String; 4]> = (0..=plan.max_level())
            .rev()
            .map(|level| {
                let ((width, height), (columns, rows)) = (plan.level_size(level), plan.grid(level));
                let tiles = (columns * rows).to_string();
                [level.to_string(), format!("{width}×{height}"), format!("{columns}×{rows}"), tiles]
            })
            .collect();
        assert_eq!(levels(run.text()), expected);
    }
    assert_eq!(workspace.names(), ["large.tif", "scan.svs"]);
}

#[test]
fn shows_associated_images_and_background() {
    let workspace = Workspace::new();
    slides::aperio().write_into(&workspace, "scan.svs");
    let plan = |options: &[&str]| {
        let run = workspace.export([&["scan.svs", "--dry-run"], options].concat()).succeeds();
        run.text().to_owned()
    };
    let has = |text: &str, label: &str, value: &str| {
        text.lines().any(|line| {
            line.trim_start().strip_prefix(label).is_some_and(|rest| rest.trim() == value)
        })
    };
    let default = plan(&[]);
    assert!(
        has(&default, "associated", "thumbnail") && has(&default, "background", "ffffff"),
        "{default}"
    );
    let asked = plan(&["--associated", "all", "--background", "102030"]);
    assert!(
        has(&asked, "associated", "label, macro, thumbnail") && has(&asked, "background", "102030"),
        "{asked}"
    );
    assert!(has(&plan(&["--associated", "none"]), "associated", "none"));
}

#[test]
fn plans_each_of_several_slides() {
    let workspace = Workspace::new();
    slides::small().write_into(&workspace, "in/a.tif");
    slides::small().write_into(&workspace, "in/b.tif");
    let run = workspace.export(["in", "-o", "out", "--dry-run"]).succeeds();
    assert!(
        run.text().contains("in/a.tif → out/a") && run.text().contains("in/b.tif → out/b"),
        "{run:?}"
    );
    assert_eq!(workspace.names(), ["in"]);
}

#[test]
fn keeps_existing_exports() {
    let workspace = Workspace::new();
    slides::small().write_into(&workspace, "scan.tif");
    workspace.export(["scan.tif"]).succeeds();
    fs::create_dir(workspace.path(".scan.partial")).unwrap();
    let before = workspace.tree("");
    workspace.export(["scan.tif", "--dry-run", "--overwrite"]).succeeds();
    workspace.tree("").assert_same(&before);
}
