// Reads descriptions without a browser.

import assert from "node:assert/strict";
import { test } from "node:test";
import { loadModules } from "./support/modules.mjs";
import { NO_DETAILS } from "./support/sample_export.mjs";

const { readSlide, tilesUrl, fullLevel, DescriptionError } = await loadModules(
  "read_slide.ts",
  "tile_layout.ts",
  "pyramid.ts",
  "checks.ts",
);
const { facts } = await loadModules("facts.ts");

const SHA256 = "6335ea0e6cc54c2cba64bb265d3c713a50cd84484924e3a9c109558c13521d5c";
const LABEL = { name: "label", path: "associated/label.jpeg", width: 387, height: 463 };

const good = {
  name: "CMU-1",
  width: 46000,
  height: 32914,
  tileSize: 254,
  overlap: 1,
  format: "jpeg",
  micronsPerPixel: { x: 0.499, y: 0.499 },
  objectivePower: 20,
  background: "ffffff",
};
const readGood = (change = {}) => readSlide({ ...good, ...change });

test("reads a complete description", () => {
  const { micronsPerPixel, ...rest } = good;
  assert.deepEqual(readGood(), {
    ...rest,
    ...NO_DETAILS,
    tiles: "CMU-1_files",
    mpp: micronsPerPixel,
    blankTiles: null,
    layers: [],
  });
  assert.equal(readGood({ micronsPerPixel: null }).mpp, null);
  assert.equal(readGood({ objectivePower: null }).objectivePower, null);
  assert.equal(readGood({ name: "<script>" }).name, "<script>");
});

test("reads optional fields", () => {
  const details = {
    levels: 17,
    layout: "dz",
    smallestLevel: 0,
    quality: 80,
    subsampling: "444",
    coding: "optimized",
    compression: null,
    baseTiles: "lossless",
    area: { x: 100, y: 0, width: good.width, height: good.height },
    toSlide: [
      [1, 0, 100],
      [0, 1, 0],
    ],
    unreadable: [{ x: 100, y: 7, width: 240, height: 240 }],
    associatedImages: [LABEL],
    source: { bytes: 177552579, sha256: SHA256 },
    writtenBy: { slidezoom: "0.1.0", openslide: null },
  };
  const properties = { "openslide.vendor": "aperio", "openslide.mpp-x": "0.499" };
  const { tiles, ...slide } = readGood({ ...details, properties, tiles: 31342 });
  assert.equal(tiles, "CMU-1_files");
  const { micronsPerPixel, ...rest } = good;
  assert.deepEqual(slide, {
    ...rest,
    ...details,
    mpp: micronsPerPixel,
    tileCount: 31342,
    blankTiles: null,
    layers: [],
    properties: [
      ["openslide.vendor", "aperio"],
      ["openslide.mpp-x", "0.499"],
    ],
  });
  assert.deepEqual(readGood({ source: null, area: null, toSlide: null }), readGood());
});

test("an exported area may differ in size if toSlide is present", () => {
  const area = { x: 100, y: 0, width: 2 * good.height, height: 2 * good.width };
  const toSlide = [
    [0, 2, 100],
    [-2, 0, 2 * good.width],
  ];
  assert.deepEqual(readGood({ area, toSlide }).area, area);
  assert.throws(() => readGood({ area }), DescriptionError);
});

test("rejects an invalid description, naming the field", () => {
  const broken = {
    name: [undefined, null, 7, "/root", "a//b", "../up", "./here", "\ud800"],
    width: [undefined, 0, -1, 1.5, "46000", null, 1e300],
    height: [undefined, 0, NaN],
    tileSize: [undefined, 0, "254"],
    overlap: [undefined, -1, 254, 0.5],
    format: [undefined, "gif", "WEBP", null],
    micronsPerPixel: [undefined, 0.5, {}, { x: 0, y: 1 }, { x: 1 }, { x: "1", y: 1 }],
    objectivePower: [undefined, 0, "20", -40],
    background: [undefined, null, "#ffffff", "fff", "ffffffff", "gggggg"],
    levels: [0, "17"],
    smallestLevel: [-1, 17, "0", null],
    tiles: [-1, 1.5],
    quality: [0, 101, "80"],
    subsampling: [444, "411"],
    coding: ["arithmetic", true],
    compression: ["zip", 0],
    baseTiles: ["own"],
    area: [
      {},
      [],
      { x: 0, y: 0, width: 1, height: 1 },
      { x: -1, y: 0, width: 46000, height: 32914 },
    ],
    toSlide: [
      {},
      [],
      [[1, 0, 0]],
      [
        [1, 0],
        [0, 1],
      ],
      [
        [1, 0, "0"],
        [0, 1, 0],
      ],
      [
        [1, 2, 0],
        [2, 4, 0],
      ],
    ],
    unreadable: [
      {},
      [{ x: 0, y: 0, width: 0, height: 1 }],
      [{ x: 0.5, y: 0, width: 1, height: 1 }],
      [null],
    ],
    associatedImages: [
      {},
      [{ ...LABEL, name: undefined }],
      [{ ...LABEL, width: 0 }],
      ...[
        "/etc/passwd",
        "../label.jpeg",
        "a/../../b",
        "a//b",
        "",
        "..\\b",
        "https://x/y",
        "\udfff",
        7,
      ].map((path) => [{ ...LABEL, path }]),
    ],
    properties: [[], { a: 1 }, { a: null }, "text"],
    source: [
      "x.svs",
      { bytes: -1 },
      { file: 7 },
      { sha256: "beef" },
      { fingerprint: `${SHA256}0` },
    ],
    writtenBy: ["slidezoom", {}, { slidezoom: "0.1.0", openslide: 4 }],
  };
  for (const [key, values] of Object.entries(broken)) {
    for (const value of values) {
      assert.throws(
        () => readGood({ [key]: value }),
        (error) => error instanceof DescriptionError && error.message.includes(`“${key}”`),
        `${key} = ${JSON.stringify(value)}`,
      );
    }
  }
  for (const value of [undefined, null, 7, "text", [], [good]]) {
    assert.throws(() => readSlide(value), DescriptionError, JSON.stringify(value));
  }
});

test("escapes each part of the tile folder's URL", () => {
  assert.equal(tilesUrl(readGood()), "CMU-1_files/");
  assert.equal(
    tilesUrl(readGood({ name: `a b #1 50% "é" ?<script>` })),
    "a%20b%20%231%2050%25%20%22%C3%A9%22%20%3F%3Cscript%3E_files/",
  );
  assert.equal(tilesUrl(readGood({ name: "javascript:alert" })), "javascript%3Aalert_files/");
});

test("computes the number of the full-size level", () => {
  const levels = [
    [1, 1, 0],
    [2, 1, 1],
    [3, 2, 2],
    [700, 500, 10],
    [1024, 1, 10],
    [1, 1025, 11],
    [46000, 32914, 16],
    [2 ** 29, 1, 29],
  ];
  for (const [width, height, level] of levels) {
    assert.equal(fullLevel(readGood({ width, height })), level, `${width} x ${height}`);
  }
});

test("formats size, scale and objective power", () => {
  assert.deepEqual(facts(readGood()), [
    "46\u202f000 × 32\u202f914\u00a0px",
    "0.499\u00a0µm per pixel",
    "20× objective",
  ]);
  assert.deepEqual(
    facts(
      readGood({
        micronsPerPixel: { x: 0.25, y: 0.5 },
        objectivePower: null,
        width: 100,
        height: 1234567,
      }),
    ),
    ["100 × 1\u202f234\u202f567\u00a0px", "0.25 × 0.5\u00a0µm per pixel"],
  );
});
