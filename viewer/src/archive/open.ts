// Opens an archive: its end, then its tile index and description, or otherwise its directory.
//
// With a tile index, three requests precede the first tile: one byte for the length, the archive's
// last bytes, and the description with the first page of the index, which are adjacent.

import type { Slide } from "../model/slide";
import { type TilePath, tilePaths } from "../tile_layout";
import {
  describedGeometry,
  describedSlide,
  isOfOtherLayout,
  isOurs,
  LONGEST_DESCRIPTION,
  plainSlide,
} from "./description";
import { readDescriptor } from "./descriptor";
import { ArchiveError, damaged } from "./errors";
import { checkUsable, Listing } from "./listing";
import { type ByteSource, CachingSource } from "./source";
import { HEADER_BYTES, PAGE_BYTES, TileIndex } from "./tile_index";
import {
  contentsOffset,
  type Directory,
  type Entry,
  findDirectory,
  lastEntries,
  readEntry,
} from "./zip";

export interface Archive {
  readonly slide: Slide;
  /** Returns a tile's file, or `null` (without a request) if the archive does not contain it. */
  tile(
    level: number,
    column: number,
    row: number,
    signal?: AbortSignal,
  ): Promise<Uint8Array | null>;
  /** Returns an associated image's file by its path in the export's folder. */
  associatedImage(path: string): Promise<Uint8Array>;
}

/** Maximum bytes of an associated image, some 100 times the size of a typical macro image. */
const LARGEST_IMAGE = 1 << 26;

export async function openArchive(bytes: ByteSource): Promise<Archive> {
  const source = new CachingSource(bytes);
  const directory = await findDirectory(source);
  return (await openIndexed(source, directory)) ?? openListed(source, directory);
}

/** Returns `null` if there is no tile index or it does not match the archive. */
async function openIndexed(source: CachingSource, directory: Directory): Promise<Archive | null> {
  // The last files of an export are description, descriptor and index.
  const [last, ...before] = await lastEntries(source, directory, 3);
  if (last === undefined || last.unusable !== null || !/(^|\/)tile-index\.bin$/.test(last.name)) {
    return null;
  }
  // The first of them: the descriptor may be JSON too.
  const [json] = before
    .filter((entry) => entry.name.endsWith(".json") && entry.unusable === null)
    .reverse();
  await cacheBeginning(source, directory, last, json);
  const start = await contentsOffset(source, last);
  const end = start + last.length;
  if (end > directory.start) {
    throw damaged("its tile index reaches beyond the archive's files");
  }
  const index = await TileIndex.open(source, { start, end, filesEnd: directory.start });
  if (index === null || !(await isInPlace(source, index, json))) {
    return null;
  }
  const { description, geometry } = index;
  let slide = plainSlide(geometry, folderName(last));
  if (description !== null) {
    if (description.end - description.start > LONGEST_DESCRIPTION) {
      throw damaged("its description is too long to be one");
    }
    const json = await source.read(description.start, description.end);
    slide = describedSlide(geometry, new TextDecoder().decode(json));
  }
  return {
    slide,
    async tile(level, column, row, signal) {
      const range = await index.tile(level, column, row);
      return range === null ? null : source.read(range.start, range.end, signal);
    },
    async associatedImage(path) {
      const folder = last.name.replace(/(vendor\/slidezoom\/)?tile-index\.bin$/, "");
      // Associated images follow the tiles, so that their records usually are already loaded.
      const known = await lastEntries(source, directory, Number.POSITIVE_INFINITY);
      const entry = known.find(({ name }) => name === folder + path);
      return readImage(source, entry ?? (await list(source, directory)).file(path), directory);
    },
  };
}

/** Loads the description and the first page of the index with one request, if they are close. */
async function cacheBeginning(
  source: CachingSource,
  directory: Directory,
  index: Entry,
  json: Entry | undefined,
): Promise<void> {
  const isNear =
    json !== undefined &&
    json.headerOffset < index.headerOffset &&
    index.headerOffset - json.headerOffset < 1 << 16;
  const start = isNear ? json.headerOffset : index.headerOffset;
  const LOCAL_HEADER_AT_MOST = 30 + index.nameBytes + 20;
  const end = index.headerOffset + LOCAL_HEADER_AT_MOST + HEADER_BYTES + PAGE_BYTES;
  await source.cache(start, Math.min(end, directory.start));
}

/**
 * Returns whether the index belongs to this archive. If an archive was unpacked and packed again,
 * the index has the old offsets, and its offset of the description is wrong.
 */
async function isInPlace(
  source: ByteSource,
  { description }: TileIndex,
  json: Entry | undefined,
): Promise<boolean> {
  if (description === null || json === undefined) {
    return description === null && json === undefined;
  }
  return (
    description.start === (await contentsOffset(source, json)) &&
    description.end - description.start === json.length
  );
}

function folderName(entry: Entry): string {
  return entry.name.split("/")[0] ?? entry.name;
}

async function openListed(source: ByteSource, directory: Directory): Promise<Archive> {
  const listing = await list(source, directory);
  const content = await text(source, listing.root, directory);
  const { slide, path } = listing.isDeepZoom
    ? await deepZoom(source, directory, listing, content)
    : otherLayout(content);
  return {
    slide,
    async tile(level, column, row, signal) {
      const entry = listing.file(path(level, column, row));
      return entry === undefined || entry.length === 0
        ? null
        : readEntry(source, entry, directory, signal);
    },
    associatedImage: (path) => readImage(source, listing.file(path), directory),
  };
}

function list(source: ByteSource, directory: Directory): Promise<Listing> {
  return Listing.read(source, directory, async (entry) => {
    return (
      entry.length <= LONGEST_DESCRIPTION && isOfOtherLayout(await text(source, entry, directory))
    );
  });
}

/** A slide, and the paths of its tiles in the export's folder. */
interface Listed {
  readonly slide: Slide;
  readonly path: TilePath;
}

async function deepZoom(
  source: ByteSource,
  directory: Directory,
  listing: Listing,
  descriptor: string,
): Promise<Listed> {
  const geometry = readDescriptor(descriptor);
  const path: TilePath = (level, column, row) =>
    `${listing.tiles}${level}/${column}_${row}.${geometry.extension}`;
  for (const entry of listing.descriptions) {
    const json = await text(source, entry, directory);
    if (isOurs(json)) {
      return { slide: describedSlide(geometry, json), path };
    }
  }
  return { slide: plainSlide(geometry, listing.name), path };
}

function otherLayout(json: string): Listed {
  const slide = describedSlide(describedGeometry(json), json);
  return { slide, path: tilePaths(slide) };
}

async function readImage(
  source: ByteSource,
  entry: Entry | undefined,
  directory: Directory,
): Promise<Uint8Array> {
  if (entry === undefined) {
    throw damaged("an associated image is not in it");
  }
  if (entry.length > LARGEST_IMAGE) {
    throw new ArchiveError(`“${entry.name}” in it is too large to be an associated image.`);
  }
  checkUsable(entry);
  return readEntry(source, entry, directory);
}

async function text(source: ByteSource, entry: Entry, directory: Directory): Promise<string> {
  if (entry.length > LONGEST_DESCRIPTION) {
    throw new ArchiveError(
      `“${entry.name}” in it is too long to be a description. Export it again.`,
    );
  }
  return new TextDecoder().decode(await readEntry(source, entry, directory));
}
