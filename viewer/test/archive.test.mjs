// Reads valid, foreign and hostile archives without a browser. The archives are written here.

import assert from "node:assert/strict";
import { test } from "node:test";
import { loadModules } from "./support/modules.mjs";
import {
  archiveFiles,
  associatedIn,
  description,
  geometry,
  NAME,
  tileName,
  withIndex,
} from "./support/sample_archive.mjs";
import { associatedPng, FULL_LEVEL, NO_DETAILS, sampleTiles } from "./support/sample_export.mjs";
import { layOut, short, tileIndex, toBuffer, word } from "./support/zip_writer.mjs";

const { openArchive, blobSource, TileIndex, ArchiveError } = await loadModules(
  "archive/open.ts",
  "archive/source.ts",
  "archive/tile_index.ts",
  "archive/errors.ts",
);

// Node has no parser of XML; this one knows the descriptors of these tests.
globalThis.DOMParser = class {
  parseFromString(text) {
    const element = (name) => {
      const attributes = new RegExp(`<${name}\\s([^>]*)>`).exec(text)?.[1];
      const value = (key) => new RegExp(`${key}=["']([^"']*)["']`).exec(attributes)?.[1] ?? null;
      return attributes === undefined ? undefined : { localName: name, getAttribute: value };
    };
    const image = {
      ...(element("Image") ?? { localName: "other" }),
      getElementsByTagNameNS: () => [element("Size")],
    };
    return { doctype: null, documentElement: image, getElementsByTagName: () => [] };
  }
};

/** A source that keeps a list of what is read, and lets nobody read beyond its end. */
function watched(bytes, blob = new Blob([bytes])) {
  const reads = [];
  const source = blobSource(blob);
  return {
    reads,
    length: source.length,
    read(start, end, signal) {
      assert.ok(
        0 <= start && start <= end && end <= source.length,
        `bytes ${start} to ${end} of ${source.length}`,
      );
      reads.push([start, end]);
      return source.read(start, end, signal);
    },
  };
}

/** The parts of a Blob that archives use, without the time that a Blob takes to copy its bytes. */
function inMemory(bytes) {
  return {
    size: bytes.length,
    slice: (start, end) => ({
      arrayBuffer: async () => bytes.buffer.slice(bytes.byteOffset + start, bytes.byteOffset + end),
    }),
  };
}

async function everyTileIsRight(archive) {
  for (const { level, column, row, png } of sampleTiles()) {
    const bytes = await archive.tile(level, column, row);
    assert.ok(bytes !== null && Buffer.from(bytes).equals(png), `tile ${level}/${column}_${row}`);
  }
}

const slide = {
  name: NAME,
  tiles: `${NAME}_files`,
  width: 700,
  height: 500,
  tileSize: 254,
  overlap: 1,
  format: "png",
  mpp: { x: 0.499, y: 0.5 },
  objectivePower: 20,
  background: "ffffff",
  blankTiles: null,
  layers: [],
  ...NO_DETAILS,
  associatedImages: associatedIn(),
  writtenBy: { slidezoom: "0.1.0", openslide: "4.0.1" },
};

for (const [form, options, twist] of [
  ["a .zip", {}, {}],
  ["a .szi", { szi: true }, {}],
  ["a .zip with ZIP64 records", {}, { zip64: true }],
  ["a .zip with a long comment", {}, { comment: "PK\x05\x06".padEnd(20000, "PK\x05\x06 ") }],
]) {
  test(`${form} opens by its tile index, and returns each tile`, async () => {
    // As many files as make the directory longer than what the end is read with.
    const layout = layOut([...others(1000), ...archiveFiles(options)], twist);
    const source = watched(toBuffer(layout));
    const archive = await openArchive(source);
    assert.deepEqual(archive.slide, { ...slide, associatedImages: associatedIn(options) });
    // End, index and description; a long comment hides the end from the first read.
    assert.equal(source.reads.length, twist.comment === undefined ? 2 : 3);
    assert.ok(
      source.reads.at(-1)[1] <= layout.directoryOffset,
      "the directory is not needed: that is what the index is for",
    );
    await everyTileIsRight(archive);
  });
}

