// Exports in every layout look like Deep Zoom, from disk, from a server and from archives. Expected
// file names follow each format's specification.

import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { pathToFileURL } from "node:url";
import { noBrowser, openAt } from "./support/browser.mjs";
import { loadModules } from "./support/modules.mjs";
import { readPng, writePng } from "./support/png.mjs";
import { useResources } from "./support/resources.mjs";
import { description } from "./support/sample_archive.mjs";
import { HEIGHT, sampleTiles, WIDTH, writeExport } from "./support/sample_export.mjs";
import { filesIn, serve } from "./support/server.mjs";
import { moveTo } from "./support/viewer_page.mjs";
import { layOut, tileIndex, toBuffer } from "./support/zip_writer.mjs";

const { readSlide, DescriptionError } = await loadModules("read_slide.ts", "checks.ts");
const { tilePaths } = await loadModules("tile_layout.ts");

const NAME = 'slide #1 50% "é"';
const FULL = 10;
/** A color that the sample slide does not contain. */
const LOUD = [255, 0, 255];

/** More tiles than a Zoomify group holds. */
const SMALL_TILES = pyramidOf(40, 5);
/** The viewer loads few tiles per frame, so a page with small ones takes many seconds to draw. */
const LARGE_TILES = pyramidOf(100, 7);

const resources = useResources();

/** Returns a pyramid of the sample slide, and its tiles in the order of Zoomify. */
function pyramidOf(tileSize, smallestLevel) {
  const geometry = { width: WIDTH, height: HEIGHT, tileSize, overlap: 0, smallestLevel };
  const tiles = [...sampleTiles(geometry)].filter(({ level }) => level >= smallestLevel);
  tiles.sort((a, b) => a.level - b.level || a.row - b.row || a.column - b.column);
  return { ...geometry, tiles };
}

/** Returns the path of a tile in an export with this layout. */
const PATHS = {
  dz: (_, { level, column, row }) => `${NAME}_files/${level}/${column}_${row}.png`,
  // https://ecommons.cornell.edu/bitstream/handle/1813/5410/Introducing_Zoomify_Image.pdf
  zoomify: ({ tiles, smallestLevel }, tile) => {
    const group = Math.floor(tiles.indexOf(tile) / 256);
    return `TileGroup${group}/${tile.level - smallestLevel}-${tile.column}-${tile.row}.png`;
  },
  google: ({ smallestLevel }, { level, column, row }) =>
    `${level - smallestLevel}/${row}/${column}.png`,
  iiif2: (pyramid, tile) => iiif(pyramid, tile, "full", (width) => `${width},`),
  iiif3: (pyramid, tile) => iiif(pyramid, tile, "max", (width, height) => `${width},${height}`),
};

/** Returns the canonical request of the Image API, by its implementation notes. */
function iiif({ tileSize }, { level, column, row }, largest, written) {
  const scale = 2 ** (FULL - level);
  const xr = column * tileSize * scale;
  const yr = row * tileSize * scale;
  const wr = Math.min(tileSize * scale, WIDTH - xr);
  const hr = Math.min(tileSize * scale, HEIGHT - yr);
  const whole = wr === WIDTH && hr === HEIGHT;
  const size =
    whole && scale === 1 ? largest : written(Math.ceil(wr / scale), Math.ceil(hr / scale));
  return `${whole ? "full" : [xr, yr, wr, hr].join()}/${size}/0/default.png`;
}

for (const layout of ["zoomify", "google", "iiif2", "iiif3"]) {
  test(`${layout}: file names follow the format`, () => {
    for (const pyramid of [SMALL_TILES, LARGE_TILES]) {
      const path = tilePaths(readSlide(described(layout, pyramid)));
      const names = pyramid.tiles.map((tile) => PATHS[layout](pyramid, tile));
      pyramid.tiles.forEach(({ level, column, row }, index) =>
        assert.equal(path(level, column, row), names[index]),
      );
      assert.equal(new Set(names).size, pyramid.tiles.length);
    }
  });

  test(`${layout}: the page looks as with Deep Zoom`, { skip: noBrowser }, async () => {
    const expected = await reference();
    const folder = exported(layout);
    await showsTheSame(expected, pathToFileURL(join(folder, "index.html")).href);
    const files = LARGE_TILES.tiles.map((tile) => ({
      name: `${NAME}/${PATHS[layout](LARGE_TILES, tile)}`,
      contents: content(layout, tile),
    }));
    const server = await serve({
      ...filesIn(folder),
      "/indexed.zip": toBuffer(layOut(withIndex(layout, files))),
      "/listed.zip": toBuffer(layOut(withIndex(layout, files).slice(0, -1))),
    });
    resources.servers.push(server);
    for (const address of ["", "?archive=indexed.zip", "?archive=listed.zip"]) {
      await showsTheSame(expected, `${server.origin}/index.html${address}`, [server.origin]);
    }
  });
}

