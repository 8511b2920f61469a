//! `--container bagit`: exports as bags by `BagIt` 1.0 (RFC 8493).

use std::fs;

use slidezoom_fixtures::Random;

use crate::slides::{self, WriteInto};
use crate::tools;
use crate::tree::Tree;
use crate::verify::sha256;
use crate::verify_report::{VerifyReport, only};
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

/// Asserts that the hashes in a manifest are correct, and returns its files.
#[track_caller]
fn verified_files<'a>(bag: &'a Tree, manifest: &str) -> Vec<&'a str> {
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
fn the_payload_is_the_export_without_its_manifest() {
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
fn the_manifests_list_all_payload_and_tag_files() {
    for options in [&[][..], &["--lossless"]] {
        let bag = exported(options).tree("bag");
        let payload: Vec<&str> =
            bag.files().into_iter().filter(|file| file.starts_with("data/")).collect();
        assert_eq!(verified_files(&bag, "manifest-sha256.txt"), payload);
        assert_eq!(verified_files(&bag, "tagmanifest-sha256.txt"), TAG_FILES[..3]);
    }
}

#[test]
fn the_tag_files_have_the_required_fields_and_no_date() {
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
fn writes_the_same_bytes_with_any_number_of_jobs() {
    let bags = ["1", "2", "7"].map(|jobs| exported(&["--jobs", jobs]).tree("bag"));
    bags[0].assert_same(&bags[1]);
    bags[0].assert_same(&bags[2]);
}

#[test]
fn the_reference_implementation_accepts_bags() {
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
fn verify_accepts_valid_bags_under_any_name() {
    for options in [&[][..], &["--format", "png"], &["--lossless", "--no-viewer"]] {
        let workspace = exported(options);
        for depth in [&[][..], &["--quick"], &["--jobs", "1"]] {
            assert_eq!(VerifyReport::of(&workspace, "bag", depth), VerifyReport::Valid);
        }
        fs::rename(workspace.path("bag"), workspace.path("moved")).unwrap();
        assert_eq!(VerifyReport::of(&workspace, "moved", &[]), VerifyReport::Valid);
    }
}

#[test]
fn verify_reports_every_missing_file() {
    let workspace = exported(&[]);
    let bag = workspace.tree("bag");
    assert!(bag.files().len() > 25);
    for file in bag.files() {
        let path = workspace.path("bag").join(file);
        fs::rename(&path, workspace.path("backup")).unwrap();
        for depth in [&[][..], &["--quick"]] {
            let mut problems = VerifyReport::of(&workspace, "bag", depth).problems();
            if file.starts_with("data/") {
                // The size of the payload in bag-info.txt is now wrong too.
                let before = problems.len();
                problems.retain(|(_, name)| name != "bag-info.txt");
                assert_eq!(problems.len() + 1, before, "{file}");
            }
            assert_eq!(problems, only("missing", file));
        }
        fs::rename(workspace.path("backup"), &path).unwrap();
    }
    assert_eq!(VerifyReport::of(&workspace, "bag", &[]), VerifyReport::Valid);
}

#[test]
fn verify_reports_flipped_bits_and_their_files() {
    let workspace = exported(&[]);
    let bag = workspace.tree("bag");
    let mut random = Random::new(3);
    for file in bag.files() {
        let path = workspace.path("bag").join(file);
        for _ in 0..if TAG_FILES.contains(&file) { 40 } else { 3 } {
            let mut bytes = bag.file(file).to_vec();
            let position = random.below(bytes.len());
            bytes[position] ^= 1 << random.below(8);
            fs::write(&path, &bytes).unwrap();
            // Nothing has a hash of the tag manifest, and upper and lower case digits in it are
            // equivalent.
            let is_tag_manifest = file == "tagmanifest-sha256.txt";
            let equivalent = is_tag_manifest && {
                let entries = |bytes: &[u8]| {
                    let text = str::from_utf8(bytes).unwrap_or_default().to_owned();
                    text.lines()
                        .map(|line| (line[..64].to_lowercase(), line[64..].to_owned()))
                        .collect::<Vec<_>>()
                };
                let original = bag.file(file);
                bytes.eq_ignore_ascii_case(original) && entries(&bytes) == entries(original)
            };
            let report = VerifyReport::of(&workspace, "bag", &[]);
            assert_eq!(report == VerifyReport::Valid, equivalent, "{file}, byte {position}");
            // If the tag manifest is damaged, the files that it lists are reported instead.
            assert!(is_tag_manifest || report.names(file), "{file}, byte {position}: {report:?}");
        }
        fs::write(&path, bag.file(file)).unwrap();
    }
    assert_eq!(VerifyReport::of(&workspace, "bag", &[]), VerifyReport::Valid);
}

#[test]
fn verify_reports_every_unexpected_file() {
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
            "unexpected",
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
            let report = VerifyReport::of(&workspace, "bag", &[]);
            assert!(report.has("unexpected", &name), "{name}: {report:?}");
            let mut problems = report.problems().into_iter();
            assert!(problems.all(|(_, file)| file == name || file == "bag-info.txt"), "{name}");
            fs::remove_file(&path).unwrap();
        }
    }
    assert_eq!(VerifyReport::of(&workspace, "bag", &[]), VerifyReport::Valid);
}

/// The size of the payload in `bag-info.txt` is checked without hashes.
#[test]
fn quick_verification_reports_a_payload_of_another_size() {
    let workspace = exported(&[]);
    let path = workspace.path("bag/data/bag.json");
    fs::write(&path, fs::read_to_string(&path).unwrap() + " ").unwrap();
    let report = VerifyReport::of(&workspace, "bag", &["--quick"]);
    assert_eq!(report.problems(), only("contradiction", "bag-info.txt"));
}

#[test]
fn rejects_names_that_manifests_must_escape() {
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
fn overwrites_bags_with_folders_and_folders_with_bags() {
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

#[test]
fn never_overwrites_bags_with_other_files() {
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
