//! `slidezoom repack`: conversion between containers without a change of tiles, and refusal of
//! damaged exports.

use std::collections::BTreeMap;
use std::fs;

use serde_json::json;
use slidezoom_fixtures::{Pattern, SlideBuilder};

use crate::descriptions::page_description;
use crate::slides::{self, WriteInto};
use crate::tools;
use crate::workspace::{Workspace, names_in};
use crate::zip_file::ZipFile;

/// A workspace with the export `scan` of a slide with a label.
fn exported(options: &[&str]) -> Workspace {
    let workspace = Workspace::new();
    slides::aperio().write_into(&workspace, "scan.svs");
    workspace.export([&["scan.svs"], options].concat()).succeeds();
    workspace
}

/// Options for tiles that a `.szi` can contain.
const SZI_TILES: [&str; 4] = ["--tile-size", "128", "--overlap", "0"];

/// Returns the files of a folder or an archive by their names without the root folder.
fn files(workspace: &Workspace, export: &str) -> BTreeMap<String, Vec<u8>> {
    if workspace.path(export).is_dir() {
        let tree = workspace.tree(export);
        return tree
            .files()
            .iter()
            .map(|&name| (name.to_owned(), tree.file(name).to_vec()))
            .collect();
    }
    let archive = ZipFile::open(&workspace.path(export));
    let relative = |name: &str| name.split_once('/').unwrap().1.to_owned();
    archive
        .entries
        .iter()
        .map(|entry| (relative(&entry.name), archive.file(&entry.name).to_vec()))
        .collect()
}

fn tiles(files: &BTreeMap<String, Vec<u8>>) -> BTreeMap<&str, &[u8]> {
    let named = files.iter().filter_map(|(name, contents)| {
        let (_, tile) = name.split_once("scan_files/")?;
        tile.contains('/').then_some((tile, contents.as_slice()))
    });
    named.collect()
}

#[test]
fn converts_each_container_to_each_other() {
    for format in [
        &["--format", "jpeg"][..],
        &["--format", "png"],
        &["--associated", "all", "--quality", "40"],
    ] {
        let workspace = exported(&[&SZI_TILES[..], format].concat());
        let original = files(&workspace, "scan");
        let containers = [
            ("folder", &[][..]),
            ("bag", &["--container", "bagit"][..]),
            ("a.zip", &[]),
            ("a.szi", &[]),
        ];
        for (from, options) in containers {
            workspace.slidezoom([&["repack", "scan", "-o", from], options].concat()).succeeds();
        }
        for (from, _) in containers {
            for (to, options) in containers {
                let copy = format!("from-{from}/{to}");
                workspace.slidezoom([&["repack", from, "-o", &copy], options].concat()).succeeds();
                workspace.slidezoom(["verify", &copy]).succeeds();
                let found = files(&workspace, &copy);
                assert_eq!(tiles(&found), tiles(&original), "{from} to {to}");
                assert!(!tiles(&found).is_empty());
                // The result does not depend on the containers in between.
                assert!(found == files(&workspace, to), "{from} to {to}");
            }
        }
        // A .szi has no page, but repacking it into a folder restores the page.
        let restored = files(&workspace, "from-a.szi/folder");
        assert_eq!(restored.keys().collect::<Vec<_>>(), original.keys().collect::<Vec<_>>());
        for (name, contents) in &original {
            assert!(name == "manifest-sha256.txt" || restored[name] == *contents, "{name}");
        }
    }
}

#[test]
fn a_szi_from_a_folder_follows_the_specification() {
    let workspace =
        exported(&[&SZI_TILES[..], &["--associated", "label,thumbnail", "--no-viewer"]].concat());
    workspace.slidezoom(["repack", "scan", "-o", "other.szi"]).succeeds();
    let archive = ZipFile::open(&workspace.path("other.szi"));
    let mut names: Vec<&str> = archive.entries.iter().map(|entry| entry.name.as_str()).collect();
    names.retain(|name| !name.contains("_files/"));
    names.sort_unstable();
    assert_eq!(
        names,
        [
            "scan/associated_images/label.jpg",
            "scan/associated_images/thumbnail.jpg",
            "scan/scan-properties.xml",
            "scan/scan.dzi",
            "scan/vendor/slidezoom/manifest-sha256.txt",
            "scan/vendor/slidezoom/scan.json",
            "scan/vendor/slidezoom/tile-index.bin",
        ]
    );
    workspace
        .export(
            [&["scan.svs", "-o", "scan.szi", "--associated", "label,thumbnail"], &SZI_TILES[..]]
                .concat(),
        )
        .succeeds();
    let exported = files(&workspace, "scan.szi");
    let repacked = files(&workspace, "other.szi");
    for name in [
        "scan-properties.xml",
        "vendor/slidezoom/scan.json",
        "associated_images/label.jpg",
        "scan.dzi",
    ] {
        assert!(repacked[name] == exported[name], "{name}");
    }
}

