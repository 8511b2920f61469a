// Unreadable regions: exact hatching, and a limited number of shapes.

import assert from "node:assert/strict";
import { test } from "node:test";

import { whenDrawn } from "./support/browser.mjs";
import { loadModules } from "./support/modules.mjs";
import { difference, readPng } from "./support/png.mjs";
import { HEIGHT, WIDTH } from "./support/sample_export.mjs";
import { moveTo, pageTest, viewOf } from "./support/viewer_page.mjs";

const { unreadableInExport, visibleAreas } = await loadModules("unreadable.ts");
const { toSlide } = await loadModules("view.ts");

const AREA = { x: 1000, y: 20, width: WIDTH, height: HEIGHT };
const area = (x, y, width, height) => ({ x, y, width, height });
/** Converts areas to slide pixels, as an export lists them. */
const inSlide = (areas) =>
  areas.map(({ x, y, ...size }) => ({ x: x + AREA.x, y: y + AREA.y, ...size }));
const REGIONS = [area(300, 200, 60, 40), area(420, 230, 50, 90), area(0, 0, 20, 30)];

test("converts regions to export pixels and clips them", () => {
  const slide = { area: AREA, toSlide: null, width: WIDTH, height: HEIGHT };
  const found = (...unreadable) => unreadableInExport({ ...slide, unreadable });
  assert.deepEqual(found(...inSlide(REGIONS)), REGIONS);
  assert.deepEqual(found(area(990, 0, 20, 30)), [area(0, 0, 10, 10)]);
  assert.deepEqual(found(area(1690, 500, 99, 99)), [area(690, 480, 10, 20)]);
  assert.deepEqual(found(area(0, 0, 1000, 500), area(1700, 20, 9, 9), area(1000, 520, 9, 9)), []);
  assert.deepEqual(unreadableInExport({ ...slide, area: null, unreadable: REGIONS }), REGIONS);
});

/** The transform of a region at (1000, 20), rotated 90° clockwise. */
const TURNED = [
  [0, 1, 1000],
  [-1, 0, 20 + WIDTH],
];

test("converts regions in rotated, flipped and downsampled exports", () => {
  const found = (toSlide, ...unreadable) =>
    unreadableInExport({ area: null, toSlide, width: WIDTH, height: HEIGHT, unreadable });
  // The slide's bottom left corner is the export's top left.
  assert.deepEqual(found(TURNED, area(1000, 710, 7, 10), area(1000, 20, 7, 10)), [
    area(0, 0, 10, 7),
    area(690, 0, 10, 7),
  ]);
  const flipped = [
    [-1, 0, 1700],
    [0, 1, 20],
  ];
  assert.deepEqual(found(flipped, area(1690, 20, 20, 5)), [area(0, 0, 10, 5)]);
  const smaller = [
    [4, 0, 8],
    [0, 2.5, 10],
  ];
  assert.deepEqual(found(smaller, area(16, 20, 6, 5)), [area(2, 4, 1.5, 2)]);
});

test("draws small regions as cells", () => {
  const large = area(100, 100, 8, 9);
  assert.deepEqual(visibleAreas([large, area(17, 8, 1, 1)], 8), [large, area(16, 8, 8, 8)]);
  // Adjacent regions, and regions that cross cell edges in both directions.
  assert.deepEqual(visibleAreas([area(0, 0, 1, 1), area(8, 7, 1, 1), area(30, 0, 3, 2)], 8), [
    area(0, 0, 16, 8),
    area(24, 0, 16, 8),
  ]);
  assert.deepEqual(visibleAreas([area(7, 7, 2, 2)], 8), [area(0, 0, 16, 8), area(0, 8, 16, 8)]);
});

test("covers all of 100,000 regions with a limited number of cells", () => {
  const side = 100000;
  const regions = Array.from({ length: 100000 }, (_, number) =>
    area(((number * 7919) % 400) * 250, Math.floor(number / 250) * 250, 240, 240),
  );
  for (const zoom of [1 / 128, 1 / 50, 1 / 33]) {
    const cell = 2 ** Math.ceil(Math.log2(8 / zoom));
    const drawn = visibleAreas(regions, cell);
    const room = (side * zoom) ** 2 / 64;
    assert.ok(drawn.length <= room, `${drawn.length} at ${zoom}`);
    for (const region of regions.filter((_, number) => number % 997 === 0)) {
      const covering = drawn.filter(({ x, y, width, height }) => {
        return (
          x < region.x + 240 && x + width > region.x && y < region.y + 240 && y + height > region.y
        );
      });
      const covered = covering.reduce((sum, { x, y, width, height }) => {
        const across = Math.min(x + width, region.x + 240) - Math.max(x, region.x);
        return sum + across * (Math.min(y + height, region.y + 240) - Math.max(y, region.y));
      }, 0);
      assert.equal(covered, 240 * 240, JSON.stringify(region));
    }
  }
});

const unreadable = inSlide(REGIONS);

