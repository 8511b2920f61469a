// Reads pixels of the slide and of associated images from the screen.

import assert from "node:assert/strict";

import { whenDrawn } from "./browser.mjs";
import { readPng } from "./png.mjs";
import { associatedPixel } from "./sample_export.mjs";

/**
 * Centers slide pixel x, y at `zoom` screen pixels per slide pixel. Returns the screen from `patch`
 * slide pixels before it to `patch` after it.
 */
export async function slideRegion(page, x, y, zoom, patch) {
  const corner = await page.evaluate(
    ([x, y, zoom]) => {
      const { viewport, element } = window.slidezoom.viewer;
      const box = element.getBoundingClientRect();
      // The offset is in whole screen pixels, so that slide pixels align with them.
      const [across, down] = [Math.floor(box.width / 2), Math.floor(box.height / 2)];
      const center = [x + (box.width / 2 - across) / zoom, y + (box.height / 2 - down) / zoom];
      viewport.zoomTo(viewport.imageToViewportZoom(zoom), null, true);
      viewport.panTo(viewport.imageToViewportCoordinates(...center), true);
      return { x: box.left + across, y: box.top + down };
    },
    [x, y, zoom],
  );
  await whenDrawn(page);
  const size = (patch * 2 + 1) * zoom;
  const clip = {
    x: corner.x - patch * zoom,
    y: corner.y - patch * zoom,
    width: size,
    height: size,
  };
  return readPng(await page.screenshot({ clip }));
}

/** Asserts that the sheet over the page shows an associated image at its size. */
export async function showsAssociated(page, image) {
  const sheet = page.getByRole("dialog", { name: image.name, exact: true });
  const large = sheet.getByRole("img", { name: image.name, exact: true });
  const size = await large.evaluate((shown) => [
    shown.naturalWidth,
    shown.naturalHeight,
    shown.width,
    shown.height,
  ]);
  assert.deepEqual(size, [image.width, image.height, image.width, image.height]);
  const shown = readPng(await large.screenshot());
  // The image may lie between screen pixels, so that its edges are mixed with the sheet.
  for (const [x, y] of [
    [5, 5],
    [20, 30],
    [35, 45],
  ]) {
    const difference = shown
      .pixel(x, y)
      .map((value, channel) => Math.abs(value - associatedPixel(image, x, y)[channel]));
    assert.ok(Math.max(...difference) <= 3, `${image.name} ${x}, ${y}: ${shown.pixel(x, y)}`);
  }
}

export function forEachPixel(size, visit) {
  for (let y = 0; y < size; y += 1) {
    for (let x = 0; x < size; x += 1) {
      visit(x, y);
    }
  }
}