#[test]
fn reports_what_a_szi_cannot_contain() {
    let workspace = exported(&[]);
    let words =
        ["tiles of a .szi cannot overlap (the overlap is 1)", "\nhint: export the slide again"];
    workspace.slidezoom(["repack", "scan", "-o", "out.szi"]).fails(2, &words);
    workspace
        .slidezoom(["repack", "scan", "-o", "out.zip", "--container", "bagit"])
        .fails(2, &["out.zip: the extension does not fit --container"]);

    let workspace = Workspace::new();
    slides::small().no_mpp().write_into(&workspace, "scan.tif");
    workspace.export([&["scan.tif"], &SZI_TILES[..]].concat()).succeeds();
    workspace
        .slidezoom(["repack", "scan", "-o", "out.szi"])
        .fails(2, &["micrometers", "\nhint: set the micrometers per pixel, such as --mpp 0.25"]);
    assert_eq!(workspace.names(), ["scan", "scan.tif"]);
    workspace.slidezoom(["repack", "scan", "-o", "out.szi", "--mpp", "0.5,0.25"]).succeeds();
    // The scale gets into an existing page and into a new one.
    for (from, options) in [("scan", &["--mpp", "0.5,0.25"][..]), ("out.szi", &[])] {
        workspace
            .slidezoom([&["repack", from, "-o", "page", "--overwrite"], options].concat())
            .succeeds();
        let page = workspace.tree("page");
        assert_eq!(page_description(&page), page.json("scan.json"));
        assert_eq!(page_description(&page)["micronsPerPixel"], json!({ "x": 0.5, "y": 0.25 }));
    }
    let szi = files(&workspace, "out.szi");
    assert!(str::from_utf8(&szi["scan-properties.xml"]).unwrap().contains("<value>0.375</value>"));
    let description: serde_json::Value =
        serde_json::from_slice(&szi["vendor/slidezoom/scan.json"]).unwrap();
    assert_eq!(description["micronsPerPixel"], json!({ "x": 0.5, "y": 0.25 }));
}

#[test]
fn never_copies_damaged_exports() {
    let workspace = exported(&SZI_TILES);
    workspace.slidezoom(["repack", "scan", "-o", "scan.zip"]).succeeds();
    let tree = workspace.tree("scan");
    for file in tree.files() {
        let path = workspace.path("scan").join(file);
        let mut contents = tree.file(file).to_vec();
        let middle = contents.len() / 2;
        contents[middle] ^= 16;
        fs::write(&path, contents).unwrap();
        workspace
            .slidezoom(["repack", "scan", "-o", "copy.zip"])
            .fails(5, &["scan: is damaged: ", "slidezoom verify scan"]);
        fs::write(&path, tree.file(file)).unwrap();
    }
    fs::write(workspace.path("scan/unexpected"), "x").unwrap();
    workspace
        .slidezoom(["repack", "scan", "-o", "copy.zip"])
        .fails(5, &["unexpected: does not belong"]);
    fs::remove_file(workspace.path("scan/unexpected")).unwrap();
    let archive = fs::read(workspace.path("scan.zip")).unwrap();
    for position in (0..archive.len()).step_by(archive.len() / 40) {
        let mut flipped = archive.clone();
        flipped[position] ^= 4;
        fs::write(workspace.path("scan.zip"), flipped).unwrap();
        workspace.slidezoom(["repack", "scan.zip", "-o", "copy"]).fails(5, &[]);
    }
    fs::write(workspace.path("scan.zip"), archive).unwrap();
    assert_eq!(workspace.names(), ["scan", "scan.svs", "scan.zip"]);
}

#[test]
fn overwrites_exports_only_with_overwrite() {
    let workspace = exported(&SZI_TILES);
    for output in ["copy", "copy.zip"] {
        workspace.slidezoom(["repack", "scan", "-o", output]).succeeds();
        let before = files(&workspace, output);
        workspace
            .slidezoom(["repack", "scan", "-o", output])
            .fails(4, &["exists already", "--overwrite"]);
        workspace
            .slidezoom(["repack", "scan", "-o", output, "--overwrite", "--no-viewer"])
            .succeeds();
        let after = files(&workspace, output);
        assert!(before.contains_key("index.html") && !after.contains_key("index.html"));
    }
    for inside in
        ["scan", "./scan", "copy/../scan", "scan/copy", "scan/new/copy.zip", "scan/copy.szi"]
    {
        workspace
            .slidezoom(["repack", "scan", "-o", inside, "--overwrite"])
            .fails(2, &["would replace the export or lie in it"]);
    }
    workspace.slidezoom(["verify", "scan"]).succeeds();
    fs::write(workspace.path("letter.zip"), "x").unwrap();
    workspace
        .slidezoom(["repack", "scan", "-o", "letter.zip", "--overwrite"])
        .fails(4, &["is not an export"]);
    workspace.slidezoom(["repack", "none", "-o", "out"]).fails(1, &["none: cannot be opened"]);
    workspace
        .slidezoom(["repack", "letter.zip", "-o", "out"])
        .fails(5, &["letter.zip: not a zip archive"]);
}