test("JPEG files end in .jpg in all layouts but Deep Zoom", () => {
  for (const layout of ["dz", "zoomify", "google", "iiif2", "iiif3"]) {
    const path = tilePaths(readSlide({ ...described(layout, SMALL_TILES), format: "jpeg" }))(
      FULL,
      1,
      2,
    );
    assert.ok(path.endsWith(layout === "dz" ? ".jpeg" : ".jpg"), path);
  }
});

test("IIIF includes full size if the whole image is one tile", () => {
  const small = { width: 300, height: 200, tileSize: 512, smallestLevel: 0 };
  const path = (layout) => tilePaths(readSlide({ ...described(layout, SMALL_TILES), ...small }));
  assert.equal(path("iiif2")(9, 0, 0), "full/full/0/default.png");
  assert.equal(path("iiif3")(9, 0, 0), "full/max/0/default.png");
  assert.equal(path("iiif2")(8, 0, 0), "full/150,/0/default.png");
  assert.equal(path("iiif3")(7, 0, 0), "full/75,50/0/default.png");
});

test("tiles one pixel wide in two levels have two names in IIIF 2", () => {
  const narrow = { width: 2049, height: 2148, tileSize: 512, smallestLevel: 9 };
  const path = tilePaths(readSlide({ ...described("iiif2", SMALL_TILES), ...narrow }));
  assert.equal(path(12, 4, 4), "2048,2048,1,100/1,/0/default.png");
  assert.equal(path(11, 2, 2), "2048,2048,1,100/1,50/0/default.png");
  assert.equal(path(11, 2, 0), "2048,0,1,1024/1,/0/default.png");
});

test("rejects unknown layouts, and takes no layout as Deep Zoom", () => {
  for (const layout of ["iiif", "DZ", "", 7, {}, "__proto__"]) {
    assert.throws(
      () => readSlide(described(layout, SMALL_TILES)),
      (error) => error instanceof DescriptionError && /“layout”/.test(error.message),
      JSON.stringify(layout),
    );
  }
  assert.equal(readSlide({ ...described("dz", SMALL_TILES), layout: undefined }).layout, "dz");
});

let screensOfDeepZoom;

function reference() {
  screensOfDeepZoom ??= screens(pathToFileURL(join(exported("dz"), "index.html")).href);
  return screensOfDeepZoom;
}

function described(layout, { tiles, ...geometry }) {
  const { smallestLevel } = geometry;
  return { ...description(NAME, { ...geometry, extension: "png" }), smallestLevel, layout };
}

function exported(layout) {
  const { folder } = writeExport({ tiles: [], change: () => described(layout, LARGE_TILES) });
  resources.folders.push(dirname(folder));
  for (const tile of LARGE_TILES.tiles) {
    const file = join(folder, PATHS[layout](LARGE_TILES, tile));
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, content(layout, tile));
  }
  return folder;
}

/** Google tiles have the full size. Their padding must not be visible. */
function content(layout, { png }) {
  if (layout !== "google") {
    return png;
  }
  const { width, height, pixel } = readPng(png);
  const side = LARGE_TILES.tileSize;
  return writePng(side, side, (x, y) => (x < width && y < height ? pixel(x, y) : LOUD));
}

function withIndex(layout, files) {
  const json = {
    name: `${NAME}/${NAME}.json`,
    contents: Buffer.from(JSON.stringify(described(layout, LARGE_TILES))),
  };
  // info.json, which other IIIF clients read.
  const info = { name: `${NAME}/info.json`, contents: Buffer.from('{"width": 1, "height": 1}') };
  const index = {
    name: `${NAME}/tile-index.bin`,
    contents: (places) => {
      const { tiles, ...geometry } = LARGE_TILES;
      const found = (level, column, row) =>
        tiles.find((tile) => tile.level === level && tile.column === column && tile.row === row);
      const place = (level, column, row) =>
        places.get(`${NAME}/${PATHS[layout](LARGE_TILES, found(level, column, row))}`);
      return tileIndex({ ...geometry, extension: "png" }, place, places.get(json.name));
    },
  };
  return [...files, json, ...(layout.startsWith("iiif") ? [info] : []), index];
}

async function showsTheSame(expected, address, origins = []) {
  const found = await screens(address, origins);
  expected.forEach((screen, index) =>
    assert.ok(screen.equals(found[index]), `${address}: view ${index} differs`),
  );
}

/** Returns screenshots of the slide and its navigator in several views. */
async function screens(address, origins = []) {
  const { page, complaints } = await openAt(resources.browser, address, {
    reducedMotion: "reduce",
    origins,
    width: 1280,
  });
  await page.waitForFunction(() => window.slidezoom !== undefined);
  const found = [];
  // At 1:1 and above: when tiles are reduced, the filter includes a pixel of the padding of edge
  // tiles.
  for (const view of [{}, { x: 660, y: 470, zoom: 1 }, { x: 690, y: 490, zoom: 2.7 }]) {
    await moveTo(page, view);
    found.push(readPng(await page.locator("main").screenshot()).pixels);
  }
  assert.deepEqual(complaints, []);
  await page.context().close();
  return found;
}
