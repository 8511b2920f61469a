// What a slide looks like on the screen, pixel by pixel.

import { whenDrawn } from "./browser.mjs";
import { readPng } from "./png.mjs";

/**
 * Brings slide pixel x, y to the middle at `zoom` screen pixels a slide pixel
 * and returns the screen from `patch` slide pixels before it to `patch` after.
 */
export async function slideRegion(page, x, y, zoom, patch) {
  const corner = await page.evaluate(
    ([x, y, zoom]) => {
      const { viewport, element } = window.slidezoom.viewer;
      const box = element.getBoundingClientRect();
      // Whole screen pixels from the corner, so that slide and screen align.
      const [across, down] = [Math.floor(box.width / 2), Math.floor(box.height / 2)];
      const centre = [x + (box.width / 2 - across) / zoom, y + (box.height / 2 - down) / zoom];
      viewport.zoomTo(viewport.imageToViewportZoom(zoom), null, true);
      viewport.panTo(viewport.imageToViewportCoordinates(...centre), true);
      return { x: box.left + across, y: box.top + down };
    },
    [x, y, zoom],
  );
  await whenDrawn(page);
  const size = (patch * 2 + 1) * zoom;
  const clip = { x: corner.x - patch * zoom, y: corner.y - patch * zoom, width: size, height: size };
  return readPng(await page.screenshot({ clip }));
}

export function forEachPixel(size, visit) {
  for (let y = 0; y < size; y += 1) {
    for (let x = 0; x < size; x += 1) {
      visit(x, y);
    }
  }
}
