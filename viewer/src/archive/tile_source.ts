// Hands an archive's tiles to OpenSeadragon. There are no URLs: each tile is
// read from the archive and decoded here. It goes over as an ImageBitmap, since
// OpenSeadragon 6.1.1 never frees the object URLs that it makes of Blobs.

import OpenSeadragon from "openseadragon";

import { finishIfBlank } from "../blank_tiles";
import { fullLevel } from "../pyramid";
import type { Archive } from "./open";

let sources = 0;

export class ArchiveTileSource extends OpenSeadragon.TileSource {
  // Tiles of two archives must never be taken for each other.
  private readonly number = ++sources;
  private readonly running = new Map<OpenSeadragon.ImageJob, AbortController>();
  private readonly singleTiles = new Map<number, Promise<Uint8Array | null>>();

  constructor(private readonly archive: Archive) {
    const { width, height, tileSize, overlap, smallestLevel } = archive.slide;
    super({
      width,
      height,
      tileSize,
      tileOverlap: overlap,
      minLevel: smallestLevel,
      maxLevel: fullLevel({ width, height }),
    } as OpenSeadragon.TileSourceOptions);
  }

  /** Names the tile in messages and caches; nothing is fetched by it. */
  override getTileUrl(level: number, column: number, row: number): string {
    return `archive ${this.number}: ${level}/${column}_${row}.${this.archive.slide.format}`;
  }

  override equals(other: OpenSeadragon.TileSource): boolean {
    return other === this;
  }

  override downloadTileStart(job: OpenSeadragon.ImageJob): void {
    if (finishIfBlank(job, this.archive.slide)) {
      return;
    }
    const abort = new AbortController();
    this.running.set(job, abort);
    // A job that has ended, in time or not, must not be ended again.
    const isOver = (): boolean => !this.running.delete(job) || job.jobId === null;
    this.decoded(job.tile, abort.signal).then(
      (bitmap) => {
        if (isOver()) {
          bitmap.close();
        } else {
          job.finish(bitmap, null, "imageBitmap");
        }
      },
      (error: unknown) => {
        if (!isOver()) {
          job.fail(error instanceof Error ? error.message : String(error), null);
        }
      },
    );
  }

  override downloadTileAbort(job: OpenSeadragon.ImageJob): void {
    this.running.get(job)?.abort();
    this.running.delete(job);
  }

  /** OpenSeadragon itself lets tiles under way arrive, and then has no place for them. */
  override destroy(): void {
    for (const [job, abort] of this.running) {
      window.clearTimeout(job.jobId ?? undefined);
      job.jobId = null;
      abort.abort();
    }
    this.running.clear();
  }

  private async decoded(tile: OpenSeadragon.Tile, signal: AbortSignal): Promise<ImageBitmap> {
    const bytes = await this.bytes(tile, signal);
    if (bytes === null) {
      throw new Error("the archive does not have this tile");
    }
    // Colors as where the browser loads a tile's file itself: by its profile.
    return createImageBitmap(new Blob([bytes as BlobPart], { type: `image/${this.archive.slide.format}` }));
  }

  /** The few levels of one tile are kept: slide and navigator both ask for them. */
  private bytes({ level, x, y }: OpenSeadragon.Tile, signal: AbortSignal): Promise<Uint8Array | null> {
    const { x: columns, y: rows } = this.getNumTiles(level);
    if (columns * rows > 1) {
      return this.archive.tile(level, x, y, signal);
    }
    const known = this.singleTiles.get(level);
    if (known !== undefined) {
      return known;
    }
    const bytes = this.archive.tile(level, x, y);
    this.singleTiles.set(level, bytes);
    bytes.catch(() => this.singleTiles.delete(level));
    return bytes;
  }
}
