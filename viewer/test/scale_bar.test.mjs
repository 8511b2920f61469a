// The scale bar: its length, its text, and its size on the screen.

import assert from "node:assert/strict";
import { test } from "node:test";

import { loadModules } from "./support/modules.mjs";
import { moveTo, near, pageTest } from "./support/viewer_page.mjs";

const { scaleBar, micrometersPerScreenPixel } = await loadModules("scale_bar.ts");

test("a bar is 1, 2 or 5 × 10ⁿ long, on 60 to 180 screen pixels", () => {
  for (let scale = 1e-4; scale < 1e4; scale *= 1.013) {
    const { micrometers, length } = scaleBar(scale);
    assert.match(micrometers.toExponential(12), /^[125]\.0+e/, `${micrometers} µm at ${scale}`);
    assert.ok(length >= 60 && length <= 180 + 1e-9, `${length} pixels at ${scale}`);
    near(length * scale, micrometers, micrometers * 1e-12);
  }
});

test("formats the length in a suitable unit", () => {
  const bars = [
    [0.001, 0.1, "0.1\u00a0µm"],
    [0.003, 0.5, "0.5\u00a0µm"],
    [0.25, 20, "20\u00a0µm"],
    [0.5, 50, "50\u00a0µm"],
    [4, 500, "500\u00a0µm"],
    [6, 1000, "1\u00a0mm"],
    [50, 5000, "5\u00a0mm"],
    [60, 10000, "1\u00a0cm"],
    [1000, 100000, "10\u00a0cm"],
  ];
  for (const [scale, micrometers, text] of bars) {
    assert.deepEqual(
      [scaleBar(scale).micrometers, scaleBar(scale).text],
      [micrometers, text],
      `${scale} µm a pixel`,
    );
  }
});

test("uses the scale along the screen's horizontal", () => {
  const mpp = { x: 0.5, y: 0.25 };
  const scale = (rotation, zoom) =>
    micrometersPerScreenPixel(mpp, { x: 0, y: 0, zoom, rotation, flip: false });
  near(scale(0, 1), 0.5, 1e-12);
  near(scale(0, 4), 0.125, 1e-12);
  near(scale(90, 1), 0.25, 1e-12);
  near(scale(180, 0.5), 1, 1e-12);
  // From (0, 0) to (cos 60°, sin 60°): 0.25 µm horizontally and 0.2165 µm vertically.
  near(scale(60, 1), Math.sqrt(0.0625 + 0.046875), 1e-12);
});

const MICROMETERS = { µm: 1, mm: 1000, cm: 10000 };

const mpp = { x: 0.4990001, y: 0.3 };
pageTest(
  "the bar has the length of its text at any zoom",
  { change: { micronsPerPixel: mpp } },
  async (page) => {
    const seen = new Set();
    for (const zoom of [0.61, 0.75, 1, 1.9, 3.7]) {
      for (const [rotation, scale] of [
        [0, mpp.x],
        [90, mpp.y],
        [180, mpp.x],
        [270, mpp.y],
      ]) {
        await moveTo(page, { x: 350, y: 250, zoom, rotation });
        const text = await page.locator("#scale-bar-text").textContent();
        const [amount, unit] = text.split("\u00a0");
        const { width } = await page.locator("#scale-bar-line").boundingBox();
        // Chromium rounds lengths to 1/64 pixel.
        near(
          width,
          ((Number(amount) * MICROMETERS[unit]) / scale) * zoom,
          1 / 32,
          `${text} at ${zoom}, ${rotation}°`,
        );
        seen.add(text);
      }
    }
    assert.ok(seen.size >= 3, `only ${[...seen]}`);
  },
);

pageTest("the bar follows an animation", { reducedMotion: "no-preference" }, async (page) => {
  const lengths = await page.evaluate(async () => {
    const { viewer } = window.slidezoom;
    const line = document.getElementById("scale-bar-line");
    const text = document.getElementById("scale-bar-text");
    const list = [];
    const looked = new Promise((done) => {
      viewer.addHandler("animation", () => {
        const zoom = viewer.viewport.viewportToImageZoom(viewer.viewport.getZoom(true));
        list.push([
          parseFloat(line.style.width),
          (parseFloat(text.textContent) / 0.4990001) * zoom,
        ]);
      });
      viewer.addHandler("animation-finish", done);
    });
    viewer.viewport.zoomBy(1.6);
    await looked;
    return list;
  });
  assert.ok(lengths.length > 3, `${lengths.length} frames`);
  lengths.forEach(([shown, expected]) => near(shown, expected, 1e-3));
});

pageTest(
  "shows “not calibrated” without a scale",
  { change: { micronsPerPixel: null } },
  async (page) => {
    assert.equal(await page.locator("#scale-bar").innerText(), "not calibrated");
    assert.equal(await page.locator("#scale-bar-line").isVisible(), false);
  },
);
