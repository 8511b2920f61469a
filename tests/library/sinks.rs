//! One suite that every sink passes, and what the folder sink does besides.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use slidezoom::key::Digest;
use slidezoom::key::EntryName;
use slidezoom::sink::{ArchiveSink, DirectorySink, MemorySink, OverwritePolicy, Sink, SinkError};

use crate::zip_by_hand::entries_of;

type Files = BTreeMap<String, Vec<u8>>;

fn name(text: &str) -> EntryName {
    EntryName::new(text.to_owned()).unwrap()
}

/// All files below a folder, by name relative to it; `None` where there is no such folder.
fn files_below(folder: &Path) -> Option<Files> {
    let mut files = Files::new();
    for entry in walkdir::WalkDir::new(folder).sort_by_file_name() {
        let entry = entry.ok()?;
        if entry.file_type().is_file() {
            let name = entry.path().strip_prefix(folder).unwrap().to_str().unwrap().to_owned();
            files.insert(name, fs::read(entry.path()).unwrap());
        }
    }
    Some(files)
}

/// `make` gives a sink and a look at what it has published.
fn keeps_the_contract<S: Sink + 'static>(make: &dyn Fn() -> (S, Box<dyn Fn() -> Option<Files>>)) {
    // Nothing stands before the commit; afterward all of it does, whatever thread wrote it and in whatever order.
    let (sink, published) = make();
    sink.create_folder(&name("a")).unwrap();
    sink.create_folder(&name("a/b")).unwrap();
    std::thread::scope(|scope| {
        for thread in 0..4_u64 {
            let sink = &sink;
            scope.spawn(move || {
                for number in (0..50).rev() {
                    let entry = number * 4 + thread;
                    sink.write(entry, &name(&format!("a/b/{entry}")), &entry.to_le_bytes()).unwrap();
                }
            });
        }
    });
    sink.write(200, &name("empty"), b"").unwrap();
    sink.write(201, &name("große Datei #1"), &vec![7; 3 << 20]).unwrap();
    let mut parts = [b"one, ".to_vec(), Vec::new(), b"two".to_vec()].into_iter();
    sink.write_parts(202, &name("parts"), &mut parts).unwrap();
    // What comes again and again, and numbers that are of no file, in an order of their own.
    let repeated = [b"one".as_slice(), b"other"];
    for entry in (203..223).rev() {
        let contents = repeated[entry as usize % 2];
        match entry % 5 {
            0 => sink.skip(entry).unwrap(),
            _ => sink.write_repeated(entry, &name(&format!("a/{entry}")), contents, Digest::of(contents)).unwrap(),
        }
    }
    assert!(published().is_none(), "nothing is published before the commit");
    Box::new(sink).commit().unwrap();
    let files = published().unwrap();
    assert_eq!(files.len(), 203 + 16);
    for entry in (203..223_u64).filter(|entry| entry % 5 != 0) {
        assert_eq!(files[&format!("a/{entry}")], repeated[entry as usize % 2]);
    }
    assert_eq!(files["parts"], b"one, two");
    for entry in 0..200_u64 {
        assert_eq!(files[&format!("a/b/{entry}")], entry.to_le_bytes());
    }
    assert_eq!(files["empty"], b"");
    assert_eq!(files["große Datei #1"].len(), 3 << 20);

    // A name is written once.
    let (sink, published) = make();
    sink.write(0, &name("twice"), b"one").unwrap();
    assert!(sink.write(1, &name("twice"), b"two").is_err());
    Box::new(sink).abandon().unwrap();
    assert!(published().is_none(), "nothing is left of what was abandoned");

    // Dropped without a word: as if abandoned.
    let (sink, published) = make();
    sink.write(0, &name("file"), b"contents").unwrap();
    drop(sink);
    assert!(published().is_none(), "nothing is left of what was dropped");
}

#[test]
fn a_folder_keeps_the_contract() {
    let root = tempfile::tempdir().unwrap();
    let number = std::cell::Cell::new(0);
    keeps_the_contract(&|| {
        number.set(number.get() + 1);
        let destination = root.path().join(format!("export-{}", number.get()));
        let sink = DirectorySink::create(&destination, OverwritePolicy::Refuse).unwrap();
        (sink, Box::new(move || files_below(&destination)))
    });
    // Of three sinks one was committed, and nothing but that one is left: no staging folder.
    let left: Vec<_> = fs::read_dir(root.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left, ["export-1"]);
}

