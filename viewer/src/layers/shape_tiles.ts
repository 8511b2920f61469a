// Shapes as tiles that are drawn here. Tens of thousands of them are then as
// quick to move as any picture, lie between other layers in their order, and
// turn, fade and reach the navigator with them.

import OpenSeadragon from "openseadragon";
import type { Shape } from "../model/layer";
import { fullLevel } from "../pyramid";
import { type Box, MARGIN, paint } from "./paint";

/** Outlines stay sharp up to as many screen pixels a slide pixel as the viewer allows. */
const FINEST = 4;
const TILE_SIZE = 256;
const OVERLAP = 1;

let sources = 0;

export class ShapeTileSource extends OpenSeadragon.TileSource {
  // Tiles of two layers must never be taken for each other.
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

  /** Names the tile in messages and caches; nothing is fetched by it. */
  override getTileUrl(level: number, column: number, row: number): string {
    return `shapes ${this.number}: ${level}/${column}_${row}`;
  }

  override equals(other: OpenSeadragon.TileSource): boolean {
    return other === this;
  }

  override hasTransparency(): boolean {
    return true;
  }

  /** OpenSeadragon asks for few tiles a frame, so that the page does not stand still. */
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
    // Where nothing is drawn, one pixel does for a tile of any size.
    canvas.width = canvas.height = shapes.length === 0 ? 1 : TILE_SIZE + 2 * OVERLAP;
    const context = canvas.getContext("2d")!;
    paint(context, shapes, box, scale);
    job.finish(context, null, "context2d");
  }
}

/** In slide pixels. */
function tileBox(column: number, row: number, scale: number): Box {
  const [left, top] = [column, row].map((index) => Math.max(0, index * TILE_SIZE - OVERLAP) / scale) as [
    number,
    number,
  ];
  const side = (TILE_SIZE + 2 * OVERLAP) / scale;
  return { left, top, right: left + side, bottom: top + side };
}
