// The tiles that an export leaves out, as nothing is on them but the slide's
// background. They are drawn here and never asked for, so that the picture is
// that of an export with every tile, and a tile that is missing without being
// left out is still missed.

import type OpenSeadragon from "openseadragon";

import { FieldError, isString } from "./checks";
import { type Geometry, Pyramid } from "./pyramid";
import type { Slide } from "./slide";

/** Tells of each tile whether it is blank. */
export type BlankTiles = (level: number, column: number, row: number) => boolean;

/** The description's "blankTiles": in base64 one bit a tile in the order of the tile index, from each byte's highest on. */
export function readBlankTiles(value: unknown, geometry: Geometry): BlankTiles | null {
  if (value === undefined || value === null) {
    return null;
  }
  const pyramid = new Pyramid(geometry);
  const bits = isString(value) ? decoded(value) : null;
  const expected = Math.ceil(pyramid.tiles / 8);
  if (bits?.length !== expected) {
    const found = bits === null ? "no base64" : `${bits.length} bytes`;
    throw new FieldError(
      `its description has no usable “blankTiles” (expected: one bit for each of ${pyramid.tiles} tiles, which is ${expected} bytes in base64; found: ${found})`,
    );
  }
  return (level, column, row) => {
    const ordinal = pyramid.ordinal(level, column, row);
    return ordinal !== undefined && ((bits.charCodeAt(ordinal >> 3) >> (7 - (ordinal & 7))) & 1) === 1;
  };
}

/** Ends the job of a blank tile; tells whether it was one. */
export function finishIfBlank(job: OpenSeadragon.ImageJob, { blankTiles, background }: Slide): boolean {
  const { level, x, y } = job.tile;
  if (blankTiles?.(level, x, y) !== true) {
    return false;
  }
  // Of one pixel: it is drawn as large as any tile. OpenSeadragon empties the
  // canvas of a tile that it gives up, so that they cannot share one.
  const canvas = document.createElement("canvas");
  canvas.width = 1;
  canvas.height = 1;
  const context = canvas.getContext("2d")!;
  context.fillStyle = `#${background}`;
  context.fillRect(0, 0, 1, 1);
  job.finish(context, null, "context2d");
  return true;
}

/** A character a byte; `null` for what is no base64. */
function decoded(base64: string): string | null {
  try {
    return atob(base64);
  } catch {
    return null;
  }
}
