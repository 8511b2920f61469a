// Snapshots, compared with screenshots by the browser.

import assert from "node:assert/strict";
import { join } from "node:path";
import { buffer } from "node:stream/consumers";
import { test } from "node:test";

import { noBrowser, whenDrawn } from "./support/browser.mjs";
import { loadModules } from "./support/modules.mjs";
import { difference, readPng } from "./support/png.mjs";
import { archiveFiles, NAME } from "./support/sample_archive.mjs";
import { sampleTiles, slidePixel, writePyramid } from "./support/sample_export.mjs";
import {
  moveTo,
  near,
  openedFromServer,
  pageTest,
  pressInHeader,
  sampleExport,
  viewOf,
} from "./support/viewer_page.mjs";
import { layOut, toBuffer } from "./support/zip_writer.mjs";

const { filteredValues } = await loadModules("colors.ts");

const MPP = { x: 0.5, y: 0.4 };
const MAP = { width: 7, height: 5 };
const CHANGE = {
  micronsPerPixel: MPP,
  unreadable: [{ x: 400, y: 260, width: 90, height: 60 }],
  layers: [
    {
      kind: "pyramid",
      name: "Heat",
      path: "heat",
      ...MAP,
      tileSize: 254,
      overlap: 1,
      format: "png",
      opacity: 0.4,
    },
    {
      kind: "geojson",
      name: "Gland",
      features: {
        type: "FeatureCollection",
        features: [
          {
            type: "Feature",
            geometry: {
              type: "Polygon",
              coordinates: [
                [
                  [250, 200],
                  [330, 200],
                  [330, 290],
                  [250, 200],
                ],
              ],
            },
            properties: {},
          },
        ],
      },
    },
  ],
};
/** Elements over the slide that are not part of the snapshot. */
const ELSEWHERE =
  "#navigator, .panel, #magnification, #unreadable-notice, #toast, #colors-changed-reset { visibility: hidden }";
/** Texts, which canvases antialias differently. */
const TEXTS = "#scale-bar-text, #colors-changed:not([hidden]), #measurements text";

const VIEWS = [
  [{}, { x: 350, y: 250, zoom: 1 }],
  [{ colorScheme: "light" }, { x: 340, y: 240, zoom: 2.3, rotation: 33, flip: true }],
  [
    { deviceScaleFactor: 2, width: 501, height: 603 },
    { x: 380.3, y: 260, zoom: 0.7, rotation: 90 },
  ],
];
for (const [options, view] of VIEWS) {
  const name = JSON.stringify({ ...options, ...view });
  test(`a snapshot looks like the page: ${name}`, { skip: noBrowser }, async () => {
    const folder = sampleExport(CHANGE);
    writePyramid(
      join(folder, "heat_files"),
      sampleTiles({ ...MAP, pixel: (x, y) => [x * 40, 0, y * 60] }),
    );
    const { page, complaints } = await openedFromServer(folder, options);
    // The slide's box must have whole pixels, as screenshots do.
    await page.addStyleTag({ content: "header { height: 120px }" });
    await measure(page, view);
    for (const change of [{}, { brightness: "1.3", contrast: "0.8", gamma: "1.6" }]) {
      await page.keyboard.press("c");
      for (const [name, value] of Object.entries(change)) {
        await page.locator(`#${name}`).fill(value);
      }
      await page.keyboard.press("c");
      const { name, snapshot } = await taken(page, () => pressInHeader(page, "Save a snapshot"));
      await isTheScreen(page, snapshot);
      await hasTheBar(page, snapshot);
      assert.ok(
        name.includes(` x=${view.x} y=${view.y} zoom=${view.zoom} rotation=${view.rotation ?? 0}`),
        name,
      );
      assert.ok(name.startsWith("slide #1 50%") && name.endsWith(".png"), name);
    }
    assert.deepEqual(complaints, []);
    await page.context().close();
  });
}

test("computes the filter's values", () => {
  const unchanged = { brightness: 1, contrast: 1, gamma: 1 };
  assert.deepEqual([...filteredValues(unchanged)], [...Array(256).keys()]);
  assert.deepEqual(
    [0, 60, 128, 255].map((value) => filteredValues({ ...unchanged, brightness: 2 })[value]),
    [0, 120, 255, 255],
  );
});

