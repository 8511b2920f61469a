// Opens an archive: its end, then its tile index with the description, or else
// its list of files. What comes back is all that the page needs of it.
//
// With an index, three requests are made before the first tile is asked for:
// one byte for the length, the archive's last bytes, and description with the
// index's first page, which lie side by side.

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
import { contentsOffset, type Directory, type Entry, findDirectory, lastEntries, readEntry } from "./zip";

export interface Archive {
  readonly slide: Slide;
  /** A tile's file; `null`, without a request, where the archive does not have it. */
  tile(level: number, column: number, row: number, signal?: AbortSignal): Promise<Uint8Array | null>;
  /** An associated image's file, by its path in the export's folder. */
  associatedImage(path: string): Promise<Uint8Array>;
}

/** A whole slide's macro has a hundredth of it. */
const LARGEST_IMAGE = 1 << 26;

export async function openArchive(bytes: ByteSource): Promise<Archive> {
  const source = new CachingSource(bytes);
  const directory = await findDirectory(source);
  return (await openIndexed(source, directory)) ?? openListed(source, directory);
}

/** `null` where there is no index, or none that can be trusted. */
async function openIndexed(source: CachingSource, directory: Directory): Promise<Archive | null> {
  // An export ends in description, descriptor and index.
  const [last, ...before] = await lastEntries(source, directory, 3);
  if (last === undefined || last.unusable !== null || !/(^|\/)tile-index\.bin$/.test(last.name)) {
    return null;
  }
  // The descriptor after it may be JSON too.
  const [json] = before.filter((entry) => entry.name.endsWith(".json") && entry.unusable === null).reverse();
  await keepBeginning(source, directory, last, json);
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
      // An export has them after its tiles, and so among the last files, which are known by now.
      const known = await lastEntries(source, directory, Number.POSITIVE_INFINITY);
      const entry = known.find(({ name }) => name === folder + path);
      return readImage(source, entry ?? (await list(source, directory)).file(path), directory);
    },
  };
}

/** Fetches the description and the index's first page together, as far apart as they usually are. */
async function keepBeginning(
  source: CachingSource,
  directory: Directory,
  index: Entry,
  json: Entry | undefined,
): Promise<void> {
  const isNear =
    json !== undefined && json.headerOffset < index.headerOffset && index.headerOffset - json.headerOffset < 1 << 16;
  const start = isNear ? json.headerOffset : index.headerOffset;
  const LOCAL_HEADER_AT_MOST = 30 + index.nameBytes + 20;
  const end = index.headerOffset + LOCAL_HEADER_AT_MOST + HEADER_BYTES + PAGE_BYTES;
  await source.keep(start, Math.min(end, directory.start));
}

/**
 * Whether the index is of this archive: when one is unpacked and packed anew,
 * the index comes along with the old places. Then the description is not where
 * the index has it, and none of the tiles will be.
 */
async function isInPlace(source: ByteSource, { description }: TileIndex, json: Entry | undefined): Promise<boolean> {
  if (description === null || json === undefined) {
    return description === null && json === undefined;
  }
  return (
    description.start === (await contentsOffset(source, json)) && description.end - description.start === json.length
  );
}

function folderName(entry: Entry): string {
  return entry.name.split("/")[0] ?? entry.name;
}

async function openListed(source: ByteSource, directory: Directory): Promise<Archive> {
  const listing = await list(source, directory);
  const told = await text(source, listing.teller, directory);
  const { slide, path } = listing.isDeepZoom ? await deepZoom(source, directory, listing, told) : otherLayout(told);
  return {
    slide,
    async tile(level, column, row, signal) {
      const entry = listing.file(path(level, column, row));
      return entry === undefined || entry.length === 0 ? null : readEntry(source, entry, directory, signal);
    },
    associatedImage: (path) => readImage(source, listing.file(path), directory),
  };
}

function list(source: ByteSource, directory: Directory): Promise<Listing> {
  return Listing.read(source, directory, async (entry) => {
    return entry.length <= LONGEST_DESCRIPTION && isOfOtherLayout(await text(source, entry, directory));
  });
}

/** A slide, and where in its export's folder the tiles are. */
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
  const path: TilePath = (level, column, row) => `${listing.tiles}${level}/${column}_${row}.${geometry.extension}`;
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

async function readImage(source: ByteSource, entry: Entry | undefined, directory: Directory): Promise<Uint8Array> {
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
    throw new ArchiveError(`“${entry.name}” in it is too long to be a description. Export it again.`);
  }
  return new TextDecoder().decode(await readEntry(source, entry, directory));
}
