//! The order of entries with and without checkpoints, seen by a sink that records both.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex};

use slidezoom::internals::engine::progress::NoProgress;
use slidezoom::internals::geometry::Size;
use slidezoom::internals::key::{Digest, EntryName};
use slidezoom::internals::layout::Container;
use slidezoom::internals::plan::FormatOption;
use slidezoom::internals::pyramid::TileGeometry;
use slidezoom::internals::sink::{Checkpoint, Resume, ResumeState, Role, Sink, SinkError};
use slidezoom::{ExportPlan, Source, export};

use crate::drawn_source::DrawnSource;
use crate::resume::options;

/// Records checkpoints and the order of entries.
#[derive(Default)]
struct Recorder {
    keeps_checkpoints: bool,
    /// The checkpoint at which the run resumes.
    resumed: Option<ResumeState>,
    checkpoints: Arc<Mutex<Vec<ResumeState>>>,
    names: Arc<Mutex<BTreeMap<u64, String>>>,
}

impl Sink for Recorder {
    fn write(&self, key: &EntryName, _: Role, order: u64, _: &[u8]) -> Result<(), SinkError> {
        self.names.lock().unwrap().insert(order, key.to_string());
        Ok(())
    }

    fn resume(&self) -> Option<&dyn Resume> {
        self.keeps_checkpoints.then_some(self)
    }

    fn commit(self: Box<Self>) -> Result<(), SinkError> {
        Ok(())
    }

    fn abort(self: Box<Self>) -> Result<(), SinkError> {
        Ok(())
    }
}

impl Resume for Recorder {
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

    fn resume_state(&self) -> Option<&ResumeState> {
        self.resumed.as_ref()
    }

    fn adopt(
        &self,
        _: &dyn Fn(&str) -> Option<Digest>,
        _: &dyn Fn() -> bool,
    ) -> Result<(), SinkError> {
        Ok(())
    }
}

/// The order of entries is the same with and without checkpoints, and a resumed run continues with
/// the same entries and checkpoints.
#[test]
fn keeps_the_order_of_entries_with_checkpoints_and_when_resumed() {
    for (width, height, native, tile_size, overlap) in
        [(300, 130_000, 256, 256, 0), (1_000, 60_000, 250, 500, 0), (600, 90_000, 200, 1_200, 0)]
    {
        let size = Size::new(width, height).unwrap();
        let source = DrawnSource::new(size, Size::new(native, native), None);
        let geometry = TileGeometry::new(tile_size, overlap).ok();
        let options = options(Container::Zip).geometry(geometry).format(FormatOption::Jpeg);
        let plan = ExportPlan::new(source.info(), "scan", &options).unwrap();
        let run_of = |source: &DrawnSource,
                      resumed: Option<ResumeState>,
                      keeps_checkpoints: bool,
                      jobs: usize| {
            let sink = Recorder { keeps_checkpoints, resumed, ..Recorder::default() };
            let (checkpoints, names) = (Arc::clone(&sink.checkpoints), Arc::clone(&sink.names));
            export(source, &plan, Box::new(sink), NonZeroUsize::new(jobs).unwrap(), &NoProgress)
                .unwrap();
            let checkpoints = checkpoints.lock().unwrap().clone();
            let names = names.lock().unwrap().clone();
            (checkpoints, names)
        };
        let run =
            |resumed, keeps_checkpoints, jobs| run_of(&source, resumed, keeps_checkpoints, jobs);
        let (checkpoints, names) = run(None, true, 2);
        assert!(checkpoints.len() > 1, "{size}: {} checkpoints", checkpoints.len());
        let (none, names_without) = run(None, false, 3);
        assert!(
            none.is_empty() && names == names_without,
            "{size}: order with and without checkpoints"
        );
        let blank = DrawnSource::new(size, Size::new(native, native), None)
            .with_unscanned(|row| row % 3_000 > 500);
        let (_, names_with_blank) = run_of(&blank, None, true, 2);
        assert!(names == names_with_blank, "{size}: order with and without blank tiles");
        let middle = checkpoints.len() / 2;
        for at in [0, middle] {
            let (after, resumed) = run(Some(checkpoints[at].clone()), true, 1);
            assert!(
                resumed.iter().eq(names.range(checkpoints[at].entries..)),
                "{size}: entries after checkpoint {at}"
            );
            let entries = |checkpoints: &[ResumeState]| {
                checkpoints.iter().map(|checkpoint| checkpoint.entries).collect::<Vec<_>>()
            };
            assert_eq!(
                entries(&after),
                entries(&checkpoints[at + 1..]),
                "{size}: checkpoints after {at}"
            );
        }
    }
}
