// Conversion between slide pixels and screen pixels.

import assert from "node:assert/strict";
import { test } from "node:test";
import { loadModules } from "./support/modules.mjs";
import { readPng } from "./support/png.mjs";
import { slidePixel } from "./support/sample_export.mjs";
import { moveTo, near, pageTest, viewOf } from "./support/viewer_page.mjs";

const { toScreen, toSlide, normalized } = await loadModules("view.ts");

const size = { x: 200, y: 100 };
const view = { x: 1000, y: 500, zoom: 2, rotation: 0, flip: false };

test("converts points to the screen and back, rotated and flipped", () => {
  const point = { x: 1010, y: 503 };
  const places = [
    [{}, 120, 56],
    [{ rotation: 90 }, 94, 70],
    [{ rotation: 180 }, 80, 44],
    [{ flip: true }, 80, 56],
    [{ rotation: 90, flip: true }, 106, 70],
    [{ zoom: 0.5 }, 105, 51.5],
  ];
  for (const [change, x, y] of places) {
    const place = toScreen(point, { ...view, ...change }, size);
    near(place.x, x, 1e-9, JSON.stringify(change));
    near(place.y, y, 1e-9, JSON.stringify(change));
    const back = toSlide(place, { ...view, ...change }, size);
    near(back.x, point.x, 1e-9, JSON.stringify(change));
    near(back.y, point.y, 1e-9, JSON.stringify(change));
  }
});

test("normalizes rotations", () => {
  const turns = [
    [0, 0],
    [360, 0],
    [-90, 270],
    [450, 90],
    [-1e-20, 0],
    [359.5, 359.5],
  ];
  turns.forEach(([degrees, expected]) => assert.equal(normalized(degrees), expected));
});

pageTest("agrees with OpenSeadragon on a rotated slide", {}, async (page) => {
  for (const rotation of [0, 90, 33, 270]) {
    await moveTo(page, { x: 123, y: 321, zoom: 1.7, rotation });
    const seen = await page.evaluate(() => {
      const { viewport } = window.slidezoom.viewer;
      const { x, y } = viewport.pixelFromPoint(viewport.imageToViewportCoordinates(200, 300), true);
      return { x, y, size: { ...viewport.getContainerSize() } };
    });
    const place = toScreen({ x: 200, y: 300 }, await viewOf(page), seen.size);
    near(place.x, seen.x, 1e-6, `${rotation}°`);
    near(place.y, seen.y, 1e-6, `${rotation}°`);
  }
});

pageTest("slide pixels are painted where computed, rotated and flipped", {}, async (page) => {
  const box = await page.locator("#slide").boundingBox();
  for (const rotation of [0, 90, 180, 30]) {
    for (const flip of [false, true]) {
      await moveTo(page, { x: 350, y: 250, zoom: 8, rotation, flip });
      const size = await page.evaluate(() => ({
        ...window.slidezoom.viewer.viewport.getContainerSize(),
      }));
      const picture = readPng(await page.screenshot());
      for (const [x, y] of [
        [350, 250],
        [330, 250],
        [350, 270],
        [325, 235],
        [372, 262],
      ]) {
        const place = toScreen(
          { x: x + 0.5, y: y + 0.5 },
          { x: 350, y: 250, zoom: 8, rotation, flip },
          size,
        );
        const shown = picture.pixel(Math.round(box.x + place.x), Math.round(box.y + place.y));
        assert.deepEqual(
          shown,
          slidePixel(x, y),
          `${x}, ${y} at ${rotation}°${flip ? ", flipped" : ""}`,
        );
      }
    }
  }
});
