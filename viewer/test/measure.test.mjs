// Measuring: geometry, and all pointer types on a rotated and flipped slide.

import assert from "node:assert/strict";
import { test } from "node:test";

import { whenDrawn } from "./support/browser.mjs";
import { loadModules } from "./support/modules.mjs";
import { moveTo, near, pageTest, viewOf } from "./support/viewer_page.mjs";

const { lengthOf, areaOf, measured } = await loadModules("geometry.ts");
const { toScreen } = await loadModules("view.ts");

const at = (...pairs) => pairs.map(([x, y]) => ({ x, y }));

test("adds up lengths with a scale per direction", () => {
  near(lengthOf(at([0, 0], [3, 4]), null), 5, 1e-12);
  near(lengthOf(at([0, 0], [3, 4], [3, 10]), null), 11, 1e-12);
  near(lengthOf(at([10, 10], [16, 18]), { x: 0.5, y: 0.5 }), 5, 1e-12);
  // 6 × 0.5 = 3 µm horizontally, 16 × 0.25 = 4 µm vertically.
  near(lengthOf(at([10, 10], [16, 26]), { x: 0.5, y: 0.25 }), 5, 1e-12);
  assert.equal(lengthOf(at([7, 7]), null), 0);
  assert.equal(lengthOf([], null), 0);
});

test("computes areas of polygons in either direction", () => {
  near(areaOf(at([0, 0], [10, 0], [10, 4], [0, 4]), null), 40, 1e-12);
  near(areaOf(at([0, 4], [10, 4], [10, 0], [0, 0]), null), 40, 1e-12);
  near(areaOf(at([0, 0], [6, 0], [0, 8]), { x: 0.5, y: 0.25 }), 3, 1e-12);
  // An L of three unit squares, far from the origin.
  const ell = at([0, 0], [2, 0], [2, 1], [1, 1], [1, 2], [0, 2]).map(({ x, y }) => ({
    x: x + 5e8,
    y: y + 5e8,
  }));
  near(areaOf(ell, null), 3, 1e-12);
  assert.equal(areaOf(at([0, 0], [5, 5]), null), 0);
});

test("formats values in a suitable unit", () => {
  const line = (length) => at([0, 0], [length, 0]);
  const square = (side) => at([0, 0], [side, 0], [side, side], [0, side]);
  const one = { x: 1, y: 1 };
  assert.equal(measured("length", line(12.34567), one), "12.35\u00a0µm");
  assert.equal(measured("length", line(999.4), one), "999.4\u00a0µm");
  assert.equal(measured("polyline", line(1234.5678), one), "1.235\u00a0mm");
  assert.equal(measured("length", line(12345.6), null), "12\u202f346\u00a0px");
  assert.equal(measured("area", square(10), one), "100\u00a0µm²");
  assert.equal(measured("area", square(100), one), "10\u202f000\u00a0µm²");
  assert.equal(measured("area", square(1500), one), "2.25\u00a0mm²");
  assert.equal(measured("area", square(10), null), "100\u00a0px²");
});

const mpp = { x: 0.5, y: 0.25 };
const view = { x: 350, y: 250, zoom: 1, rotation: 90, flip: true };

for (const pointerType of ["mouse", "touch", "pen"]) {
  const options = { change: { micronsPerPixel: mpp }, hasTouch: true };
  pageTest(`lengths, lines and areas are measured with ${pointerType}`, options, async (page) => {
    const set = await setter(page, pointerType);
    await moveTo(page, view);
    await page.getByRole("button", { name: "Measure" }).click();

    // 60 × 0.5 = 30 µm horizontally and 160 × 0.25 = 40 µm vertically.
    await page.getByRole("button", { name: "Length" }).click();
    await set(300, 200);
    await set(360, 360);
    assert.deepEqual(await texts(page), ["50\u00a0µm"]);

    await page.getByRole("button", { name: "Polyline" }).click();
    await set(300, 200);
    await set(360, 360);
    await set(400, 360);
    await page.getByRole("button", { name: "Finish" }).click();
    assert.deepEqual(await texts(page), ["50\u00a0µm", "70\u00a0µm"]);

    await page.getByRole("button", { name: "Area" }).click();
    await set(300, 200);
    await set(400, 200);
    await set(400, 240);
    await set(300, 240);
    await set(310, 300);
    await page.keyboard.press("Backspace");
    await page.keyboard.press("Enter");
    // Enter goes to the focused button and does not finish the polygon.
    await page.getByRole("button", { name: "Finish" }).click();
    // 50 µm × 10 µm.
    assert.deepEqual(await texts(page), ["50\u00a0µm", "70\u00a0µm", "500\u00a0µm²"]);
    assert.equal(await page.locator("#measured").textContent(), "500\u00a0µm²");
    const still = await viewOf(page);
    near(still.x, view.x, 1e-9);
    near(still.zoom, view.zoom, 1e-9);

    await page.keyboard.press("Escape");
    assert.equal(await page.getByRole("group", { name: "Measure" }).isVisible(), false);
    await set(300, 300);
    assert.equal((await texts(page)).length, 3, "measuring has ended");

    await page.getByRole("button", { name: "Measure" }).click();
    await page.getByRole("button", { name: "Clear" }).click();
    assert.deepEqual(await texts(page), []);
    assert.equal(await page.locator("#measurements path").count(), 0);
  });
}

