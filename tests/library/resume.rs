//! A resumed export has the same bytes as an uninterrupted one, and changed files are rejected.

use std::fs;
use std::num::NonZeroUsize;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use slidezoom::internals::engine::progress::{NoProgress, Progress};
use slidezoom::internals::export::{create_sink, resume_sink};
use slidezoom::internals::geometry::{Rotation, Size};

use slidezoom::internals::layout::Container;
use slidezoom::internals::layout::tile_layout::TileLayout;
use slidezoom::internals::pixels::ReductionMethod;
use slidezoom::internals::plan::{BlankTiles, ExportOptions, Page, PublishedProperties};
use slidezoom::internals::sink::{OverwritePolicy, SinkError};
use slidezoom::internals::source::SourceIdentity;
use slidezoom::{Error, ExportPlan, ExportReport, Source, export};

use crate::drawn_source::DrawnSource;

/// Tall and narrow, so that the first checkpoint comes early.
fn source() -> DrawnSource {
    let size = Size::new(200, 150_000).unwrap();
    DrawnSource::new(size, Size::new(200, 200), None).with_unscanned(|row| row % 2_500 > 1_600)
}

pub fn options(container: Container) -> ExportOptions {
    ExportOptions::default()
        .container(container)
        .page(Page::Omit)
        .source_identity(SourceIdentity::Omit)
}

/// Stops an export once it has kept a checkpoint.
pub struct StopAtCheckpoint {
    file: PathBuf,
    known: Option<u64>,
}

impl StopAtCheckpoint {
    pub fn of(destination: &Path) -> Self {
        let name = format!(".{}.resume", destination.file_name().unwrap().to_str().unwrap());
        let file = destination.with_file_name(name);
        let known = inode(&file);
        Self { file, known }
    }
}

fn inode(file: &Path) -> Option<u64> {
    fs::metadata(file).ok().map(|metadata| metadata.ino())
}

impl Progress for StopAtCheckpoint {
    fn stop_requested(&self) -> bool {
        inode(&self.file).is_some_and(|now| Some(now) != self.known)
    }
}

/// A folder with exports of [`source`].
struct Exports {
    folder: tempfile::TempDir,
    container: Container,
    options: ExportOptions,
}

impl Exports {
    fn new(container: Container) -> Self {
        Self { folder: tempfile::tempdir().unwrap(), container, options: options(container) }
    }

    fn with(self, options: ExportOptions) -> Self {
        Self { options, ..self }
    }

    fn path(&self, name: &str) -> PathBuf {
        let ending =
            self.container.extension().map_or(String::new(), |ending| format!(".{ending}"));
        self.folder.path().join(format!("{name}{ending}"))
    }

    fn run(&self, name: &str, jobs: usize, progress: &dyn Progress) -> Result<ExportReport, Error> {
        self.run_with(name, jobs, progress, &self.options)
    }

    fn run_with(
        &self,
        name: &str,
        jobs: usize,
        progress: &dyn Progress,
        options: &ExportOptions,
    ) -> Result<ExportReport, Error> {
        let source = source();
        let plan = ExportPlan::new(source.info(), "scan", options).unwrap();
        let sink = resume_sink(&plan, &self.path(name), OverwritePolicy::Refuse)?;
        export(&source, &plan, sink, NonZeroUsize::new(jobs).unwrap(), progress)
    }

    fn stop_at_checkpoint(&self, name: &str, jobs: usize) {
        let stopped = self.run(name, jobs, &StopAtCheckpoint::of(&self.path(name)));
        assert!(matches!(stopped, Err(Error::Interrupted)), "{stopped:?}");
        assert!(!self.path(name).exists());
    }

    fn contents(&self, name: &str) -> Vec<(PathBuf, Vec<u8>)> {
        contents(&self.path(name))
    }

    fn names(&self) -> Vec<String> {
        let names = fs::read_dir(self.folder.path()).unwrap();
        let mut names: Vec<String> =
            names.map(|entry| entry.unwrap().file_name().to_str().unwrap().to_owned()).collect();
        names.sort();
        names
    }
}

/// All files below a path, with their contents.
pub fn contents(root: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let files = walkdir::WalkDir::new(root).sort_by_file_name().into_iter().map(Result::unwrap);
    files
        .filter(|entry| entry.file_type().is_file())
        .map(|entry| {
            (entry.path().strip_prefix(root).unwrap().to_owned(), fs::read(entry.path()).unwrap())
        })
        .collect()
}

const CONTAINERS: [Container; 3] = [Container::Folder, Container::Bag, Container::Zip];

