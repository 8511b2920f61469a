//! Hostile archives: `verify` never accepts one, never crashes, and spends no time or memory on
//! sizes that a file only claims.

use std::fs;

use slidezoom_fixtures::SlideBuilder;

use crate::slides::WriteInto;
use crate::tools;
use crate::verify_report::VerifyReport;
use crate::workspace::Workspace;
use crate::zip_file::{
    BYTES, CRC, END_DIRECTORY_BYTES, END_DIRECTORY_OFFSET, END_ENTRIES, FLAGS, METHOD, NamedFile,
    RECORD_ATTRIBUTES, RECORD_COMMENT_BYTES, RECORD_OFFSET, STORED_BYTES, ZipFile, crc,
};

/// Two archives to falsify: one by slidezoom, and one that has only descriptor and tiles, so that
/// no manifest and no index reveals a change.
struct Originals {
    workspace: Workspace,
    ours: Vec<NamedFile>,
    bare: Vec<NamedFile>,
}

impl Originals {
    fn new() -> Self {
        let workspace = Workspace::new();
        SlideBuilder::new(300, 200).write_into(&workspace, "slide.tif");
        workspace.export(["slide.tif", "-o", "scan.zip", "--no-viewer"]).succeeds();
        let ours = ZipFile::open(&workspace.path("scan.zip")).files();
        let is_of_pyramid = |(name, _): &&NamedFile| {
            name == "scan/scan.dzi" || name.starts_with("scan/scan_files/")
        };
        let bare = ours.iter().filter(is_of_pyramid).cloned().collect();
        let originals = Self { workspace, ours, bare };
        for files in [&originals.ours, &originals.bare] {
            originals.assert_whole(&ZipFile::new(files).bytes);
        }
        originals
    }

    #[track_caller]
    fn assert_whole(&self, bytes: &[u8]) {
        fs::write(self.workspace.path("hostile.zip"), bytes).unwrap();
        assert_eq!(VerifyReport::of(&self.workspace, "hostile.zip", &[]), VerifyReport::Valid);
    }

    /// `verify` rejects the bytes within one CPU second and one gigabyte of address space.
    #[track_caller]
    fn assert_rejected(&self, what: &str, bytes: &[u8]) {
        fs::write(self.workspace.path("hostile.zip"), bytes).unwrap();
        for depth in [&["--jobs", "2"][..], &["--jobs", "2", "--quick"]] {
            let limited = "ulimit -t 1 && ulimit -v 1000000 && exec \"$0\" \"$@\"";
            let program =
                ["-c", limited, env!("CARGO_BIN_EXE_slidezoom"), "verify", "hostile.zip", "--json"];
            let run =
                tools::run("sh", [&program, depth].concat(), &self.workspace.path("")).unwrap();
            assert_eq!(run.code(), Some(5), "{what}, {depth:?}: {run:?}");
            assert_ne!(VerifyReport::from_run(&run), VerifyReport::Valid, "{what}, {depth:?}");
        }
    }

    /// Like [`assert_rejected`](Self::assert_rejected), for both archives with changed files.
    #[track_caller]
    fn assert_files_rejected(&self, what: &str, change: impl Fn(&mut Vec<NamedFile>)) {
        for original in [&self.ours, &self.bare] {
            let mut files = original.clone();
            change(&mut files);
            self.assert_rejected(what, &ZipFile::new(&files).bytes);
        }
    }

    /// Like [`assert_rejected`](Self::assert_rejected), for both archives with changed bytes.
    #[track_caller]
    fn assert_falsified_rejected(&self, what: &str, change: impl Fn(&mut ZipFile)) {
        for original in [&self.ours, &self.bare] {
            let mut archive = ZipFile::new(original);
            change(&mut archive);
            self.assert_rejected(what, &archive.bytes);
        }
    }

    /// Like [`assert_rejected`](Self::assert_rejected), for both archives with a changed
    /// descriptor.
    #[track_caller]
    fn assert_descriptor_rejected(&self, what: &str, change: impl Fn(String) -> String) {
        self.assert_files_rejected(what, |files| {
            let descriptor = files.iter_mut().find(|(name, _)| name == "scan/scan.dzi").unwrap();
            let before = String::from_utf8(descriptor.1.clone()).unwrap();
            descriptor.1 = change(before.clone()).into_bytes();
            assert_ne!(descriptor.1, before.into_bytes());
        });
    }
}

