//! Destinations that can and cannot be written to.

use std::fs;

use crate::deep_zoom::DeepZoom;
use crate::full_disk::SmallDisk;
use crate::layout::{PAGE, assert_layout};
use crate::slides::{self, SIZE, WriteInto};
use crate::workspace::Workspace;

#[test]
fn missing_parent_folders_are_created() {
    let workspace = Workspace::new();
    slides::small().write_into(&workspace, "scan.tif");
    workspace.export(["scan.tif", "-o", "a/b/c"]).succeeds();
    assert_layout(&workspace.tree("a/b/c"), "c", DeepZoom::new(SIZE), "jpeg", &PAGE);
    assert_eq!(workspace.names(), ["a", "scan.tif"]);
}

#[test]
fn a_file_in_place_of_a_parent_folder_is_a_destination_error() {
    let workspace = Workspace::new();
    slides::small().write_into(&workspace, "scan.tif");
    fs::write(workspace.path("file"), "not a folder").unwrap();
    let before = workspace.tree("");
    workspace.export(["scan.tif", "-o", "file/out"]).fails(4, &["file"]);
    workspace.export(["scan.tif", "-o", "file/deeper/out"]).fails(4, &["file"]);
    workspace.tree("").assert_same(&before);
}

#[test]
fn a_read_only_disk_is_a_destination_error() {
    let Some(disk) = SmallDisk::mount("ro,size=1m") else { return };
    let workspace = Workspace::new();
    slides::small().write_into(&workspace, "scan.tif");
    for output in ["out", "deeper/out"] {
        workspace
            .export(["scan.tif".as_ref(), "-o".as_ref(), disk.path().join(output).as_os_str()])
            .fails(4, &["Read-only file system", "\nhint: choose a writable folder with -o"]);
    }
    assert_eq!(workspace.names(), ["scan.tif"]);
}

#[test]
fn a_folder_without_write_permission_is_a_destination_error() {
    use std::os::unix::fs::PermissionsExt;

    let workspace = Workspace::new();
    slides::small().write_into(&workspace, "scan.tif");
    fs::create_dir(workspace.path("locked")).unwrap();
    fs::set_permissions(workspace.path("locked"), fs::Permissions::from_mode(0o555)).unwrap();
    if fs::write(workspace.path("locked/probe"), "").is_ok() {
        skipped!("this user (root?) may write everywhere");
        return;
    }
    let before = workspace.tree("");
    workspace
        .export(["scan.tif", "-o", "locked/out"])
        .fails(4, &["locked", "choose a folder that you may write to"]);
    workspace.tree("").assert_same(&before);
}

#[test]
fn a_destination_without_a_name_is_a_usage_error() {
    let workspace = Workspace::new();
    slides::small().write_into(&workspace, "scan.tif");
    for output in [".", "..", "/", "out/.."] {
        workspace.export(["scan.tif", "-o", output]).fails(2, &["-o"]);
    }
    assert_eq!(workspace.names(), ["scan.tif"]);
}
