//! `--container bagit`: the export as a bag by `BagIt` 1.0 (RFC 8493), which archives' own programs
//! take in.

use std::fs;

use crate::random::Random;
use crate::slides::{self, WriteInto};
use crate::tools;
use crate::tree::Tree;
use crate::verdict::{Verdict, one};
use crate::verify::sha256;
use crate::workspace::Workspace;

const TAG_FILES: [&str; 4] =
    ["bag-info.txt", "bagit.txt", "manifest-sha256.txt", "tagmanifest-sha256.txt"];

/// A workspace with a slide, `scan.svs`, and its export as the bag `bag`.
fn exported(options: &[&str]) -> Workspace {
    let workspace = Workspace::new();
    slides::aperio().tile_size(256, 256).write_into(&workspace, "scan.svs");
    workspace
        .export([&["scan.svs", "-o", "bag", "--container", "bagit"], options].concat())
        .succeeds();
    workspace
}

/// The hashes in a manifest are those of the files; returns the files.
#[track_caller]
fn listed<'a>(bag: &'a Tree, manifest: &str) -> Vec<&'a str> {
    let line = |line: &'a str| {
        let (digest, name) = line.split_once("  ").unwrap();
        assert_eq!(digest, sha256(bag.file(name)), "{name}");
        name
    };
    let mut names: Vec<&str> = bag.text(manifest).lines().map(line).collect();
    names.sort_unstable();
    names
}

#[test]
fn the_payload_is_the_export_and_the_tag_files_stand_beside_it() {
    for options in
        [&[][..], &["--format", "png", "--no-viewer"], &["--lossless", "--associated", "all"]]
    {
        let workspace = exported(options);
        workspace.export([&["scan.svs", "-o", "folder/bag"], options].concat()).succeeds();
        fs::remove_file(workspace.path("folder/bag/manifest-sha256.txt")).unwrap();
        workspace.tree("bag/data").assert_same(&workspace.tree("folder/bag"));

        let bag = workspace.tree("bag");
        let tags: Vec<&str> =
            bag.files().into_iter().filter(|file| !file.starts_with("data/")).collect();
        assert_eq!(tags, TAG_FILES);
        assert_eq!(workspace.names(), ["bag", "folder", "scan.svs"]);
    }
}

#[test]
fn both_manifests_list_what_they_should_with_its_hash() {
    for options in [&[][..], &["--lossless"]] {
        let bag = exported(options).tree("bag");
        let payload: Vec<&str> =
            bag.files().into_iter().filter(|file| file.starts_with("data/")).collect();
        assert_eq!(listed(&bag, "manifest-sha256.txt"), payload);
        assert_eq!(listed(&bag, "tagmanifest-sha256.txt"), TAG_FILES[..3]);
    }
}

#[test]
fn the_tag_files_say_what_the_standard_asks_for_and_no_time() {
    let bag = exported(&[]).tree("bag");
    assert_eq!(bag.text("bagit.txt"), "BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n");
    let payload = bag.files().into_iter().filter(|file| file.starts_with("data/"));
    let (bytes, files) =
        payload.fold((0, 0), |(bytes, files), file| (bytes + bag.file(file).len(), files + 1));
    let version = env!("CARGO_PKG_VERSION");
    assert_eq!(
        bag.text("bag-info.txt"),
        format!("Bag-Software-Agent: slidezoom {version}\nPayload-Oxum: {bytes}.{files}\n")
    );
}

#[test]
fn the_number_of_jobs_makes_no_difference_to_any_byte() {
    let bags = ["1", "2", "7"].map(|jobs| exported(&["--jobs", jobs]).tree("bag"));
    bags[0].assert_same(&bags[1]);
    bags[0].assert_same(&bags[2]);
}