#[test]
fn an_archive_keeps_the_contract() {
    let root = tempfile::tempdir().unwrap();
    let number = std::cell::Cell::new(0);
    keeps_the_contract(&|| {
        number.set(number.get() + 1);
        let destination = root.path().join(format!("export-{}.zip", number.get()));
        let sink = ArchiveSink::create(&destination, OverwritePolicy::Refuse, name("root"), None).unwrap();
        let look = move || {
            let entries = entries_of(&destination)?.into_iter();
            Some(entries.map(|entry| (entry.name.strip_prefix("root/").unwrap().to_owned(), entry.contents)).collect())
        };
        (sink, Box::new(look))
    });
    let left: Vec<_> = fs::read_dir(root.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left, ["export-1.zip"]);
}

#[test]
fn memory_keeps_the_contract() {
    keeps_the_contract(&|| {
        let sink = MemorySink::new();
        let published = sink.published();
        let look = move || {
            let published = published.lock().unwrap();
            let files = published.as_ref()?.iter();
            Some(files.map(|(name, (_, contents))| (name.to_string(), contents.clone())).collect())
        };
        (sink, Box::new(look))
    });
}

#[test]
fn what_exists_is_refused_or_replaced_whole() {
    let root = tempfile::tempdir().unwrap();
    let destination = root.path().join("export");
    let write = |existing, files: &[&str]| -> Result<(), SinkError> {
        let sink = DirectorySink::create(&destination, existing)?;
        for (file, entry) in files.iter().zip(0..) {
            sink.write(entry, &name(file), file.as_bytes())?;
        }
        Box::new(sink).commit()
    };
    write(OverwritePolicy::Refuse, &["old.dzi", "old.json"]).unwrap();
    assert!(matches!(write(OverwritePolicy::Refuse, &["new.dzi"]), Err(SinkError::Exists { .. })));
    assert_eq!(files_below(&destination).unwrap().len(), 2);
    write(OverwritePolicy::Replace, &["new.dzi"]).unwrap();
    assert_eq!(files_below(&destination).unwrap().into_keys().collect::<Vec<_>>(), ["new.dzi"]);

    // An abandoned replacement leaves the old one.
    let sink = DirectorySink::create(&destination, OverwritePolicy::Replace).unwrap();
    sink.write(0, &name("newer.dzi"), b"").unwrap();
    Box::new(sink).abandon().unwrap();
    assert_eq!(files_below(&destination).unwrap().into_keys().collect::<Vec<_>>(), ["new.dzi"]);

    // Somebody else's folder, file and dangling link are not ours to replace.
    let documents = root.path().join("documents");
    fs::create_dir(&documents).unwrap();
    fs::write(documents.join("thesis.txt"), "years").unwrap();
    let refused = DirectorySink::create(&documents, OverwritePolicy::Replace).unwrap_err();
    assert!(matches!(refused, SinkError::NotAnExport { .. }));
    let file = root.path().join("file");
    fs::write(&file, "x").unwrap();
    assert!(matches!(DirectorySink::create(&file, OverwritePolicy::Replace), Err(SinkError::NotAnExport { .. })));
    let link = root.path().join("link");
    std::os::unix::fs::symlink("nowhere", &link).unwrap();
    assert!(matches!(DirectorySink::create(&link, OverwritePolicy::Refuse), Err(SinkError::NotAnExport { .. })));
    let below_a_file = DirectorySink::create(&file.join("export"), OverwritePolicy::Refuse);
    assert!(matches!(below_a_file, Err(SinkError::NotAFolder { .. })));
    assert!(matches!(
        DirectorySink::create(Path::new("/"), OverwritePolicy::Refuse),
        Err(SinkError::Destination { .. })
    ));
}

#[test]
fn folders_above_are_made_and_unmade() {
    let root = tempfile::tempdir().unwrap();
    let destination = root.path().join("a/b/export");
    let sink = DirectorySink::create(&destination, OverwritePolicy::Refuse).unwrap();
    Box::new(sink).abandon().unwrap();
    assert_eq!(fs::read_dir(root.path()).unwrap().count(), 0, "nothing is left of an export that failed");
    let sink = DirectorySink::create(&destination, OverwritePolicy::Refuse).unwrap();
    sink.write(0, &name("a.dzi"), b"").unwrap();
    Box::new(sink).commit().unwrap();
    assert!(destination.join("a.dzi").exists());
    // Folders that others use by now stay.
    let sink = DirectorySink::create(&root.path().join("c/export"), OverwritePolicy::Refuse).unwrap();
    fs::write(root.path().join("c/letter.txt"), "x").unwrap();
    Box::new(sink).abandon().unwrap();
    assert!(root.path().join("c/letter.txt").exists());
}

