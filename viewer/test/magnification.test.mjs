// The magnification display and its buttons.

import assert from "node:assert/strict";
import { test } from "node:test";

import { whenDrawn } from "./support/browser.mjs";
import { loadModules } from "./support/modules.mjs";
import { moveTo, near, pageTest, viewOf } from "./support/viewer_page.mjs";

const { steps, magnification } = await loadModules("magnification.ts");

test("the steps end with the objective power", () => {
  const texts = (power) => steps(power).map(({ text }) => text);
  assert.deepEqual(texts(40), ["1×", "2×", "5×", "10×", "20×", "40×"]);
  assert.deepEqual(texts(20), ["1×", "2×", "5×", "10×", "20×"]);
  assert.deepEqual(texts(63), ["1×", "2×", "5×", "10×", "20×", "40×", "63×"]);
  assert.deepEqual(texts(0.5), ["0.5×"]);
  assert.deepEqual(texts(null), ["Fit", "25%", "50%", "100%"]);
  assert.deepEqual(
    steps(40).map(({ zoom }) => zoom),
    [0.025, 0.05, 0.125, 0.25, 0.5, 1],
  );
  assert.deepEqual(
    steps(null).map(({ zoom }) => zoom),
    [null, 0.25, 0.5, 1],
  );
});

test("formats the magnification with three digits", () => {
  assert.equal(magnification(1, 40), "40×");
  assert.equal(magnification(0.03157, 40), "1.26×");
  assert.equal(magnification(4, 40), "160×");
  assert.equal(magnification(0.1234, null), "12.3%");
  assert.equal(magnification(4, null), "400%");
});

for (const deviceScaleFactor of [1, 2]) {
  const options = { change: { objectivePower: 2 }, deviceScaleFactor, width: 400, height: 330 };
  pageTest(
    `buttons and keys set the magnification about the center, density ${deviceScaleFactor}`,
    options,
    async (page) => {
      const now = page.getByRole("button", { name: /^Magnification: / });
      await moveTo(page, { x: 345.5, y: 251.25, zoom: 1.7 });
      assert.equal(await now.textContent(), "3.4×");
      await now.click();
      const ways = [
        [() => page.getByRole("button", { name: "1×", exact: true }).click(), 0.5, "1×"],
        [() => page.getByRole("button", { name: /^2×/ }).click(), 1, "2×"],
        [() => page.keyboard.press("1"), 0.5, "1×"],
        [() => page.keyboard.press("2"), 1, "2×"],
      ];
      for (const [set, zoom, text] of ways) {
        await moveTo(page, { x: 345.5, y: 251.25, zoom: 1.7 });
        await set();
        await whenDrawn(page);
        const view = await viewOf(page);
        near(view.zoom, zoom, 1e-12);
        near(view.x, 345.5, 1e-9);
        near(view.y, 251.25, 1e-9);
        assert.equal(await now.textContent(), text);
        assert.equal(await page.getByRole("button", { pressed: true }).textContent(), text);
      }
    },
  );
}

pageTest("disables steps below the whole slide", {}, async (page) => {
  const button = page.getByRole("button", { name: "1×", exact: true });
  assert.equal(await button.isDisabled(), true);
  const before = await viewOf(page);
  await page.keyboard.press("1");
  await whenDrawn(page);
  assert.deepEqual(await viewOf(page), before);
});

pageTest(
  "shows percent without an objective power",
  { change: { objectivePower: null } },
  async (page) => {
    const home = await viewOf(page);
    await page.getByRole("button", { name: /^100%/ }).click();
    await whenDrawn(page);
    // The initial view is larger than 1:1, since the slide is small.
    assert.ok(home.zoom > 1.2);
    near((await viewOf(page)).zoom, 1, 1e-12);
    assert.equal(await page.locator("#magnification-now").textContent(), "100%");
    await page.getByRole("button", { name: "Fit the whole slide" }).click();
    await whenDrawn(page);
    near((await viewOf(page)).zoom, home.zoom, 1e-12);
  },
);

pageTest(
  "shows the steps on demand on a narrow screen",
  { width: 360, height: 640 },
  async (page) => {
    const step = page.getByRole("button", { name: /^20×/ });
    assert.equal(await step.isVisible(), false);
    await page.locator("#magnification-now").click();
    assert.equal(await step.isVisible(), true);
    const navigator = await page.locator("#navigator").boundingBox();
    const steps = await page.locator("#magnification-steps").boundingBox();
    assert.ok(steps.x + steps.width <= navigator.x, "the steps cover the navigator");
  },
);
