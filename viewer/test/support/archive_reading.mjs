// Reads archives without a browser: modules of the page, sources that record reads, and changes of
// the sample archive's files.

import assert from "node:assert/strict";

import { loadModules } from "./modules.mjs";
import { archiveFiles, NAME } from "./sample_archive.mjs";
import { sampleTiles } from "./sample_export.mjs";
import { layOut } from "./zip_writer.mjs";

export const { openArchive, blobSource, TileIndex, ArchiveError } = await loadModules(
  "archive/open.ts",
  "archive/source.ts",
  "archive/tile_index.ts",
  "archive/errors.ts",
);

// Node has no XML parser. This one reads the descriptors of these tests.
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

/** A source that records reads and rejects those beyond its end. */
export function recordingSource(bytes, blob = new Blob([bytes])) {
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

/** Has the methods of a Blob that archives use, and does not copy the bytes as a Blob does. */
export function inMemory(bytes) {
  return {
    size: bytes.length,
    slice: (start, end) => ({
      arrayBuffer: async () => bytes.buffer.slice(bytes.byteOffset + start, bytes.byteOffset + end),
    }),
  };
}

/** Asserts that the archive returns all tiles of the sample slide. */
export async function assertAllTiles(archive) {
  for (const { level, column, row, png } of sampleTiles()) {
    const bytes = await archive.tile(level, column, row);
    assert.ok(bytes !== null && Buffer.from(bytes).equals(png), `tile ${level}/${column}_${row}`);
  }
}

/** Small files that are no part of the export. */
export function otherFiles(count) {
  return Array.from({ length: count }, (_, number) => ({
    name: `${NAME}/other/${number}`,
    contents: Buffer.alloc(9),
  }));
}

/** The tile index with the original positions, even if files are moved. */
export function withOriginalPositions(file) {
  return typeof file.contents === "function"
    ? { ...file, contents: file.contents(layOut(archiveFiles()).places) }
    : file;
}

/** Changes the tile index. If `change` returns bytes, they replace it. */
export function withIndexChange(file, change) {
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

/** Replaces text in the file with this ending. */
export function withText(file, ending, from, to) {
  if (!file.name.endsWith(ending)) {
    return file;
  }
  const text = file.contents.toString();
  assert.ok(text.includes(from));
  return { ...file, contents: Buffer.from(text.replace(from, to)) };
}
