//! What the archive sink does beyond the contract that every sink keeps.

use std::fs::{self, File, OpenOptions};
use std::os::unix::fs::{FileExt, symlink};
use std::path::{Path, PathBuf};

use slidezoom::key::EntryName;
use slidezoom::sink::{ArchiveSink, OverwritePolicy, Sink, SinkError};
use tempfile::TempDir;

use crate::unpackers::{assert_readable, assert_seen_by_python};
use crate::zip_by_hand::entries_of;

fn name(text: &str) -> EntryName {
    EntryName::new(text.to_owned()).unwrap()
}

fn create(destination: &Path, existing: OverwritePolicy) -> Result<Box<ArchiveSink>, SinkError> {
    ArchiveSink::create(destination, existing, name("root"), None).map(Box::new)
}

/// An archive of files that hold their own names.
fn write(destination: &Path, existing: OverwritePolicy, files: &[&str]) -> Result<(), SinkError> {
    let sink = create(destination, existing)?;
    for (file, entry) in files.iter().zip(0..) {
        sink.write(entry, &name(file), file.as_bytes())?;
    }
    sink.commit()
}

/// The names in an archive, without its root folder.
fn names_in(archive: &Path) -> Vec<String> {
    let entries = entries_of(archive).unwrap();
    entries.into_iter().map(|entry| entry.name.strip_prefix("root/").unwrap().to_owned()).collect()
}

