//! `slidezoom verify` of archives: reports of all damage, with the file's name if it concerns one
//! file.

use std::fs;

use slidezoom_fixtures::{Pattern, Random, SlideBuilder};

use crate::slides::WriteInto;
use crate::verify_report::{UNEXPECTED_NAMES, VerifyReport, only};
use crate::workspace::Workspace;
use crate::zip_file::{CRC, NamedFile, ZipFile};

/// An exported archive, and a workspace in which damaged copies are verified.
struct Exported {
    workspace: Workspace,
    name: String,
    archive: ZipFile,
}

impl Exported {
    /// Exports a slide of this size with these options.
    fn new(ending: &str, size: (u32, u32), options: &[&str]) -> Self {
        let workspace = Workspace::new();
        let slide = SlideBuilder::new(size.0, size.1).pattern(Pattern::Tissue { seed: 4 });
        slide.write_into(&workspace, "slide.tif");
        let name = format!("scan.{ending}");
        workspace.export([&["slide.tif", "-o", &name, "--no-viewer"], options].concat()).succeeds();
        let archive = ZipFile::open(&workspace.path(&name));
        Self { workspace, name, archive }
    }

    /// Exports a slide with some sixty tiles.
    fn usual(ending: &str) -> Self {
        Self::new(ending, (700, 500), &["--tile-size", "100"])
    }

    /// The report on an archive whose list of files cannot be read.
    fn unreadable(&self) -> VerifyReport {
        VerifyReport::Damaged(only("structure", &self.name))
    }

    /// Verifies these bytes in place of the archive.
    #[track_caller]
    fn verify(&self, bytes: &[u8], options: &[&str]) -> VerifyReport {
        fs::write(self.workspace.path(&self.name), bytes).unwrap();
        VerifyReport::of(&self.workspace, &self.name, options)
    }

    /// Verifies an archive of these files in place of the archive.
    #[track_caller]
    fn verify_files(&self, files: &[NamedFile], options: &[&str]) -> VerifyReport {
        self.verify(&ZipFile::new(files).bytes, options)
    }

    /// Flips a bit, and asserts that the report is not valid. If the bit is in a file or its local
    /// header, the report must name the file.
    #[track_caller]
    fn assert_flip_reported(&self, bit: usize) {
        let mut bytes = self.archive.bytes.clone();
        bytes[bit / 8] ^= 1 << (bit % 8);
        let report = self.verify(&bytes, &[]);
        assert_ne!(report, VerifyReport::Valid, "bit {} of byte {}", bit % 8, bit / 8);
        let mut entries = self.archive.entries.iter();
        let changed =
            entries.find(|entry| (entry.header.start..entry.contents.end).contains(&(bit / 8)));
        if let Some(entry) = changed {
            let name = relative(&entry.name);
            assert!(
                report.names(name),
                "bit {} of byte {}, in {name}: {report:?}",
                bit % 8,
                bit / 8
            );
        }
    }

    /// The positions of all bytes outside file contents: local headers, directory and end record.
    fn structure(&self) -> Vec<usize> {
        let headers = self.archive.entries.iter().flat_map(|entry| entry.header.clone());
        headers.chain(self.archive.directory()..self.archive.bytes.len()).collect()
    }
}

/// Removes the root folder, as reports do.
fn relative(name: &str) -> &str {
    name.strip_prefix("scan/").unwrap_or(name)
}