test("returns no tile in place of another", async () => {
  // The negative control of all tests that compare tiles: two change places.
  const files = archiveFiles();
  const [first, second] = [`${FULL_LEVEL}/0_0`, `${FULL_LEVEL}/1_0`].map((tile) =>
    files.find(({ name }) => name.endsWith(`_files/${tile}.png`)),
  );
  [first.contents, second.contents] = [second.contents, first.contents];
  const archive = await openArchive(blobSource(new Blob([toBuffer(layOut(files))])));
  await assert.rejects(everyTileIsRight(archive), /tile 10\/0_0/);
});

test("returns null for a missing tile without a read", async () => {
  const missing = tileName(NAME, FULL_LEVEL, 1, 1);
  for (const indexed of [true, false]) {
    let files = archiveFiles().filter(({ name }) => name !== missing);
    files = indexed ? files : files.slice(0, -1);
    const source = watched(toBuffer(layOut(files)));
    const archive = await openArchive(source);
    assert.notEqual(await archive.tile(FULL_LEVEL, 0, 1), null);
    const before = source.reads.length;
    assert.equal(await archive.tile(FULL_LEVEL, 1, 1), null);
    assert.equal(await archive.tile(FULL_LEVEL, 3, 0), null);
    assert.equal(await archive.tile(FULL_LEVEL + 1, 0, 0), null);
    assert.equal(source.reads.length, before);
  }
});

for (const [form, options, change, reads] of [
  ["a .zip", {}, (files) => files, 1],
  ["a .szi", { szi: true }, (files) => files, 1],
  ["a .zip without an index", {}, (files) => files.slice(0, -1), 1],
  [
    "a .zip with so much after them that its end does not tell where they are",
    {},
    (files) => [...files.slice(0, -3), ...others(500), ...files.slice(-3)],
    2,
  ],
]) {
  test(`reads the associated images of ${form} on demand`, async () => {
    const source = watched(toBuffer(layOut(change(archiveFiles(options)))));
    const archive = await openArchive(source);
    for (const image of archive.slide.associatedImages) {
      source.reads.length = 0;
      assert.ok(
        Buffer.from(await archive.associatedImage(image.path)).equals(associatedPng(image)),
        image.name,
      );
      assert.equal(source.reads.length, reads, image.name);
    }
    assert.equal(archive.slide.associatedImages.length, 2);
  });
}

test("rejects a missing or invalid associated image", async () => {
  const [{ path }] = associatedIn();
  const isImage = ({ name }) => name === `${NAME}/${path}`;
  for (const [expected, change] of [
    [/an associated image is not in it/, (files) => files.filter((file) => !isImage(file))],
    [/compressed/, (files) => files.map((file) => (isImage(file) ? { ...file, method: 8 } : file))],
    [
      /too large/,
      (files) =>
        files.map((file) =>
          isImage(file) ? { ...file, contents: Buffer.alloc((1 << 26) + 1) } : file,
        ),
    ],
  ]) {
    for (const end of [undefined, -1]) {
      const archive = await openArchive(
        watched(toBuffer(layOut(change(archiveFiles()).slice(0, end)))),
      );
      const refused = (error) => error instanceof ArchiveError && expected.test(error.message);
      await assert.rejects(archive.associatedImage(path), refused);
      await assert.rejects(archive.associatedImage("../x.png"), ArchiveError);
    }
  }
});

test("reads the example of the tile index specification", async () => {
  const example = Buffer.concat([
    Buffer.from("\x89SZI\r\n\x1a\n", "latin1"),
    Buffer.from([1, 0, 64, 0, 12, 0, 3, 0]),
    Buffer.from([3, 0, 0, 0, 2, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0]),
    Buffer.from("jpeg\0\0\0\0"),
    Buffer.from([4, 0, 0, 0, 0, 0, 0, 0]),
    Buffer.from([0x34, 0x12, 0, 0, 0, 0, 0, 0, 99, 0, 0, 0]),
    Buffer.from([0x4e, 0x8f, 0xfa, 0x57]),
    Buffer.from([41, 0, 0, 0, 0, 0, 0, 0, 200, 1, 0, 0]),
    Buffer.from([0x48, 2, 0, 0, 0, 0, 0, 0, 210, 1, 0, 0]),
    Buffer.from([0x60, 4, 0, 0, 0, 0, 0, 0, 220, 1, 0, 0]),
    Buffer.from([0x80, 6, 0, 0, 0, 0, 0, 0, 230, 1, 0, 0]),
  ]);
  const index = await TileIndex.open(blobSource(new Blob([example])), {
    start: 0,
    end: example.length,
    filesEnd: 9999,
  });
  assert.deepEqual(await index.tile(2, 1, 0), { start: 1664, end: 2150 });
  assert.deepEqual(await index.tile(0, 0, 0), { start: 41, end: 497 });
  assert.deepEqual(index.description, { start: 0x1234, end: 0x1297 });
});

