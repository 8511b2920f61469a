//! Tests of the archive sink beyond the contract of all sinks.

use std::fs::{self, File, OpenOptions};
use std::os::unix::fs::{FileExt, symlink};
use std::path::{Path, PathBuf};

use slidezoom::internals::key::EntryName;
use slidezoom::internals::sink::{ArchiveSink, OverwritePolicy, Role, Sink, SinkError};
use tempfile::TempDir;

use crate::unpackers::{assert_readable, assert_seen_by_python};
use crate::zip_by_hand::entries_of;

fn name(text: &str) -> EntryName {
    EntryName::new(text.to_owned()).unwrap()
}

fn create(destination: &Path, existing: OverwritePolicy) -> Result<Box<ArchiveSink>, SinkError> {
    ArchiveSink::create(destination, existing, name("root"), None).map(Box::new)
}

/// Writes an archive of files that contain their own names.
fn write(destination: &Path, existing: OverwritePolicy, files: &[&str]) -> Result<(), SinkError> {
    let sink = create(destination, existing)?;
    for (file, entry) in files.iter().zip(0..) {
        sink.write(&name(file), Role::Tile, entry, file.as_bytes())?;
    }
    sink.commit()
}

/// The names in an archive, without its root folder.
fn names_in(archive: &Path) -> Vec<String> {
    let entries = entries_of(archive).unwrap();
    entries.into_iter().map(|entry| entry.name.strip_prefix("root/").unwrap().to_owned()).collect()
}

