// Brightness, contrast and gamma on the screen, and the notice of changed colors.

import assert from "node:assert/strict";
import { test } from "node:test";
import { loadModules } from "./support/modules.mjs";
import { readPng } from "./support/png.mjs";
import { slidePixel } from "./support/sample_export.mjs";
import { moveTo, pageTest } from "./support/viewer_page.mjs";

const { filterText, UNCHANGED } = await loadModules("colors.ts");

test("unchanged colors have no filter", () => {
  assert.equal(filterText(UNCHANGED), "");
  assert.equal(
    filterText({ brightness: 1.2, contrast: 1, gamma: 0.5 }),
    'brightness(1.2) url("#gamma-filter")',
  );
});

const clamped = (value) => Math.min(1, Math.max(0, value));
const settings = [
  [{ brightness: "1.3" }, (value) => clamped(value * 1.3)],
  [{ contrast: "1.5" }, (value) => clamped((value - 0.5) * 1.5 + 0.5)],
  [{ gamma: "2" }, (value) => Math.sqrt(value)],
  [
    { brightness: "0.8", contrast: "0.7", gamma: "0.5" },
    (value) => ((value * 0.8 - 0.5) * 0.7 + 0.5) ** 2,
  ],
];

pageTest(
  "the sliders change pixels as computed, and reset restores them",
  { width: 400, height: 500 },
  async (page) => {
    await moveTo(page, { x: 300, y: 200, zoom: 4 });
    const mark = page.getByText("Colors changed");
    assert.deepEqual(await shownPixel(page), slidePixel(300, 200));
    assert.equal(await mark.isVisible(), false);
    for (const [change, arithmetic] of settings) {
      await page.keyboard.press("c");
      for (const [name, value] of Object.entries(change)) {
        await page.locator(`#${name}`).fill(value);
      }
      // The panel must not cover the compared pixel.
      await page.keyboard.press("c");
      assert.equal(await mark.isVisible(), true);
      const shown = await shownPixel(page);
      slidePixel(300, 200).forEach((value, channel) => {
        const expected = arithmetic(value / 255) * 255;
        assert.ok(
          Math.abs(shown[channel] - expected) <= 2,
          `${JSON.stringify(change)}: ${shown[channel]}, not ${expected}`,
        );
      });
      await page.getByRole("button", { name: "Reset" }).click();
      assert.equal(await mark.isVisible(), false);
      assert.deepEqual(await shownPixel(page), slidePixel(300, 200));
    }
    await page.keyboard.press("c");
    await page.locator("#gamma").fill("2");
    assert.equal(await page.locator("#gamma-text").textContent(), "2.00");
    await page.getByRole("button", { name: "Reset colors" }).click();
    assert.equal(await page.locator("#gamma-text").textContent(), "1.00");
    assert.equal(await mark.isVisible(), false);
  },
);

/** Returns the color of slide pixel 300, 200 on the screen at 4:1. */
async function shownPixel(page) {
  const box = await page.locator("#slide").boundingBox();
  const clip = {
    x: box.x + Math.floor(box.width / 2),
    y: Math.floor(box.y + box.height / 2),
    width: 4,
    height: 4,
  };
  return readPng(await page.screenshot({ clip })).pixel(2, 2);
}