#[test]
fn accepts_valid_archives() {
    for ending in ["zip", "szi"] {
        for options in [&[][..], &["--format", "png"], &["--lossless"]] {
            let exported = Exported::new(ending, (700, 500), options);
            for depth in [&[][..], &["--quick"], &["--jobs", "1"], &["--quick", "--jobs", "7"]] {
                assert_eq!(exported.verify(&exported.archive.bytes, depth), VerifyReport::Valid);
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
fn accepts_archives_under_any_name() {
    let exported = Exported::usual("szi");
    for name in ["moved", "moved.zip", "a b.bin"] {
        fs::write(exported.workspace.path(name), &exported.archive.bytes).unwrap();
        assert_eq!(VerifyReport::of(&exported.workspace, name, &[]), VerifyReport::Valid);
    }
}

#[test]
fn reports_flipped_bits_and_their_files() {
    for ending in ["zip", "szi"] {
        let exported = Exported::usual(ending);
        let mut random = Random::new(5);
        for _ in 0..500 {
            exported.assert_flip_reported(random.below(exported.archive.bytes.len() * 8));
        }
        // Few of those bits are outside the tiles, so more of them are flipped.
        let structure = exported.structure();
        for _ in 0..200 {
            exported.assert_flip_reported(
                structure[random.below(structure.len())] * 8 + random.below(8),
            );
        }
    }
}

#[test]
#[ignore = "takes minutes: make soak"]
fn reports_every_flipped_bit_outside_file_contents() {
    for ending in ["zip", "szi"] {
        let exported = Exported::new(ending, (20, 15), &[]);
        let structure = exported.structure();
        for bit in structure.iter().flat_map(|byte| byte * 8..(byte + 1) * 8) {
            exported.assert_flip_reported(bit);
        }
    }
}

#[test]
fn reports_every_missing_file() {
    for ending in ["zip", "szi"] {
        let exported = Exported::usual(ending);
        let files = exported.archive.files();
        assert!(files.len() > 50);
        for (number, (name, _)) in files.iter().enumerate() {
            let rest = [&files[..number], &files[number + 1..]].concat();
            for depth in [&[][..], &["--quick"]] {
                let report = exported.verify_files(&rest, depth);
                assert!(report.has("missing", relative(name)), "{name}: {report:?}");
                // The tile index no longer fits, because other files have moved. There are no
                // further problems.
                let others = |(_, found): &(String, String)| {
                    found != relative(name) && !found.ends_with("tile-index.bin")
                };
                assert!(!report.problems().iter().any(others), "{name}");
            }
        }
    }
}

#[test]
fn reports_every_unexpected_file() {
    let folders = ["", "scan_files/", "scan_files/10/", "viewer/", "new/", "vendor/slidezoom/"];
    for ending in ["zip", "szi"] {
        let exported = Exported::usual(ending);
        let in_folders = folders
            .iter()
            .flat_map(|folder| UNEXPECTED_NAMES.map(|name| format!("{folder}{name}")));
        let others = ["a/b/c/d", "tile-index.bin.bak"].map(str::to_owned);
        for name in in_folders.chain(others) {
            let mut files = exported.archive.files();
            files.push((format!("scan/{name}"), b"x".to_vec()));
            assert_eq!(exported.verify_files(&files, &[]).problems(), only("unexpected", &name));
        }
        // Files outside the root folder are reported by their full path.
        for name in ["unexpected", "other/unexpected", "scan", "scan2/scan.json"] {
            let mut files = exported.archive.files();
            files.push((name.to_owned(), b"x".to_vec()));
            assert_eq!(exported.verify_files(&files, &[]).problems(), only("unexpected", name));
        }
    }
}

#[test]
fn reports_entries_for_folders() {
    for ending in ["zip", "szi"] {
        let exported = Exported::usual(ending);
        for name in ["scan/new/", "scan/", "new/"] {
            let mut files = exported.archive.files();
            files.push((name.to_owned(), Vec::new()));
            assert_ne!(exported.verify_files(&files, &[]), VerifyReport::Valid, "{name}");
        }
    }
}

#[test]
fn reports_a_renamed_file_as_missing_and_unexpected() {
    for ending in ["zip", "szi"] {
        let exported = Exported::usual(ending);
        for number in 0..exported.archive.entries.len() {
            let mut files = exported.archive.files();
            files[number].0.push('x');
            let report = exported.verify_files(&files, &[]);
            let renamed = relative(&files[number].0);
            assert!(report.has("missing", &renamed[..renamed.len() - 1]), "{renamed}: {report:?}");
            // Without the manifest, no file can be called unexpected.
            let known = !renamed.ends_with("manifest-sha256.txtx");
            assert_eq!(report.has("unexpected", renamed), known, "{renamed}: {report:?}");
        }
    }
}

/// Header and directory agree on the checksum, so only the contents reveal that it is wrong.
#[test]
fn reports_checksums_of_other_contents() {
    for ending in ["zip", "szi"] {
        let exported = Exported::usual(ending);
        for (number, entry) in exported.archive.entries.iter().enumerate() {
            let mut archive = exported.archive.clone();
            archive.falsify(number, CRC, &[1, 2, 3, 4]);
            let name = relative(&entry.name);
            assert_eq!(exported.verify(&archive.bytes, &[]).problems(), only("checksum", name));
        }
    }
}

#[test]
fn reports_swapped_tiles() {
    for ending in ["zip", "szi"] {
        let exported = Exported::usual(ending);
        let mut files = exported.archive.files();
        let tiles: Vec<usize> =
            (0..files.len()).filter(|&file| files[file].0.contains("scan_files/10/")).collect();
        let [first, .., last] = tiles[..] else { panic!("{tiles:?}") };
        // With swapped contents, the hashes are wrong.
        let mut changed = files.clone();
        (changed[first].1, changed[last].1) = (files[last].1.clone(), files[first].1.clone());
        let report = exported.verify_files(&changed, &[]);
        assert!(
            [first, last].iter().all(|&file| report.has("altered", relative(&files[file].0))),
            "{report:?}"
        );
        // With swapped positions, the tile index is wrong.
        files.swap(first, last);
        let report = exported.verify_files(&files, &[]);
        let problems = report.problems();
        assert!(!problems.is_empty());
        assert!(
            problems
                .iter()
                .all(|(kind, name)| kind == "contradiction" && name.ends_with("tile-index.bin"))
        );
    }
}

#[test]
fn rejects_truncated_archives() {
    for ending in ["zip", "szi"] {
        let exported = Exported::usual(ending);
        let bytes = &exported.archive.bytes;
        let mut random = Random::new(6);
        let edges = [0, 1, 21, 22, bytes.len() - 22, bytes.len() - 1, exported.archive.directory()];
        for length in edges.into_iter().chain((0..33).map(|_| random.below(bytes.len()))) {
            assert_eq!(
                exported.verify(&bytes[..length], &[]),
                exported.unreadable(),
                "{length} bytes"
            );
        }
    }
}

#[test]
fn reports_bytes_before_after_or_inside_the_archive() {
    for ending in ["zip", "szi"] {
        let exported = Exported::usual(ending);
        let bytes = &exported.archive.bytes;
        for length in [1, 2, 22, 100, 70_000] {
            for filling in [0, b'P', 0xff] {
                let extra = vec![filling; length];
                let after = exported.verify(&[bytes, &extra[..]].concat(), &[]);
                assert_eq!(after, exported.unreadable());
                let before = exported.verify(&[&extra[..], bytes].concat(), &[]);
                assert_ne!(before, VerifyReport::Valid);
            }
        }
        // A comment that the end record declares, a second archive, and a gap.
        let mut commented = [bytes, &b"comment"[..]].concat();
        commented[bytes.len() - 2] = 7;
        assert_eq!(exported.verify(&commented, &[]).problems(), only("structure", &exported.name));
        assert_ne!(exported.verify(&[bytes, &bytes[..]].concat(), &[]), VerifyReport::Valid);
        let mut gap = exported.archive.clone();
        gap.insert_before_directory(b"hidden");
        assert_eq!(exported.verify(&gap.bytes, &[]).problems(), only("structure", &exported.name));
    }
}