#[test]
fn resumes_to_the_same_bytes() {
    let policies = [BlankTiles::Keep, BlankTiles::Skip(0), BlankTiles::Share(0)];
    for (container, blank_tiles) in
        CONTAINERS.into_iter().flat_map(|one| policies.map(|policy| (one, policy)))
    {
        let exports = Exports::new(container).with(options(container).blank_tiles(blank_tiles));
        let uninterrupted = exports.run("uninterrupted", 2, &NoProgress).unwrap();
        exports.stop_at_checkpoint("resumed", 3);
        exports.stop_at_checkpoint("resumed", 1);
        let report = exports.run("resumed", 2, &NoProgress).unwrap();
        assert!(
            exports.contents("resumed") == exports.contents("uninterrupted"),
            "{container:?} {blank_tiles:?}"
        );
        let counts = |report: &ExportReport| (report.tiles, report.skipped, report.tile_bytes);
        assert_eq!(counts(&report), counts(&uninterrupted));
        assert_eq!(
            report.skipped > 100,
            blank_tiles == BlankTiles::Skip(0),
            "{} skipped",
            report.skipped
        );
        assert_eq!(exports.names().len(), 2, "nothing else is left: {:?}", exports.names());
    }
}

/// A filter with a margin waits for neighboring pixels, which the checkpoint must contain.
#[test]
fn resumes_to_the_same_bytes_with_lanczos() {
    let container = Container::Folder;
    let reduction = ReductionMethod::Lanczos3;
    let exports = Exports::new(container).with(options(container).reduction(reduction));
    exports.run("uninterrupted", 2, &NoProgress).unwrap();
    exports.stop_at_checkpoint("resumed", 3);
    exports.run("resumed", 2, &NoProgress).unwrap();
    assert!(exports.contents("resumed") == exports.contents("uninterrupted"));
}

#[test]
fn resumes_to_the_same_bytes_in_every_layout() {
    for tile_layout in TileLayout::OTHERS {
        let blank_tiles = BlankTiles::Skip(0);
        for container in [Container::Folder, Container::Zip] {
            let options = options(container).tile_layout(tile_layout).blank_tiles(blank_tiles);
            let exports = Exports::new(container).with(options);
            exports.run("uninterrupted", 2, &NoProgress).unwrap();
            exports.stop_at_checkpoint("resumed", 3);
            exports.run("resumed", 2, &NoProgress).unwrap();
            assert!(
                exports.contents("resumed") == exports.contents("uninterrupted"),
                "{container:?} {tile_layout:?}"
            );
        }
    }
    let exports = Exports::new(Container::Folder);
    exports.stop_at_checkpoint("scan", 2);
    let other = options(Container::Folder).tile_layout(TileLayout::Zoomify);
    let refused = exports.run_with("scan", 2, &NoProgress, &other);
    assert!(matches!(refused, Err(Error::Differs { .. })), "{refused:?}");
}

#[test]
fn does_not_read_finished_regions_again() {
    let exports = Exports::new(Container::Folder);
    exports.stop_at_checkpoint("scan", 2);
    let source = source();
    let plan = ExportPlan::new(source.info(), "scan", &options(Container::Folder)).unwrap();
    let sink = resume_sink(&plan, &exports.path("scan"), OverwritePolicy::Refuse).unwrap();
    export(&source, &plan, sink, NonZeroUsize::MIN, &NoProgress).unwrap();
    let first = source.reads().iter().map(|rect| rect.rows().start).min().unwrap();
    assert!(first > 10_000, "read again from row {first} on");
}

#[test]
fn refuses_to_resume_a_different_export() {
    for container in CONTAINERS {
        let exports = Exports::new(container);
        exports.stop_at_checkpoint("scan", 2);
        let before = exports.names();
        let other = options(container).page(Page::Include);
        let refused = exports.run_with("scan", 2, &NoProgress, &other);
        let Err(Error::Differs { what, before: was, now }) = refused else { panic!("{refused:?}") };
        assert_eq!((what.as_str(), was.as_str(), now.as_str()), ("page", "omit", "include"));
        let other = options(container).rotation(Rotation::Half);
        let refused = exports.run_with("scan", 2, &NoProgress, &other);
        assert!(
            matches!(&refused, Err(Error::Differs { what, .. }) if what == "rotation"),
            "{refused:?}"
        );
        for other in [
            options(container).reduction(ReductionMethod::Max),
            options(container).properties(PublishedProperties::All),
        ] {
            assert!(matches!(
                exports.run_with("scan", 2, &NoProgress, &other),
                Err(Error::Differs { .. })
            ));
        }
        assert_eq!(exports.names(), before, "the interrupted export is untouched");
        exports.run("scan", 2, &NoProgress).unwrap();
    }
}

