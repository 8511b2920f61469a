// The view in the page's hash.

import assert from "node:assert/strict";
import { test } from "node:test";

import { whenDrawn } from "./support/browser.mjs";
import { loadModules } from "./support/modules.mjs";
import { moveTo, near, opened, pageTest, viewOf } from "./support/viewer_page.mjs";

const { writePosition, readPosition } = await loadModules("position.ts");
const { toScreen } = await loadModules("view.ts");

test("writes short numbers", () => {
  const view = { x: 12345.678901, y: 250, zoom: 0.5, rotation: 0, flip: false };
  assert.equal(writePosition(view), "#x=12345.679&y=250&zoom=0.5&rotation=0");
  assert.equal(
    writePosition({ ...view, x: -3, zoom: 1 / 3, rotation: 90, flip: true }),
    "#x=-3&y=250&zoom=0.333333333&rotation=90&flip=1",
  );
  assert.match(writePosition({ ...view, rotation: 359.99999999 }), /rotation=0$/);
});

test("round-trips within a hundredth of a screen pixel", () => {
  const size = { x: 3840, y: 2160 };
  const corners = [
    [0, 0],
    [3840, 0],
    [0, 2160],
    [1920, 1080],
  ];
  for (const zoom of [1.234567891e-4, 0.02, 0.3, 1 / 3, 1, 3.99999, 40, 700 / 3]) {
    for (const rotation of [0, 90, 123.456789012]) {
      const view = { x: 536870911.123456, y: 1234.5678901, zoom, rotation, flip: rotation > 0 };
      const again = readPosition(writePosition(view));
      for (const [across, down] of corners) {
        // Points are relative to the center, since a large x has a large rounding error.
        const point = { x: view.x + across / zoom / 2, y: view.y + down / zoom / 2 };
        const [before, after] = [toScreen(point, view, size), toScreen(point, again, size)];
        near(after.x, before.x, 0.01, `${zoom}, ${rotation}°`);
        near(after.y, before.y, 0.01, `${zoom}, ${rotation}°`);
      }
      assert.equal(again.flip, view.flip);
    }
  }
});

test("rejects invalid hashes", () => {
  const nonsense = [
    "",
    "#",
    "#chapter-2",
    "#x=1&y=2",
    "#x=1&y=2&zoom=0",
    "#x=1&y=2&zoom=-1",
    "#x=1&y=2&zoom=Infinity",
    "#x=NaN&y=2&zoom=1",
    "#x=&y=2&zoom=1",
    "#x=0x10&y=2&zoom=1",
    "#x=1&y=2&zoom=1&rotation=left",
    "#x=1&y=2&zoom=1&flip=yes",
    "#x=1e999&y=2&zoom=1",
    `#x=${"9".repeat(400)}&y=2&zoom=1`,
    "#x=%E0%A4%A&y=2&zoom=1",
    "#x=1;alert(1)&y=2&zoom=1",
  ];
  nonsense.forEach((hash) => assert.equal(readPosition(hash), null, hash));
  assert.deepEqual(readPosition("#x=1&y=-2.5&zoom=1e-3&rotation=-90"), {
    x: 1,
    y: -2.5,
    zoom: 0.001,
    rotation: 270,
    flip: false,
  });
});