/// Returns ten million zeros, deflated to 63 kB: one zero, then copies of 258 bytes, in the fixed
/// code.
fn deflated_zeros() -> Vec<u8> {
    let code = |bits: &str| bits.bytes().map(|bit| bit == b'1').collect::<Vec<_>>();
    let copies = std::iter::repeat_n(code("1100010100000"), 10_000_000 / 258).flatten();
    let bits: Vec<bool> =
        code("11000110000").into_iter().chain(copies).chain(code("0000000")).collect();
    bits.chunks(8)
        .map(|byte| byte.iter().rev().fold(0, |sum, &bit| sum << 1 | u8::from(bit)))
        .collect()
}

#[test]
fn rejects_names_outside_the_root_folder() {
    let originals = Originals::new();
    for name in [
        "../x",
        "/etc/x",
        "scan/../../x",
        "scan/../x",
        "scan//x",
        "scan/./x",
        "./scan/x",
        "..",
        "/",
        "",
        "scan",
        "scan/x/..",
        "scan/nul\0x",
        "..\\x",
        "C:\\x",
    ] {
        originals.assert_files_rejected(name, |files| files.push((name.to_owned(), b"x".to_vec())));
        originals
            .assert_files_rejected(name, |files| files.insert(0, (name.to_owned(), b"x".to_vec())));
    }
    // A name that is not Unicode, in header and directory.
    originals.assert_falsified_rejected("not Unicode", |archive| {
        let entry = archive.entries[2].clone();
        archive.put(entry.header.start + 30, &[0xff, 0xfe]);
        archive.put(entry.record.start + 46, &[0xff, 0xfe]);
    });
}

#[test]
fn rejects_duplicate_entries() {
    let originals = Originals::new();
    originals.assert_files_rejected("a file twice", |files| files.push(files[0].clone()));
    originals.assert_files_rejected("a name twice", |files| {
        files.push((files[0].0.clone(), b"other".to_vec()));
    });
    // Two directory records that point at one local header.
    originals.assert_falsified_rejected("one header", |archive| {
        let (first, second) =
            (archive.entries[0].record.clone(), archive.entries[1].record.clone());
        let offset = archive.bytes[first][RECORD_OFFSET..][..4].to_vec();
        archive.put(second.start + RECORD_OFFSET, &offset);
    });
    originals.assert_falsified_rejected("a record twice", |archive| {
        let record = archive.bytes[archive.entries[0].record.clone()].to_vec();
        archive.insert_in_directory(archive.end(), &record);
        let count = ((archive.entries.len() + 1) as u16).to_le_bytes();
        archive.claim_entries(&count);
    });
}

/// As in Fifield's zip bomb, the entries overlap: a few megabytes unpack to gigabytes.
#[test]
fn rejects_overlapping_entries() {
    let originals = Originals::new();
    let padding = vec![0; 1 << 20];
    for original in [&originals.ours, &originals.bare] {
        let mut files = original.clone();
        files.extend((0..8000).map(|number| (format!("scan/{number:04}"), Vec::new())));
        files.push(("scan/padding".to_owned(), padding.clone()));
        let mut archive = ZipFile::new(&files);
        let end = archive.directory();
        for entry in original.len()..files.len() {
            let length = (end - archive.entries[entry].contents.start) as u32;
            archive.falsify(entry, STORED_BYTES, &length.to_le_bytes());
            archive.falsify(entry, BYTES, &length.to_le_bytes());
        }
        originals
            .assert_rejected("8001 entries of a megabyte each, in 1.6 megabytes", &archive.bytes);
    }
}

