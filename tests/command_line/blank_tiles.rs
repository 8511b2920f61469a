//! `--blank skip` and `share`: the tests find the blank tiles in an export that has all of them.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::MetadataExt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use slidezoom_fixtures::{Pattern, SlideBuilder, TileFault};

use crate::deep_zoom::{DeepZoom, Tile};
use crate::rgb_image::RgbImage;
use crate::slides::{self, WriteInto};
use crate::tree::Tree;
use crate::workspace::Workspace;

const SIZE: (u32, u32) = (1500, 1100);
const GRAY: [u8; 3] = [128, 128, 128];

fn plan() -> DeepZoom {
    DeepZoom::new(SIZE).with_tiles(100, 1)
}

/// A slide of which only a small part was scanned.
fn sparse() -> SlideBuilder {
    slides::exact(SIZE, Pattern::Gradient).tile_size(64, 64).scanned_percent(12)
}

const PNG: [&str; 8] =
    ["--format", "png", "--tile-size", "100", "--background", "808080", "--bounds", "full"];

fn export(workspace: &Workspace, output: &str, options: &[&str]) -> Tree {
    workspace.export([&["scan.tiff", "-o", output][..], &PNG, options].concat()).succeeds();
    workspace.slidezoom(["verify", output]).succeeds();
    workspace.tree(output)
}

/// The largest difference between a tile's pixels and the background.
fn difference(tree: &Tree, tile: &Tile) -> u8 {
    let image = RgbImage::from_png(tree.file(&format!("dense_files/{}", tile.file("png"))));
    let (width, height) = image.size();
    let pixels = (0..height).flat_map(|y| (0..width).map(move |x| (x, y)));
    let of_pixel = |(x, y)| {
        image.pixel(x, y).iter().zip(GRAY).map(|(found, gray)| found.abs_diff(gray)).max().unwrap()
    };
    pixels.map(of_pixel).max().unwrap()
}

/// The numbers of the tiles that a description lists as blank.
fn named(description: &serde_json::Value) -> BTreeSet<usize> {
    let Some(text) = description["blankTiles"].as_str() else { return BTreeSet::new() };
    let bits = STANDARD.decode(text).unwrap();
    (0..bits.len() * 8).filter(|bit| bits[bit / 8] >> (7 - bit % 8) & 1 == 1).collect()
}

#[test]
fn skips_only_tiles_of_plain_background() {
    let workspace = Workspace::new();
    sparse().write_into(&workspace, "scan.tiff");
    let dense = export(&workspace, "dense", &[]);
    let plan = plan();
    let differences: Vec<u8> = plan.tiles().iter().map(|tile| difference(&dense, tile)).collect();
    for tolerance in [0, 1, 40, 255] {
        let output = format!("skip-{tolerance}");
        let option = if tolerance == 0 { "skip".to_owned() } else { format!("skip={tolerance}") };
        let tree = export(&workspace, &output, &["--blank", &option]);
        let description = tree.json(&format!("{output}.json"));
        let skipped = named(&description);
        let mut expected = BTreeSet::new();
        for (number, tile) in plan.tiles().iter().enumerate() {
            let file = format!("{output}_files/{}", tile.file("png"));
            let exists = tree.files().contains(&file.as_str());
            if plan.grid(tile.level) != (1, 1) && differences[number] <= tolerance {
                expected.insert(number);
                assert!(!exists, "{file} exists, but differs only by {}", differences[number]);
            } else {
                assert!(
                    tree.file(&file) == dense.file(&format!("dense_files/{}", tile.file("png"))),
                    "{file}"
                );
            }
        }
        assert_eq!(skipped, expected, "tolerance {tolerance}");
        assert_eq!(description["skippedTiles"], expected.len());
        assert_eq!(description["options"]["blankTiles"]["skip"], tolerance);
        assert!(tree.text(&format!("{output}.dzi")).contains("<DisplayRects>"));
        // The test would prove nothing if no tile were blank.
        assert!(
            expected.len() > plan.tiles().len() / 2,
            "{} of {}",
            expected.len(),
            plan.tiles().len()
        );
    }
    assert!(
        differences.iter().any(|&difference| (1..40).contains(&difference)),
        "tolerances make a difference"
    );
    assert!(
        named(&dense.json("dense.json")).is_empty()
            && !dense.text("dense.dzi").contains("DisplayRects")
    );
}

