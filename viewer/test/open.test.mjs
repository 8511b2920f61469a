// Opens exports from disk in Chromium and compares the screen with the tiles. The environment
// variable SLIDEZOOM_EXPORT may name the folder of a real export, which is tested as well.

import assert from "node:assert/strict";
import { existsSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { test } from "node:test";

import { noBrowser, openExport, whenDrawn } from "./support/browser.mjs";
import { readPng } from "./support/png.mjs";
import { useResources } from "./support/resources.mjs";
import {
  HEIGHT,
  slidePixel,
  tileFile,
  tilesOf,
  WIDTH,
  writeExport,
} from "./support/sample_export.mjs";
import { forEachPixel, slideRegion } from "./support/screen.mjs";
import { comparesWithTiles } from "./support/tiles.mjs";

const realExport = process.env.SLIDEZOOM_EXPORT;
const noRealExport =
  noBrowser || (realExport ? false : "SLIDEZOOM_EXPORT names no exported folder");
for (const reason of new Set([noBrowser, noRealExport])) {
  if (reason) {
    console.log(`SKIPPED: ${reason}`);
  }
}

const PATCH = 5;
const resources = useResources();

test("the sample slide opens without complaints", { skip: noBrowser }, () =>
  opensWell(sampleExport()),
);

test("a real slide opens without complaints", { skip: noRealExport }, async () => {
  assert.ok(existsSync(join(realExport, "index.html")), `no index.html in ${realExport}`);
  await opensWell({ folder: realExport });
});

test("shows each pixel at 1:1, and as a sharp block at 4:1", { skip: noBrowser }, async () => {
  const made = sampleExport();
  const { page, complaints } = await openExport(resources.browser, made.folder);
  await whenDrawn(page);
  // Four tiles meet at the second point.
  for (const [x, y] of [
    [350, 250],
    [254, 254],
    [3, 3],
    [WIDTH - 4, HEIGHT - 4],
  ]) {
    for (const zoom of [1, 4]) {
      const shown = await slideRegion(page, x, y, zoom, PATCH);
      forEachPixel(PATCH * 2 + 1, (dx, dy) => {
        const inside =
          x - PATCH + dx >= 0 &&
          y - PATCH + dy >= 0 &&
          x - PATCH + dx < WIDTH &&
          y - PATCH + dy < HEIGHT;
        for (let at = 0; inside && at < zoom; at += 1) {
          assert.deepEqual(
            shown.pixel(dx * zoom + at, dy * zoom + at),
            slidePixel(x - PATCH + dx, y - PATCH + dy),
            `slide pixel ${x - PATCH + dx}, ${y - PATCH + dy} at ${zoom}:1`,
          );
        }
      });
    }
  }
  assert.deepEqual(complaints, []);
  await page.context().close();
});

test("the navigator shows the slide in its original colors", { skip: noBrowser }, async () => {
  const { page } = await openExport(resources.browser, sampleExport().folder);
  await whenDrawn(page);
  const picture = readPng(await page.locator("#navigator").screenshot());
  for (const [across, down] of [
    [0.25, 0.25],
    [0.75, 0.25],
    [0.25, 0.75],
    [0.75, 0.75],
  ]) {
    const expected = slidePixel(Math.round(across * WIDTH), Math.round(down * HEIGHT));
    const shown = picture.pixel(
      Math.round(across * picture.width),
      Math.round(down * picture.height),
    );
    // Red and green are uniform in each quarter. The grain in blue is averaged.
    [0, 1].forEach((channel) =>
      assert.ok(
        Math.abs(shown[channel] - expected[channel]) <= 2,
        `${shown} at ${across}, ${down}`,
      ),
    );
    assert.ok(Math.abs(shown[2] - 124) <= 20, `${shown} at ${across}, ${down}`);
  }
  await page.context().close();
});

test("buttons and keys zoom, and the home button resets the view", {
  skip: noBrowser,
}, async () => {
  const { page, complaints } = await openExport(resources.browser, sampleExport().folder);
  await whenDrawn(page);
  const home = await zoomOf(page);
  await page.getByRole("button", { name: "Zoom in" }).click();
  await whenZoom(page, home * 2);
  await page.getByRole("button", { name: "Zoom out" }).click();
  await whenZoom(page, home);
  await page.getByRole("button", { name: "Zoom in" }).click();
  await page.locator("#slide .openseadragon-canvas").focus();
  await page.keyboard.press("r");
  await page.keyboard.press("f");
  await page.waitForFunction(() => {
    const { viewport } = window.slidezoom.viewer;
    return viewport.getFlip() && viewport.getRotation(true) % 360 !== 0;
  });
  await page.getByRole("button", { name: "Show the whole slide" }).click();
  await whenZoom(page, home);
  await page.waitForFunction(() => {
    const { viewport } = window.slidezoom.viewer;
    return !viewport.getFlip() && viewport.getRotation(true) === 0;
  });
  await page.getByRole("button", { name: "Full screen" }).click();
  await page.waitForFunction(() => document.fullscreenElement === document.documentElement);
  await page.getByRole("button", { name: "Full screen", pressed: true }).click();
  await page.waitForFunction(() => document.fullscreenElement === null);
  assert.deepEqual(complaints, []);
  await page.context().close();
});

test("the page fits a narrow screen", { skip: noBrowser }, async () => {
  const { page, complaints } = await openExport(resources.browser, sampleExport().folder, {
    width: 360,
    height: 640,
  });
  await whenDrawn(page);
  const overflowing = await page.evaluate(() =>
    [...document.querySelectorAll("body *")]
      .filter(
        (element) =>
          !element.closest("#slide, #navigator") &&
          element.getBoundingClientRect().right > innerWidth,
      )
      .map((element) => element.id || element.tagName),
  );
  assert.deepEqual(overflowing, []);
  assert.ok((await page.locator("#slide").boundingBox()).height > 400);
  const home = await page.evaluate(() => window.slidezoom.viewer.viewport.getHomeZoom());
  assert.equal(await zoomOf(page), home, "the slide opens whole, in the room it really has");
  assert.deepEqual(complaints, []);
  await page.context().close();
});

test("reports a missing tile once", { skip: noBrowser }, async () => {
  const made = sampleExport();
  rmSync(tileFile(made, 0, 0));
  const { page, complaints } = await openExport(resources.browser, made.folder);
  await whenDrawn(page);
  await slideRegion(page, 100, 100, 2, PATCH);
  await page.getByText("1 tile could not be loaded", { exact: false }).waitFor();
  assert.ok(
    complaints.some((complaint) => complaint.startsWith("request failed: ")),
    "this test would not notice a tile that fails to load",
  );
  await page.context().close();
});

test("reports a missing tile folder", { skip: noBrowser }, async () => {
  const made = sampleExport();
  rmSync(join(made.folder, tilesOf(made.description)), { recursive: true });
  const { page } = await openExport(resources.browser, made.folder);
  await page.getByText(/^\d+ tiles? could not be loaded/).waitFor();
  await page.context().close();
});

test("explains an invalid description", { skip: noBrowser }, async () => {
  const broken = sampleExport({ change: (description) => ({ ...description, tileSize: "large" }) });
  const { page, complaints } = await openExport(resources.browser, broken.folder);
  await page.getByText("its description has no valid “tileSize”", { exact: false }).waitFor();
  assert.equal(await page.locator("#name").textContent(), broken.description.name);
  assert.equal(await page.getByRole("button").count(), 0);
  assert.deepEqual(complaints, []);
  await page.context().close();
});

test("explains a missing slide.js", { skip: noBrowser }, async () => {
  const made = sampleExport();
  rmSync(join(made.folder, "slide.js"));
  const { page } = await openExport(resources.browser, made.folder);
  await page
    .getByText("slide.js did not load. It belongs next to this page.", { exact: false })
    .waitFor();
  assert.equal(await page.getByRole("button").count(), 0);
  await page.context().close();
});

test("explains a missing viewer.js", { skip: noBrowser }, async () => {
  const made = sampleExport();
  rmSync(join(made.folder, "viewer/viewer.js"));
  const { page } = await openExport(resources.browser, made.folder);
  await page
    .getByText("viewer/viewer.js did not load. It belongs next to this page.", { exact: false })
    .waitFor();
  await page.context().close();
});

function sampleExport(options) {
  const made = writeExport(options);
  resources.folders.push(dirname(made.folder));
  return made;
}

/** Checks the page of any export. */
async function opensWell({ folder }) {
  const { page, complaints } = await openExport(resources.browser, folder);
  await whenDrawn(page);
  const description = await page.evaluate(() => window.slidezoomSlides[0]);
  assert.equal(await page.locator("#name").textContent(), description.name);
  assert.ok((await colors(page.locator("#navigator"))) > 8, "the navigator is blank");
  assert.ok((await colors(page.locator("#slide"))) > 8, "the slide is blank");
  await comparesWithTiles(page, folder, description);
  for (const selector of ["#notice", "#message"]) {
    assert.equal(await page.locator(selector).textContent(), "");
  }
  assert.deepEqual(complaints, []);
  await page.context().close();
}

/** Returns the number of colors in an element, without its border. */
async function colors(locator) {
  const picture = readPng(await locator.screenshot());
  const seen = new Set();
  for (let y = 4; y < picture.height - 4; y += 1) {
    for (let x = 4; x < picture.width - 4; x += 1) {
      seen.add(picture.pixel(x, y).join());
    }
  }
  return seen.size;
}

function zoomOf(page) {
  return page.evaluate(() => window.slidezoom.viewer.viewport.getZoom(true));
}

function whenZoom(page, zoom) {
  return page.waitForFunction((zoom) => {
    const { viewer } = window.slidezoom;
    return !viewer.isAnimating() && Math.abs(viewer.viewport.getZoom(true) / zoom - 1) < 1e-6;
  }, zoom);
}