pageTest("explains why there are no snapshots of a slide on disk", {}, async (page) => {
  const button = page.getByRole("button", { name: "Save a snapshot of this view", disabled: true });
  assert.match(
    await button.getAttribute("title"),
    /^Snapshots are not available for a slide opened from disk/,
  );
  await button.focus();
  assert.equal(await button.evaluate((element) => element === document.activeElement), true);
  const downloads = [];
  page.on("download", (download) => downloads.push(download));
  await page.keyboard.press("Enter");
  const toast = page
    .getByRole("status")
    .filter({ hasText: "Snapshots are not available for a slide" });
  await toast.waitFor();
  assert.deepEqual(downloads, []);
  // Of an archive they can, on the same page: its tiles are no files to the browser.
  await page.locator("#archive-file").setInputFiles({
    name: "x.zip",
    mimeType: "application/zip",
    buffer: toBuffer(layOut(archiveFiles())),
  });
  await page.waitForFunction(
    (name) => document.title === name && window.slidezoom !== undefined,
    NAME,
  );
  await moveTo(page, { x: 350.5, y: 250.5, zoom: 1 });
  const { snapshot } = await taken(page, () => page.keyboard.press("v"));
  const [across, down] = [Math.floor(snapshot.width / 2), Math.floor(snapshot.height / 2)];
  assert.deepEqual(snapshot.pixel(across, down), slidePixel(350, 250));
  assert.equal(
    await page.getByRole("button", { name: "Save a snapshot", disabled: false }).count(),
    1,
  );
});

/** Asserts that all pixels equal those of the screen, except the antialiased edges of letters. */
async function isTheScreen(page, snapshot) {
  await whenDrawn(page);
  const clip = await page.locator("#slide").boundingBox();
  const screen = readPng(await page.screenshot({ clip, style: ELSEWHERE, scale: "device" }));
  assert.deepEqual([snapshot.width, snapshot.height], [screen.width, screen.height]);
  const texts = await page
    .locator(TEXTS)
    .evaluateAll((elements) => elements.map((element) => element.getBoundingClientRect().toJSON()));
  const scale = snapshot.width / clip.width;
  const counts = { text: 0, textDiffers: 0, differs: 0 };
  for (let y = 0; y < screen.height; y += 1) {
    for (let x = 0; x < screen.width; x += 1) {
      const distance = difference(snapshot, screen, x, y);
      const [across, down] = [clip.x + x / scale, clip.y + y / scale];
      const isText = texts.some(
        ({ left, right, top, bottom }) =>
          across > left - 4 && across < right + 4 && down > top - 4 && down < bottom + 4,
      );
      counts.text += isText ? 1 : 0;
      counts.textDiffers += isText && distance > 60 ? 1 : 0;
      counts.differs += !isText && distance > 12 ? 1 : 0;
    }
  }
  const said = JSON.stringify(counts);
  assert.ok(counts.differs <= screen.width * screen.height * 0.0006, said);
  assert.ok(counts.textDiffers <= counts.text * 0.05, said);
}

/** Checks the length of the snapshot's scale bar. */
async function hasTheBar(page, snapshot) {
  const { bottom, left, scale } = await page.evaluate(() => {
    const slide = window.slidezoom.viewer.element.getBoundingClientRect();
    const bar = document.getElementById("scale-bar-line").getBoundingClientRect();
    return { bottom: bar.bottom - slide.top, left: bar.left - slide.left, scale: devicePixelRatio };
  });
  const row = Math.round(bottom * scale) - 1;
  const start = Math.round(left * scale) + 1;
  const ink = snapshot.pixel(start, row);
  let end = start;
  while (snapshot.pixel(end, row).every((value, channel) => Math.abs(value - ink[channel]) < 60)) {
    end += 1;
  }
  const [amount, unit] = (await page.locator("#scale-bar-text").textContent()).split("\u00a0");
  assert.equal(unit, "µm");
  const { zoom, rotation } = await viewOf(page);
  const radians = (rotation * Math.PI) / 180;
  const micrometers = Math.hypot(MPP.x * Math.cos(radians), MPP.y * Math.sin(radians));
  near(end - start + 1, (Number(amount) / micrometers) * zoom * scale, 2);
}

/** Draws a measured line around the center and leaves it on the screen. */
async function measure(page, view) {
  await page.keyboard.press("m");
  await page.getByRole("button", { name: "Length" }).click();
  for (const side of [-60, 60]) {
    await moveTo(page, { ...view, x: view.x + side, y: view.y + side / 2 });
    await page.keyboard.press("p");
  }
  await moveTo(page, view);
  await page.keyboard.press("m");
}

/** Returns the name and the content of the download that `act` starts. */
async function taken(page, act) {
  const [download] = await Promise.all([page.waitForEvent("download"), act()]);
  return {
    name: download.suggestedFilename(),
    snapshot: readPng(await buffer(await download.createReadStream())),
  };
}