pageTest("a link restores the exact view", { width: 801, height: 603 }, async (page, folder) => {
  assert.equal(await hashOf(page), "", "the whole slide needs no hash");
  const views = [
    { x: 123.456, y: 321.098, zoom: 1.7320508, rotation: 0, flip: false },
    { x: 600.1, y: 77.7, zoom: 3.3333333, rotation: 90, flip: true },
    { x: 350, y: 250, zoom: 1.01, rotation: 33.3, flip: false },
    { x: 2, y: 498, zoom: 2.5, rotation: 271.5, flip: true },
  ];
  for (const view of views) {
    await moveTo(page, view);
    const hash = await hashOf(page);
    assert.match(hash, /^#x=/);
    const { page: other, complaints } = await opened(folder, { width: 801, height: 603, hash });
    const size = await other.evaluate(() => ({
      ...window.slidezoom.viewer.viewport.getContainerSize(),
    }));
    const [made, read] = [await viewOf(page), await viewOf(other)];
    assert.equal(read.flip, view.flip);
    for (const point of [
      [0, 0],
      [700, 0],
      [0, 500],
      [700, 500],
    ].map(([x, y]) => ({ x, y }))) {
      const [wanted, place] = [toScreen(point, made, size), toScreen(point, read, size)];
      near(place.x, wanted.x, 0.01, hash);
      near(place.y, wanted.y, 0.01, hash);
    }
    assert.equal(await hashOf(other), hash, "opening alone must not change the address");
    assert.deepEqual(complaints, []);
    await other.context().close();
  }
  const entries = await page.evaluate(() => history.length);
  await page.getByRole("button", { name: "Show the whole slide" }).click();
  await page.waitForFunction(() => location.hash === "");
  assert.equal(
    await page.evaluate(() => history.length),
    entries,
    "a movement is no page to go back to",
  );
});

pageTest("the hash follows a flip, and the page follows the hash", {}, async (page) => {
  await page.locator("#slide .openseadragon-canvas").focus();
  await page.keyboard.press("f");
  await page.waitForFunction(() => location.hash.endsWith("flip=1"));
  await page.evaluate(() => {
    location.hash = "#x=100.5&y=200.25&zoom=2&rotation=90";
  });
  await page.waitForFunction(() => !window.slidezoom.viewer.viewport.getFlip());
  await whenDrawn(page);
  const view = await viewOf(page);
  near(view.x, 100.5, 1e-9);
  near(view.y, 200.25, 1e-9);
  near(view.zoom, 2, 1e-12);
  assert.equal(view.rotation, 90);
  await page.evaluate(() => {
    location.hash = "#nonsense";
  });
  await whenDrawn(page);
  assert.deepEqual(await viewOf(page), view);
});

pageTest(
  "a view far from the slide is moved to the slide",
  { hash: "#x=1e9&y=-1e9&zoom=500" },
  async (page) => {
    const { zoom, ...center } = await viewOf(page);
    near(zoom, 4, 1e-6);
    assert.ok(
      center.x > 0 && center.x <= 700 && center.y >= 0 && center.y <= 500,
      JSON.stringify(center),
    );
  },
);

pageTest(
  "an invalid hash opens the whole slide",
  { hash: "#x=1&y=2&zoom=nonsense" },
  async (page) => {
    const home = await page.evaluate(() => window.slidezoom.viewer.viewport.getHomeZoom());
    near(await page.evaluate(() => window.slidezoom.viewer.viewport.getZoom(true)), home, 1e-9);
  },
);

pageTest(
  "copies the link",
  { permissions: ["clipboard-read", "clipboard-write"] },
  async (page) => {
    await moveTo(page, { x: 100, y: 200, zoom: 3 });
    await page.getByRole("button", { name: "Copy link" }).click();
    await page.getByText("Link copied.").waitFor();
    const link = await page.evaluate(() => navigator.clipboard.readText());
    assert.equal(link, `${page.url().replace(/#.*/, "")}#x=100&y=200&zoom=3&rotation=0`);
    assert.equal(await page.getByLabel("Copy this link").isVisible(), false);
  },
);

pageTest(
  "shows the link, selected, if the clipboard is blocked",
  { width: 360, height: 640 },
  async (page) => {
    await page.evaluate(() => {
      navigator.clipboard.writeText = () =>
        Promise.reject(new DOMException("no", "NotAllowedError"));
    });
    await moveTo(page, { x: 100, y: 200, zoom: 3 });
    await page.keyboard.press("l");
    const field = page.getByLabel("Copy this link");
    await field.waitFor();
    const seen = await field.evaluate(({ value, selectionStart, selectionEnd }) => ({
      value,
      selected: value.slice(selectionStart, selectionEnd),
      focused: document.activeElement.id,
    }));
    assert.match(seen.value, /^file:.*#x=100&y=200&zoom=3&rotation=0$/);
    assert.deepEqual([seen.selected, seen.focused], [seen.value, "link-text"]);
    await page.keyboard.press("Escape");
    assert.equal(await field.isVisible(), false);
  },
);

function hashOf(page) {
  return page.evaluate(() => location.hash);
}
