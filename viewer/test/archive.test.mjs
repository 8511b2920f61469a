// Opens archives without a browser, with and without a tile index, and reads their tiles and
// associated images.

import assert from "node:assert/strict";
import { test } from "node:test";
import {
  assertAllTiles,
  blobSource,
  openArchive,
  otherFiles,
  recordingSource,
  withIndexChange,
  withOriginalPositions,
  withText,
} from "./support/archive_reading.mjs";
import {
  archiveFiles,
  associatedIn,
  description,
  NAME,
  tileName,
  withIndex,
} from "./support/sample_archive.mjs";
import { associatedPng, FULL_LEVEL, NO_DETAILS } from "./support/sample_export.mjs";
import { layOut, toBuffer } from "./support/zip_writer.mjs";

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

for (const [form, options, zipOptions] of [
  ["a .zip", {}, {}],
  ["a .szi", { szi: true }, {}],
  ["a .zip with ZIP64 records", {}, { zip64: true }],
  ["a .zip with a long comment", {}, { comment: "PK\x05\x06".padEnd(20000, "PK\x05\x06 ") }],
]) {
  test(`opens ${form} with its tile index and returns every tile`, async () => {
    // So many files that the directory is longer than the first read of the archive's end.
    const layout = layOut([...otherFiles(1000), ...archiveFiles(options)], zipOptions);
    const source = recordingSource(toBuffer(layout));
    const archive = await openArchive(source);
    assert.deepEqual(archive.slide, { ...slide, associatedImages: associatedIn(options) });
    // The end, and index with description. With a long comment, the end takes two reads.
    assert.equal(source.reads.length, zipOptions.comment === undefined ? 2 : 3);
    assert.ok(source.reads.at(-1)[1] <= layout.directoryOffset, "the directory was read");
    await assertAllTiles(archive);
  });
}

test("the comparison detects swapped tiles", async () => {
  const files = archiveFiles();
  const [first, second] = [`${FULL_LEVEL}/0_0`, `${FULL_LEVEL}/1_0`].map((tile) =>
    files.find(({ name }) => name.endsWith(`_files/${tile}.png`)),
  );
  [first.contents, second.contents] = [second.contents, first.contents];
  const archive = await openArchive(blobSource(new Blob([toBuffer(layOut(files))])));
  await assert.rejects(assertAllTiles(archive), /tile 10\/0_0/);
});

test("returns null for a missing tile without a read", async () => {
  const missing = tileName(NAME, FULL_LEVEL, 1, 1);
  for (const indexed of [true, false]) {
    let files = archiveFiles().filter(({ name }) => name !== missing);
    files = indexed ? files : files.slice(0, -1);
    const source = recordingSource(toBuffer(layOut(files)));
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
    "a .zip with many files after them, so that the first read does not include their records",
    {},
    (files) => [...files.slice(0, -3), ...otherFiles(500), ...files.slice(-3)],
    2,
  ],
]) {
  test(`reads the associated images of ${form} on demand`, async () => {
    const source = recordingSource(toBuffer(layOut(change(archiveFiles(options)))));
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

for (const [form, change] of [
  ["without an index", (files) => files.slice(0, -1)],
  [
    "without index and description",
    (files) => files.filter(({ name }) => !/\.(bin|json)$/.test(name)),
  ],
  ["whose index is not the last file", (files) => [...files].reverse().map(withOriginalPositions)],
  [
    "with an index of another version",
    (files) => files.map((file) => withIndexChange(file, (index) => index.writeUInt16LE(2, 8))),
  ],
  [
    "with an index of old positions",
    (files) => [{ name: "new", contents: Buffer.alloc(9) }, ...files.map(withOriginalPositions)],
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
    "with invalid JSON",
    (files) =>
      files
        .slice(0, -1)
        .map((file) =>
          file.name.endsWith(".json") ? { ...file, contents: Buffer.from("[1") } : file,
        ),
  ],
]) {
  test(`opens an archive ${form} by its directory`, async () => {
    const files = change(archiveFiles());
    const archive = await openArchive(recordingSource(toBuffer(layOut(files))));
    const hasNoDescription = !files.some(
      ({ name, contents }) => name.endsWith(".json") && contents.length > 2,
    );
    const unknown = { mpp: null, objectivePower: null, associatedImages: [], writtenBy: null };
    assert.deepEqual(archive.slide, hasNoDescription ? { ...slide, ...unknown } : slide);
    await assertAllTiles(archive);
  });
}

for (const [extension, format] of [
  ["jpg", "jpeg"],
  ["webp", "webp"],
]) {
  test(`reads .${extension} tiles as ${format}`, async () => {
    const files = archiveFiles()
      .slice(0, -1)
      .filter(({ name }) => !name.endsWith(".json"));
    const renamed = files.map((file) => ({
      ...withText(file, ".dzi", '"png"', `"${extension}"`),
      name: file.name.replace(/png$/, extension),
    }));
    const archive = await openArchive(recordingSource(toBuffer(layOut(renamed))));
    assert.equal(archive.slide.format, format);
    await assertAllTiles(archive);
  });
}

test("opens an archive with the longest comment by its directory", async () => {
  const comment = "PK\x05\x06".padEnd(0xffff, "PK\x05\x06 ");
  await assertAllTiles(
    await openArchive(recordingSource(toBuffer(layOut(archiveFiles(), { comment, zip64: true })))),
  );
});

test("reads a long directory in parts, with ZIP64", async () => {
  const many = Array.from({ length: 70000 }, (_, number) => ({
    name: `${NAME}/other/${number}`,
    contents: Buffer.alloc(0),
  }));
  const source = recordingSource(toBuffer(layOut([...many, ...archiveFiles().slice(0, -1)])));
  await assertAllTiles(await openArchive(source));
  assert.ok(source.reads.every(([start, end]) => end - start <= 1 << 20));
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
  const archive = await openArchive(recordingSource(toBuffer(layOut(files))));
  assert.deepEqual([...(await archive.tile(2, 1, 0))], [2, 1]);
  assert.equal(archive.slide.format, "jpeg");
});