/// What stands in a folder, hidden or not.
fn beside(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// An empty folder, the destination in it, and where it is written.
fn place() -> (TempDir, PathBuf, PathBuf) {
    let root = tempfile::tempdir().unwrap();
    let (destination, partial) = (root.path().join("x.zip"), root.path().join(".x.zip.partial"));
    (root, destination, partial)
}

#[test]
fn what_exists_is_refused_or_replaced_whole() {
    let (root, destination, _) = place();
    write(&destination, OverwritePolicy::Refuse, &["old.dzi", "old.json"]).unwrap();
    assert!(matches!(write(&destination, OverwritePolicy::Refuse, &["new.dzi"]), Err(SinkError::Exists { .. })));
    assert_eq!(names_in(&destination), ["old.dzi", "old.json"]);
    write(&destination, OverwritePolicy::Replace, &["new.dzi"]).unwrap();
    assert_eq!(names_in(&destination), ["new.dzi"]);

    // An abandoned replacement leaves the old one.
    let sink = create(&destination, OverwritePolicy::Replace).unwrap();
    sink.write(0, &name("newer.dzi"), b"").unwrap();
    sink.abandon().unwrap();
    assert_eq!(names_in(&destination), ["new.dzi"]);
    assert_eq!(beside(root.path()), ["x.zip"]);
}

#[test]
fn what_is_no_export_is_not_replaced() {
    let root = tempfile::tempdir().unwrap();
    let at = |file: &str| root.path().join(file);
    write(&at("export.zip"), OverwritePolicy::Refuse, &["a.dzi", "a_files/0/0_0.jpeg"]).unwrap();
    let export = fs::read(at("export.zip")).unwrap();

    fs::create_dir(at("folder.zip")).unwrap();
    fs::write(at("text.zip"), "years of work").unwrap();
    fs::write(at("empty.zip"), "").unwrap();
    fs::write(at("short.zip"), &export[..export.len() - 1]).unwrap();
    symlink("nowhere", at("dangling.zip")).unwrap();
    symlink("export.zip", at("link.zip")).unwrap();
    write(&at("nothing.zip"), OverwritePolicy::Refuse, &[]).unwrap();
    write(&at("documents.zip"), OverwritePolicy::Refuse, &["thesis.txt"]).unwrap();
    write(&at("two.zip"), OverwritePolicy::Refuse, &["a.dzi", "b.dzi"]).unwrap();
    write(&at("deep.zip"), OverwritePolicy::Refuse, &["a/b.dzi"]).unwrap();
    let before = beside(root.path());
    for file in before.iter().filter(|file| *file != "export.zip") {
        let contents = fs::read(at(file)).ok();
        for existing in [OverwritePolicy::Refuse, OverwritePolicy::Replace] {
            let refused = create(&at(file), existing);
            assert!(matches!(refused, Err(SinkError::NotAnExport { .. })), "{file}: {refused:?}");
        }
        assert_eq!(fs::read(at(file)).ok(), contents, "{file}");
    }
    assert_eq!(beside(root.path()), before);

    let below_a_file = create(&at("text.zip/x.zip"), OverwritePolicy::Refuse);
    assert!(matches!(below_a_file, Err(SinkError::NotAFolder { .. })));
    assert!(matches!(create(Path::new("/"), OverwritePolicy::Refuse), Err(SinkError::Destination { .. })));
}

#[test]
fn folders_above_are_made_and_unmade() {
    let root = tempfile::tempdir().unwrap();
    let destination = root.path().join("a/b/x.zip");
    create(&destination, OverwritePolicy::Refuse).unwrap().abandon().unwrap();
    assert_eq!(beside(root.path()), [""; 0], "nothing is left of an export that failed");
    drop(create(&destination, OverwritePolicy::Refuse).unwrap());
    assert_eq!(beside(root.path()), [""; 0], "nor of one that was dropped");
    write(&destination, OverwritePolicy::Refuse, &["a.dzi"]).unwrap();
    assert_eq!(names_in(&destination), ["a.dzi"]);
    // Folders that others use by now stay.
    let sink = create(&root.path().join("c/x.zip"), OverwritePolicy::Refuse).unwrap();
    fs::write(root.path().join("c/letter.txt"), "x").unwrap();
    sink.abandon().unwrap();
    assert_eq!(beside(&root.path().join("c")), ["letter.txt"]);
}

#[test]
fn something_that_appears_meanwhile_is_not_replaced() {
    let (root, destination, _) = place();
    let sink = create(&destination, OverwritePolicy::Refuse).unwrap();
    sink.write(0, &name("a.dzi"), b"").unwrap();
    // Empty: rename(2) alone would replace it.
    fs::write(&destination, "").unwrap();
    assert!(matches!(sink.commit(), Err(SinkError::Exists { .. })));
    assert_eq!(fs::read(&destination).unwrap(), b"");
    assert_eq!(beside(root.path()), ["x.zip"]);
}

#[test]
fn of_what_appears_meanwhile_only_an_export_is_replaced() {
    let (root, destination, _) = place();
    let sink = create(&destination, OverwritePolicy::Replace).unwrap();
    sink.write(0, &name("a.dzi"), b"").unwrap();
    fs::write(&destination, "years of work").unwrap();
    assert!(matches!(sink.commit(), Err(SinkError::NotAnExport { .. })));
    assert_eq!(fs::read(&destination).unwrap(), b"years of work");
    assert_eq!(beside(root.path()), ["x.zip"]);

    fs::remove_file(&destination).unwrap();
    let sink = create(&destination, OverwritePolicy::Replace).unwrap();
    sink.write(0, &name("a.dzi"), b"").unwrap();
    let other = root.path().join("other.zip");
    write(&other, OverwritePolicy::Refuse, &["b.dzi"]).unwrap();
    fs::rename(other, &destination).unwrap();
    sink.commit().unwrap();
    assert_eq!(names_in(&destination), ["a.dzi"]);
}

#[test]
fn a_partial_file_that_was_changed_by_others_is_not_published() {
    let (root, destination, partial) = place();
    // More than is gathered before it is written, so that most of it is in the file.
    let begin = || {
        let sink = create(&destination, OverwritePolicy::Refuse).unwrap();
        sink.write(0, &name("a.dzi"), &vec![7; 3 << 20]).unwrap();
        assert!(partial.metadata().unwrap().len() > 2 << 20);
        sink
    };
    let not_published = |change: &str, disturb: &dyn Fn(&File)| {
        let sink = begin();
        disturb(&OpenOptions::new().write(true).open(&partial).unwrap());
        let result = sink.commit();
        let told = result.unwrap_err().to_string();
        assert!(told.contains("something else has been at it"), "{change}: {told}");
        assert_eq!(beside(root.path()), [""; 0], "{change}");
    };
    not_published("emptied", &|file| file.set_len(0).unwrap());
    not_published("cut short", &|file| file.set_len(file.metadata().unwrap().len() - 1).unwrap());
    not_published("continued", &|file| file.set_len(4 << 20).unwrap());
    not_published("written to", &|file| file.write_all_at(b"x", 4 << 20).unwrap());

    let sink = begin();
    fs::remove_file(&partial).unwrap();
    assert!(matches!(sink.commit(), Err(SinkError::Disturbed { .. })));
    assert_eq!(beside(root.path()), [""; 0]);

    // Another file with the same name and the same bytes: not the one that was written.
    let sink = begin();
    fs::copy(&partial, root.path().join("copy")).unwrap();
    fs::rename(root.path().join("copy"), &partial).unwrap();
    assert!(matches!(sink.commit(), Err(SinkError::Disturbed { .. })));
    assert_eq!(beside(root.path()), [".x.zip.partial"], "what others made is not removed");
}

/// The archive's writer ends what it has begun when it is dropped, be that only in its own mind.
#[test]
fn a_write_that_fails_in_the_middle_is_told_again_and_again_and_nothing_is_left() {
    let (root, destination, partial) = place();
    for (before, in_parts) in [(0, false), (0, true), (1, false), (1, true)] {
        let sink = create(&destination, OverwritePolicy::Refuse).unwrap();
        let large = vec![7; 3 << 20];
        for entry in 0..before {
            sink.write(entry, &name(&format!("{entry}")), &large).unwrap();
        }
        OpenOptions::new().write(true).open(&partial).unwrap().set_len(1).unwrap();
        let middle = if in_parts {
            sink.write_parts(before, &name("a"), &mut vec![large.clone(), large].into_iter())
        } else {
            sink.write(before, &name("a"), &large)
        };
        let told = middle.unwrap_err().to_string();
        assert!(told.contains("something else has been at it"), "{told}");
        assert_eq!(sink.write(before + 1, &name("b"), b"").unwrap_err().to_string(), told);
        assert_eq!(sink.commit().unwrap_err().to_string(), told);
        assert_eq!(beside(root.path()), [""; 0]);
    }
}

#[test]
fn one_export_at_a_time_and_a_killed_one_s_rest_is_removed() {
    let (root, destination, partial) = place();
    let first = create(&destination, OverwritePolicy::Refuse).unwrap();
    assert!(matches!(create(&destination, OverwritePolicy::Refuse), Err(SinkError::Busy { .. })));
    first.write(0, &name("a.dzi"), b"").unwrap();
    first.commit().unwrap();
    assert_eq!(names_in(&destination), ["a.dzi"], "who came second has not disturbed the first");
    // What a kill leaves: the file without the lock.
    fs::write(&partial, vec![7; 1 << 20]).unwrap();
    write(&destination, OverwritePolicy::Replace, &["b.dzi"]).unwrap();
    assert_eq!(names_in(&destination), ["b.dzi"]);
    assert_eq!(beside(root.path()), ["x.zip"]);
}

#[test]
fn what_has_the_partial_file_s_name_and_is_no_file_is_not_touched() {
    let (root, destination, partial) = place();
    let letter = root.path().join("letter.txt");
    fs::write(&letter, "x").unwrap();
    symlink(&letter, &partial).unwrap();
    assert!(matches!(create(&destination, OverwritePolicy::Refuse), Err(SinkError::NotAFile { .. })));
    assert_eq!(fs::read(&letter).unwrap(), b"x");
    fs::remove_file(&partial).unwrap();
    fs::create_dir(&partial).unwrap();
    assert!(matches!(create(&destination, OverwritePolicy::Refuse), Err(SinkError::NotAFile { .. })));
    assert_eq!(beside(root.path()), [".x.zip.partial", "letter.txt"]);
}

/// 400 entries of some hundred bytes to some kilobytes.
fn contents(entry: u64) -> Vec<u8> {
    vec![entry as u8; (100 + entry * 37 % 5000) as usize]
}

#[test]
fn entries_that_many_threads_hand_in_come_out_in_the_order_of_their_numbers() {
    let root = tempfile::tempdir().unwrap();
    let (in_order, at_once) = (root.path().join("in-order.zip"), root.path().join("at-once.zip"));
    let sink = create(&in_order, OverwritePolicy::Refuse).unwrap();
    for entry in 0..400 {
        sink.write(entry, &name(&format!("{entry}")), &contents(entry)).unwrap();
    }
    sink.commit().unwrap();

    let sink = create(&at_once, OverwritePolicy::Refuse).unwrap();
    std::thread::scope(|scope| {
        for thread in 0..8_u64 {
            let sink = &sink;
            scope.spawn(move || {
                // Each thread has its last first; a third of the files come in parts.
                for entry in (0..50).rev().map(|number| number * 8 + thread) {
                    let (name, contents) = (name(&format!("{entry}")), contents(entry));
                    if entry % 3 == 0 {
                        let mut parts = contents.chunks(64).map(<[u8]>::to_vec);
                        sink.write_parts(entry, &name, &mut parts).unwrap();
                    } else {
                        sink.write(entry, &name, &contents).unwrap();
                    }
                }
            });
        }
    });
    sink.commit().unwrap();
    assert!(fs::read(&at_once).unwrap() == fs::read(&in_order).unwrap(), "the same bytes");

    let entries = entries_of(&at_once).unwrap();
    assert_eq!(entries.len(), 400);
    let mut end = 0;
    for (entry, number) in entries.iter().zip(0..) {
        assert_eq!((&entry.name, entry.offset), (&format!("root/{number}"), end));
        assert_eq!(entry.contents, contents(number));
        end += (30 + entry.name.len() + entry.contents.len()) as u64;
    }
    let names = entries.iter().map(|entry| entry.name.clone());
    assert_seen_by_python(&at_once, names, &contents(0), &contents(399));
    assert_readable(&at_once);
}

#[test]
fn a_file_in_parts_is_the_same_in_its_turn_and_before_it() {
    let root = tempfile::tempdir().unwrap();
    let written = |file: &str, order: &[u64]| {
        let destination = root.path().join(file);
        let sink = create(&destination, OverwritePolicy::Refuse).unwrap();
        for &entry in order {
            // The second is larger than what is gathered before it is written: its header is in the file already when it is filled in.
            let part = vec![entry as u8; if entry == 1 { 1 << 20 } else { 10 }];
            let mut parts = [part.clone(), Vec::new(), part].into_iter();
            sink.write_parts(entry, &name(&format!("{entry}")), &mut parts).unwrap();
        }
        sink.write(3, &name("3"), b"").unwrap();
        sink.commit().unwrap();
        let lengths: Vec<_> = entries_of(&destination).unwrap().iter().map(|entry| entry.contents.len()).collect();
        assert_eq!(lengths, [20, 2 << 20, 20, 0], "{file}");
        fs::read(destination).unwrap()
    };
    let in_turn = written("in-turn.zip", &[0, 1, 2]);
    for order in [[2, 1, 0], [1, 0, 2], [2, 0, 1]] {
        assert!(written(&format!("{order:?}.zip"), &order) == in_turn, "{order:?}");
    }
}

#[test]
fn a_name_written_twice_is_refused_early_or_in_its_turn_and_nothing_is_published() {
    let (root, destination, _) = place();
    for order in [[0, 1], [1, 0]] {
        let sink = create(&destination, OverwritePolicy::Refuse).unwrap();
        let parts = |contents: &[u8]| vec![contents.to_vec()].into_iter();
        let first = sink.write_parts(order[0], &name("twice"), &mut parts(b"one"));
        let second = sink.write_parts(order[1], &name("twice"), &mut parts(b"two"));
        assert!(first.is_ok() && second.is_err(), "{order:?}");
        // Whoever goes on all the same does not get it published.
        assert!(sink.write(2, &name("more"), b"").is_err());
        assert!(sink.commit().is_err());
        assert_eq!(beside(root.path()), [""; 0]);
    }
}

#[test]
fn a_gap_in_the_numbers_is_told_and_nothing_is_published() {
    let (root, destination, _) = place();
    let sink = create(&destination, OverwritePolicy::Refuse).unwrap();
    for entry in [0, 1, 4, 6, 7] {
        sink.write(entry, &name(&format!("{entry}")), b"x").unwrap();
    }
    assert!(matches!(sink.commit(), Err(SinkError::Gap { missing: 2, waiting: 4, .. })));
    assert_eq!(beside(root.path()), [""; 0]);
}
