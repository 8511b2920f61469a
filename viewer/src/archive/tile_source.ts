// An OpenSeadragon tile source for archives. Tiles are read, decoded and passed as ImageBitmaps,
// since OpenSeadragon 6.1.1 does not revoke the object URLs that it creates for Blobs.

import OpenSeadragon from "openseadragon";

import { finishIfBlank } from "../blank_tiles";
import { fullLevel } from "../pyramid";
import type { Archive } from "./open";

let sources = 0;

export class ArchiveTileSource extends OpenSeadragon.TileSource {
  // Distinguishes the tiles of two archives.
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

  /** Returns the tile's cache key; nothing is requested. */
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
    // A job must not be finished twice.
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

  /** Cancels pending tiles, which OpenSeadragon does not. */
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
    // With ICC profiles applied, as for images loaded by the browser.
    return createImageBitmap(
      new Blob([bytes as BlobPart], { type: `image/${this.archive.slide.format}` }),
    );
  }

  /** Caches the tiles of levels with one tile, which slide and navigator both request. */
  private bytes(
    { level, x, y }: OpenSeadragon.Tile,
    signal: AbortSignal,
  ): Promise<Uint8Array | null> {
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
