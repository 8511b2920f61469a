//! `slidezoom verify` of archives: everything that can happen to one is found, and named where it
//! is at one file.

use std::fs;

use slidezoom_fixtures::{Pattern, SlideBuilder};

use crate::random::Random;
use crate::slides::WriteInto;
use crate::verdict::{Verdict, one};
use crate::workspace::Workspace;
use crate::zip_file::{CRC, NamedFile, ZipFile};

/// The archive of an export, and the workspace in which copies of it are damaged.
struct Exported {
    workspace: Workspace,
    name: String,
    archive: ZipFile,
}

impl Exported {
    /// Of a slide with so many tiles as these options cut.
    fn new(ending: &str, size: (u32, u32), options: &[&str]) -> Self {
        let workspace = Workspace::new();
        let slide = SlideBuilder::new(size.0, size.1).pattern(Pattern::Tissue { seed: 4 });
        slide.write_into(&workspace, "slide.tif");
        let name = format!("scan.{ending}");
        workspace.export([&["slide.tif", "-o", &name, "--no-viewer"], options].concat()).succeeds();
        let archive = ZipFile::open(&workspace.path(&name));
        Self { workspace, name, archive }
    }

    /// With some sixty tiles.
    fn usual(ending: &str) -> Self {
        Self::new(ending, (700, 500), &["--tile-size", "100"])
    }

    /// What is told of an archive of which not even a list of files can be had.
    fn unreadable(&self) -> Verdict {
        Verdict::Damaged(one("structure", &self.name))
    }

    /// What is said of these bytes in the archive's place.
    #[track_caller]
    fn verdict(&self, bytes: &[u8], options: &[&str]) -> Verdict {
        fs::write(self.workspace.path(&self.name), bytes).unwrap();
        Verdict::of(&self.workspace, &self.name, options)
    }

    /// What is said of an archive of these files, written in the same plain way.
    #[track_caller]
    fn verdict_of(&self, files: &[NamedFile], options: &[&str]) -> Verdict {
        self.verdict(&ZipFile::new(files).bytes, options)
    }

    /// One bit is another: that is found, and where the bit is in a file or in its local header,
    /// the file is named.
    #[track_caller]
    fn assert_found(&self, bit: usize) {
        let mut bytes = self.archive.bytes.clone();
        bytes[bit / 8] ^= 1 << (bit % 8);
        let verdict = self.verdict(&bytes, &[]);
        assert_ne!(verdict, Verdict::Whole, "bit {} of byte {}", bit % 8, bit / 8);
        let within = self
            .archive
            .entries
            .iter()
            .find(|entry| (entry.header.start..entry.contents.end).contains(&(bit / 8)));
        if let Some(entry) = within {
            let name = relative(&entry.name);
            assert!(
                verdict.names(name),
                "bit {} of byte {}, in {name}: {verdict:?}",
                bit % 8,
                bit / 8
            );
        }
    }

    /// The archive's bytes that are no file's contents: local headers, directory and end record.
    fn structure(&self) -> Vec<usize> {
        let headers = self.archive.entries.iter().flat_map(|entry| entry.header.clone());
        headers.chain(self.archive.directory()..self.archive.bytes.len()).collect()
    }
}

/// A name as `verify` says it: without the root folder.
fn relative(name: &str) -> &str {
    name.strip_prefix("scan/").unwrap_or(name)
}

#[test]
fn a_whole_archive_is_whole_at_every_depth() {
    for ending in ["zip", "szi"] {
        for options in [&[][..], &["--format", "png"], &["--lossless"]] {
            let exported = Exported::new(ending, (700, 500), options);
            for depth in [&[][..], &["--quick"], &["--jobs", "1"], &["--quick", "--jobs", "7"]] {
                assert_eq!(exported.verdict(&exported.archive.bytes, depth), Verdict::Whole);
            }
            let run = exported.workspace.slidezoom(["verify", &exported.name]).succeeds();
            let files = exported.archive.entries.len();
            assert!(
                run.text().starts_with(&format!("{}: valid: {files} files ", exported.name)),
                "{run:?}"
            );
            assert!(
                run.text().ends_with("every byte matches the manifest\n") && run.stderr.is_empty(),
                "{run:?}"
            );
        }
    }
}

