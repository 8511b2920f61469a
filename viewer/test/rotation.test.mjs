// Rotating, flipping and resetting.

import assert from "node:assert/strict";
import { test } from "node:test";

import { whenDrawn } from "./support/browser.mjs";
import { loadModules } from "./support/modules.mjs";
import { near, pageTest, viewOf } from "./support/viewer_page.mjs";

const { degreesOnScreen } = await loadModules("rotation.ts");

test("shows degrees as on the screen", () => {
  const seen = [
    [0, 0],
    [90, 90],
    [180, 180],
    [270, -90],
    [359, -1],
  ];
  seen.forEach(([rotation, degrees]) => assert.equal(degreesOnScreen(rotation, false), degrees));
  assert.equal(degreesOnScreen(90, true), -90);
  assert.equal(degreesOnScreen(180, true), 180);
  assert.equal(degreesOnScreen(0, true), 0);
});

pageTest("buttons, keys and slider rotate the slide, and home resets it", {}, async (page) => {
  const home = await viewOf(page);
  const rotation = async () => (((await viewOf(page)).rotation % 360) + 360) % 360;
  const does = async (act, expected, text) => {
    await act();
    await whenDrawn(page);
    near(await rotation(), expected, 1e-9);
    assert.equal(await page.locator("#rotation-text").textContent(), text);
  };
  await page.keyboard.press("t");
  const press = (name) => () => page.getByRole("button", { name, exact: true }).click();
  await does(press("Rotate right 90°"), 90, "90°");
  await does(press("Rotate right 90°"), 180, "180°");
  await does(press("Rotate left 90°"), 90, "90°");
  await does(() => page.keyboard.press("."), 95, "95°");
  await does(() => page.getByLabel("Rotation").fill("-33.5"), 326.5, "-33.5°");
  await does(press("Flip"), 326.5, "33.5°");
  assert.equal((await viewOf(page)).flip, true);
  assert.equal(await page.getByRole("button", { name: "Flip", pressed: true }).count(), 1);
  // Clockwise on the screen, also on a flipped slide.
  await does(() => page.keyboard.press("."), 321.5, "38.5°");
  await does(press("Rotate left 90°"), 51.5, "-51.5°");
  await does(press("Show the whole slide"), 0, "0°");
  const view = await viewOf(page);
  assert.equal(view.flip, false);
  near(view.zoom, home.zoom, 1e-12);
  near(view.x, home.x, 1e-6);
  await does(press("Flip"), 0, "0°");
  await does(press("Rotate right 90°"), 270, "90°");
  await does(press("Reset"), 0, "0°");
  assert.equal((await viewOf(page)).flip, false);
});

pageTest(
  "shows one panel at a time, which Escape closes",
  { width: 360, height: 640 },
  async (page) => {
    const turn = page.getByRole("group", { name: "Rotate and flip" });
    const colors = page.getByRole("group", { name: "Brightness and contrast" });
    await page.getByRole("button", { name: "Rotate and flip" }).click();
    assert.deepEqual([await turn.isVisible(), await colors.isVisible()], [true, false]);
    await page.keyboard.press("c");
    assert.deepEqual([await turn.isVisible(), await colors.isVisible()], [false, true]);
    const main = await page.locator("main").boundingBox();
    const box = await colors.boundingBox();
    assert.ok(
      box.x >= 0 && box.x + box.width <= main.width && box.height < main.height / 2,
      JSON.stringify(box),
    );
    await page.getByLabel("Contrast", { exact: true }).focus();
    await page.keyboard.press("Escape");
    assert.equal(await colors.isVisible(), false);
    assert.equal(await page.evaluate(() => document.activeElement.id), "colors-panel");
  },
);