#[test]
fn rejects_compressed_and_encrypted_entries_and_links() {
    let originals = Originals::new();
    let bomb = deflated_zeros();
    fs::write(originals.workspace.path("bomb"), &bomb).unwrap();
    let unpack = "import zlib; assert zlib.decompress(open('bomb', 'rb').read(), -15) == bytes(1 + 10_000_000 // 258 * 258)";
    if let Some(run) = tools::python(unpack, &[], &originals.workspace.path("")) {
        tools::assert_silent(&run);
    }
    for name in ["scan/scan_files/0/0_0.jpeg", "scan/scan.dzi"] {
        let zeros = crc(&vec![0; 1 + 10_000_000 / 258 * 258]);
        for original in [&originals.ours, &originals.bare] {
            let mut files = original.clone();
            files.retain(|(file, _)| file != name);
            files.push((name.to_owned(), bomb.clone()));
            let mut archive = ZipFile::new(&files);
            let last = files.len() - 1;
            archive.falsify(last, METHOD, &8_u16.to_le_bytes());
            archive.falsify(last, BYTES, &(1 + 10_000_000_u32 / 258 * 258).to_le_bytes());
            archive.falsify(last, CRC, &zeros.to_le_bytes());
            originals.assert_rejected("a bomb", &archive.bytes);
        }
    }
    for method in [1_u16, 8, 9, 12, 14, 93, 99, 0xffff] {
        originals.assert_falsified_rejected("a method", |archive| {
            archive.falsify(3, METHOD, &method.to_le_bytes());
        });
    }
    for flags in [1_u16, 1 << 6 | 1, 1 << 13 | 1, 1 << 3] {
        originals.assert_falsified_rejected("encrypted, or a descriptor", |archive| {
            archive.falsify(3, FLAGS, &flags.to_le_bytes());
        });
    }
    originals.assert_falsified_rejected("a link", |archive| {
        let attributes = archive.entries[3].record.start + RECORD_ATTRIBUTES;
        archive.put(attributes, &(0o120_777_u32 << 16).to_le_bytes());
    });
}

#[test]
fn rejects_folders_with_contents() {
    let originals = Originals::new();
    for original in [&originals.ours, &originals.bare] {
        let mut files = original.clone();
        files.push(("scan/folder/".to_owned(), b"hidden".to_vec()));
        let mut archive = ZipFile::new(&files);
        originals.assert_rejected("a folder of six bytes", &archive.bytes);
        archive.falsify(files.len() - 1, BYTES, &[0; 4]);
        originals.assert_rejected("a folder of 0 bytes that stores 6", &archive.bytes);
    }
}

#[test]
fn rejects_sizes_and_offsets_beyond_the_file() {
    let originals = Originals::new();
    for size in [1_u32, 1 << 20, 0x7fff_ffff, 0xffff_fff0, 0xffff_ffff] {
        originals.assert_falsified_rejected("sizes", |archive| {
            for field in [STORED_BYTES, BYTES] {
                archive.falsify(2, field, &size.to_le_bytes());
            }
        });
        originals.assert_falsified_rejected("stored", |archive| {
            archive.falsify(2, STORED_BYTES, &size.to_le_bytes());
        });
        originals.assert_falsified_rejected("uncompressed", |archive| {
            archive.falsify(2, BYTES, &size.to_le_bytes());
        });
        originals.assert_falsified_rejected("an offset", |archive| {
            archive.put(archive.entries[2].record.start + RECORD_OFFSET, &size.to_le_bytes());
        });
        for field in [END_DIRECTORY_BYTES, END_DIRECTORY_OFFSET] {
            originals.assert_falsified_rejected("the directory", |archive| {
                archive.put(archive.end() + field, &size.to_le_bytes());
            });
        }
    }
    for length in [1_u16, 22, 0xffff] {
        originals.assert_falsified_rejected("a comment past the end", |archive| {
            let record = archive.entries.last().unwrap().record.start;
            archive.put(record + RECORD_COMMENT_BYTES, &length.to_le_bytes());
        });
        for field in [28, 30] {
            originals.assert_falsified_rejected(
                "a name or an extra field past the end",
                |archive| {
                    let record = archive.entries.last().unwrap().record.start;
                    archive.put(record + field, &length.to_le_bytes());
                },
            );
        }
    }
}

/// 64-bit sizes whose sums overflow.
#[test]
fn rejects_sizes_that_overflow() {
    let originals = Originals::new();
    for size in [1_u64 << 63, u64::MAX, u64::MAX - 100, 1 << 40] {
        originals.assert_falsified_rejected("two huge files", |archive| {
            // From the last to the first, so that earlier offsets stay valid.
            for entry in [archive.entries.len() - 1, 3, 2] {
                for field in [STORED_BYTES, BYTES] {
                    archive.falsify(entry, field, &[0xff; 4]);
                }
                let record = archive.entries[entry].record.clone();
                archive.put(record.start + 30, &20_u16.to_le_bytes());
                let extra = [&[1, 0, 16, 0][..], &size.to_le_bytes(), &size.to_le_bytes()].concat();
                archive.insert_in_directory(record.end, &extra);
            }
        });
    }
}