#[test]
fn the_reference_program_takes_it() {
    for options in [&[][..], &["--lossless"], &["--format", "png", "--no-viewer"]] {
        let workspace = exported(options);
        workspace.export(["scan.svs", "-o", "two words é", "--container", "bagit"]).succeeds();
        for bag in ["bag", "two words é"] {
            let check = "import sys\n\
                try: import bagit\n\
                except ImportError: sys.exit(77)\n\
                bagit.Bag(sys.argv[1]).validate()";
            let Some(run) = tools::python(check, &[bag], &workspace.path("")) else { return };
            if run.code() == Some(77) {
                skipped!("python3 has no module bagit");
                return;
            }
            assert_eq!(run.code(), Some(0), "{run:?}");
        }
    }
}

#[test]
fn a_whole_bag_is_whole_at_every_depth() {
    for options in [&[][..], &["--format", "png"], &["--lossless", "--no-viewer"]] {
        let workspace = exported(options);
        for depth in [&[][..], &["--quick"], &["--jobs", "1"]] {
            assert_eq!(Verdict::of(&workspace, "bag", depth), Verdict::Whole);
        }
        // Under another name it is the same bag.
        fs::rename(workspace.path("bag"), workspace.path("moved")).unwrap();
        assert_eq!(Verdict::of(&workspace, "moved", &[]), Verdict::Whole);
    }
}

#[test]
fn every_deleted_file_is_named_and_no_other() {
    let workspace = exported(&[]);
    let bag = workspace.tree("bag");
    assert!(bag.files().len() > 25);
    for file in bag.files() {
        let path = workspace.path("bag").join(file);
        fs::rename(&path, workspace.path("aside")).unwrap();
        for depth in [&[][..], &["--quick"]] {
            let found = Verdict::of(&workspace, "bag", depth).damages();
            // Without the payload, what is said of it is no longer true either.
            let of_payload =
                file.starts_with("data/") && found.iter().any(|(_, name)| name == "bag-info.txt");
            assert_eq!(of_payload, file.starts_with("data/"), "{file}: {found:?}");
            let others: Vec<_> = found
                .into_iter()
                .filter(|(_, name)| name != "bag-info.txt" || !of_payload)
                .collect();
            assert_eq!(others, one("missing", file));
        }
        fs::rename(workspace.path("aside"), &path).unwrap();
    }
    assert_eq!(Verdict::of(&workspace, "bag", &[]), Verdict::Whole);
}

#[test]
fn every_flipped_bit_is_found_and_its_file_named() {
    let workspace = exported(&[]);
    let bag = workspace.tree("bag");
    let mut random = Random(3);
    for file in bag.files() {
        let path = workspace.path("bag").join(file);
        for _ in 0..if TAG_FILES.contains(&file) { 40 } else { 3 } {
            let mut bytes = bag.file(file).to_vec();
            let place = random.below(bytes.len());
            bytes[place] ^= 1 << random.below(8);
            fs::write(&path, &bytes).unwrap();
            // A digit of a hash means the same in either case, and of the tag manifest there is no
            // hash.
            let same = file == "tagmanifest-sha256.txt" && {
                let told = |bytes: &[u8]| {
                    let text = str::from_utf8(bytes).unwrap_or_default().to_owned();
                    text.lines()
                        .map(|line| (line[..64].to_lowercase(), line[64..].to_owned()))
                        .collect::<Vec<_>>()
                };
                bytes.eq_ignore_ascii_case(bag.file(file)) && told(&bytes) == told(bag.file(file))
            };
            let verdict = Verdict::of(&workspace, "bag", &[]);
            assert_eq!(verdict == Verdict::Whole, same, "{file}, byte {place}");
            // A damaged tag manifest names others wrongly, and they are what is told of then.
            assert!(
                same || file == "tagmanifest-sha256.txt" || verdict.names(file),
                "{file}, byte {place}: {verdict:?}"
            );
        }
        fs::write(&path, bag.file(file)).unwrap();
    }
    assert_eq!(Verdict::of(&workspace, "bag", &[]), Verdict::Whole);
}

