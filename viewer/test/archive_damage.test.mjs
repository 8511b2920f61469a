// Rejects damaged, unsupported and hostile archives, without a browser.

import assert from "node:assert/strict";
import { test } from "node:test";
import {
  ArchiveError,
  inMemory,
  openArchive,
  recordingSource,
  withIndexChange,
  withText,
} from "./support/archive_reading.mjs";
import { archiveFiles, associatedIn, NAME } from "./support/sample_archive.mjs";
import { FULL_LEVEL } from "./support/sample_export.mjs";
import { layOut, short, toBuffer, word } from "./support/zip_writer.mjs";

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
        recordingSource(toBuffer(layOut(change(archiveFiles()).slice(0, end)))),
      );
      const isExpected = (error) => error instanceof ArchiveError && expected.test(error.message);
      await assert.rejects(archive.associatedImage(path), isExpected);
      await assert.rejects(archive.associatedImage("../x.png"), ArchiveError);
    }
  }
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
    "has a descriptor without a size",
    /no valid “Width”/,
    (files) => files.slice(0, -1).map((file) => withText(file, ".dzi", '"700"', '"0"')),
  ],
  [
    "has tiles in another format",
    /its tiles are “tiff” files/,
    (files) => files.slice(0, -1).map((file) => withText(file, ".dzi", '"png"', '"tiff"')),
  ],
  [
    "has a description of another slide",
    /contradict each other about “width”/,
    (files) => files.map((file) => withText(file, ".json", "700", "701")),
  ],
  [
    "has a truncated description",
    /its description is not valid JSON/,
    (files) => files.map((file) => withText(file, ".json", "}}", "")),
  ],
  [
    "has a description without a color",
    /its description has no valid “background”/,
    (files) => files.map((file) => withText(file, ".json", "ffffff", "white")),
  ],
  [
    "has an index of another image size",
    /its tile index says/,
    (files) => files.map((file) => withIndexChange(file, (index) => index.writeUInt32LE(7000, 16))),
  ],
  [
    "has an index of 2⁶⁴ tiles",
    /its tile index says|beyond any file/,
    (files) =>
      files.map((file) =>
        withIndexChange(file, (index) => index.fill(255, 16, 24).writeUInt32LE(2, 24)),
      ),
  ],
  [
    "has an index without its last tile",
    /bytes of records/,
    (files) => files.map((file) => withIndexChange(file, (index) => index.subarray(0, -12))),
  ],
  [
    "has an index without a signature",
    /does not begin as one/,
    (files) => files.map((file) => withIndexChange(file, () => Buffer.alloc(100))),
  ],
  [
    "has an empty index",
    /too short/,
    (files) => files.map((file) => withIndexChange(file, () => Buffer.alloc(0))),
  ],
]) {
  test(`rejects an archive that ${form}`, async () => {
    const opening = openArchive(recordingSource(toBuffer(layOut(change(archiveFiles())))));
    await assert.rejects(
      opening,
      (error) => error instanceof ArchiveError && expected.test(error.message),
    );
  });
}

test("rejects a tile offset beyond the files when the tile is requested", async () => {
  const files = archiveFiles().map((file) =>
    withIndexChange(file, (index) => index.writeUInt32LE(0xffffff, 64 + 8)),
  );
  const archive = await openArchive(recordingSource(toBuffer(layOut(files))));
  await assert.rejects(
    archive.tile(0, 0, 0),
    (error) => error instanceof ArchiveError && /beyond/.test(error.message),
  );
});

test("distinguishes truncated archives from other files", async () => {
  const good = toBuffer(layOut(archiveFiles()));
  await assert.rejects(openArchive(recordingSource(Buffer.alloc(0))), /no \.zip or \.szi archive/);
  await assert.rejects(
    openArchive(recordingSource(Buffer.alloc(100000, "text"))),
    /no \.zip or \.szi archive/,
  );
  for (
    let length = 4;
    length < good.length;
    length += length < 1000 || length > good.length - 2000 ? 1 : 977
  ) {
    await assert.rejects(
      openArchive(recordingSource(good.subarray(0, length))),
      (error) => error instanceof ArchiveError && /cut short/.test(error.message),
      `${length} bytes`,
    );
  }
});

test("throws only ArchiveError if any byte of index or directory is changed", async () => {
  for (const options of [{}, { zip64: true }]) {
    const { pieces, length, places, directoryOffset } = layOut(archiveFiles(), options);
    const good = toBuffer({ pieces, length });
    const index = places.get(`${NAME}/tile-index.bin`);
    const positions = [
      ...Array.from({ length: 64 + 30 + 24 + index.length }, (_, at) => index.headerOffset + at),
      ...Array.from({ length: good.length - directoryOffset }, (_, at) => directoryOffset + at),
    ].filter((position) => position < good.length);
    let rejected = 0;
    for (const position of positions) {
      for (const value of [0, 0xff, good[position] ^ 1]) {
        const original = good[position];
        good[position] = value;
        try {
          const archive = await openArchive(recordingSource(good, inMemory(good)));
          await archive.tile(0, 0, 0);
          await archive.tile(FULL_LEVEL, 2, 1);
        } catch (error) {
          assert.ok(error instanceof ArchiveError, `byte ${position} as ${value}: ${error.stack}`);
          rejected += 1;
        } finally {
          good[position] = original;
        }
      }
    }
    assert.ok(rejected > 300, `only ${rejected} changes were detected`);
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
  await assert.rejects(openArchive(recordingSource(end)), /beyond its end/);
});