#[test]
fn another_name_of_the_archive_makes_no_difference() {
    let exported = Exported::usual("szi");
    for name in ["moved", "moved.zip", "a b.bin"] {
        fs::write(exported.workspace.path(name), &exported.archive.bytes).unwrap();
        assert_eq!(Verdict::of(&exported.workspace, name, &[]), Verdict::Whole);
    }
}

#[test]
fn every_flipped_bit_is_found_and_its_file_named() {
    for ending in ["zip", "szi"] {
        let exported = Exported::usual(ending);
        let mut random = Random(5);
        for _ in 0..500 {
            exported.assert_found(random.below(exported.archive.bytes.len() * 8));
        }
        // Most of an archive is tiles; what holds it together is flipped in particular.
        let structure = exported.structure();
        for _ in 0..200 {
            exported.assert_found(structure[random.below(structure.len())] * 8 + random.below(8));
        }
    }
}

#[test]
#[ignore = "takes minutes: make soak"]
fn every_single_bit_of_what_holds_an_archive_together_counts() {
    for ending in ["zip", "szi"] {
        let exported = Exported::new(ending, (20, 15), &[]);
        let structure = exported.structure();
        for bit in structure.iter().flat_map(|byte| byte * 8..(byte + 1) * 8) {
            exported.assert_found(bit);
        }
        skipped!("nothing: {} bits of a .{ending} were flipped, one a run", structure.len() * 8);
    }
}

#[test]
fn every_deleted_file_is_named() {
    for ending in ["zip", "szi"] {
        let exported = Exported::usual(ending);
        let files = exported.archive.files();
        assert!(files.len() > 50);
        for (number, (name, _)) in files.iter().enumerate() {
            let rest = [&files[..number], &files[number + 1..]].concat();
            for depth in [&[][..], &["--quick"]] {
                let verdict = exported.verdict_of(&rest, depth);
                assert!(verdict.has("missing", relative(name)), "{name}: {verdict:?}");
                // The others have moved, which the index does not know; nothing else is said of
                // any.
                let others = |(_, found): &(String, String)| {
                    found != relative(name) && !found.ends_with("tile-index.bin")
                };
                assert!(!verdict.damages().iter().any(others), "{name}");
            }
        }
    }
}

#[test]
fn every_stranger_is_named_and_nothing_else() {
    let folders = ["", "scan_files/", "scan_files/10/", "viewer/", "new/", "vendor/slidezoom/"];
    let names = [
        "stranger",
        "7_0.jpeg",
        "00_0.jpeg",
        "0_0.jpg",
        "-1_0.jpeg",
        ".hidden",
        "other.dzi",
        "a b\né",
    ];
    for ending in ["zip", "szi"] {
        let exported = Exported::usual(ending);
        let strangers: Vec<String> =
            folders.iter().flat_map(|folder| names.map(|name| format!("{folder}{name}"))).collect();
        assert_eq!(strangers.len(), 48);
        for name in strangers.iter().map(String::as_str).chain(["a/b/c/d", "tile-index.bin.bak"]) {
            let mut files = exported.archive.files();
            files.push((format!("scan/{name}"), b"x".to_vec()));
            assert_eq!(exported.verdict_of(&files, &[]).damages(), one("unexpected", name));
        }
        // Outside the root folder they are strangers all the same, by their whole name.
        for name in ["stranger", "other/stranger", "scan", "scan2/scan.json"] {
            let mut files = exported.archive.files();
            files.push((name.to_owned(), b"x".to_vec()));
            assert_eq!(exported.verdict_of(&files, &[]).damages(), one("unexpected", name));
        }
    }
}

#[test]
fn a_folder_of_its_own_is_a_stranger_too() {
    for ending in ["zip", "szi"] {
        let exported = Exported::usual(ending);
        for name in ["scan/new/", "scan/", "new/"] {
            let mut files = exported.archive.files();
            files.push((name.to_owned(), Vec::new()));
            assert_ne!(exported.verdict_of(&files, &[]), Verdict::Whole, "{name}");
        }
    }
}