#[test]
fn skips_the_same_tiles_with_any_jobs_and_container() {
    let workspace = Workspace::new();
    sparse().write_into(&workspace, "scan.tiff");
    for policy in ["skip", "share=3"] {
        let export = |output: &str, jobs: &str| {
            workspace
                .export(
                    [
                        &["scan.tiff", "-o", output, "--blank", policy, "--jobs", jobs][..],
                        &PNG,
                        &["--overlap", "0"],
                    ]
                    .concat(),
                )
                .succeeds();
            workspace.slidezoom(["verify", output]).succeeds();
        };
        let of = |container: &str| {
            format!("{}-{container}", policy.split_once('=').map_or(policy, |(word, _)| word))
        };
        for jobs in ["1", "7"] {
            export(&of(&format!("{jobs}/scan")), jobs);
            export(&of(&format!("{jobs}/scan.zip")), jobs);
        }
        workspace.tree(of("1/scan")).assert_same(&workspace.tree(of("7/scan")));
        let archives = ["1", "7"]
            .map(|jobs| fs::read(workspace.path(of(&format!("{jobs}/scan.zip")))).unwrap());
        assert!(archives[0] == archives[1]);
        for (from, to) in
            [("1/scan.zip", "again/scan"), ("again/scan", "again.zip"), ("1/scan", "other.zip")]
        {
            workspace.slidezoom(["repack", &of(from), "-o", &of(to)]).succeeds();
            workspace.slidezoom(["verify", &of(to)]).succeeds();
        }
        workspace.tree(of("again/scan")).assert_same(&workspace.tree(of("1/scan")));
        let archives = ["again.zip", "other.zip"]
            .map(|archive| fs::read(workspace.path(of(archive))).unwrap());
        assert!(archives[0] == archives[1]);
    }
}

#[test]
fn shared_tiles_are_hard_links_with_the_usual_contents() {
    let workspace = Workspace::new();
    sparse().write_into(&workspace, "scan.tiff");
    let dense = export(&workspace, "dense", &[]);
    export(&workspace, "share", &["--blank", "share"]);
    let mut inodes: BTreeMap<u64, (u64, Vec<u8>)> = BTreeMap::new();
    for tile in plan().tiles() {
        let path = workspace.path(format!("share/share_files/{}", tile.file("png")));
        let (found, contents) = (fs::metadata(&path).unwrap(), fs::read(&path).unwrap());
        assert!(contents == dense.file(&format!("dense_files/{}", tile.file("png"))), "{tile:?}");
        let (names, first) = inodes.entry(found.ino()).or_insert_with(|| (0, contents.clone()));
        assert!(*first == contents && difference(&dense, &tile) == 0 || *names == 0);
        *names += 1;
    }
    let blank = plan().tiles().iter().filter(|tile| difference(&dense, tile) == 0).count() as u64;
    let sharing: Vec<u64> =
        inodes.values().map(|(names, _)| *names).filter(|&names| names > 1).collect();
    assert!(sharing.iter().sum::<u64>() > blank * 9 / 10, "{sharing:?} of {blank} blank tiles");
}