test("reads each page of the tile index once, on demand", async () => {
  const big = { width: 20000, height: 20000, tileSize: 100, overlap: 0, extension: "png" };
  const bytes = tileIndex(big, (level, column, row) => ({
    start: level * 1e6 + row * 1e3 + column,
    length: 1 + level,
  }));
  const source = watched(bytes);
  const index = await TileIndex.open(source, { start: 0, end: bytes.length, filesEnd: 1e9 });
  assert.equal(index.pyramid.tiles, (bytes.length - 64) / 12);
  assert.ok(index.pyramid.tiles > 50000);
  source.reads.length = 0;
  const level = index.pyramid.levelCount - 1;
  const row = await Promise.all(
    Array.from({ length: 200 }, (_, column) => index.tile(level, column, 7)),
  );
  row.forEach((tile, column) =>
    assert.deepEqual(tile, {
      start: level * 1e6 + 7000 + column,
      end: level * 1e6 + 7001 + column + level,
    }),
  );
  assert.ok(source.reads.length <= 2, `${source.reads.length} reads for one row`);
  assert.ok(source.reads.every(([start, end]) => end - start <= 65536));
  const last = await index.tile(level, 199, 199);
  assert.equal(last.start, level * 1e6 + 199199);
});

test("retries a page of the tile index that could not be read", async () => {
  const bytes = tileIndex(geometry, () => ({ start: 5, length: 6 }));
  const source = watched(bytes);
  const index = await TileIndex.open(source, { start: 0, end: bytes.length, filesEnd: 1e6 });
  const { read } = source;
  source.read = () => Promise.reject(new ArchiveError("no connection"));
  await assert.rejects(index.tile(0, 0, 0), /no connection/);
  source.read = read;
  assert.deepEqual(await index.tile(0, 0, 0), { start: 5, end: 11 });
});

for (const [form, change] of [
  ["without an index", (files) => files.slice(0, -1)],
  [
    "without index and description",
    (files) => files.filter(({ name }) => !/\.(bin|json)$/.test(name)),
  ],
  [
    "in another order, so that its index is not its last file",
    (files) => [...files].reverse().map(withoutPlaces),
  ],
  [
    "with an index of another version",
    (files) => files.map((file) => indexWith(file, (index) => index.writeUInt16LE(2, 8))),
  ],
  [
    "packed anew, with an index of the old places",
    (files) => [{ name: "new", contents: Buffer.alloc(9) }, ...files.map(withoutPlaces)],
  ],
  [
    "with long extra fields in local headers",
    (files) => files.slice(0, -1).map((file) => ({ ...file, localExtra: Buffer.alloc(300) })),
  ],
  [
    "with no folder around it",
    (files) =>
      files.slice(0, -1).map((file) => ({ ...file, name: file.name.slice(NAME.length + 1) })),
  ],
  [
    "with some other program's JSON",
    (files) =>
      files
        .slice(0, -1)
        .map((file) =>
          file.name.endsWith(".json") ? { ...file, contents: Buffer.from("[1") } : file,
        ),
  ],
]) {
  test(`an archive ${form} opens by its directory`, async () => {
    const files = change(archiveFiles());
    const archive = await openArchive(watched(toBuffer(layOut(files))));
    const plain = !files.some(
      ({ name, contents }) => name.endsWith(".json") && contents.length > 2,
    );
    const unknown = { mpp: null, objectivePower: null, associatedImages: [], writtenBy: null };
    assert.deepEqual(archive.slide, plain ? { ...slide, ...unknown } : slide);
    await everyTileIsRight(archive);
  });
}

