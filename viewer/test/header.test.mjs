// The header's buttons on all screen widths, by mouse and keyboard.

import assert from "node:assert/strict";

import { pageTest } from "./support/viewer_page.mjs";

const IN_ROW = [
  "Zoom in",
  "Zoom out",
  "Show the whole slide",
  "Rotate and flip",
  "Brightness and contrast",
  "Measure",
  "Layers",
];
const IN_MORE = [
  "Properties",
  "Copy link to this view",
  "Save a snapshot of this view",
  "Dark or light theme",
  "Full screen",
  "Open an archive…",
  "Help",
];
const NARROW = { width: 360, height: 640 };
const change = {
  layers: [
    { kind: "geojson", name: "None", features: { type: "FeatureCollection", features: [] } },
  ],
};

for (const width of [1920, 1280, 901, 900, 561, 560, 360, 320]) {
  pageTest(
    `every button is visible or in the panel More, ${width} pixels wide`,
    { change, width, height: 640 },
    async (page) => {
      const isWide = width > 900;
      const row = await placesOf(page);
      assert.deepEqual(
        row.map(({ name }) => name),
        [...IN_ROW, ...(isWide ? IN_MORE : ["More"])],
      );
      assert.equal(new Set(row.map(({ top }) => top)).size, 1, "one row");
      stand(row, width, "left", "right");
      if (!isWide) {
        await page.getByRole("button", { name: "More" }).click();
        const inMore = (await placesOf(page)).slice(row.length);
        assert.deepEqual(
          inMore.map(({ name }) => name),
          IN_MORE,
        );
        stand(inMore, 640, "top", "bottom");
      }
      const caption = await page.locator(".caption").boundingBox();
      assert.ok(caption.width >= 150, `${caption.width} pixels for the slide's name`);
    },
  );
}

pageTest("More is used by keyboard alone", NARROW, async (page) => {
  const more = page.getByRole("button", { name: "More" });
  const focused = () => page.evaluate(() => document.activeElement.getAttribute("aria-label"));
  await more.focus();
  await page.keyboard.press("Enter");
  assert.equal(await more.getAttribute("aria-expanded"), "true");
  for (const name of IN_MORE) {
    await page.keyboard.press("Tab");
    assert.equal(await focused(), name);
  }
  await page.keyboard.press("Escape");
  assert.equal(await page.locator("#more").isVisible(), false);
  assert.equal(await focused(), "More");
  // A button in the menu "More" returns the focus to "More".
  await page.keyboard.press("Enter");
  await page.keyboard.press("Tab");
  await page.keyboard.press("Enter");
  assert.equal(await page.locator("#more").isVisible(), false);
  await page.getByRole("searchbox", { name: "Search properties" }).focus();
  await page.keyboard.press("Escape");
  assert.equal(await page.locator("#properties").isVisible(), false);
  assert.equal(await focused(), "More");
  await page.keyboard.press("Enter");
  await page.getByRole("button", { name: "Help" }).press("Enter");
  await page.keyboard.press("Escape");
  assert.equal(await focused(), "More");
});

pageTest("shows one panel at a time, More included", NARROW, async (page) => {
  await page.keyboard.press("m");
  await page.getByRole("button", { name: "More" }).click();
  assert.equal(await page.locator("#measure").isVisible(), false);
  await page.keyboard.press("t");
  assert.equal(await page.locator("#more").isVisible(), false);
  assert.equal(await page.locator("#rotate").isVisible(), true);
});

pageTest("Escape closes panels from every button on a wide screen", {}, async (page) => {
  await page.getByRole("button", { name: "Properties" }).click();
  assert.equal(await page.locator("#properties").isVisible(), true);
  await page.keyboard.press("Escape");
  assert.equal(await page.locator("#properties").isVisible(), false);
  assert.equal(await page.getByRole("button", { name: "Help" }).isVisible(), true);
});

/** Asserts that buttons have at least 32 × 32 pixels, are inside the window and do not overlap. */
function stand(places, room, start, end) {
  places.reduce((last, place) => {
    const text = JSON.stringify(place);
    assert.ok(place.right - place.left >= 32 && place.bottom - place.top >= 32, text);
    assert.ok(place[start] >= last && place[end] <= room, text);
    return place[end];
  }, 0);
}

/** Returns the header's visible buttons in order. */
function placesOf(page) {
  return page.locator("header button:visible").evaluateAll((buttons) =>
    buttons.map((button) => {
      const { left, right, top, bottom } = button.getBoundingClientRect();
      return { name: button.getAttribute("aria-label"), left, right, top, bottom };
    }),
  );
}