#[test]
fn verify_reports_changes_of_sparse_exports() {
    let workspace = Workspace::new();
    sparse().write_into(&workspace, "scan.tiff");
    export(&workspace, "skip", &["--blank", "skip"]);
    let names: Vec<String> =
        plan().tiles().iter().map(|tile| format!("skip_files/{}", tile.file("png"))).collect();
    let (present, skipped): (Vec<_>, Vec<_>) =
        names.iter().partition(|name| workspace.path("skip").join(name).exists());
    let assert_reported = |words: &[&str]| {
        let run = workspace.slidezoom(["verify", "skip"]);
        assert_eq!(run.code(), Some(5), "{run:?}");
        assert!(words.iter().all(|word| run.text().contains(word)), "{words:?} in {run:?}");
    };
    // A tile that the description lists as blank exists.
    let unexpected = workspace.path("skip").join(skipped[0]);
    fs::copy(workspace.path("skip").join(present[0]), &unexpected).unwrap();
    assert_reported(&[skipped[0], "does not belong"]);
    fs::remove_file(unexpected).unwrap();
    // A tile that is not blank is missing.
    let last = workspace.path("skip").join(present[present.len() - 1]);
    let contents = fs::read(&last).unwrap();
    fs::remove_file(&last).unwrap();
    assert_reported(&[present[present.len() - 1], "missing"]);
    fs::write(&last, contents).unwrap();
    // The description lists other tiles.
    let path = workspace.path("skip/skip.json");
    let original = fs::read_to_string(&path).unwrap();
    let bits = serde_json::from_str::<serde_json::Value>(&original).unwrap()["blankTiles"]
        .as_str()
        .unwrap()
        .to_owned();
    let mut more = STANDARD.decode(&bits).unwrap();
    more[0] |= 0x80;
    for (changed, words) in [
        (STANDARD.encode(&more), "tiles were skipped"),
        ("AAAA".to_owned(), "one bit for each of"),
        ("no base64".to_owned(), "is not base64"),
    ] {
        fs::write(&path, original.replace(&bits, &changed)).unwrap();
        assert_reported(&["skip.json", words]);
    }
    fs::write(&path, &original).unwrap();
    workspace.slidezoom(["verify", "skip"]).succeeds();
}

/// Missing native tiles cannot be copied.
#[test]
fn lossless_exports_skip_missing_native_tiles() {
    let workspace = Workspace::new();
    let missing = [(0, 0), (3, 2), (4, 4)];
    let slide = SlideBuilder::new(320, 320).tile_size(64, 64).pattern(Pattern::Tissue { seed: 1 });
    let slide = missing
        .iter()
        .fold(slide, |slide, &(column, row)| slide.tile_fault(0, column, row, TileFault::Missing));
    slide.write_into(&workspace, "scan.tiff");
    workspace.export(["scan.tiff", "--lossless", "--blank", "skip", "-o", "lossless"]).succeeds();
    workspace.slidezoom(["verify", "lossless"]).succeeds();
    let tree = workspace.tree("lossless");
    for row in 0..5 {
        for column in 0..5 {
            let file = format!("lossless_files/9/{column}_{row}.jpeg");
            assert_eq!(
                tree.files().contains(&file.as_str()),
                !missing.contains(&(column, row)),
                "{file}"
            );
        }
    }
    // The last tile is in the corner. Two smaller levels show only that tile in their corner.
    let smaller = ["lossless_files/8/2_2.jpeg", "lossless_files/7/1_1.jpeg"];
    assert!(smaller.iter().all(|file| !tree.files().contains(file)));
    assert_eq!(tree.json("lossless.json")["skippedTiles"], missing.len() + smaller.len());
}

#[test]
fn rejects_conflicting_blank_tile_options() {
    let workspace = Workspace::new();
    sparse().write_into(&workspace, "scan.tiff");
    for wrong in ["drop", "keep=1", "skip=", "skip=256", "skip=-1", "share=x"] {
        let refused = workspace.export(["scan.tiff", "--blank", wrong]).reports(&["--blank"]);
        assert_eq!(refused.code(), Some(2), "{wrong}");
    }
    workspace
        .export(["scan.tiff", "-o", "x.szi", "--blank", "skip"])
        .fails(2, &["a .szi must contain all tiles"]);
    workspace.export(["scan.tiff", "-o", "x.szi", "--blank", "share"]).succeeds();
}