#[test]
fn rejects_changed_files() {
    let exports = Exports::new(Container::Folder);
    exports.stop_at_checkpoint("scan", 2);
    let staging = exports.folder.path().join(".scan.partial");
    let tile = staging.join("scan_files/18/0_3.jpeg");
    let good = fs::read(&tile).unwrap();
    let mut flipped = good.clone();
    flipped[100] ^= 1;
    fs::write(&tile, flipped).unwrap();
    let refused = exports.run("scan", 2, &NoProgress);
    assert!(
        matches!(&refused, Err(Error::Destination(SinkError::Changed { name, .. })) if name.ends_with("18/0_3.jpeg"))
    );
    fs::remove_file(&tile).unwrap();
    let refused = exports.run("scan", 2, &NoProgress);
    assert!(matches!(refused, Err(Error::Destination(SinkError::Disturbed { .. }))), "{refused:?}");
    // Files that the checkpoint does not list are removed.
    fs::write(&tile, &good).unwrap();
    fs::write(staging.join("scan_files/18/unexpected.jpeg"), "x").unwrap();
    fs::write(staging.join("scan_files/18/0_580.jpeg"), "half a tile").unwrap();
    exports.run("scan", 2, &NoProgress).unwrap();
    exports.run("uninterrupted", 2, &NoProgress).unwrap();
    assert!(exports.contents("scan") == exports.contents("uninterrupted"));

    let exports = Exports::new(Container::Zip);
    exports.stop_at_checkpoint("scan", 2);
    let staging = exports.folder.path().join(".scan.zip.partial");
    let good = fs::read(&staging).unwrap();
    for place in [0, 20, 40, 5_000, 100_000] {
        let mut flipped = good.clone();
        flipped[place] ^= 1;
        fs::write(&staging, flipped).unwrap();
        let refused = exports.run("scan", 2, &NoProgress);
        assert!(
            matches!(refused, Err(Error::Destination(_))),
            "a bit of byte {place}: {refused:?}"
        );
    }
    fs::write(&staging, &good[..good.len() / 2]).unwrap();
    let refused = exports.run("scan", 2, &NoProgress);
    assert!(matches!(refused, Err(Error::Destination(SinkError::Disturbed { .. }))), "{refused:?}");
    // Everything after the checkpoint is written again.
    fs::write(&staging, [&good[..], b"rubbish"].concat()).unwrap();
    exports.run("scan", 2, &NoProgress).unwrap();
    exports.run("uninterrupted", 2, &NoProgress).unwrap();
    assert!(exports.contents("scan") == exports.contents("uninterrupted"));
}

#[test]
fn starts_over_with_a_damaged_checkpoint() {
    for container in CONTAINERS {
        let exports = Exports::new(container);
        exports.stop_at_checkpoint("scan", 2);
        let file = StopAtCheckpoint::of(&exports.path("scan")).file;
        let mut checkpoint = fs::read(&file).unwrap();
        let middle = checkpoint.len() / 2;
        checkpoint[middle] ^= 1;
        fs::write(&file, checkpoint).unwrap();
        exports.run("scan", 2, &NoProgress).unwrap();
        exports.run("uninterrupted", 2, &NoProgress).unwrap();
        assert!(exports.contents("scan") == exports.contents("uninterrupted"), "{container:?}");
        assert_eq!(exports.names().len(), 2, "{:?}", exports.names());
    }
}

#[test]
fn removes_the_interrupted_export_unless_resuming() {
    for container in CONTAINERS {
        let exports = Exports::new(container);
        exports.stop_at_checkpoint("scan", 2);
        assert_eq!(exports.names().len(), 2, "{:?}", exports.names());
        let source = source();
        let plan = ExportPlan::new(source.info(), "scan", &options(container)).unwrap();
        let sink = create_sink(&plan, &exports.path("scan"), OverwritePolicy::Refuse).unwrap();
        assert_eq!(exports.names().len(), 1, "the checkpoint is gone: {:?}", exports.names());
        let stop = StopAtCheckpoint::of(&exports.path("scan"));
        let stopped = export(&source, &plan, sink, NonZeroUsize::MIN, &stop);
        assert!(matches!(stopped, Err(Error::Interrupted)), "{stopped:?}");
        assert_eq!(exports.names(), [""; 0]);
    }
}

#[test]
fn resumes_after_a_failed_commit() {
    for container in CONTAINERS {
        let exports = Exports::new(container);
        exports.stop_at_checkpoint("scan", 2);
        let source = source();
        let plan = ExportPlan::new(source.info(), "scan", &options(container)).unwrap();
        let sink = resume_sink(&plan, &exports.path("scan"), OverwritePolicy::Refuse).unwrap();
        fs::write(exports.path("scan"), "somebody else's").unwrap();
        let failed = export(&source, &plan, sink, NonZeroUsize::MIN, &NoProgress);
        assert!(matches!(failed, Err(Error::Destination(SinkError::Exists { .. }))), "{failed:?}");
        fs::remove_file(exports.path("scan")).unwrap();
        let resumed = StopAtCheckpoint::of(&exports.path("scan")).file;
        assert!(resumed.exists(), "{:?}", exports.names());
        exports.run("scan", 2, &NoProgress).unwrap();
        exports.run("uninterrupted", 2, &NoProgress).unwrap();
        assert!(exports.contents("scan") == exports.contents("uninterrupted"));
    }
}
