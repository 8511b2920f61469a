//! The tile index of an archive, read by an independent client that follows the specification in
//! `src/layout/tile_index.rs`.

use std::cell::RefCell;
use std::fs::File;
use std::os::unix::fs::FileExt;

use slidezoom_fixtures::Pattern;

use crate::deep_zoom::DeepZoom;
use crate::slides::{self, WriteInto};
use crate::tree::Tree;
use crate::workspace::Workspace;
use crate::zip_file::{crc, short, word};

/// The size of one range request, in bytes.
const PART: u64 = 64 << 10;

/// A file on a server that answers and counts range requests.
struct Server {
    file: File,
    length: u64,
    requests: RefCell<Vec<u64>>,
}

impl Server {
    fn new(workspace: &Workspace, path: &str) -> Self {
        let file = File::open(workspace.path(path)).unwrap();
        let length = file.metadata().unwrap().len();
        Self { file, length, requests: RefCell::new(Vec::new()) }
    }

    fn get(&self, start: u64, length: u64) -> Vec<u8> {
        self.requests.borrow_mut().push(length);
        let mut bytes = vec![0; length as usize];
        self.file.read_exact_at(&mut bytes, start).unwrap();
        bytes
    }
}

/// A client's view of a pyramid in an archive.
struct Browser<'a> {
    server: &'a Server,
    /// The offset of the index in the archive.
    index: u64,
    /// The first part of the index: the header and the records that were fetched with it.
    first: Vec<u8>,
    geometry: DeepZoom,
    extension: String,
    description: (u64, u64),
}

fn long(bytes: &[u8], at: usize) -> u64 {
    (word(bytes, at + 4) as u64) << 32 | word(bytes, at) as u64
}

impl<'a> Browser<'a> {
    /// Opens the archive with two requests.
    fn open(server: &'a Server) -> Self {
        let length = server.length.min(PART);
        let tail = server.get(server.length - length, length);
        let end = (0..tail.len()).rev().find(|&at| tail[at..].starts_with(b"PK\x05\x06")).unwrap();
        // The last directory record ends where the end record begins.
        let ends_there = |at: &usize| {
            at + 46 + short(&tail, at + 28) + short(&tail, at + 30) + short(&tail, at + 32) == end
        };
        let record = (0..end - 46)
            .rev()
            .filter(|&at| tail[at..].starts_with(b"PK\x01\x02"))
            .find(ends_there)
            .unwrap();
        let name = &tail[record + 46..][..short(&tail, record + 28)];
        assert!(name.ends_with(b"/tile-index.bin"), "{:?}", String::from_utf8_lossy(name));

        let index = (word(&tail, record + 42) + 30 + name.len()) as u64;
        let bytes = word(&tail, record + 20) as u64;
        let first = server.get(index, bytes.min(PART));
        assert_eq!(first[..14], *b"\x89SZI\r\n\x1a\n\x01\0\x40\0\x0c\0");
        let number = |at| u32::try_from(word(&first, at)).unwrap();
        let geometry = DeepZoom {
            width: number(16),
            height: number(20),
            tile_size: number(24),
            overlap: number(28),
        };
        assert_eq!(short(&first, 14), geometry.max_level() as usize + 1);
        let extension = str::from_utf8(&first[32..40]).unwrap().trim_end_matches('\0').to_owned();
        assert_eq!(bytes, 64 + 12 * long(&first, 40));
        let description = (long(&first, 48), u64::from(number(56)));
        Self { server, index, first, geometry, extension, description }
    }

    /// Fetches a tile with one request, or with two if its record is not in the first part.
    fn tile(&self, level: u32, column: u32, row: u32) -> Vec<u8> {
        let (columns, _) = self.geometry.grid(level);
        let smaller: u32 = (0..level)
            .map(|level| self.geometry.grid(level))
            .map(|(width, height)| width * height)
            .sum();
        let at = 64 + 12 * (smaller + row * columns + column) as usize;
        let record = match self.first.get(at..at + 12) {
            Some(record) => record.to_vec(),
            None => self.server.get(self.index + at as u64, 12),
        };
        self.server.get(long(&record, 0), word(&record, 8) as u64)
    }
}

/// A slide whose archive has a directory larger than one range request.
const SIZE: (u32, u32) = (2400, 2100);