#[test]
fn a_renamed_file_is_missing_and_a_stranger() {
    for ending in ["zip", "szi"] {
        let exported = Exported::usual(ending);
        for number in 0..exported.archive.entries.len() {
            let mut files = exported.archive.files();
            files[number].0.push('x');
            let verdict = exported.verdict_of(&files, &[]);
            let renamed = relative(&files[number].0);
            assert!(
                verdict.has("missing", &renamed[..renamed.len() - 1]),
                "{renamed}: {verdict:?}"
            );
            // Without the manifest, nobody can say what is a stranger.
            let known = !renamed.ends_with("manifest-sha256.txtx");
            assert_eq!(verdict.has("unexpected", renamed), known, "{renamed}: {verdict:?}");
        }
    }
}

/// Where header and directory agree on it, only the contents tell.
#[test]
fn a_checksum_of_other_contents_is_found() {
    for ending in ["zip", "szi"] {
        let exported = Exported::usual(ending);
        for (number, entry) in exported.archive.entries.iter().enumerate() {
            let mut archive = exported.archive.clone();
            archive.falsify(number, CRC, &[1, 2, 3, 4]);
            let name = relative(&entry.name);
            assert_eq!(exported.verdict(&archive.bytes, &[]).damages(), one("checksum", name));
        }
    }
}

#[test]
fn files_that_changed_places_are_found() {
    for ending in ["zip", "szi"] {
        let exported = Exported::usual(ending);
        let mut files = exported.archive.files();
        let tiles: Vec<usize> =
            (0..files.len()).filter(|&file| files[file].0.contains("scan_files/10/")).collect();
        let [first, .., last] = tiles[..] else { panic!("{tiles:?}") };
        // Their contents: the hashes tell.
        let mut changed = files.clone();
        (changed[first].1, changed[last].1) = (files[last].1.clone(), files[first].1.clone());
        let verdict = exported.verdict_of(&changed, &[]);
        assert!(
            [first, last].iter().all(|&file| verdict.has("altered", relative(&files[file].0))),
            "{verdict:?}"
        );
        // Their order: the files are the same, and the index leads to others.
        files.swap(first, last);
        let verdict = exported.verdict_of(&files, &[]);
        assert!(
            verdict
                .damages()
                .iter()
                .all(|(kind, name)| kind == "contradiction" && name.ends_with("tile-index.bin"))
        );
    }
}

#[test]
fn an_archive_that_was_cut_off_is_found_wherever_it_was() {
    for ending in ["zip", "szi"] {
        let exported = Exported::usual(ending);
        let bytes = &exported.archive.bytes;
        let mut random = Random(6);
        let near = [0, 1, 21, 22, bytes.len() - 22, bytes.len() - 1, exported.archive.directory()];
        for length in
            near.into_iter().chain((0..40 - near.len()).map(|_| random.below(bytes.len())))
        {
            assert_eq!(
                exported.verdict(&bytes[..length], &[]),
                exported.unreadable(),
                "{length} bytes"
            );
        }
    }
}

#[test]
fn bytes_before_or_behind_an_archive_are_found() {
    for ending in ["zip", "szi"] {
        let exported = Exported::usual(ending);
        let bytes = &exported.archive.bytes;
        for length in [1, 2, 22, 100, 70_000] {
            for filling in [0, b'P', 0xff] {
                let strange = vec![filling; length];
                assert_eq!(
                    exported.verdict(&[bytes, &strange[..]].concat(), &[]),
                    exported.unreadable()
                );
                assert_ne!(exported.verdict(&[&strange[..], bytes].concat(), &[]), Verdict::Whole);
            }
        }
        // Behind, as a comment that the end record knows of; before, as a program that unpacks
        // itself has it; or a second archive.
        let mut commented = [bytes, &b"remarks"[..]].concat();
        commented[bytes.len() - 2] = 7;
        assert_eq!(exported.verdict(&commented, &[]).damages(), one("structure", &exported.name));
        assert_ne!(exported.verdict(&[bytes, &bytes[..]].concat(), &[]), Verdict::Whole);
        let mut gap = exported.archive.clone();
        gap.insert_before_directory(b"hidden");
        assert_eq!(exported.verdict(&gap.bytes, &[]).damages(), one("structure", &exported.name));
    }
}
