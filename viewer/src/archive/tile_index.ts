// The tile index of an archive: where each tile's bytes are. src/tile_index.rs
// specifies it. It is read page by page, as tiles are asked for, so that a slide
// of millions of tiles opens as fast as one of a hundred.
//
// What always holds: a header that does not fit its own length, or a record that
// points outside the archive's files, is an ArchiveError, and no memory is taken
// for tiles that a header merely promises.

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

/** Where in an archive the index is, and where the files end that it can speak of. */
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
    /** Where the export's description is; `null` where there is none. */
    readonly description: Range | null,
  ) {}

  /** Opens the index at a place; `null` where it is of a version that this page does not know. */
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
    return new TileIndex(source, place, geometry, new Pyramid(geometry), end > start ? { start, end } : null);
  }

  /** Where a tile's bytes are; `null` for one that the archive does not have. */
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

  /** Read once, whoever asks, and again only where that failed. */
  private page(number: number): Promise<ByteReader> {
    const known = this.pages.get(number);
    if (known !== undefined) {
      return known;
    }
    const start = this.place.start + HEADER_BYTES + number * PAGE_BYTES;
    // Many tiles wait for it, and one that is no longer wanted must not stop it.
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
  if (geometry.tileSize < 2 || geometry.tileSize > LARGEST_TILE_SIZE || geometry.overlap >= geometry.tileSize) {
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
