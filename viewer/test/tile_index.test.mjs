// The tile index of an archive, read without a browser.

import assert from "node:assert/strict";
import { test } from "node:test";
import {
  ArchiveError,
  blobSource,
  recordingSource,
  TileIndex,
} from "./support/archive_reading.mjs";
import { geometry } from "./support/sample_archive.mjs";
import { tileIndex } from "./support/zip_writer.mjs";

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

test("reads each page once, on demand", async () => {
  const big = { width: 20000, height: 20000, tileSize: 100, overlap: 0, extension: "png" };
  const bytes = tileIndex(big, (level, column, row) => ({
    start: level * 1e6 + row * 1e3 + column,
    length: 1 + level,
  }));
  const source = recordingSource(bytes);
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

test("reads a page again after an error", async () => {
  const bytes = tileIndex(geometry, () => ({ start: 5, length: 6 }));
  const source = recordingSource(bytes);
  const index = await TileIndex.open(source, { start: 0, end: bytes.length, filesEnd: 1e6 });
  const { read } = source;
  source.read = () => Promise.reject(new ArchiveError("no connection"));
  await assert.rejects(index.tile(0, 0, 0), /no connection/);
  source.read = read;
  assert.deepEqual(await index.tile(0, 0, 0), { start: 5, end: 11 });
});