#[test]
fn something_that_appears_meanwhile_is_not_replaced() {
    let root = tempfile::tempdir().unwrap();
    let destination = root.path().join("export");
    let sink = DirectorySink::create(&destination, OverwritePolicy::Refuse).unwrap();
    sink.write(0, &name("a.dzi"), b"").unwrap();
    // Empty: rename(2) alone would replace it.
    fs::create_dir(&destination).unwrap();
    assert!(matches!(Box::new(sink).commit(), Err(SinkError::Exists { .. })));
    assert_eq!(fs::read_dir(root.path()).unwrap().count(), 1, "no staging folder is left");
}

#[test]
fn what_appears_meanwhile_and_is_no_export_is_not_replaced_either() {
    let root = tempfile::tempdir().unwrap();
    let destination = root.path().join("export");
    let sink = DirectorySink::create(&destination, OverwritePolicy::Replace).unwrap();
    sink.write(0, &name("a.dzi"), b"").unwrap();
    fs::create_dir(&destination).unwrap();
    fs::write(destination.join("thesis.txt"), "years").unwrap();
    assert!(matches!(Box::new(sink).commit(), Err(SinkError::NotAnExport { .. })));
    assert_eq!(files_below(&destination).unwrap().into_keys().collect::<Vec<_>>(), ["thesis.txt"]);
}

#[test]
fn a_partial_folder_that_was_changed_by_others_is_not_published() {
    let root = tempfile::tempdir().unwrap();
    let (destination, staging) = (root.path().join("export"), root.path().join(".export.partial"));
    let begin = || {
        let sink = DirectorySink::create(&destination, OverwritePolicy::Refuse).unwrap();
        sink.write(0, &name("a.dzi"), b"").unwrap();
        Box::new(sink)
    };
    let sink = begin();
    fs::remove_file(staging.join("a.dzi")).unwrap();
    assert!(matches!(sink.commit(), Err(SinkError::Disturbed { written: 1, found: 0, .. })));
    let sink = begin();
    fs::write(staging.join("stranger"), "").unwrap();
    assert!(matches!(sink.commit(), Err(SinkError::Disturbed { written: 1, found: 2, .. })));
    // Another folder with the same name and the same number of files: not the one that was written.
    let sink = begin();
    fs::rename(&staging, root.path().join("gone")).unwrap();
    fs::create_dir(&staging).unwrap();
    fs::write(staging.join("a.dzi"), "").unwrap();
    assert!(matches!(sink.commit(), Err(SinkError::Disturbed { .. })));
    assert!(staging.exists(), "what others made is not removed");
    assert!(!destination.exists());
}

#[test]
fn an_export_that_stepped_aside_for_one_that_never_came_is_brought_back() {
    let root = tempfile::tempdir().unwrap();
    let (destination, backup) = (root.path().join("export"), root.path().join(".export.former"));
    fs::create_dir(&backup).unwrap();
    fs::write(backup.join("old.dzi"), "").unwrap();
    drop(DirectorySink::create(&destination, OverwritePolicy::Replace).unwrap());
    assert_eq!(files_below(&destination).unwrap().into_keys().collect::<Vec<_>>(), ["old.dzi"]);
    assert!(!backup.exists());

    // A folder of that name that is no export is not touched, and nothing is left of the attempt.
    fs::create_dir(&backup).unwrap();
    fs::write(backup.join("letter.txt"), "x").unwrap();
    let refused = DirectorySink::create(&destination, OverwritePolicy::Replace);
    assert!(matches!(refused, Err(SinkError::NotAnExport { .. })));
    assert!(backup.join("letter.txt").exists());
    assert!(!root.path().join(".export.partial").exists());
}

#[test]
fn one_export_at_a_time_and_a_killed_one_s_rest_is_removed() {
    let root = tempfile::tempdir().unwrap();
    let destination = root.path().join("export");
    let first = DirectorySink::create(&destination, OverwritePolicy::Refuse).unwrap();
    assert!(matches!(DirectorySink::create(&destination, OverwritePolicy::Refuse), Err(SinkError::Busy { .. })));
    drop(first);
    // What a kill leaves: the folder without the lock.
    let staging = root.path().join(".export.partial");
    fs::create_dir(&staging).unwrap();
    fs::write(staging.join("half-written"), "x").unwrap();
    let second = DirectorySink::create(&destination, OverwritePolicy::Refuse).unwrap();
    second.write(0, &name("a.dzi"), b"").unwrap();
    Box::new(second).commit().unwrap();
    assert_eq!(files_below(&destination).unwrap().into_keys().collect::<Vec<_>>(), ["a.dzi"]);
    assert!(!staging.exists());
}