#[test]
fn rejects_wrong_entry_counts() {
    let originals = Originals::new();
    for count in [0_u16, 1, 1000, 0xffff] {
        originals.assert_falsified_rejected("a number", |archive| {
            archive.claim_entries(&count.to_le_bytes());
        });
        originals.assert_falsified_rejected("on this disk", |archive| {
            archive.put(archive.end() + END_ENTRIES[0], &count.to_le_bytes());
        });
    }
    for count in [1_u64 << 32, u64::MAX] {
        originals.assert_falsified_rejected("by ZIP64", |archive| {
            let (end, start) = (archive.end() as u64, archive.directory() as u64);
            let record = [
                b"PK\x06\x06\x2c\0\0\0\0\0\0\0\x2d\0\x2d\0\0\0\0\0\0\0\0\0".as_slice(),
                &count.to_le_bytes(),
                &count.to_le_bytes(),
                &(end - start).to_le_bytes(),
                &start.to_le_bytes(),
                b"PK\x06\x07\0\0\0\0",
                &end.to_le_bytes(),
                &[1, 0, 0, 0],
            ]
            .concat();
            archive.bytes.splice(end as usize..end as usize, record);
            archive.claim_entries(&[0xff; 2]);
        });
    }
}

#[test]
fn rejects_hostile_descriptors() {
    let originals = Originals::new();
    for side in ["2147483647", "2147483648", "4294967295"] {
        originals.assert_descriptor_rejected(side, |text| {
            text.replace("300", side).replace("200", side)
        });
        originals.assert_descriptor_rejected(side, |text| {
            text.replace("300", side)
                .replace("200", side)
                .replace("TileSize=\"254\"", "TileSize=\"2\"")
        });
    }
    let entities = "<!DOCTYPE Image [<!ENTITY a \"jpegjpegjpeg\"><!ENTITY b \"&a;&a;&a;&a;&a;&a;\">\
        <!ENTITY c SYSTEM \"file:///etc/passwd\">]><Image";
    for entity in ["&b;", "&c;", "&#106;&#x70;eg&b;"] {
        originals.assert_descriptor_rejected("entities", |text| {
            text.replace("<Image", entities).replace("jpeg\"", &format!("{entity}\""))
        });
    }
    originals.assert_descriptor_rejected("another format", |text| {
        text.replace("jpeg", "../../etc/passwd")
    });
    originals.assert_descriptor_rejected("no size", |text| text.replace("300", "0"));
    originals.assert_descriptor_rejected("three megabytes", |text| text + &" ".repeat(3 << 20));
}

#[test]
fn rejects_files_that_only_look_like_archives() {
    let originals = Originals::new();
    let end = b"PK\x05\x06\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0";
    for (what, bytes) in [
        ("nothing", Vec::new()),
        ("an empty archive", end.to_vec()),
        ("only end records", end.repeat(50_000)),
        ("only signatures", b"PK\x05\x06".repeat(200_000)),
        ("zeros", vec![0; 1 << 20]),
        ("ones", vec![0xff; 1 << 20]),
        ("an image", originals.bare[0].1.clone()),
    ] {
        originals.assert_rejected(what, &bytes);
    }
}

/// Files that mark another kind of export, whose manifest has another path.
#[test]
fn rejects_markers_of_another_kind_of_export() {
    let originals = Originals::new();
    for name in [
        "scan-properties.xml",
        "vendor/slidezoom/x",
        "bagit.txt",
        "bag-info.txt",
        "tagmanifest-sha256.txt",
    ] {
        for contents in ["", "BagIt-Version: 1.0\n"] {
            let mut files = originals.ours.clone();
            files.push((format!("scan/{name}"), contents.as_bytes().to_vec()));
            originals.assert_rejected(name, &ZipFile::new(&files).bytes);
        }
    }
}