/// Exports one slide to an archive and to a directory, with the same name and options.
fn exported(archive: &str, options: &[&str]) -> (Workspace, Tree) {
    let workspace = Workspace::new();
    slides::exact(SIZE, Pattern::Gradient).write_into(&workspace, "scan.tif");
    let options = [&["--tile-size", "90", "--overlap", "0", "--mpp", "0.5"], options].concat();
    workspace.export([&["scan.tif", "-o", "folder/scan"], &options[..]].concat()).succeeds();
    workspace.export([&["scan.tif", "-o", archive], &options[..]].concat()).succeeds();
    let folder = workspace.tree("folder/scan");
    (workspace, folder)
}

#[test]
fn locates_every_tile() {
    for (archive, extension) in
        [("scan.zip", "jpeg"), ("scan.szi", "jpeg"), ("scan.zip", "png"), ("scan.szi", "png")]
    {
        let (workspace, folder) = exported(archive, &["--format", extension]);
        let server = Server::new(&workspace, archive);
        assert!(server.length > 4 * PART);
        let browser = Browser::open(&server);
        assert_eq!((browser.geometry.width, browser.geometry.height), SIZE);
        assert_eq!((browser.geometry.tile_size, browser.geometry.overlap), (90, 0));
        assert_eq!(browser.extension, extension);

        let tiles = browser.geometry.tiles();
        assert_eq!(
            tiles.len(),
            folder.files().iter().filter(|file| file.starts_with("scan_files/")).count()
        );
        let several = (0..=browser.geometry.max_level())
            .filter(|&level| browser.geometry.level_tiles(level).len() > 1);
        assert_eq!(several.count(), 5);
        for tile in tiles {
            let found = browser.tile(tile.level, tile.column, tile.row);
            assert!(
                found == folder.file(&format!("scan_files/{}", tile.file(extension))),
                "{archive}: {tile:?}"
            );
        }
    }
}

#[test]
fn first_tile_takes_three_requests_and_others_one() {
    for archive in ["scan.zip", "scan.szi"] {
        let (workspace, folder) = exported(archive, &[]);
        let server = Server::new(&workspace, archive);
        let browser = Browser::open(&server);
        let last = browser.geometry.tiles().pop().unwrap();
        let found = browser.tile(last.level, last.column, last.row);
        assert!(found == folder.file(&format!("scan_files/{}", last.file("jpeg"))));
        assert_eq!(server.requests.borrow().len(), 3);
        assert!(server.requests.borrow().iter().all(|&bytes| bytes <= PART));
        browser.tile(0, 0, 0);
        assert_eq!(server.requests.borrow().len(), 4);
    }
}

/// The specification keeps everything that a client needs first together.
#[test]
fn description_descriptor_and_index_are_adjacent() {
    for (archive, ours) in [("scan.zip", ""), ("scan.szi", "vendor/slidezoom/")] {
        let (workspace, _) = exported(archive, &[]);
        let server = Server::new(&workspace, archive);
        let browser = Browser::open(&server);
        let (at, length) = browser.description;
        let part = server.get(at, PART.min(server.length - at));
        let description: serde_json::Value =
            serde_json::from_slice(&part[..length as usize]).unwrap();
        assert_eq!(
            (&description["width"], &description["height"]),
            (&SIZE.0.into(), &SIZE.1.into())
        );
        assert_eq!(description["tiles"], browser.geometry.tiles().len());

        // Only the descriptor is between description and index: two local headers and its text.
        let between = &part[length as usize..(browser.index - at) as usize];
        let names = ["scan/scan.dzi".len(), format!("scan/{ours}tile-index.bin").len()];
        assert_eq!(between.len(), 2 * 30 + names[0] + names[1] + word(between, 18));
        assert!(between[30..].starts_with(b"scan/scan.dzi<?xml"));
        // The request covered the whole index, so its checksum can be verified.
        let index =
            &part[(browser.index - at) as usize..][..64 + 12 * browser.geometry.tiles().len()];
        assert_eq!(crc(&index[64..]) as usize, word(index, 60));
    }
}

#[test]
fn directories_and_bags_have_no_index() {
    let workspace = Workspace::new();
    slides::small().write_into(&workspace, "scan.tif");
    workspace.export(["scan.tif", "-o", "folder"]).succeeds();
    workspace.export(["scan.tif", "-o", "bag", "--container", "bagit"]).succeeds();
    for export in ["folder", "bag"] {
        assert!(workspace.tree(export).files().iter().all(|file| !file.contains("tile-index")));
    }
}
