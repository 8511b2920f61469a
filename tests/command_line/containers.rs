//! `--container`: folders, archives and bags, and contradictions with the output's extension.

use crate::slides::{self, WriteInto};
use crate::workspace::{Workspace, exports_in};
use crate::zip_file::ZipFile;

/// A workspace with the slides `one.tif` and `in/two.tif`.
fn with_two_slides() -> Workspace {
    let workspace = Workspace::new();
    slides::small().write_into(&workspace, "one.tif");
    slides::small().write_into(&workspace, "in/two.tif");
    workspace
}

#[test]
fn exports_each_slide_to_its_own_archive() {
    for ending in ["zip", "szi"] {
        let workspace = with_two_slides();
        workspace.export(["one.tif", "in", "-o", "out", "--container", ending]).succeeds();
        assert_eq!(
            exports_in(&workspace.path("out")),
            [format!("one.{ending}"), format!("two.{ending}")]
        );
        for name in ["one", "two"] {
            let archive = format!("out/{name}.{ending}");
            assert!(
                ZipFile::open(&workspace.path(&archive))
                    .entries
                    .iter()
                    .all(|entry| entry.name.starts_with(&format!("{name}/")))
            );
            workspace.slidezoom(["verify", &archive]).succeeds();
        }
    }
}

#[test]
fn writes_archives_and_bags_to_the_current_folder_by_default() {
    let workspace = with_two_slides();
    workspace.export(["one.tif", "--container", "zip"]).succeeds();
    workspace.export(["one.tif", "--container", "szi"]).succeeds();
    workspace.export(["one.tif", "in/two.tif", "--container", "bagit"]).succeeds();
    assert_eq!(
        exports_in(&workspace.path("")),
        ["in", "one", "one.szi", "one.tif", "one.zip", "two"]
    );
    for bag in ["one", "two"] {
        workspace.tree(bag).file("bagit.txt");
        workspace.slidezoom(["verify", bag]).succeeds();
    }
}

#[test]
fn accepts_container_folder() {
    let workspace = with_two_slides();
    workspace.export(["one.tif", "in/two.tif", "-o", "out", "--container", "folder"]).succeeds();
    assert_eq!(exports_in(&workspace.path("out")), ["one", "two"]);
    workspace.export(["one.tif", "-o", "single", "--container", "folder"]).succeeds();
    workspace.tree("single").file("single.dzi");
}

#[test]
fn accepts_an_extension_that_matches_the_container() {
    let workspace = with_two_slides();
    workspace.export(["one.tif", "-o", "x.zip", "--container", "zip"]).succeeds();
    workspace.export(["one.tif", "-o", "x.SZI", "--container", "szi"]).succeeds();
    for archive in ["x.zip", "x.SZI"] {
        workspace.slidezoom(["verify", archive]).succeeds();
    }
}

#[test]
fn rejects_an_extension_that_contradicts_the_container() {
    let workspace = with_two_slides();
    let before = workspace.tree("");
    for (arguments, words) in [
        (
            &["one.tif", "-o", "x.zip", "--container", "szi"][..],
            "x.zip: the extension does not fit --container, which asks for a .szi",
        ),
        (
            &["one.tif", "-o", "x.szi", "--container", "zip"],
            "x.szi: the extension does not fit --container, which asks for a .zip",
        ),
        (
            &["one.tif", "-o", "x.zip", "--container", "folder"],
            "x.zip: the extension does not fit --container, which asks for a folder",
        ),
        (
            &["one.tif", "-o", "x", "--container", "zip"],
            "x: the extension does not fit --container, which asks for a .zip",
        ),
        (
            &["one.tif", "-o", "x.zip", "--container", "bagit"],
            "x.zip: the extension does not fit --container, which asks for a folder",
        ),
        (
            &["one.tif", "-o", "x.szi", "--container", "bagit"],
            "x.szi: the extension does not fit --container, which asks for a folder",
        ),
        (
            &["one.tif", "in/two.tif", "-o", "x.zip"],
            "x.zip: several slides do not fit into one archive",
        ),
        (&["one.tif", "in/two.tif", "-o", "x.szi", "--container", "szi"], "x.szi: several slides"),
        (&["in", "-o", "x.zip"], "x.zip: several slides"),
    ] {
        workspace.export(arguments).fails(2, &[words, "\nhint: "]);
        workspace.tree("").assert_same(&before);
    }
}

#[test]
fn dry_run_names_the_archive_and_writes_nothing() {
    let workspace = with_two_slides();
    let run = workspace.export(["one.tif", "-o", "out/x.szi", "--dry-run"]).succeeds();
    assert!(
        run.text().contains("→ out/x.szi\n") && run.text().contains("of 256, overlap 0"),
        "{run:?}"
    );
    let run = workspace
        .export(["one.tif", "in", "-o", "out", "--container", "zip", "--dry-run"])
        .succeeds();
    assert!(
        run.text().contains("→ out/one.zip\n") && run.text().contains("→ out/two.zip\n"),
        "{run:?}"
    );
    assert_eq!(workspace.names(), ["in", "one.tif"]);
}
