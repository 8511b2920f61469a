// Renders shapes as tiles, so that tens of thousands of them move as fast as an image, keep their
// order among other layers, and appear in the navigator.

import OpenSeadragon from "openseadragon";
import type { Shape } from "../model/layer";
import { fullLevel } from "../pyramid";
import { type Box, MARGIN, paint } from "./paint";

/** Canvas pixels per slide pixel at full size: the maximum zoom, so that outlines stay sharp. */
const FINEST = 4;
const TILE_SIZE = 256;
const OVERLAP = 1;

let sources = 0;

export class ShapeTileSource extends OpenSeadragon.TileSource {
  // Distinguishes the tiles of two layers.
  private readonly number = ++sources;

  constructor(
    private readonly shapes: readonly Shape[],
    slide: { readonly width: number; readonly height: number },
  ) {
    const size = { width: slide.width * FINEST, height: slide.height * FINEST };
    super({
      ...size,
      tileSize: TILE_SIZE,
      tileOverlap: OVERLAP,
      minLevel: 0,
      maxLevel: fullLevel(size),
    } as OpenSeadragon.TileSourceOptions);
  }

  /** Returns the tile's cache key; nothing is requested. */
  override getTileUrl(level: number, column: number, row: number): string {
    return `shapes ${this.number}: ${level}/${column}_${row}`;
  }

  override equals(other: OpenSeadragon.TileSource): boolean {
    return other === this;
  }

  override hasTransparency(): boolean {
    return true;
  }

  /** Draws a tile. OpenSeadragon requests few tiles per frame, so that the page stays responsive. */
  override downloadTileStart(job: OpenSeadragon.ImageJob): void {
    const { level, x, y } = job.tile;
    const scale = this.getLevelScale(level) * FINEST;
    const box = tileBox(x, y, scale);
    const margin = MARGIN / scale;
    const shapes = this.shapes.filter(
      ({ left, top, right, bottom }) =>
        right > box.left - margin &&
        left < box.right + margin &&
        bottom > box.top - margin &&
        top < box.bottom + margin,
    );
    const canvas = document.createElement("canvas");
    // An empty tile needs one pixel only.
    canvas.width = canvas.height = shapes.length === 0 ? 1 : TILE_SIZE + 2 * OVERLAP;
    const context = canvas.getContext("2d")!;
    paint(context, shapes, box, scale);
    job.finish(context, null, "context2d");
  }
}

/** Returns the area of a tile, overlap included, in slide pixels. */
function tileBox(column: number, row: number, scale: number): Box {
  const [left, top] = [column, row].map(
    (index) => Math.max(0, index * TILE_SIZE - OVERLAP) / scale,
  ) as [number, number];
  const side = (TILE_SIZE + 2 * OVERLAP) / scale;
  return { left, top, right: left + side, bottom: top + side };
}