for (const [extension, format] of [
  ["jpg", "jpeg"],
  ["webp", "webp"],
]) {
  test(`tiles called .${extension} are ${format}`, async () => {
    const files = archiveFiles()
      .slice(0, -1)
      .filter(({ name }) => !name.endsWith(".json"));
    const renamed = files.map((file) => ({
      ...changed(file, ".dzi", '"png"', `"${extension}"`),
      name: file.name.replace(/png$/, extension),
    }));
    const archive = await openArchive(watched(toBuffer(layOut(renamed))));
    assert.equal(archive.slide.format, format);
    await everyTileIsRight(archive);
  });
}

test("an archive with the longest comment opens by its directory", async () => {
  const comment = "PK\x05\x06".padEnd(0xffff, "PK\x05\x06 ");
  await everyTileIsRight(
    await openArchive(watched(toBuffer(layOut(archiveFiles(), { comment, zip64: true })))),
  );
});

test("reads a long directory in pieces, and with ZIP64", async () => {
  const many = Array.from({ length: 70000 }, (_, number) => ({
    name: `${NAME}/other/${number}`,
    contents: Buffer.alloc(0),
  }));
  const source = watched(toBuffer(layOut([...many, ...archiveFiles().slice(0, -1)])));
  await everyTileIsRight(await openArchive(source));
  assert.ok(source.reads.every(([start, end]) => end - start <= 1 << 20));
});

for (const [form, expected, change] of [
  [
    "is compressed",
    /its files are compressed.*zip -0/,
    (files) => files.map((file) => ({ ...file, method: 8 })),
  ],
  [
    "is encrypted",
    /encrypted/,
    (files) => files.slice(0, -1).map((file) => ({ ...file, flags: 1 })),
  ],
  [
    "has no descriptor",
    /no \.dzi file is in it/,
    (files) => files.filter(({ name }) => !/\.(dzi|bin)$/.test(name)),
  ],
  [
    "has a descriptor of nothing",
    /no valid “Width”/,
    (files) => files.slice(0, -1).map((file) => changed(file, ".dzi", '"700"', '"0"')),
  ],
  [
    "has tiles of another kind",
    /its tiles are “tiff” files/,
    (files) => files.slice(0, -1).map((file) => changed(file, ".dzi", '"png"', '"tiff"')),
  ],
  [
    "has a description of another slide",
    /contradict each other about “width”/,
    (files) => files.map((file) => changed(file, ".json", "700", "701")),
  ],
  [
    "has half a description",
    /its description is not valid JSON/,
    (files) => files.map((file) => changed(file, ".json", "}}", "")),
  ],
  [
    "has a description without a color",
    /its description has no valid “background”/,
    (files) => files.map((file) => changed(file, ".json", "ffffff", "white")),
  ],
  [
    "has an index of another image size",
    /its tile index says/,
    (files) => files.map((file) => indexWith(file, (index) => index.writeUInt32LE(7000, 16))),
  ],
  [
    "has an index that promises 2⁶⁴ tiles",
    /its tile index says|beyond any file/,
    (files) =>
      files.map((file) => indexWith(file, (index) => index.fill(255, 16, 24).writeUInt32LE(2, 24))),
  ],
  [
    "has an index without its last tile",
    /bytes of records/,
    (files) => files.map((file) => indexWith(file, (index) => index.subarray(0, -12))),
  ],
  [
    "has an index that is none",
    /does not begin as one/,
    (files) => files.map((file) => indexWith(file, () => Buffer.alloc(100))),
  ],
  [
    "has an empty index",
    /too short/,
    (files) => files.map((file) => indexWith(file, () => Buffer.alloc(0))),
  ],
]) {
  test(`rejects an archive that ${form}`, async () => {
    const opening = openArchive(watched(toBuffer(layOut(change(archiveFiles())))));
    await assert.rejects(
      opening,
      (error) => error instanceof ArchiveError && expected.test(error.message),
    );
  });
}

test("rejects a tile offset beyond the files when the tile is requested", async () => {
  const files = archiveFiles().map((file) =>
    indexWith(file, (index) => index.writeUInt32LE(0xffffff, 64 + 8)),
  );
  const archive = await openArchive(watched(toBuffer(layOut(files))));
  await assert.rejects(
    archive.tile(0, 0, 0),
    (error) => error instanceof ArchiveError && /beyond/.test(error.message),
  );
});

