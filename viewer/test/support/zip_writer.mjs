// Writes zip archives in all variants, independently of the code that reads them.

import { closeSync, ftruncateSync, openSync, writeSync } from "node:fs";

import { crc32 } from "./png.mjs";

/** Caches checksums, since many files of a test have the same bytes. */
const checksums = new WeakMap();

/**
 * Lays out an archive of stored files: `{ pieces, length, places }`. `places` maps a file's name to
 * its `start` and `length`.
 *
 * A file has `name` and `contents`: bytes, or a function of the places of all previous files. It
 * may have `method`, `flags`, `localExtra`, and `gap`, a number of unwritten bytes before it.
 */
export function layOut(files, { zip64 = false, comment = "" } = {}) {
  const pieces = [];
  const places = new Map();
  const records = [];
  let offset = 0;
  const put = (bytes) => {
    pieces.push({ offset, bytes });
    offset += bytes.length;
  };
  for (const file of files) {
    const { name, method = 0, flags = 0, localExtra = Buffer.alloc(0), gap = 0 } = file;
    const contents = typeof file.contents === "function" ? file.contents(places) : file.contents;
    offset += gap;
    const headerOffset = offset;
    const common = [
      short(flags),
      short(method),
      short(0),
      short(33),
      word(checksum(contents)),
      word(contents.length),
      word(contents.length),
    ];
    const nameBytes = Buffer.from(name);
    put(
      Buffer.concat([
        Buffer.from("PK\x03\x04"),
        short(10),
        ...common,
        short(nameBytes.length),
        short(localExtra.length),
        nameBytes,
        localExtra,
      ]),
    );
    places.set(name, { start: offset, length: contents.length, headerOffset });
    put(contents);
    const large = zip64 || headerOffset > 0xfffffffe;
    const extra = large ? Buffer.concat([short(1), short(8), long(headerOffset)]) : Buffer.alloc(0);
    records.push(
      Buffer.concat([
        Buffer.from("PK\x01\x02"),
        short(0x30a),
        short(10),
        ...common,
        short(nameBytes.length),
        short(extra.length),
      ]),
      Buffer.concat([
        short(0),
        short(0),
        short(0),
        word(0),
        word(large ? 0xffffffff : headerOffset),
        nameBytes,
        extra,
      ]),
    );
  }
  const directoryOffset = offset;
  put(Buffer.concat(records));
  const directoryBytes = offset - directoryOffset;
  const large = zip64 || directoryOffset > 0xfffffffe || files.length > 0xfffe;
  if (large) {
    const recordOffset = offset;
    const entries = long(files.length);
    put(
      Buffer.concat([
        Buffer.from("PK\x06\x06"),
        long(44),
        short(45),
        short(45),
        word(0),
        word(0),
        entries,
        entries,
        long(directoryBytes),
        long(directoryOffset),
      ]),
    );
    put(Buffer.concat([Buffer.from("PK\x06\x07"), word(0), long(recordOffset), word(1)]));
  }
  const entries = short(large ? 0xffff : files.length);
  put(
    Buffer.concat([
      Buffer.from("PK\x05\x06"),
      short(0),
      short(0),
      entries,
      entries,
      word(large ? 0xffffffff : directoryBytes),
      word(large ? 0xffffffff : directoryOffset),
      short(comment.length),
      Buffer.from(comment),
    ]),
  );
  return { pieces, length: offset, places, directoryOffset };
}

function checksum(contents) {
  if (!checksums.has(contents)) {
    checksums.set(contents, crc32(contents));
  }
  return checksums.get(contents);
}

/** Returns the archive's bytes. Gaps are zeros. */
export function toBuffer({ pieces, length }) {
  const bytes = Buffer.alloc(length);
  pieces.forEach((piece) => bytes.set(piece.bytes, piece.offset));
  return bytes;
}

/** Writes the archive as a sparse file, in which gaps take no space. */
export function toSparseFile({ pieces, length }, path) {
  const file = openSync(path, "w");
  ftruncateSync(file, length);
  pieces.forEach(({ bytes, offset }) => writeSync(file, bytes, 0, bytes.length, offset));
  closeSync(file);
}

/** Returns a tile index, as specified in src/layout/tile_index.rs. `tilePlace` may return undefined. */
export function tileIndex(
  { width, height, tileSize, overlap, extension, smallestLevel = 0 },
  tilePlace,
  description,
) {
  const levels = [[width, height]];
  while (levels[0][0] > 1 || levels[0][1] > 1) {
    levels.unshift(levels[0].map((side) => (side + 1) >> 1));
  }
  const records = [];
  levels.splice(0, smallestLevel);
  levels.forEach(([width, height], place) => {
    const level = smallestLevel + place;
    for (let row = 0; row < Math.ceil(height / tileSize); row += 1) {
      for (let column = 0; column < Math.ceil(width / tileSize); column += 1) {
        const place = tilePlace(level, column, row) ?? { start: 0, length: 0 };
        records.push(long(place.start), word(place.length));
      }
    }
  });
  const all = Buffer.concat(records);
  const about = description ?? { start: 0, length: 0 };
  return Buffer.concat([
    Buffer.from("\x89SZI\r\n\x1a\n", "latin1"),
    ...[1, 64, 12, levels.length].map(short),
    ...[width, height, tileSize, overlap].map(word),
    Buffer.from(extension.padEnd(8, "\0")),
    long(records.length / 2),
    long(about.start),
    word(about.length),
    word(crc32(all)),
    all,
  ]);
}

export function short(value) {
  const bytes = Buffer.alloc(2);
  bytes.writeUInt16LE(value);
  return bytes;
}

export function word(value) {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}

export function long(value) {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(BigInt(value));
  return bytes;
}