/// All names in a folder, including hidden ones.
fn entries_of_folder(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let mut names: Vec<_> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// An empty folder, a destination in it, and the staging path.
fn place() -> (TempDir, PathBuf, PathBuf) {
    let root = tempfile::tempdir().unwrap();
    let (destination, partial) = (root.path().join("x.zip"), root.path().join(".x.zip.partial"));
    (root, destination, partial)
}

#[test]
fn refuses_or_replaces_an_existing_archive() {
    let (root, destination, _) = place();
    write(&destination, OverwritePolicy::Refuse, &["old.dzi", "old.json"]).unwrap();
    assert!(matches!(
        write(&destination, OverwritePolicy::Refuse, &["new.dzi"]),
        Err(SinkError::Exists { .. })
    ));
    assert_eq!(names_in(&destination), ["old.dzi", "old.json"]);
    write(&destination, OverwritePolicy::Replace, &["new.dzi"]).unwrap();
    assert_eq!(names_in(&destination), ["new.dzi"]);

    // An aborted replacement keeps the earlier archive.
    let sink = create(&destination, OverwritePolicy::Replace).unwrap();
    sink.write(&name("newer.dzi"), Role::Tile, 0, b"").unwrap();
    sink.abort().unwrap();
    assert_eq!(names_in(&destination), ["new.dzi"]);
    assert_eq!(entries_of_folder(root.path()), ["x.zip"]);
}

#[test]
fn replaces_only_archives_of_exports() {
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
    let before = entries_of_folder(root.path());
    for file in before.iter().filter(|file| *file != "export.zip") {
        let contents = fs::read(at(file)).ok();
        for existing in [OverwritePolicy::Refuse, OverwritePolicy::Replace] {
            let refused = create(&at(file), existing);
            assert!(matches!(refused, Err(SinkError::NotAnExport { .. })), "{file}: {refused:?}");
        }
        assert_eq!(fs::read(at(file)).ok(), contents, "{file}");
    }
    assert_eq!(entries_of_folder(root.path()), before);

    let below_a_file = create(&at("text.zip/x.zip"), OverwritePolicy::Refuse);
    assert!(matches!(below_a_file, Err(SinkError::NotAFolder { .. })));
    assert!(matches!(
        create(Path::new("/"), OverwritePolicy::Refuse),
        Err(SinkError::Destination { .. })
    ));
}

#[test]
fn creates_and_removes_parent_folders() {
    let root = tempfile::tempdir().unwrap();
    let destination = root.path().join("a/b/x.zip");
    create(&destination, OverwritePolicy::Refuse).unwrap().abort().unwrap();
    assert_eq!(entries_of_folder(root.path()), [""; 0], "nothing is left after an abort");
    drop(create(&destination, OverwritePolicy::Refuse).unwrap());
    assert_eq!(entries_of_folder(root.path()), [""; 0], "nor after a drop");
    write(&destination, OverwritePolicy::Refuse, &["a.dzi"]).unwrap();
    assert_eq!(names_in(&destination), ["a.dzi"]);
    // Folders that are in use by now stay.
    let sink = create(&root.path().join("c/x.zip"), OverwritePolicy::Refuse).unwrap();
    fs::write(root.path().join("c/letter.txt"), "x").unwrap();
    sink.abort().unwrap();
    assert_eq!(entries_of_folder(&root.path().join("c")), ["letter.txt"]);
}

#[test]
fn does_not_replace_a_file_that_appears_meanwhile() {
    let (root, destination, _) = place();
    let sink = create(&destination, OverwritePolicy::Refuse).unwrap();
    sink.write(&name("a.dzi"), Role::Tile, 0, b"").unwrap();
    // rename(2) alone would replace it.
    fs::write(&destination, "").unwrap();
    assert!(matches!(sink.commit(), Err(SinkError::Exists { .. })));
    assert_eq!(fs::read(&destination).unwrap(), b"");
    assert_eq!(entries_of_folder(root.path()), ["x.zip"]);
}

#[test]
fn replaces_only_exports_that_appear_meanwhile() {
    let (root, destination, _) = place();
    let sink = create(&destination, OverwritePolicy::Replace).unwrap();
    sink.write(&name("a.dzi"), Role::Tile, 0, b"").unwrap();
    fs::write(&destination, "years of work").unwrap();
    assert!(matches!(sink.commit(), Err(SinkError::NotAnExport { .. })));
    assert_eq!(fs::read(&destination).unwrap(), b"years of work");
    assert_eq!(entries_of_folder(root.path()), ["x.zip"]);

    fs::remove_file(&destination).unwrap();
    let sink = create(&destination, OverwritePolicy::Replace).unwrap();
    sink.write(&name("a.dzi"), Role::Tile, 0, b"").unwrap();
    let other = root.path().join("other.zip");
    write(&other, OverwritePolicy::Refuse, &["b.dzi"]).unwrap();
    fs::rename(other, &destination).unwrap();
    sink.commit().unwrap();
    assert_eq!(names_in(&destination), ["a.dzi"]);
}

/// Returns the message of an error and that of its cause.
fn with_cause(error: &SinkError) -> String {
    let cause = std::error::Error::source(error);
    cause.map_or_else(|| error.to_string(), |cause| format!("{error}: {cause}"))
}

#[test]
fn does_not_publish_a_changed_staging_file() {
    let (root, destination, partial) = place();
    // More than the buffer, so that most of it is in the file.
    let begin = || {
        let sink = create(&destination, OverwritePolicy::Refuse).unwrap();
        sink.write(&name("a.dzi"), Role::Tile, 0, &vec![7; 3 << 20]).unwrap();
        assert!(partial.metadata().unwrap().len() > 2 << 20);
        sink
    };
    let not_published = |change: &str, disturb: &dyn Fn(&File)| {
        let sink = begin();
        disturb(&OpenOptions::new().write(true).open(&partial).unwrap());
        let result = sink.commit();
        let message = with_cause(&result.unwrap_err());
        assert!(message.contains("another program has changed"), "{change}: {message}");
        assert_eq!(entries_of_folder(root.path()), [""; 0], "{change}");
    };
    not_published("emptied", &|file| file.set_len(0).unwrap());
    not_published("cut short", &|file| file.set_len(file.metadata().unwrap().len() - 1).unwrap());
    not_published("continued", &|file| file.set_len(4 << 20).unwrap());
    not_published("written to", &|file| file.write_all_at(b"x", 4 << 20).unwrap());

    let sink = begin();
    fs::remove_file(&partial).unwrap();
    assert!(matches!(sink.commit(), Err(SinkError::Disturbed { .. })));
    assert_eq!(entries_of_folder(root.path()), [""; 0]);

    // Another file with the same name and the same bytes.
    let sink = begin();
    fs::copy(&partial, root.path().join("copy")).unwrap();
    fs::rename(root.path().join("copy"), &partial).unwrap();
    assert!(matches!(sink.commit(), Err(SinkError::Disturbed { .. })));
    assert_eq!(entries_of_folder(root.path()), [".x.zip.partial"], "the other file is not removed");
}

/// The zip writer completes an archive when it is dropped; that must not reach the file.
#[test]
fn reports_a_failed_write_again_and_leaves_nothing() {
    let (root, destination, partial) = place();
    for (before, in_parts) in [(0, false), (0, true), (1, false), (1, true)] {
        let sink = create(&destination, OverwritePolicy::Refuse).unwrap();
        let large = vec![7; 3 << 20];
        for entry in 0..before {
            sink.write(&name(&format!("{entry}")), Role::Tile, entry, &large).unwrap();
        }
        OpenOptions::new().write(true).open(&partial).unwrap().set_len(1).unwrap();
        let middle = if in_parts {
            sink.write_parts(
                &name("a"),
                Role::Auxiliary,
                before,
                &mut vec![large.clone(), large].into_iter(),
            )
        } else {
            sink.write(&name("a"), Role::Tile, before, &large)
        };
        let message = with_cause(&middle.unwrap_err());
        assert!(message.contains("another program has changed"), "{message}");
        let next = sink.write(&name("b"), Role::Tile, before + 1, b"");
        assert_eq!(with_cause(&next.unwrap_err()), message);
        assert_eq!(with_cause(&sink.commit().unwrap_err()), message);
        assert_eq!(entries_of_folder(root.path()), [""; 0]);
    }
}

#[test]
fn locks_staging_and_removes_stale_staging() {
    let (root, destination, partial) = place();
    let first = create(&destination, OverwritePolicy::Refuse).unwrap();
    assert!(matches!(create(&destination, OverwritePolicy::Refuse), Err(SinkError::Busy { .. })));
    first.write(&name("a.dzi"), Role::Tile, 0, b"").unwrap();
    first.commit().unwrap();
    assert_eq!(names_in(&destination), ["a.dzi"], "the second sink has not disturbed the first");
    // A killed run leaves the file without the lock.
    fs::write(&partial, vec![7; 1 << 20]).unwrap();
    write(&destination, OverwritePolicy::Replace, &["b.dzi"]).unwrap();
    assert_eq!(names_in(&destination), ["b.dzi"]);
    assert_eq!(entries_of_folder(root.path()), ["x.zip"]);
}

#[test]
fn keeps_anything_else_with_the_staging_name() {
    let (root, destination, partial) = place();
    let letter = root.path().join("letter.txt");
    fs::write(&letter, "x").unwrap();
    symlink(&letter, &partial).unwrap();
    assert!(matches!(
        create(&destination, OverwritePolicy::Refuse),
        Err(SinkError::NotAFile { .. })
    ));
    assert_eq!(fs::read(&letter).unwrap(), b"x");
    fs::remove_file(&partial).unwrap();
    fs::create_dir(&partial).unwrap();
    assert!(matches!(
        create(&destination, OverwritePolicy::Refuse),
        Err(SinkError::NotAFile { .. })
    ));
    assert_eq!(entries_of_folder(root.path()), [".x.zip.partial", "letter.txt"]);
}

/// Contents of 400 entries, from hundreds of bytes to some kilobytes.
fn contents(entry: u64) -> Vec<u8> {
    vec![entry as u8; (100 + entry * 37 % 5000) as usize]
}

#[test]
fn orders_entries_of_many_threads_by_number() {
    let root = tempfile::tempdir().unwrap();
    let (in_order, at_once) = (root.path().join("in-order.zip"), root.path().join("at-once.zip"));
    let sink = create(&in_order, OverwritePolicy::Refuse).unwrap();
    for entry in 0..400 {
        sink.write(&name(&format!("{entry}")), Role::Tile, entry, &contents(entry)).unwrap();
    }
    sink.commit().unwrap();

    let sink = create(&at_once, OverwritePolicy::Refuse).unwrap();
    std::thread::scope(|scope| {
        for thread in 0..8_u64 {
            let sink = &sink;
            scope.spawn(move || {
                // Each thread starts with its last entry; a third of the files are written in
                // parts.
                for entry in (0..50).rev().map(|number| number * 8 + thread) {
                    let (name, contents) = (name(&format!("{entry}")), contents(entry));
                    if entry % 3 == 0 {
                        let mut parts = contents.chunks(64).map(<[u8]>::to_vec);
                        sink.write_parts(&name, Role::Auxiliary, entry, &mut parts).unwrap();
                    } else {
                        sink.write(&name, Role::Tile, entry, &contents).unwrap();
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
fn writes_files_in_parts_in_and_out_of_order() {
    let root = tempfile::tempdir().unwrap();
    let written = |file: &str, order: &[u64]| {
        let destination = root.path().join(file);
        let sink = create(&destination, OverwritePolicy::Refuse).unwrap();
        for &entry in order {
            // The second is larger than the buffer: its header is in the file already when it is
            // completed.
            let part = vec![entry as u8; if entry == 1 { 1 << 20 } else { 10 }];
            let mut parts = [part.clone(), Vec::new(), part].into_iter();
            sink.write_parts(&name(&format!("{entry}")), Role::Auxiliary, entry, &mut parts)
                .unwrap();
        }
        sink.write(&name("3"), Role::Tile, 3, b"").unwrap();
        sink.commit().unwrap();
        let lengths: Vec<_> =
            entries_of(&destination).unwrap().iter().map(|entry| entry.contents.len()).collect();
        assert_eq!(lengths, [20, 2 << 20, 20, 0], "{file}");
        fs::read(destination).unwrap()
    };
    let in_turn = written("in-turn.zip", &[0, 1, 2]);
    for order in [[2, 1, 0], [1, 0, 2], [2, 0, 1]] {
        assert!(written(&format!("{order:?}.zip"), &order) == in_turn, "{order:?}");
    }
}

#[test]
fn rejects_duplicate_names() {
    let (root, destination, _) = place();
    for order in [[0, 1], [1, 0]] {
        let sink = create(&destination, OverwritePolicy::Refuse).unwrap();
        let parts = |contents: &[u8]| vec![contents.to_vec()].into_iter();
        let first = sink.write_parts(&name("twice"), Role::Auxiliary, order[0], &mut parts(b"one"));
        let second =
            sink.write_parts(&name("twice"), Role::Auxiliary, order[1], &mut parts(b"two"));
        assert!(first.is_ok() && second.is_err(), "{order:?}");
        // Continuing anyway does not publish it.
        assert!(sink.write(&name("more"), Role::Tile, 2, b"").is_err());
        assert!(sink.commit().is_err());
        assert_eq!(entries_of_folder(root.path()), [""; 0]);
    }
}

#[test]
fn rejects_gaps_in_the_order() {
    let (root, destination, _) = place();
    let sink = create(&destination, OverwritePolicy::Refuse).unwrap();
    for entry in [0, 1, 4, 6, 7] {
        sink.write(&name(&format!("{entry}")), Role::Tile, entry, b"x").unwrap();
    }
    assert!(matches!(sink.commit(), Err(SinkError::Gap { missing: 2, waiting: 4, .. })));
    assert_eq!(entries_of_folder(root.path()), [""; 0]);
}
