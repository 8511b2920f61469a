//! Makes each call of a sink fail in turn. The error must be reported, and nothing published or
//! left.

use std::fs;
use std::num::NonZeroUsize;
use std::sync::atomic::Ordering;

use nix::errno::Errno;
use slidezoom::internals::engine::progress::NoProgress;
use slidezoom::internals::export::create_sink;
use slidezoom::internals::geometry::Size;
use slidezoom::internals::layout::Container;
use slidezoom::internals::plan::{ExportOptions, Page};
use slidezoom::internals::sink::{MemorySink, OverwritePolicy, Sink, SinkError};
use slidezoom::internals::source::SourceIdentity;
use slidezoom::{Error, ExportPlan, Source, export};

use crate::drawn_source::DrawnSource;
use crate::failing_sink::{FailingSink, Failure};

/// A sink, and a function that returns whether any of its files are left.
type Made = (Box<dyn Sink>, Box<dyn Fn() -> bool>);

fn fail_every_call(container: Container, make: &dyn Fn(&ExportPlan) -> Made) {
    let source = DrawnSource::new(Size::new(300, 200).unwrap(), None, None);
    let (page, source_identity) = (Page::Include, SourceIdentity::Omit);
    let options =
        ExportOptions::default().container(container).page(page).source_identity(source_identity);
    let plan = ExportPlan::new(source.info(), "drawn", &options).unwrap();
    let two = NonZeroUsize::new(2).unwrap();
    let errors = [Errno::ENOSPC, Errno::EIO, Errno::EDQUOT];
    for (errno, lasting) in errors.into_iter().flat_map(|errno| [(errno, true), (errno, false)]) {
        for good in 0.. {
            let (sink, is_left) = make(&plan);
            let failure = Failure { good, errno, lasting };
            let sink = FailingSink::new(sink, failure);
            let calls = sink.calls();
            let result = export(&source, &plan, Box::new(sink), two, &NoProgress);
            if calls.load(Ordering::SeqCst) <= good {
                result.unwrap();
                assert!(is_left(), "an export without failure is published");
                assert!(good > 15, "the sink is called only {good} times");
                break;
            }
            let Err(Error::Destination(SinkError::Operation { source, .. })) = result else {
                panic!("{failure:?}: {result:?}")
            };
            assert_eq!(source.raw_os_error(), Some(errno as i32), "{failure:?}");
            assert!(!is_left(), "{failure:?}");
        }
    }
}

/// The same for a sink of the file system, whose parent folder must be empty.
fn fail_every_call_on_disk(container: Container) {
    fail_every_call(container, &|plan| {
        let root = tempfile::tempdir().unwrap();
        let destination = root.path().join("export");
        let sink = create_sink(plan, &destination, OverwritePolicy::Refuse).unwrap();
        (sink, Box::new(move || fs::read_dir(root.path()).unwrap().count() > 0))
    });
}

#[test]
fn failing_calls_of_a_folder_leave_nothing() {
    fail_every_call_on_disk(Container::Folder);
    fail_every_call_on_disk(Container::Bag);
}

#[test]
fn failing_calls_of_an_archive_leave_nothing() {
    fail_every_call_on_disk(Container::Zip);
}

#[test]
fn failing_calls_of_memory_leave_nothing() {
    fail_every_call(Container::Folder, &|_| {
        let sink = MemorySink::new();
        let published = sink.published();
        (Box::new(sink), Box::new(move || published.lock().unwrap().is_some()))
    });
}
