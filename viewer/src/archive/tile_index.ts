// The tile index of an archive, specified in src/, contains the byte range of each tile. It is read
// in pages as tiles are requested, so that slides with millions of tiles open quickly. Sizes and
// offsets are checked, and no memory is allocated by a size in the header.

import type { ArchiveGeometry } from "../model/pyramid";
import { Pyramid } from "../pyramid";
import { ByteReader } from "./byte_reader";
import { damaged } from "./errors";
import type { ByteSource } from "./source";

const SIGNATURE = [0x89, 0x53, 0x5a, 0x49, 0x0d, 0x0a, 0x1a, 0x0a];
const VERSION = 1;
const RECORD_BYTES = 12;
const EXTENSION_BYTES = 8;
const LARGEST_TILE_SIZE = 8192;

export const HEADER_BYTES = 64;
const PAGE_TILES = 5461;
/** Just below 64 KiB. */
export const PAGE_BYTES = PAGE_TILES * RECORD_BYTES;

export interface Range {
  readonly start: number;
  readonly end: number;
}

/** The range of the index, and the end of the files that it may refer to. */
interface Place extends Range {
  readonly filesEnd: number;
}

export class TileIndex {
  private readonly pages = new Map<number, Promise<ByteReader>>();

  private constructor(
    private readonly source: ByteSource,
    private readonly place: Place,
    readonly geometry: ArchiveGeometry,
    readonly pyramid: Pyramid,
    /** The range of the export's description, if there is one. */
    readonly description: Range | null,
  ) {}

  /** Opens an index; returns `null` for unknown versions.
   *
   * @throws {ArchiveError} if the index is invalid
   */
  static async open(source: ByteSource, place: Place): Promise<TileIndex | null> {
    if (place.end - place.start < HEADER_BYTES) {
      throw damaged("its tile index is too short");
    }
    const header = new ByteReader(await source.read(place.start, place.start + HEADER_BYTES));
    if (!header.startsWith(SIGNATURE)) {
      throw damaged("its tile index does not begin as one");
    }
    if (header.u16(8) !== VERSION) {
      return null;
    }
    const geometry = readGeometry(header, place.end - place.start - HEADER_BYTES);
    const start = header.u64(48);
    const end = start + header.u32(56);
    if (end > place.filesEnd) {
      throw damaged("its tile index places the description beyond the archive's files");
    }
    return new TileIndex(
      source,
      place,
      geometry,
      new Pyramid(geometry),
      end > start ? { start, end } : null,
    );
  }

  /** Returns the range of a tile's file, or `null` if the archive does not contain it. */
  async tile(level: number, column: number, row: number): Promise<Range | null> {
    const ordinal = this.pyramid.ordinal(level, column, row);
    if (ordinal === undefined) {
      return null;
    }
    const page = await this.page(Math.floor(ordinal / PAGE_TILES));
    const at = (ordinal % PAGE_TILES) * RECORD_BYTES;
    const length = page.u32(at + 8);
    if (length === 0) {
      return null;
    }
    const start = page.u64(at);
    if (start + length > this.place.filesEnd) {
      throw damaged("its tile index places a tile beyond the archive's files");
    }
    return { start, end: start + length };
  }

  /** Returns a page of the index, which is loaded once. */
  private page(number: number): Promise<ByteReader> {
    const known = this.pages.get(number);
    if (known !== undefined) {
      return known;
    }
    const start = this.place.start + HEADER_BYTES + number * PAGE_BYTES;
    // Many tiles may wait for the page: no abort signal.
    const page = this.source
      .read(start, Math.min(start + PAGE_BYTES, this.place.end))
      .then((bytes) => new ByteReader(bytes));
    this.pages.set(number, page);
    page.catch(() => this.pages.delete(number));
    return page;
  }
}

function readGeometry(header: ByteReader, recordBytes: number): ArchiveGeometry {
  const geometry = {
    width: header.u32(16),
    height: header.u32(20),
    tileSize: header.u32(24),
    overlap: header.u32(28),
    smallestLevel: 0,
    extension: checkedExtension(header),
  };
  const expect = (found: number, expected: number, what: string): void => {
    if (found !== expected) {
      throw damaged(`its tile index says ${found} ${what}, and ${expected} are right`);
    }
  };
  expect(header.u16(10), HEADER_BYTES, "bytes of header");
  expect(header.u16(12), RECORD_BYTES, "bytes a record");
  if (geometry.width === 0 || geometry.height === 0) {
    throw damaged("its tile index is of an empty image");
  }
  if (
    geometry.tileSize < 2 ||
    geometry.tileSize > LARGEST_TILE_SIZE ||
    geometry.overlap >= geometry.tileSize
  ) {
    throw damaged("its tile index says a tile size and an overlap that make no tiles");
  }
  const whole = new Pyramid(geometry);
  const levels = header.u16(14);
  if (levels === 0 || levels > whole.levelCount) {
    throw damaged(`its tile index says ${levels} levels, and the image has ${whole.levelCount}`);
  }
  const indexed = { ...geometry, smallestLevel: whole.levelCount - levels };
  const pyramid = new Pyramid(indexed);
  expect(header.u64(40), pyramid.tiles, "tiles");
  expect(recordBytes, pyramid.tiles * RECORD_BYTES, "bytes of records");
  return indexed;
}

function checkedExtension(header: ByteReader): string {
  const text = header.text(32, 32 + EXTENSION_BYTES);
  const extension = /^([A-Za-z0-9]+)\0*$/.exec(text)?.[1];
  if (extension === undefined) {
    throw damaged("its tile index names no extension that tiles could have");
  }
  return extension;
}
