// Exports with skipped blank tiles look like exports with all tiles, and skipped tiles are not
// requested.

import assert from "node:assert/strict";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { pathToFileURL } from "node:url";
import { noBrowser, openAt, whenDrawn } from "./support/browser.mjs";
import { loadModules } from "./support/modules.mjs";
import { readPng } from "./support/png.mjs";
import { useResources } from "./support/resources.mjs";
import {
  description as archiveDescription,
  NAME,
  tileName,
  withIndex,
} from "./support/sample_archive.mjs";
import { sampleTiles, slidePixel, writeExport } from "./support/sample_export.mjs";
import { filesIn, serve } from "./support/server.mjs";
import { moveTo } from "./support/viewer_page.mjs";
import { layOut, toBuffer } from "./support/zip_writer.mjs";

const { readSlide, DescriptionError } = await loadModules("read_slide.ts", "checks.ts");

const GEOMETRY = { width: 700, height: 500, tileSize: 64, overlap: 1 };
const BACKGROUND = [240, 232, 244];
const CHANGE = { tileSize: GEOMETRY.tileSize, background: "f0e8f4" };

/** A slide that is mostly glass. */
function pixel(x, y) {
  return Math.hypot(x - 420, y - 260) < 90 ? slidePixel(x, y) : BACKGROUND;
}

const tiles = [...sampleTiles({ ...GEOMETRY, pixel })].map((tile) => ({
  ...tile,
  isBlank: isBlank(tile.png),
}));
const blank = tiles.filter((tile) => tile.isBlank);
const blankTiles = bitmap(tiles);

const resources = useResources();

test("reads bits in tile index order, most significant first", () => {
  const slide = readSlide({ ...plain(), ...GEOMETRY, blankTiles });
  tiles.forEach(({ level, column, row, isBlank }) =>
    assert.equal(slide.blankTiles(level, column, row), isBlank),
  );
  assert.equal(slide.blankTiles(11, 0, 0), false);
  assert.equal(slide.blankTiles(10, 11, 0), false);
  // Levels 0 to 2 of 4 × 2 pixels, in tiles of 2 × 2, have 1, 1 and 2 tiles.
  const small = {
    ...plain(),
    width: 4,
    height: 2,
    tileSize: 2,
    blankTiles: Buffer.from([0b10010000]).toString("base64"),
  };
  const few = readSlide(small).blankTiles;
  assert.deepEqual(
    [few(0, 0, 0), few(1, 0, 0), few(2, 0, 0), few(2, 1, 0)],
    [true, false, false, true],
  );
  assert.equal(readSlide(plain()).blankTiles, null);
});

test("rejects bits that do not match the pyramid", () => {
  const bytes = Buffer.from(blankTiles, "base64");
  const wrong = [bytes.subarray(1), Buffer.concat([bytes, Buffer.alloc(1)])].map((bits) =>
    bits.toString("base64"),
  );
  for (const blankTiles of [...wrong, "", "§", 7, [1, 0]]) {
    assert.throws(
      () => readSlide({ ...plain(), ...GEOMETRY, blankTiles }),
      (error) => error instanceof DescriptionError && /“blankTiles”.*\d+ bytes/.test(error.message),
      JSON.stringify(blankTiles),
    );
  }
});

test("looks like an export with all tiles", { skip: noBrowser }, async () => {
  assert.ok(
    blank.length > 50 && blank.length < tiles.length,
    `${blank.length} of ${tiles.length} tiles`,
  );
  assert.ok(new Set(blank.map(({ level }) => level)).size >= 3);
  const dense = await denseScreens();
  const sparse = exported(
    tiles.filter((tile) => !tile.isBlank),
    { blankTiles },
  );
  await showsTheSame(dense, pathToFileURL(join(sparse, "index.html")).href);

  const archive = withIndex(
    NAME,
    `${NAME}/`,
    { ...GEOMETRY, extension: "png" },
    tiles
      .filter((tile) => !tile.isBlank)
      .map(({ level, column, row, png }) => ({
        name: tileName(NAME, level, column, row),
        contents: png,
      })),
    { ...archiveDescription(NAME, { ...GEOMETRY, extension: "png" }), ...CHANGE, blankTiles },
  );
  const server = await serve({
    ...filesIn(sparse),
    "/x.zip": toBuffer(layOut(archive)),
  });
  resources.servers.push(server);
  for (const address of [
    `${server.origin}/index.html`,
    `${server.origin}/index.html?archive=x.zip`,
  ]) {
    await showsTheSame(dense, address, [server.origin]);
  }
});

