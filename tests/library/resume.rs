//! An export that is stopped and resumed comes to the same bytes as one that was not, and what was tampered with is refused.

use std::collections::BTreeMap;
use std::fs;
use std::num::NonZeroUsize;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use slidezoom::engine::progress::{NoProgress, Progress};
use slidezoom::export::{create_sink, resume_sink};
use slidezoom::geometry::{Rotation, Size};
use slidezoom::key::EntryName;
use slidezoom::layout::Container;
use slidezoom::layout::tile_layout::TileLayout;
use slidezoom::pixels::ReductionMethod;
use slidezoom::plan::{BlankTiles, ExportOptions, FormatOption, Page, PublishedProperties};
use slidezoom::pyramid::TileGeometry;
use slidezoom::sink::{Checkpoint, OverwritePolicy, ResumeState, Sink, SinkError};
use slidezoom::source::SourceIdentity;
use slidezoom::{Error, ExportPlan, ExportReport, Source, export};

use crate::drawn_source::DrawnSource;

/// High and narrow: little is held at a time, and so a checkpoint comes soon.
fn source() -> DrawnSource {
    let size = Size::new(200, 150_000).unwrap();
    DrawnSource::new(size, Size::new(200, 200), None).with_unscanned(|row| row % 2_500 > 1_600)
}

fn options(container: Container) -> ExportOptions {
    ExportOptions::default().container(container).page(Page::Omit).source_identity(SourceIdentity::Omit)
}

/// Stops an export once there is another checkpoint than the one that it began with.
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

/// A folder in which exports of [`source`] are written, stopped and resumed.
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
        let ending = self.container.extension().map_or(String::new(), |ending| format!(".{ending}"));
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

/// Everything below a path, with its contents.
pub fn contents(root: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let files = walkdir::WalkDir::new(root).sort_by_file_name().into_iter().map(Result::unwrap);
    files
        .filter(|entry| entry.file_type().is_file())
        .map(|entry| (entry.path().strip_prefix(root).unwrap().to_owned(), fs::read(entry.path()).unwrap()))
        .collect()
}

const CONTAINERS: [Container; 3] = [Container::Folder, Container::Bag, Container::Zip];

#[test]
fn a_resumed_export_is_the_same_byte_for_byte() {
    let policies = [BlankTiles::Keep, BlankTiles::Skip(0), BlankTiles::Share(0)];
    for (container, blank_tiles) in CONTAINERS.into_iter().flat_map(|one| policies.map(|policy| (one, policy))) {
        let exports = Exports::new(container).with(options(container).blank_tiles(blank_tiles));
        let undisturbed = exports.run("undisturbed", 2, &NoProgress).unwrap();
        exports.stop_at_checkpoint("resumed", 3);
        exports.stop_at_checkpoint("resumed", 1);
        let report = exports.run("resumed", 2, &NoProgress).unwrap();
        assert!(exports.contents("resumed") == exports.contents("undisturbed"), "{container:?} {blank_tiles:?}");
        let counts = |report: &ExportReport| (report.tiles, report.left_out, report.tile_bytes);
        assert_eq!(counts(&report), counts(&undisturbed));
        assert_eq!(report.left_out > 100, blank_tiles == BlankTiles::Skip(0), "{} left out", report.left_out);
        assert_eq!(exports.names().len(), 2, "nothing else is left: {:?}", exports.names());
    }
}

/// A reduction that looks beyond its pixels waits for more of them, which a checkpoint keeps too.
#[test]
fn a_resumed_export_by_lanczos_is_the_same_byte_for_byte() {
    let container = Container::Folder;
    let reduction = ReductionMethod::Lanczos3;
    let exports = Exports::new(container).with(options(container).reduction(reduction));
    exports.run("undisturbed", 2, &NoProgress).unwrap();
    exports.stop_at_checkpoint("resumed", 3);
    exports.run("resumed", 2, &NoProgress).unwrap();
    assert!(exports.contents("resumed") == exports.contents("undisturbed"));
}