pageTest(
  "hatches regions exactly in every view",
  { change: { area: AREA, unreadable } },
  async (page) => {
    for (const view of [
      { x: 380, y: 240, zoom: 1, rotation: 0, flip: false },
      { x: 400.3, y: 241.7, zoom: 3 },
      { x: 390, y: 250, zoom: 2, rotation: 33 },
      { rotation: 90, flip: true },
      { x: 350, y: 250, zoom: 0.5, rotation: 200 },
    ]) {
      await moveTo(page, view);
      await isHatched(page, REGIONS);
    }
    const notice = page.locator("#unreadable-notice");
    assert.equal(
      await notice.innerText(),
      "3 regions of the slide could not be read; they are hatched.",
    );
    await page.keyboard.press("Escape");
    assert.equal(await notice.isVisible(), true);
  },
);

pageTest(
  "hatches regions of a rotated export exactly",
  {
    change: {
      area: { x: 1000, y: 20, width: HEIGHT, height: WIDTH },
      toSlide: TURNED,
      unreadable: REGIONS.map(({ x, y, width, height }) =>
        area(1000 + y, 20 + WIDTH - x - width, height, width),
      ),
    },
  },
  async (page) => {
    for (const view of [
      { x: 380, y: 240, zoom: 1, rotation: 0 },
      { rotation: 90, flip: true },
    ]) {
      await moveTo(page, view);
      await isHatched(page, REGIONS);
    }
  },
);

pageTest(
  "a region of one pixel is visible on the whole slide",
  { change: { area: AREA, unreadable: inSlide([area(353, 254, 1, 1)]) } },
  async (page) => {
    await moveTo(page, { x: 350, y: 250, zoom: 0.6 });
    await isHatched(page, [area(352, 240, 16, 16)]);
    await moveTo(page, { x: 353, y: 254, zoom: 8 });
    await isHatched(page, [area(353, 254, 1, 1)]);
    assert.equal(
      await page.locator("#unreadable-notice").innerText(),
      "1 region of the slide could not be read; it is hatched.",
    );
  },
);

pageTest(
  "shows nothing if everything was read",
  { change: { area: AREA, unreadable: [] } },
  async (page) => {
    assert.equal(await page.locator("#unreadable").isVisible(), false);
    assert.equal(await page.locator("#unreadable-notice").isVisible(), false);
  },
);

const many = Array.from({ length: 100000 }, (_, number) =>
  area((number * 3) % WIDTH, Math.floor((number * 3) / WIDTH), 1, 1),
);

pageTest(
  "moves quickly with 100,000 regions",
  { change: { area: AREA, unreadable: inSlide(many) } },
  async (page) => {
    const drawn = () =>
      page
        .locator("#unreadable-regions")
        .evaluate((path) => path.getAttribute("d").split("M").length - 1);
    const times = [];
    for (const zoom of [1, 4, 7, 8]) {
      const start = performance.now();
      await moveTo(page, { x: 350, y: 250, zoom });
      times.push(Math.round(performance.now() - start));
      assert.ok((await drawn()) < 8000, `${await drawn()} outlines at ${zoom}`);
    }
    console.log(`moves with 100,000 regions: ${times.join(", ")} ms`);
    assert.equal(
      await page.locator("#unreadable-notice").innerText(),
      "100\u202f000 regions of the slide could not be read; they are hatched.",
    );
  },
);

/** Compares the screen with and without hatching, which must differ inside regions and nowhere else. */
async function isHatched(page, regions) {
  const hatched = await screen(page);
  await page.locator("#unreadable").evaluate((drawing) => drawing.setAttribute("hidden", ""));
  const plain = await screen(page);
  await page.locator("#unreadable").evaluate((drawing) => drawing.removeAttribute("hidden"));
  const view = await viewOf(page);
  const size = { x: plain.width, y: plain.height };
  const wrong = [];
  let inside = 0;
  for (let y = 0; y < size.y; y += 1) {
    for (let x = 0; x < size.x; x += 1) {
      const place = toSlide({ x: x + 0.5, y: y + 0.5 }, view, size);
      const depth =
        regions.reduce((most, region) => Math.max(most, depthIn(region, place)), -Infinity) *
        view.zoom;
      const differs = difference(hatched, plain, x, y) > 0;
      inside += depth > 0 ? 1 : 0;
      // Pixels on an edge are antialiased.
      if (Math.abs(depth) > 0.75 && differs !== depth > 0) {
        wrong.push([x, y, depth]);
      }
    }
  }
  assert.ok(inside > 20, `only ${inside} pixels`);
  assert.deepEqual(wrong.slice(0, 5), [], JSON.stringify(view));
}

/** Returns the depth of a point inside a region, in slide pixels; negative outside. */
function depthIn({ x, y, width, height }, place) {
  return Math.min(place.x - x, x + width - place.x, place.y - y, y + height - place.y);
}

async function screen(page) {
  await whenDrawn(page);
  const clip = await page.locator("#slide").boundingBox();
  return readPng(await page.screenshot({ clip }));
}