test("shows an export whose smallest level has one tile, and requests no smaller level", {
  skip: noBrowser,
}, async () => {
  const smallestLevel = 6;
  const upper = tiles.filter(({ level }) => level >= smallestLevel);
  assert.ok(
    upper.length < tiles.length &&
      upper.filter(({ level }) => level === smallestLevel).length === 1,
  );
  const folder = exported(
    upper.filter((tile) => !tile.isBlank),
    { smallestLevel, blankTiles: bitmap(upper) },
  );
  const dense = await denseScreens();
  await showsTheSame(dense, pathToFileURL(join(folder, "index.html")).href);
  for (const wrong of [-1, 11, 1.5, "6"]) {
    assert.throws(
      () => readSlide({ ...plain(), ...GEOMETRY, smallestLevel: wrong }),
      DescriptionError,
      String(wrong),
    );
  }
});

test("reports a missing tile that is not blank", { skip: noBrowser }, async () => {
  const missing = tiles.find(({ level, column, row }) => level === 10 && column === 6 && row === 4);
  assert.ok(!missing.isBlank);
  const folder = exported(
    tiles.filter((tile) => !tile.isBlank && tile !== missing),
    { blankTiles },
  );
  const { page } = await openAt(resources.browser, pathToFileURL(join(folder, "index.html")).href, {
    reducedMotion: "reduce",
  });
  await whenDrawn(page);
  await moveTo(page, { x: 420, y: 260, zoom: 2 });
  await page.getByText("1 tile could not be loaded", { exact: false }).waitFor();
  await page.context().close();
});

async function showsTheSame(dense, address, origins = []) {
  const sparse = await screens(address, origins);
  dense.forEach((screen, index) =>
    assert.ok(screen.equals(sparse[index]), `${address}: view ${index} differs`),
  );
}

/** Returns screenshots of the slide and its navigator in several views. */
async function screens(address, origins = []) {
  // On a wide screen, all names fit on one line, so that the slide has the same place.
  const { page, complaints } = await openAt(resources.browser, address, {
    reducedMotion: "reduce",
    origins,
    width: 1280,
  });
  await page.waitForFunction(() => window.slidezoom !== undefined);
  const pictures = [];
  for (const view of [
    {},
    { x: 420, y: 260, zoom: 0.3 },
    { x: 330, y: 200, zoom: 1 },
    { x: 341.3, y: 170.8, zoom: 2.7 },
    { x: 400, y: 300, zoom: 0.77, rotation: 33, flip: true },
  ]) {
    await moveTo(page, view);
    pictures.push(readPng(await page.locator("main").screenshot()).pixels);
  }
  assert.deepEqual(complaints, []);
  await page.context().close();
  return pictures;
}

let screensOfDense;

/** Returns the screenshots of an export with all tiles. */
function denseScreens() {
  screensOfDense ??= screens(pathToFileURL(join(exported(tiles), "index.html")).href);
  return screensOfDense;
}

function exported(tiles, change = {}) {
  const { folder } = writeExport({
    tiles,
    change: (description) => ({ ...description, ...CHANGE, ...change }),
  });
  resources.folders.push(dirname(folder));
  return folder;
}

function plain() {
  return archiveDescription("plain", { ...GEOMETRY, extension: "png" });
}

function isBlank(png) {
  const { width, height, pixel } = readPng(png);
  for (let at = 0; at < width * height; at += 1) {
    if (pixel(at % width, Math.floor(at / width)).join() !== BACKGROUND.join()) {
      return false;
    }
  }
  return true;
}

/** Yields all tiles, smallest level first, row by row. */
function bitmap(tiles) {
  const inOrder = [...tiles].sort(
    (a, b) => a.level - b.level || a.row - b.row || a.column - b.column,
  );
  const bytes = Buffer.alloc(Math.ceil(inOrder.length / 8));
  inOrder.forEach(({ isBlank }, index) => {
    bytes[index >> 3] |= isBlank ? 0x80 >> (index & 7) : 0;
  });
  return bytes.toString("base64");
}
