// Writes a small export like those of slidezoom. Its pixels are known, and its names need escaping
// in URLs and HTML.

import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

import { loadModules } from "./modules.mjs";
import { writePng } from "./png.mjs";

const { tilePaths } = await loadModules("tile_layout.ts");

const dist = join(dirname(fileURLToPath(import.meta.url)), "../../dist");
const AWKWARD = `#1 50% 'it' "Café" ? <script> {{title}} $&`;

export const WIDTH = 700;
export const HEIGHT = 500;
export const TILE_SIZE = 254;
export const OVERLAP = 1;
export const FULL_LEVEL = 10;

/**
 * Returns the color of a pixel of the sample slide. Red and green are constant in each quarter;
 * blue has a fine grain, which reveals a shift by one pixel.
 */
export function slidePixel(x, y) {
  return [x < WIDTH / 2 ? 60 : 200, y < HEIGHT / 2 ? 70 : 210, 60 + ((x * 37 + y * 59) % 128)];
}

/** The fields of a slide whose description has only required fields. */
export const NO_DETAILS = {
  layout: "dz",
  smallestLevel: 0,
  levels: null,
  tileCount: null,
  quality: null,
  subsampling: null,
  coding: null,
  compression: null,
  baseTiles: null,
  area: null,
  toSlide: null,
  unreadable: [],
  associatedImages: [],
  properties: [],
  source: null,
  writtenBy: null,
};

/** The associated images, as an export lists them. */
export const ASSOCIATED = [
  { name: "thumbnail", path: "associated/thumbnail.png", width: 70, height: 50 },
  {
    name: 'label #1 50% "é" <b>',
    path: 'associated/label #1 50% "é" <b>.png',
    width: 40,
    height: 90,
  },
];

/** Returns the color of a pixel of an associated image, unique in each image. */
export function associatedPixel({ width }, x, y) {
  return [width, (x * 3) % 256, (y * 2) % 256];
}

export function associatedPng(image) {
  return writePng(image.width, image.height, (x, y) => associatedPixel(image, x, y));
}

/** Writes the export, optionally with other tiles, into a new folder. */
export function writeExport({ change, tiles } = {}) {
  return writeExportInto(join(newFolder(), `export ${AWKWARD}`), `slide ${AWKWARD}`, change, tiles);
}

/** Writes the export into a folder. */
export function writeExportInto(
  folder,
  name,
  change = (description) => description,
  tiles = sampleTiles(),
) {
  const description = {
    name,
    width: WIDTH,
    height: HEIGHT,
    tileSize: TILE_SIZE,
    overlap: OVERLAP,
    format: "png",
    micronsPerPixel: { x: 0.4990001, y: 0.5 },
    objectivePower: 20,
    background: "ffffff",
    associatedImages: ASSOCIATED,
  };
  writePyramid(join(folder, tilesOf(description)), tiles);
  mkdirSync(join(folder, "associated"), { recursive: true });
  ASSOCIATED.forEach((image) => writeFileSync(join(folder, image.path), associatedPng(image)));
  writePage(folder, name);
  writeSlideScript(folder, change(description));
  return { folder, description };
}

/** Writes a page that has no slide of its own into a new folder. */
export function writeEmptyPage() {
  const folder = newFolder();
  writePage(folder, "Slides");
  const page = join(folder, "index.html");
  writeFileSync(page, readFileSync(page, "utf8").replace('<script src="slide.js"></script>', ""));
  return folder;
}

export function newFolder() {
  return mkdtempSync(join(tmpdir(), "slidezoom-viewer-"));
}

/** The folder of the tiles, relative to the page. */
export function tilesOf({ name }) {
  return `${name}_files`;
}

function writeSlideScript(folder, description) {
  writeFileSync(
    join(folder, "slide.js"),
    `(globalThis.slidezoomSlides ??= []).push(${JSON.stringify(description)});`,
  );
}

/** Writes the page of a slide or a gallery with its title, as the exporter does. */
export function writePage(folder, title, kind = "viewer") {
  mkdirSync(join(folder, kind), { recursive: true });
  for (const file of ["viewer.js", "viewer.css"]) {
    copyFileSync(join(dist, file), join(folder, kind, file));
  }
  const template = readFileSync(
    join(dist, kind === "gallery" ? "gallery.html" : "index.html"),
    "utf8",
  );
  writeFileSync(
    join(folder, "index.html"),
    template.replace("{{title}}", () => escapeHtml(title)),
  );
}

/** Returns the file of the full-size tile with a slide pixel. */
export function tileFile({ folder, description }, x, y) {
  const column = Math.floor(x / description.tileSize);
  const row = Math.floor(y / description.tileSize);
  const level = Math.ceil(Math.log2(Math.max(description.width, description.height)));
  const tiles = (description.layout ?? "dz") === "dz" ? tilesOf(description) : "";
  return join(
    folder,
    tiles,
    tilePaths({ layout: "dz", smallestLevel: 0, ...description })(level, column, row),
  );
}

function escapeHtml(text) {
  return text.replace(/[&<>"']/g, (character) => `&#${character.codePointAt(0)};`);
}

/** Writes tiles into the folder of a pyramid. */
export function writePyramid(folder, tiles) {
  for (const { level, column, row, png } of tiles) {
    mkdirSync(join(folder, String(level)), { recursive: true });
    writeFileSync(join(folder, String(level), `${column}_${row}.png`), png);
  }
}

/** Yields all tiles of an image, by default the sample slide, from full size down. */
export function* sampleTiles({
  width = WIDTH,
  height = HEIGHT,
  pixel = slidePixel,
  tileSize = TILE_SIZE,
  overlap = OVERLAP,
} = {}) {
  let image = { width, height, pixel };
  for (let level = Math.ceil(Math.log2(Math.max(width, height))); level >= 0; level -= 1) {
    yield* levelTiles(level, image, tileSize, overlap);
    image = halved(image);
  }
}

function* levelTiles(level, image, tileSize, overlap) {
  for (let row = 0; row * tileSize < image.height; row += 1) {
    for (let column = 0; column * tileSize < image.width; column += 1) {
      const left = Math.max(0, column * tileSize - overlap);
      const top = Math.max(0, row * tileSize - overlap);
      const right = Math.min(image.width, (column + 1) * tileSize + overlap);
      const bottom = Math.min(image.height, (row + 1) * tileSize + overlap);
      const png = writePng(right - left, bottom - top, (x, y) => image.pixel(left + x, top + y));
      yield { level, column, row, png };
    }
  }
}

function halved(image) {
  const width = Math.ceil(image.width / 2);
  const height = Math.ceil(image.height / 2);
  const pixels = [];
  for (let y = 0; y < height; y += 1) {
    for (let x = 0; x < width; x += 1) {
      pixels.push(meanOfFour(image, x * 2, y * 2));
    }
  }
  return { width, height, pixel: (x, y) => pixels[y * width + x] };
}

function meanOfFour(image, x, y) {
  const right = Math.min(x + 1, image.width - 1);
  const below = Math.min(y + 1, image.height - 1);
  const four = [
    image.pixel(x, y),
    image.pixel(right, y),
    image.pixel(x, below),
    image.pixel(right, below),
  ];
  return [0, 1, 2].map((channel) =>
    Math.round(four.reduce((sum, pixel) => sum + pixel[channel], 0) / 4),
  );
}