/// Folders that are made with their first file, and files with two names, are there whichever run has made them.
#[test]
fn so_it_is_in_every_layout() {
    for tile_layout in TileLayout::OTHERS {
        let blank_tiles = BlankTiles::Skip(0);
        for container in [Container::Folder, Container::Zip] {
            let laid = options(container).tile_layout(tile_layout).blank_tiles(blank_tiles);
            let exports = Exports::new(container).with(laid);
            exports.run("undisturbed", 2, &NoProgress).unwrap();
            exports.stop_at_checkpoint("resumed", 3);
            exports.run("resumed", 2, &NoProgress).unwrap();
            assert!(exports.contents("resumed") == exports.contents("undisturbed"), "{container:?} {tile_layout:?}");
        }
    }
    let exports = Exports::new(Container::Folder);
    exports.stop_at_checkpoint("scan", 2);
    let other = options(Container::Folder).tile_layout(TileLayout::Zoomify);
    let refused = exports.run_with("scan", 2, &NoProgress, &other);
    assert!(matches!(refused, Err(Error::Differs { .. })), "{refused:?}");
}

/// What the run was made of is not read again: it goes on where it was.
#[test]
fn what_was_written_is_not_read_again() {
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
fn another_export_does_not_take_up_what_was_left() {
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
        assert!(matches!(&refused, Err(Error::Differs { what, .. }) if what == "rotation"), "{refused:?}");
        for other in [
            options(container).reduction(ReductionMethod::Max),
            options(container).properties(PublishedProperties::All),
        ] {
            assert!(matches!(exports.run_with("scan", 2, &NoProgress, &other), Err(Error::Differs { .. })));
        }
        assert_eq!(exports.names(), before, "what was left is left");
        exports.run("scan", 2, &NoProgress).unwrap();
    }
}

#[test]
fn what_was_changed_since_is_refused() {
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
    // As it was, and with files beside it that no checkpoint speaks of: these go.
    fs::write(&tile, &good).unwrap();
    fs::write(staging.join("scan_files/18/stranger.jpeg"), "x").unwrap();
    fs::write(staging.join("scan_files/18/0_580.jpeg"), "half a tile").unwrap();
    exports.run("scan", 2, &NoProgress).unwrap();
    exports.run("undisturbed", 2, &NoProgress).unwrap();
    assert!(exports.contents("scan") == exports.contents("undisturbed"));

    let exports = Exports::new(Container::Zip);
    exports.stop_at_checkpoint("scan", 2);
    let staging = exports.folder.path().join(".scan.zip.partial");
    let good = fs::read(&staging).unwrap();
    for place in [0, 20, 40, 5_000, 100_000] {
        let mut flipped = good.clone();
        flipped[place] ^= 1;
        fs::write(&staging, flipped).unwrap();
        let refused = exports.run("scan", 2, &NoProgress);
        assert!(matches!(refused, Err(Error::Destination(_))), "a bit of byte {place}: {refused:?}");
    }
    fs::write(&staging, &good[..good.len() / 2]).unwrap();
    let refused = exports.run("scan", 2, &NoProgress);
    assert!(matches!(refused, Err(Error::Destination(SinkError::Disturbed { .. }))), "{refused:?}");
    // What comes after the checkpoint is written anew, whatever it is.
    fs::write(&staging, [&good[..], b"rubbish"].concat()).unwrap();
    exports.run("scan", 2, &NoProgress).unwrap();
    exports.run("undisturbed", 2, &NoProgress).unwrap();
    assert!(exports.contents("scan") == exports.contents("undisturbed"));
}

#[test]
fn a_damaged_checkpoint_is_none_and_the_export_begins_anew() {
    for container in CONTAINERS {
        let exports = Exports::new(container);
        exports.stop_at_checkpoint("scan", 2);
        let file = StopAtCheckpoint::of(&exports.path("scan")).file;
        let mut checkpoint = fs::read(&file).unwrap();
        let middle = checkpoint.len() / 2;
        checkpoint[middle] ^= 1;
        fs::write(&file, checkpoint).unwrap();
        exports.run("scan", 2, &NoProgress).unwrap();
        exports.run("undisturbed", 2, &NoProgress).unwrap();
        assert!(exports.contents("scan") == exports.contents("undisturbed"), "{container:?}");
        assert_eq!(exports.names().len(), 2, "{:?}", exports.names());
    }
}