/// Exports of libvips have no manifest. Their tiles are decoded while they are copied.
#[test]
fn adds_a_manifest_and_a_page_to_exports_of_other_tools() {
    let workspace = Workspace::new();
    let slide = SlideBuilder::new(700, 500).pattern(Pattern::Tissue { seed: 4 });
    slide.write_into(&workspace, "scan.tif");
    let dzsave = ["dzsave", "scan.tif", "scan", "--overlap", "0", "--tile-size", "100"];
    let Some(run) = tools::run("vips", dzsave, &workspace.path("")) else { return };
    run.succeeds();
    // libvips does not put the descriptor and the tiles into a folder.
    fs::create_dir(workspace.path("vips")).unwrap();
    for name in ["scan.dzi", "scan_files"] {
        fs::rename(workspace.path(name), workspace.path("vips").join(name)).unwrap();
    }
    let original = files(&workspace, "vips");
    for output in ["ours", "ours.zip", "ours.szi"] {
        workspace.slidezoom(["repack", "vips", "-o", output, "--mpp", "0.5"]).succeeds();
        let verified = workspace.slidezoom(["verify", output]).succeeds();
        assert!(verified.text().contains("matches the manifest"), "{verified:?}");
        let found = files(&workspace, output);
        assert_eq!(tiles(&found), tiles(&original));
        assert_eq!(found.contains_key("index.html"), !output.ends_with("szi"));
    }
    assert_eq!(
        page_description(&workspace.tree("ours")),
        json!({
            "name": "scan", "width": 700, "height": 500, "tileSize": 100, "overlap": 0, "format": "jpeg",
            "micronsPerPixel": { "x": 0.5, "y": 0.5 }, "objectivePower": null, "background": "ffffff",
        })
    );
    let tile = workspace.path("vips/scan_files/10/3_2.jpeg");
    fs::write(&tile, &fs::read(&tile).unwrap()[..300]).unwrap();
    workspace
        .slidezoom(["repack", "vips", "-o", "copy"])
        .fails(5, &["scan_files/10/3_2.jpeg: cannot be decoded"]);
    assert!(!names_in(&workspace.path("")).iter().any(|name| name.contains("copy")));
}

/// Tag files that the owner of a bag has changed or added do not fit the copy.
#[test]
fn notes_tag_files_that_are_not_copied() {
    let workspace = exported(&[&SZI_TILES[..], &["--container", "bagit"]].concat());
    let run = workspace.slidezoom(["repack", "scan", "-o", "copy.zip"]).succeeds();
    assert!(!run.stderr.contains("not copied"), "{run:?}");
    let information = workspace.path("scan/bag-info.txt");
    let text = fs::read_to_string(&information).unwrap() + "Source-Organization: Pathology\n";
    fs::write(&information, &text).unwrap();
    fs::write(workspace.path("scan/notes.txt"), "x").unwrap();
    let tags = workspace.path("scan/tagmanifest-sha256.txt");
    let kept = fs::read_to_string(&tags).unwrap();
    let kept =
        kept.lines().filter(|line| !line.ends_with("bag-info.txt")).map(|line| format!("{line}\n"));
    let digest = |contents: &[u8]| slidezoom::internals::key::Digest::of(contents);
    let added = format!("{}  bag-info.txt\n{}  notes.txt\n", digest(text.as_bytes()), digest(b"x"));
    fs::write(&tags, kept.collect::<String>() + &added).unwrap();
    workspace.slidezoom(["verify", "scan"]).succeeds();
    let run = workspace.slidezoom(["repack", "scan", "-o", "copy"]).succeeds();
    run.reports(&["scan: note: bag-info.txt is not copied", "scan: note: notes.txt is not copied"]);
}

#[test]
fn repacks_exports_with_the_extension_of_a_descriptor() {
    let workspace = Workspace::new();
    slides::aperio().write_into(&workspace, "scan.svs");
    workspace.export([&["scan.svs", "-o", "CMU.dzi.dzi"], &SZI_TILES[..]].concat()).succeeds();
    for copy in ["copy.zip", "copy.szi", "copy"] {
        workspace.slidezoom(["repack", "CMU.dzi.dzi", "-o", copy]).succeeds();
        workspace.slidezoom(["verify", copy]).succeeds();
    }
    workspace.slidezoom(["verify", "CMU.dzi.dzi"]).succeeds();
}

/// Exports of other tools may have further files of any size.
#[test]
fn copies_further_files_of_any_size() {
    let workspace = exported(&SZI_TILES);
    for file in ["manifest-sha256.txt", "scan.json", "slide.js", "index.html"] {
        fs::remove_file(workspace.path("scan").join(file)).unwrap();
    }
    fs::remove_dir_all(workspace.path("scan/viewer")).unwrap();
    let long: Vec<u8> = (0..5_000_000_u64).map(|at| (at * at % 251) as u8).collect();
    fs::write(workspace.path("scan/notes.bin"), &long).unwrap();
    for copy in ["copy.zip", "copy"] {
        workspace.slidezoom(["repack", "scan", "-o", copy]).succeeds();
        workspace.slidezoom(["verify", copy]).succeeds();
        assert!(files(&workspace, copy)["notes.bin"] == long);
    }
}
