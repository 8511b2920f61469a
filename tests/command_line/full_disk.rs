//! Exports to a disk that fills up: nothing is published, no files are left, and an old export
//! stays.
//!
//! The disks are small tmpfs mounts, which need root. Without root the tests are skipped.

use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use crate::deep_zoom::DeepZoom;
use crate::layout::{PAGE, assert_layout};
use crate::slides::{self, SIZE, WriteInto};
use crate::tree::Tree;
use crate::workspace::{Run, Workspace, names_in};

/// A tmpfs mount that is unmounted on drop.
pub struct SmallDisk {
    folder: TempDir,
}

impl SmallDisk {
    /// Mounts a tmpfs with these options. Returns `None`, and reports the skipped test, if that
    /// fails.
    pub fn mount(options: &str) -> Option<Self> {
        let folder = TempDir::with_prefix("slidezoom-disk-").unwrap();
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", options, "slidezoom-test"]).arg(folder.path());
        match mount.output() {
            Ok(output) if output.status.success() => Some(Self { folder }),
            Ok(output) => {
                let reason = String::from_utf8_lossy(&output.stderr).into_owned();
                skipped!("a small disk needs root and mount(8): {reason}");
                None
            }
            Err(error) => {
                skipped!("a small disk needs root and mount(8): {error}");
                None
            }
        }
    }

    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Returns the numbers of used blocks and inodes.
    fn used(&self) -> (u64, u64) {
        let figures = nix::sys::statvfs::statvfs(self.path()).unwrap();
        (figures.blocks() - figures.blocks_free(), figures.files() - figures.files_free())
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(self.folder.path()).status();
    }
}

/// Output names: a folder and an archive.
const OUTPUTS: [&str; 2] = ["out", "out.zip"];

/// Returns the numbers of blocks and inodes that an export of `scan.tif` needs.
fn needs(workspace: &Workspace, output: &str) -> Option<(u64, u64)> {
    let disk = SmallDisk::mount("size=64m")?;
    let before = disk.used();
    export_to(workspace, &disk, output, &[]).succeeds();
    let after = disk.used();
    Some((after.0 - before.0, after.1 - before.1))
}

fn export_to(workspace: &Workspace, disk: &SmallDisk, output: &str, options: &[&str]) -> Run {
    let mut command = workspace.command(["export", "scan.tif", "-o"]);
    Run::of(command.arg(disk.path().join(output)).args(options))
}

fn with_slide() -> Workspace {
    let workspace = Workspace::new();
    slides::small().write_into(&workspace, "scan.tif");
    workspace
}

/// The export fails with a full disk and leaves the disk unchanged.
#[track_caller]
fn assert_disk_full(workspace: &Workspace, output: &str, options: &str) {
    let Some(disk) = SmallDisk::mount(options) else { return };
    let before = disk.used();
    export_to(workspace, &disk, output, &[])
        .fails(4, &["No space left on device", "\nhint: the disk is full"]);
    assert_eq!(names_in(disk.path()), [""; 0], "{output}, {options}");
    assert_eq!(disk.used(), before, "{output}, {options}");
    assert_eq!(workspace.names(), ["scan.tif"]);
}

#[test]
fn an_export_that_just_fits_is_whole() {
    let workspace = with_slide();
    for output in OUTPUTS {
        let Some((pages, inodes)) = needs(&workspace, output) else { return };
        let Some(disk) =
            SmallDisk::mount(&format!("size={},nr_inodes={}", pages * page_size(), inodes + 1))
        else {
            return;
        };
        export_to(&workspace, &disk, output, &[]).succeeds();
        let export = disk.path().join(output);
        workspace.slidezoom(["verify".as_ref(), export.as_os_str()]).succeeds();
        if export.is_dir() {
            assert_layout(&Tree::read(&export), "out", DeepZoom::new(SIZE), "jpeg", &PAGE);
        }
    }
}

#[test]
fn a_disk_that_is_too_small_is_left_empty() {
    let workspace = with_slide();
    for output in OUTPUTS {
        let Some((pages, _)) = needs(&workspace, output) else { return };
        for too_small in [pages - 1, pages - 3, pages - 6, pages / 2, 2, 1] {
            assert_disk_full(&workspace, output, &format!("size={}", too_small * page_size()));
        }
    }
}

#[test]
fn a_disk_with_too_few_inodes_is_left_empty() {
    let workspace = with_slide();
    let Some((_, inodes)) = needs(&workspace, "out") else { return };
    // The root folder takes one inode, an archive one more.
    for too_few in [inodes, inodes - 1, inodes / 2, 3, 2, 1] {
        assert_disk_full(&workspace, "out", &format!("size=64m,nr_inodes={too_few}"));
    }
    assert_disk_full(&workspace, "out.zip", "size=64m,nr_inodes=1");
}

#[test]
fn a_disk_without_room_for_a_second_export_keeps_the_old_one() {
    let workspace = with_slide();
    for output in OUTPUTS {
        let Some((pages, _)) = needs(&workspace, output) else { return };
        let size = (pages + pages / 2) * page_size();
        let Some(disk) = SmallDisk::mount(&format!("size={size}")) else { return };
        export_to(&workspace, &disk, output, &[]).succeeds();
        let before = Tree::read(disk.path());
        export_to(&workspace, &disk, output, &["--overwrite"])
            .fails(4, &["No space left on device", "the disk is full"]);
        Tree::read(disk.path()).assert_same(&before);
    }
}

#[test]
fn a_single_tile_is_written_whole_or_not_at_all() {
    let workspace = with_slide();
    let Some(disk) = SmallDisk::mount(&format!("size={}", page_size())) else { return };
    let tile: PathBuf = disk.path().join("tile.jpeg");
    let mut command =
        workspace.command(["tile", "scan.tif", "10", "0", "0", "--quality", "100", "-o"]);
    Run::of(command.arg(&tile)).fails(4, &["No space left on device"]);
    assert_eq!(names_in(disk.path()), [""; 0]);
}

#[test]
fn associated_images_are_saved_all_or_none() {
    let workspace = Workspace::new();
    slides::aperio().write_into(&workspace, "scan.svs");
    let save = |disk: &SmallDisk| {
        let mut command = workspace.command(["info", "scan.svs", "--save-associated"]);
        Run::of(command.arg(disk.path().join("images")))
    };
    let Some(disk) = SmallDisk::mount("size=64m") else { return };
    let before = disk.used();
    save(&disk).succeeds();
    let pages = disk.used().0 - before.0;
    for too_small in [pages - 1, pages / 2, 1] {
        let Some(disk) = SmallDisk::mount(&format!("size={}", too_small * page_size())) else {
            return;
        };
        save(&disk).fails(4, &["No space left on device", "\nhint: no image was saved"]);
        assert_eq!(names_in(disk.path()), [""; 0], "{too_small} of {pages} pages");
    }
}

fn page_size() -> u64 {
    let disk = nix::sys::statvfs::statvfs("/dev/shm").map(|figures| figures.block_size());
    disk.unwrap_or(4096)
}