#[test]
fn every_stranger_is_named() {
    let workspace = exported(&[]);
    let folders = [
        "",
        "data/",
        "data/bag_files/",
        "data/bag_files/10/",
        "data/viewer/",
        "data/new/",
        "metadata/",
    ];
    for new in ["data/new", "metadata"] {
        fs::create_dir(workspace.path("bag").join(new)).unwrap();
    }
    for folder in folders {
        for name in [
            "stranger",
            ".hidden",
            "other.dzi",
            "tagmanifest-md5.txt",
            "9_9.jpeg",
            "fetch.txt",
            "a b\né",
        ] {
            let name = format!("{folder}{name}");
            let path = workspace.path("bag").join(&name);
            assert!(!path.exists());
            fs::write(&path, "x").unwrap();
            let verdict = Verdict::of(&workspace, "bag", &[]);
            assert!(verdict.has("unexpected", &name), "{name}: {verdict:?}");
            let of_others =
                |(_, found): &(String, String)| *found != name && found != "bag-info.txt";
            assert!(!verdict.damages().iter().any(of_others), "{name}");
            fs::remove_file(&path).unwrap();
        }
    }
    assert_eq!(Verdict::of(&workspace, "bag", &[]), Verdict::Whole);
}

/// What the payload is said to be is checked without a hash.
#[test]
fn a_payload_of_another_size_is_found_by_the_quick_check_too() {
    let workspace = exported(&[]);
    let path = workspace.path("bag/data/bag.json");
    fs::write(&path, fs::read_to_string(&path).unwrap() + " ").unwrap();
    let verdict = Verdict::of(&workspace, "bag", &["--quick"]);
    assert_eq!(verdict.damages(), one("contradiction", "bag-info.txt"));
}

#[test]
fn names_that_manifests_write_differently_are_refused() {
    let workspace = Workspace::new();
    slides::small().write_into(&workspace, "scan.tif");
    for name in ["100%", "%25", "back\\slash", "new\nline", "carriage\rreturn"] {
        let output = format!("new/{name}");
        workspace
            .export(["scan.tif", "-o", &output, "--container", "bagit"])
            .fails(2, &["is not a valid name in a bag", "\nhint: choose another name with -o"]);
        assert_eq!(workspace.names(), ["scan.tif"]);
    }
    workspace
        .export(["scan.tif", "-o", "tab\tand <é> 'quotes'", "--container", "bagit"])
        .succeeds();
    workspace.slidezoom(["verify", "tab\tand <é> 'quotes'"]).succeeds();
}

#[test]
fn a_bag_is_replaced_whole_by_a_bag_or_by_a_folder_and_the_other_way_round() {
    let workspace = exported(&["--format", "png"]);
    for (bag, file) in [(true, "data/bag.dzi"), (false, "bag.dzi"), (true, "data/bag.dzi")] {
        let option = bag.then_some(["--container", "bagit"]).into_iter().flatten();
        workspace
            .export(["scan.svs", "-o", "bag"].into_iter().chain(option.clone()))
            .fails(4, &["bag: exists already"]);
        workspace
            .export(["scan.svs", "-o", "bag", "--overwrite"].into_iter().chain(option.clone()))
            .succeeds();
        let tree = workspace.tree("bag");
        tree.file(file);
        assert_eq!(tree.files().contains(&"bagit.txt"), bag);
        assert!(!tree.files().iter().any(|file| file.contains(".png")));
        workspace.slidezoom(["verify", "bag"]).succeeds();
        assert_eq!(workspace.names(), ["bag", "scan.svs"]);
    }
}

/// A bag of somebody else's, or one with a note in it, is not ours to remove.
#[test]
fn a_bag_that_holds_anything_but_one_export_is_never_replaced() {
    let workspace = exported(&[]);
    for name in
        ["notes.txt", "manifest-md5.txt", "metadata/mets.xml", "data/notes.txt", "data/other.dzi"]
    {
        let path = workspace.path("bag").join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, "mine").unwrap();
        let before = workspace.tree("");
        workspace
            .export(["scan.svs", "-o", "bag", "--container", "bagit", "--overwrite"])
            .fails(4, &["is not an export"]);
        workspace.tree("").assert_same(&before);
        fs::remove_file(&path).unwrap();
        if name.starts_with("metadata/") {
            fs::remove_dir(path.parent().unwrap()).unwrap();
        }
    }
    workspace.export(["scan.svs", "-o", "bag", "--container", "bagit", "--overwrite"]).succeeds();
}
