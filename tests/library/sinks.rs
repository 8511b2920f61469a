//! A contract suite for all sinks, and tests of the directory sink.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use slidezoom::internals::key::Digest;
use slidezoom::internals::key::EntryName;
use slidezoom::internals::sink::{
    ArchiveSink, DirectorySink, MemorySink, OverwritePolicy, Role, Sink, SinkError,
};

use crate::zip_by_hand::entries_of;

type Files = BTreeMap<String, Vec<u8>>;

fn name(text: &str) -> EntryName {
    EntryName::new(text.to_owned()).unwrap()
}

/// All files in a folder, by relative name; `None` if the folder does not exist.
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

/// Checks the contract of sinks. `make` returns a sink and a function that returns what it has
/// published.
fn check_contract<S: Sink + 'static>(make: &dyn Fn() -> (S, Box<dyn Fn() -> Option<Files>>)) {
    // Nothing is visible before the commit, and everything after it, whichever thread wrote it.
    let (sink, published) = make();
    std::thread::scope(|scope| {
        for thread in 0..4_u64 {
            let sink = &sink;
            scope.spawn(move || {
                for number in (0..50).rev() {
                    let entry = number * 4 + thread;
                    sink.write(
                        &name(&format!("a/b/{entry}")),
                        Role::Tile,
                        entry,
                        &entry.to_le_bytes(),
                    )
                    .unwrap();
                }
            });
        }
    });
    sink.write(&name("empty"), Role::Tile, 200, b"").unwrap();
    sink.write(&name("große Datei #1"), Role::Tile, 201, &vec![7; 3 << 20]).unwrap();
    let mut parts = [b"one, ".to_vec(), Vec::new(), b"two".to_vec()].into_iter();
    sink.write_parts(&name("parts"), Role::Auxiliary, 202, &mut parts).unwrap();
    // Repeated contents and skipped positions, out of order.
    let repeated = [b"one".as_slice(), b"other"];
    for entry in (203..223).rev() {
        let contents = repeated[entry as usize % 2];
        if entry % 5 == 0 {
            sink.skip(entry).unwrap();
        } else {
            let role = Role::RepeatedTile(Digest::of(contents));
            sink.write(&name(&format!("a/{entry}")), role, entry, contents).unwrap();
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

    // A name can only be written once.
    let (sink, published) = make();
    sink.write(&name("twice"), Role::Tile, 0, b"one").unwrap();
    assert!(sink.write(&name("twice"), Role::Tile, 1, b"two").is_err());
    Box::new(sink).abort().unwrap();
    assert!(published().is_none(), "nothing is left after an abort");

    // Dropping a sink aborts.
    let (sink, published) = make();
    sink.write(&name("file"), Role::Tile, 0, b"contents").unwrap();
    drop(sink);
    assert!(published().is_none(), "nothing is left after a drop");
}

#[test]
fn directory_sink_keeps_the_contract() {
    let root = tempfile::tempdir().unwrap();
    let number = std::cell::Cell::new(0);
    check_contract(&|| {
        number.set(number.get() + 1);
        let destination = root.path().join(format!("export-{}", number.get()));
        let sink = DirectorySink::create(&destination, OverwritePolicy::Refuse).unwrap();
        (sink, Box::new(move || files_below(&destination)))
    });
    // One of the three sinks was committed, and no staging folder is left.
    let left: Vec<_> =
        fs::read_dir(root.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left, ["export-1"]);
}

#[test]
fn archive_sink_keeps_the_contract() {
    let root = tempfile::tempdir().unwrap();
    let number = std::cell::Cell::new(0);
    check_contract(&|| {
        number.set(number.get() + 1);
        let destination = root.path().join(format!("export-{}.zip", number.get()));
        let sink =
            ArchiveSink::create(&destination, OverwritePolicy::Refuse, name("root"), None).unwrap();
        let look = move || {
            let entries = entries_of(&destination)?.into_iter();
            Some(
                entries
                    .map(|entry| {
                        (entry.name.strip_prefix("root/").unwrap().to_owned(), entry.contents)
                    })
                    .collect(),
            )
        };
        (sink, Box::new(look))
    });
    let left: Vec<_> =
        fs::read_dir(root.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left, ["export-1.zip"]);
}

#[test]
fn memory_sink_keeps_the_contract() {
    check_contract(&|| {
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
fn refuses_or_replaces_an_existing_export() {
    let root = tempfile::tempdir().unwrap();
    let destination = root.path().join("export");
    let write = |existing, files: &[&str]| -> Result<(), SinkError> {
        let sink = DirectorySink::create(&destination, existing)?;
        for (file, entry) in files.iter().zip(0..) {
            sink.write(&name(file), Role::Tile, entry, file.as_bytes())?;
        }
        Box::new(sink).commit()
    };
    write(OverwritePolicy::Refuse, &["old.dzi", "old.json"]).unwrap();
    assert!(matches!(write(OverwritePolicy::Refuse, &["new.dzi"]), Err(SinkError::Exists { .. })));
    assert_eq!(files_below(&destination).unwrap().len(), 2);
    write(OverwritePolicy::Replace, &["new.dzi"]).unwrap();
    assert_eq!(files_below(&destination).unwrap().into_keys().collect::<Vec<_>>(), ["new.dzi"]);

    // An aborted replacement keeps the earlier export.
    let sink = DirectorySink::create(&destination, OverwritePolicy::Replace).unwrap();
    sink.write(&name("newer.dzi"), Role::Tile, 0, b"").unwrap();
    Box::new(sink).abort().unwrap();
    assert_eq!(files_below(&destination).unwrap().into_keys().collect::<Vec<_>>(), ["new.dzi"]);

    // Other folders, files and dangling links are never replaced.
    let documents = root.path().join("documents");
    fs::create_dir(&documents).unwrap();
    fs::write(documents.join("thesis.txt"), "years").unwrap();
    let refused = DirectorySink::create(&documents, OverwritePolicy::Replace).unwrap_err();
    assert!(matches!(refused, SinkError::NotAnExport { .. }));
    let file = root.path().join("file");
    fs::write(&file, "x").unwrap();
    assert!(matches!(
        DirectorySink::create(&file, OverwritePolicy::Replace),
        Err(SinkError::NotAnExport { .. })
    ));
    let link = root.path().join("link");
    std::os::unix::fs::symlink("nowhere", &link).unwrap();
    assert!(matches!(
        DirectorySink::create(&link, OverwritePolicy::Refuse),
        Err(SinkError::NotAnExport { .. })
    ));
    let below_a_file = DirectorySink::create(&file.join("export"), OverwritePolicy::Refuse);
    assert!(matches!(below_a_file, Err(SinkError::NotAFolder { .. })));
    assert!(matches!(
        DirectorySink::create(Path::new("/"), OverwritePolicy::Refuse),
        Err(SinkError::Destination { .. })
    ));
}

#[test]
fn creates_and_removes_parent_folders() {
    let root = tempfile::tempdir().unwrap();
    let destination = root.path().join("a/b/export");
    let sink = DirectorySink::create(&destination, OverwritePolicy::Refuse).unwrap();
    Box::new(sink).abort().unwrap();
    assert_eq!(fs::read_dir(root.path()).unwrap().count(), 0, "nothing is left of a failed export");
    let sink = DirectorySink::create(&destination, OverwritePolicy::Refuse).unwrap();
    sink.write(&name("a.dzi"), Role::Tile, 0, b"").unwrap();
    Box::new(sink).commit().unwrap();
    assert!(destination.join("a.dzi").exists());
    // Folders that are in use by now stay.
    let sink =
        DirectorySink::create(&root.path().join("c/export"), OverwritePolicy::Refuse).unwrap();
    fs::write(root.path().join("c/letter.txt"), "x").unwrap();
    Box::new(sink).abort().unwrap();
    assert!(root.path().join("c/letter.txt").exists());
}

#[test]
fn does_not_replace_a_folder_that_appears_meanwhile() {
    let root = tempfile::tempdir().unwrap();
    let destination = root.path().join("export");
    let sink = DirectorySink::create(&destination, OverwritePolicy::Refuse).unwrap();
    sink.write(&name("a.dzi"), Role::Tile, 0, b"").unwrap();
    // rename(2) alone would replace an empty folder.
    fs::create_dir(&destination).unwrap();
    assert!(matches!(Box::new(sink).commit(), Err(SinkError::Exists { .. })));
    assert_eq!(fs::read_dir(root.path()).unwrap().count(), 1, "no staging folder is left");
}

#[test]
fn replaces_only_exports_that_appear_meanwhile() {
    let root = tempfile::tempdir().unwrap();
    let destination = root.path().join("export");
    let sink = DirectorySink::create(&destination, OverwritePolicy::Replace).unwrap();
    sink.write(&name("a.dzi"), Role::Tile, 0, b"").unwrap();
    fs::create_dir(&destination).unwrap();
    fs::write(destination.join("thesis.txt"), "years").unwrap();
    assert!(matches!(Box::new(sink).commit(), Err(SinkError::NotAnExport { .. })));
    assert_eq!(files_below(&destination).unwrap().into_keys().collect::<Vec<_>>(), ["thesis.txt"]);
}

#[test]
fn does_not_publish_a_changed_staging_folder() {
    let root = tempfile::tempdir().unwrap();
    let (destination, staging) = (root.path().join("export"), root.path().join(".export.partial"));
    let begin = || {
        let sink = DirectorySink::create(&destination, OverwritePolicy::Refuse).unwrap();
        sink.write(&name("a.dzi"), Role::Tile, 0, b"").unwrap();
        Box::new(sink)
    };
    let sink = begin();
    fs::remove_file(staging.join("a.dzi")).unwrap();
    assert!(matches!(sink.commit(), Err(SinkError::Disturbed { written: 1, found: 0, .. })));
    let sink = begin();
    fs::write(staging.join("unexpected"), "").unwrap();
    assert!(matches!(sink.commit(), Err(SinkError::Disturbed { written: 1, found: 2, .. })));
    // Another folder with the same name and the same number of files.
    let sink = begin();
    fs::rename(&staging, root.path().join("gone")).unwrap();
    fs::create_dir(&staging).unwrap();
    fs::write(staging.join("a.dzi"), "").unwrap();
    assert!(matches!(sink.commit(), Err(SinkError::Disturbed { .. })));
    assert!(staging.exists(), "the other folder is not removed");
    assert!(!destination.exists());
}

#[test]
fn restores_the_backup_of_an_interrupted_replacement() {
    let root = tempfile::tempdir().unwrap();
    let (destination, backup) = (root.path().join("export"), root.path().join(".export.former"));
    fs::create_dir(&backup).unwrap();
    fs::write(backup.join("old.dzi"), "").unwrap();
    drop(DirectorySink::create(&destination, OverwritePolicy::Replace).unwrap());
    assert_eq!(files_below(&destination).unwrap().into_keys().collect::<Vec<_>>(), ["old.dzi"]);
    assert!(!backup.exists());

    // A folder of that name that is not an export is not touched, and no staging folder is left.
    fs::create_dir(&backup).unwrap();
    fs::write(backup.join("letter.txt"), "x").unwrap();
    let refused = DirectorySink::create(&destination, OverwritePolicy::Replace);
    assert!(matches!(refused, Err(SinkError::NotAnExport { .. })));
    assert!(backup.join("letter.txt").exists());
    assert!(!root.path().join(".export.partial").exists());
}

#[test]
fn locks_staging_and_removes_stale_staging() {
    let root = tempfile::tempdir().unwrap();
    let destination = root.path().join("export");
    let first = DirectorySink::create(&destination, OverwritePolicy::Refuse).unwrap();
    assert!(matches!(
        DirectorySink::create(&destination, OverwritePolicy::Refuse),
        Err(SinkError::Busy { .. })
    ));
    drop(first);
    // A killed run leaves the folder without the lock.
    let staging = root.path().join(".export.partial");
    fs::create_dir(&staging).unwrap();
    fs::write(staging.join("half-written"), "x").unwrap();
    let second = DirectorySink::create(&destination, OverwritePolicy::Refuse).unwrap();
    second.write(&name("a.dzi"), Role::Tile, 0, b"").unwrap();
    Box::new(second).commit().unwrap();
    assert_eq!(files_below(&destination).unwrap().into_keys().collect::<Vec<_>>(), ["a.dzi"]);
    assert!(!staging.exists());
}