pageTest(
  "the drawing follows zoom, rotation and flip, and keeps its value",
  { change: { micronsPerPixel: mpp } },
  async (page) => {
    const set = await setter(page, "mouse");
    await moveTo(page, { ...view, rotation: 0, flip: false });
    await page.keyboard.press("m");
    await page.getByRole("button", { name: "Length" }).click();
    await set(300, 200);
    await set(360, 360);
    for (const change of [
      {},
      { zoom: 2.5 },
      { rotation: 90 },
      { flip: true },
      { rotation: 33 },
      { x: 320, y: 230 },
    ]) {
      await moveTo(page, change);
      const now = await viewOf(page);
      const size = await sizeOf(page);
      const drawn = await page.locator("#measurements circle").evaluateAll((dots) => {
        return dots.map((dot) => ({
          x: Number(dot.getAttribute("cx")),
          y: Number(dot.getAttribute("cy")),
        }));
      });
      assert.equal(drawn.length, 2);
      at([300, 200], [360, 360]).forEach((point, index) => {
        const place = toScreen(point, now, size);
        near(drawn[index].x, place.x, 0.01, JSON.stringify(change));
        near(drawn[index].y, place.y, 0.01, JSON.stringify(change));
      });
      assert.deepEqual(await texts(page), ["50\u00a0µm"]);
    }
  },
);

pageTest(
  "measures by keyboard from the center of the screen",
  { change: { micronsPerPixel: null } },
  async (page) => {
    await page.keyboard.press("m");
    await page.getByRole("button", { name: "Area" }).focus();
    await page.keyboard.press("Space");
    await page.locator("#slide .openseadragon-canvas").focus();
    for (const [x, y] of [
      [300, 200],
      [400, 200],
      [400, 300],
    ]) {
      await moveTo(page, { x, y, zoom: 2 });
      await page.keyboard.press("p");
    }
    await page.keyboard.press("Enter");
    assert.deepEqual(await texts(page), ["5\u202f000\u00a0px²"]);
  },
);

pageTest(
  "a double click ends a line without zooming",
  { change: { micronsPerPixel: { x: 1, y: 1 } } },
  async (page) => {
    const set = await setter(page, "mouse");
    await moveTo(page, { x: 350, y: 250, zoom: 1 });
    await page.keyboard.press("m");
    await page.getByRole("button", { name: "Polyline" }).click();
    await set(300, 200);
    const place = await placeOf(page, 300, 300);
    await page.mouse.dblclick(place.x, place.y);
    await whenDrawn(page);
    assert.equal(await page.locator("#measured").textContent(), "100\u00a0µm");
    near((await viewOf(page)).zoom, 1, 1e-9);
    // A drag moves the slide and sets no point.
    await page.mouse.move(place.x, place.y);
    await page.mouse.down();
    await page.mouse.move(place.x + 60, place.y + 10, { steps: 6 });
    await page.mouse.up();
    await whenDrawn(page);
    assert.ok((await viewOf(page)).x < 340);
    assert.equal(await page.locator("#measurements text").count(), 1);
  },
);

/** Sets points at slide pixels with mouse, touch or pen. */
async function setter(page, pointerType) {
  const session = await page.context().newCDPSession(page);
  // On a busy machine, clicks may be slower than OpenSeadragon's limit.
  await page.evaluate(() => {
    window.slidezoom.viewer.innerTracker.clickTimeThreshold = 60000;
  });
  // Quick clicks must not become double clicks.
  const setDoubleClickTime = (milliseconds) =>
    page.evaluate((time) => {
      const { innerTracker } = window.slidezoom.viewer;
      const before = innerTracker.dblClickTimeThreshold;
      innerTracker.dblClickTimeThreshold = time;
      return before;
    }, milliseconds);
  return async (slideX, slideY) => {
    const { x, y } = await placeOf(page, slideX, slideY);
    const usual = await setDoubleClickTime(0);
    if (pointerType === "touch") {
      await page.touchscreen.tap(x, y);
    } else {
      const event = { x, y, button: "left", clickCount: 1, pointerType };
      await session.send("Input.dispatchMouseEvent", { ...event, type: "mousePressed" });
      await session.send("Input.dispatchMouseEvent", { ...event, type: "mouseReleased" });
    }
    await whenDrawn(page);
    await setDoubleClickTime(usual);
  };
}

async function placeOf(page, slideX, slideY) {
  const box = await page.locator("#slide").boundingBox();
  const place = toScreen({ x: slideX, y: slideY }, await viewOf(page), await sizeOf(page));
  return { x: box.x + place.x, y: box.y + place.y };
}

function sizeOf(page) {
  return page.evaluate(() => ({ ...window.slidezoom.viewer.viewport.getContainerSize() }));
}

function texts(page) {
  return page.locator("#measurements text").allTextContents();
}
