// Compares the screen with tiles that the browser shows separately.

import assert from "node:assert/strict";
import { pathToFileURL } from "node:url";
import { readPng } from "./png.mjs";
import { tileFile } from "./sample_export.mjs";
import { forEachPixel, slideRegion } from "./screen.mjs";

/** How many slide pixels to each side of a point are compared. */
const PATCH = 5;

/**
 * Compares the screen at 1:1 with tiles that Chromium shows separately, in a page of `tilePages`.
 * Tiles are opened as files, which a page from a server cannot do.
 */
export async function comparesWithTiles(page, folder, description, tilePages = page.context()) {
  const { width, height, tileSize, overlap } = description;
  const places = [
    [0.5, 0.5],
    [0.3, 0.4],
    [0.6, 0.3],
    [0.45, 0.7],
  ].map(([across, down]) => {
    return [inTile(across * width, width, description), inTile(down * height, height, description)];
  });
  const tiles = [];
  const alone = await tilePages.newPage();
  for (const [x, y] of places) {
    await alone.goto(pathToFileURL(tileFile({ folder, description }, x, y)).href);
    // Chromium centers an image, which may put it between two screen pixels.
    await alone.locator("img").evaluate((image) => {
      image.setAttribute("style", "position: fixed; top: 0; left: 0; margin: 0");
    });
    tiles.push(readPng(await alone.locator("img").screenshot()));
  }
  await alone.close();
  // Chromium rarely draws pages in the background.
  await page.bringToFront();
  for (const [index, [x, y]] of places.entries()) {
    const shown = await slideRegion(page, x, y, 1, PATCH);
    const left = (x % tileSize) + (x >= tileSize ? overlap : 0) - PATCH;
    const top = (y % tileSize) + (y >= tileSize ? overlap : 0) - PATCH;
    forEachPixel(PATCH * 2 + 1, (dx, dy) => {
      assert.deepEqual(
        shown.pixel(dx, dy),
        tiles[index].pixel(left + dx, top + dy),
        `slide pixel ${x - PATCH + dx}, ${y - PATCH + dy}`,
      );
    });
  }
}

/**
 * Returns a point near `wanted` whose patch is inside the slide and inside one tile, outside of the
 * overlap, where a lossy neighbor may be drawn on top. OpenSeadragon enlarges tiles without overlap
 * by one screen pixel to avoid gaps, so that only their first half is at the exact place.
 */
function inTile(wanted, size, { tileSize, overlap }) {
  const start = Math.floor(wanted / tileSize) * tileSize;
  const end = Math.min(start + (overlap > 0 ? tileSize : Math.floor(tileSize / 3)), size);
  const margin = PATCH + overlap;
  return Math.max(start + margin, Math.min(Math.floor(wanted), end - margin - 1));
}
