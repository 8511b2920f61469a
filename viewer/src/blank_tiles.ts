// Blank tiles: tiles that show only background, skipped at export. The page draws them instead of
// requesting them, so that any other missing tile is still reported.

import type OpenSeadragon from "openseadragon";

import { FieldError, isString } from "./checks";
import type { BlankTiles, Geometry } from "./model/pyramid";
import type { Slide } from "./model/slide";
import { Pyramid } from "./pyramid";

/**
 * Reads the field "blankTiles": base64 of one bit per tile in tile index order, most significant
 * bit first. Returns `null` if the field is missing.
 */
export function readBlankTiles(value: unknown, geometry: Geometry): BlankTiles | null {
  if (value === undefined || value === null) {
    return null;
  }
  const pyramid = new Pyramid(geometry);
  const bits = isString(value) ? decodeBase64(value) : null;
  const expected = Math.ceil(pyramid.tiles / 8);
  if (bits?.length !== expected) {
    const found = bits === null ? "invalid base64" : `${bits.length} bytes`;
    throw new FieldError(
      `its description has no valid “blankTiles” (expected: ${expected} bytes in base64, one bit for each of ${pyramid.tiles} tiles; found: ${found})`,
    );
  }
  return (level, column, row) => {
    const ordinal = pyramid.ordinal(level, column, row);
    return (
      ordinal !== undefined && ((bits.charCodeAt(ordinal >> 3) >> (7 - (ordinal & 7))) & 1) === 1
    );
  };
}

/** Finishes the job if its tile is blank; returns whether it was. */
export function finishIfBlank(
  job: OpenSeadragon.ImageJob,
  { blankTiles, background }: Slide,
): boolean {
  const { level, x, y } = job.tile;
  if (blankTiles?.(level, x, y) !== true) {
    return false;
  }
  // One pixel is enough: it is drawn at the tile's size. Tiles cannot share a canvas, since
  // OpenSeadragon clears the canvas of a tile that it unloads.
  const canvas = document.createElement("canvas");
  canvas.width = 1;
  canvas.height = 1;
  const context = canvas.getContext("2d")!;
  context.fillStyle = `#${background}`;
  context.fillRect(0, 0, 1, 1);
  job.finish(context, null, "context2d");
  return true;
}

/** Returns one character per byte, or `null` for invalid base64. */
function decodeBase64(base64: string): string | null {
  try {
    return atob(base64);
  } catch {
    return null;
  }
}