/// Without a word about resuming, what was left is removed, and a failed run leaves nothing.
#[test]
fn an_export_that_does_not_resume_clears_up() {
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

/// Remembers its checkpoints and the order of its entries, and begins at a checkpoint of another one.
#[derive(Default)]
struct Recorder {
    begun: Option<ResumeState>,
    checkpoints: Arc<Mutex<Vec<ResumeState>>>,
    names: Arc<Mutex<BTreeMap<u64, String>>>,
}

impl Sink for Recorder {
    fn create_folders(&self, _: &EntryName) -> Result<(), SinkError> {
        Ok(())
    }

    fn create_folder(&self, _: &EntryName) -> Result<(), SinkError> {
        Ok(())
    }

    fn write(&self, entry: u64, name: &EntryName, _: &[u8]) -> Result<(), SinkError> {
        self.names.lock().unwrap().insert(entry, name.to_string());
        Ok(())
    }

    fn checkpoint(&self, checkpoint: Checkpoint) -> Result<(), SinkError> {
        let mut state = Vec::new();
        (checkpoint.state)(&mut state).unwrap();
        self.checkpoints.lock().unwrap().push(ResumeState {
            entries: checkpoint.entries,
            files: checkpoint.files,
            container_bytes: 0,
            state,
        });
        Ok(())
    }

    fn left_behind(&self) -> Option<&ResumeState> {
        self.begun.as_ref()
    }

    fn commit(self: Box<Self>) -> Result<(), SinkError> {
        Ok(())
    }

    fn abandon(self: Box<Self>) -> Result<(), SinkError> {
        Ok(())
    }
}

/// What is held, and with it the time of the next checkpoint, swings with large tiles and several columns. A checkpoint has a part in the order of
/// the entries, and so an archive would be another one if a resumed run kept its checkpoints at other places.
#[test]
fn a_resumed_run_keeps_the_order_and_the_checkpoints_of_an_undisturbed_one() {
    for (width, height, stored, tile_size, overlap) in
        [(300, 130_000, 256, 256, 0), (1_000, 60_000, 250, 500, 0), (600, 90_000, 200, 1_200, 0)]
    {
        let size = Size::new(width, height).unwrap();
        let source = DrawnSource::new(size, Size::new(stored, stored), None);
        let geometry = TileGeometry::new(tile_size, overlap).ok();
        let options = options(Container::Zip).geometry(geometry).format(FormatOption::Jpeg);
        let plan = ExportPlan::new(source.info(), "scan", &options).unwrap();
        let run = |begun: Option<ResumeState>, jobs: usize| {
            let sink = Recorder { begun, ..Recorder::default() };
            let (checkpoints, names) = (Arc::clone(&sink.checkpoints), Arc::clone(&sink.names));
            export(&source, &plan, Box::new(sink), NonZeroUsize::new(jobs).unwrap(), &NoProgress).unwrap();
            let checkpoints = checkpoints.lock().unwrap().clone();
            let names = names.lock().unwrap().clone();
            (checkpoints, names)
        };
        let (undisturbed, names) = run(None, 2);
        assert!(undisturbed.len() > 1, "{size}: {} checkpoints", undisturbed.len());
        let middle = undisturbed.len() / 2;
        for at in [0, middle] {
            let (after, resumed) = run(Some(undisturbed[at].clone()), 1);
            assert!(resumed.iter().eq(names.range(undisturbed[at].entries..)), "{size}: entries after checkpoint {at}");
            let entries = |checkpoints: &[ResumeState]| checkpoints.iter().map(|one| one.entries).collect::<Vec<_>>();
            assert_eq!(entries(&after), entries(&undisturbed[at + 1..]), "{size}: checkpoints after {at}");
        }
    }
}

/// A run that fails at its very end leaves what it has for the next, as any other that was told to resume.
#[test]
fn a_run_that_could_not_publish_is_resumed() {
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
        exports.run("undisturbed", 2, &NoProgress).unwrap();
        assert!(exports.contents("scan") == exports.contents("undisturbed"));
    }
}