test("distinguishes truncated archives from other files", async () => {
  const good = toBuffer(layOut(archiveFiles()));
  await assert.rejects(openArchive(watched(Buffer.alloc(0))), /no \.zip or \.szi archive/);
  await assert.rejects(
    openArchive(watched(Buffer.alloc(100000, "text"))),
    /no \.zip or \.szi archive/,
  );
  for (
    let length = 4;
    length < good.length;
    length += length < 1000 || length > good.length - 2000 ? 1 : 977
  ) {
    await assert.rejects(
      openArchive(watched(good.subarray(0, length))),
      (error) => error instanceof ArchiveError && /cut short/.test(error.message),
      `${length} bytes`,
    );
  }
});

test("reads within the file and throws only ArchiveError, whichever byte of the end is changed", async () => {
  for (const options of [{}, { zip64: true }]) {
    const { pieces, length, places, directoryOffset } = layOut(archiveFiles(), options);
    const good = toBuffer({ pieces, length });
    const index = places.get(`${NAME}/tile-index.bin`);
    const positions = [
      ...Array.from({ length: 64 + 30 + 24 + index.length }, (_, at) => index.headerOffset + at),
      ...Array.from({ length: good.length - directoryOffset }, (_, at) => directoryOffset + at),
    ].filter((position) => position < good.length);
    let refused = 0;
    for (const position of positions) {
      for (const value of [0, 0xff, good[position] ^ 1]) {
        const original = good[position];
        good[position] = value;
        try {
          const archive = await openArchive(watched(good, inMemory(good)));
          await archive.tile(0, 0, 0);
          await archive.tile(FULL_LEVEL, 2, 1);
        } catch (error) {
          assert.ok(error instanceof ArchiveError, `byte ${position} as ${value}: ${error.stack}`);
          refused += 1;
        } finally {
          good[position] = original;
        }
      }
    }
    assert.ok(refused > 300, `only ${refused} changes were noticed`);
  }
});

test("rejects a directory size of 4 GB without allocating it", async () => {
  const end = Buffer.concat([
    Buffer.from("PK\x05\x06"),
    short(0),
    short(0),
    short(9),
    short(9),
    word(0xfffffff0),
    word(0),
    short(0),
  ]);
  await assert.rejects(openArchive(watched(end)), /beyond its end/);
});

test("opens an archive of another geometry", async () => {
  const strip = { width: 3, height: 1, tileSize: 2, overlap: 0, extension: "jpeg" };
  const tiles = [
    [0, 0],
    [1, 0],
    [2, 0],
    [2, 1],
  ].map(([level, column]) => ({
    name: tileName("s", level, column, 0, "jpeg"),
    contents: Buffer.from([level, column]),
  }));
  const files = withIndex("s", "s/", strip, tiles, description("s", strip));
  const archive = await openArchive(watched(toBuffer(layOut(files))));
  assert.deepEqual([...(await archive.tile(2, 1, 0))], [2, 1]);
  assert.equal(archive.slide.format, "jpeg");
});

function others(count) {
  return Array.from({ length: count }, (_, number) => ({
    name: `${NAME}/other/${number}`,
    contents: Buffer.alloc(9),
  }));
}

/** The file as it is, even where its contents were to be made anew. */
function withoutPlaces(file) {
  return typeof file.contents === "function"
    ? { ...file, contents: file.contents(layOut(archiveFiles()).places) }
    : file;
}

/** The index with a change; what the change returns, where that is bytes, replaces it. */
function indexWith(file, change) {
  if (!file.name.endsWith("tile-index.bin")) {
    return file;
  }
  return {
    ...file,
    contents: (places) => {
      const index = file.contents(places);
      const result = change(index);
      return Buffer.isBuffer(result) ? result : index;
    },
  };
}

function changed(file, ending, from, to) {
  if (!file.name.endsWith(ending)) {
    return file;
  }
  const text = file.contents.toString();
  assert.ok(text.includes(from));
  return { ...file, contents: Buffer.from(text.replace(from, to)) };
}
