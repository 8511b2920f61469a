// The properties panel and associated images from disk. archive_page.test.mjs tests those in
// archives.

import assert from "node:assert/strict";
import { test } from "node:test";

import { whenDrawn } from "./support/browser.mjs";
import { loadModules } from "./support/modules.mjs";
import { ASSOCIATED, HEIGHT, WIDTH } from "./support/sample_export.mjs";
import { showsAssociated } from "./support/screen.mjs";
import { pageTest } from "./support/viewer_page.mjs";

const { detailedFacts } = await loadModules("detailed_facts.ts");
const { readSlide } = await loadModules("read_slide.ts", "checks.ts");

const SHA256 = "6335ea0e6cc54c2cba64bb265d3c713a50cd84484924e3a9c109558c13521d5c";
const DETAILS = {
  levels: 11,
  tiles: 14,
  format: "jpeg",
  quality: 80,
  subsampling: "420",
  baseTiles: "lossless",
  area: { x: 1000, y: 2, width: WIDTH, height: HEIGHT },
  unreadable: [{ x: 1000, y: 2, width: 3, height: 4 }],
  source: { file: "x.svs", bytes: 1938955, sha256: SHA256 },
  writtenBy: { slidezoom: "0.1.0", openslide: "4.0.1" },
};
const PLAIN = {
  name: "x",
  width: WIDTH,
  height: HEIGHT,
  tileSize: 254,
  overlap: 1,
  format: "png",
  micronsPerPixel: null,
  objectivePower: null,
  background: "ffffff",
};
const HOSTILE = {
  "<img src=x onerror=alert(1)>": "</td></table><script>alert(1)</script>",
  "openslide.vendor": "aperio",
  "openslide.quickhash-1": SHA256.repeat(4),
};

test("lists known facts", () => {
  const full = readSlide({
    ...PLAIN,
    ...DETAILS,
    micronsPerPixel: { x: 0.5, y: 0.25 },
    objectivePower: 40,
  });
  assert.deepEqual(detailedFacts(full), [
    ["Size", "700 × 500\u00a0px"],
    ["Physical size", "0.35 × 0.125\u00a0mm"],
    ["Scale", "0.5 × 0.25\u00a0µm per pixel"],
    ["Objective", "40×"],
    ["Levels", "11"],
    ["Tiles", "14"],
    ["Tile size", "254\u00a0px, overlap 1\u00a0px"],
    ["Tile format", "JPEG, quality 80, chroma 4:2:0, at full size the slide’s own data"],
    ["Background", "#ffffff"],
    ["Exported area", "700 × 500\u00a0px from x\u00a01\u202f000, y\u00a02"],
    ["Unreadable regions", "1"],
    ["Source file", "x.svs"],
    ["Source size", "1\u202f938\u202f955 bytes"],
    ["Source SHA-256", SHA256],
    ["Written by", "slidezoom 0.1.0, OpenSlide 4.0.1"],
  ]);
  assert.deepEqual(detailedFacts(readSlide(PLAIN)), [
    ["Size", "700 × 500\u00a0px"],
    ["Tile size", "254\u00a0px, overlap 1\u00a0px"],
    ["Tile format", "PNG"],
    ["Background", "#ffffff"],
  ]);
  const tileFormat = (change) =>
    detailedFacts(readSlide({ ...PLAIN, ...change })).find(([name]) => name === "Tile format")[1];
  for (const [change, expected] of [
    [{ format: "webp", compression: "lossy", quality: 60 }, "WebP, quality 60"],
    [{ format: "webp", compression: "lossless" }, "WebP, lossless"],
    [{ format: "webp" }, "WebP"],
    [
      { format: "jpeg", quality: 80, subsampling: "400", coding: "progressive" },
      "JPEG, quality 80, gray, progressive",
    ],
    [{ format: "jpg", subsampling: "444", coding: "baseline" }, "JPEG, chroma 4:4:4"],
  ]) {
    assert.equal(tileFormat(change), expected);
  }
  const named = (source) => detailedFacts(readSlide({ ...PLAIN, source })).slice(4);
  assert.deepEqual(named({ bytes: 0, fingerprint: SHA256 }), [
    ["Source size", "0 bytes"],
    ["SHA-256 of the source’s first and last MiB", SHA256],
  ]);
});

/** Properties as in an export with all of them: many, some long, some hostile. */
const MANY = {
  ...Object.fromEntries(
    Array.from({ length: 600 }, (_, index) => [`tiff.property-${index}`, `value ${index}`]),
  ),
  "right \u202e to left": "\u202e\u05d0\u05d1 txt.exe \u2066 and never back",
  "lines\nin a name": "one\r\ntwo\n\n<b>four</b>\u2028five\u0007",
  long: "x".repeat(100_000),
  "": "",
  constructor: "a word of the language",
};

const options = { change: { ...DETAILS, format: "png", properties: HOSTILE } };

pageTest("the search requires all words in name or value", options, async (page) => {
  await page.keyboard.press("i");
  const search = page.getByRole("searchbox", { name: "Search properties" });
  const rows = () => page.locator("#properties-table tr:visible").allInnerTexts();
  const all = await rows();
  assert.equal(
    all.length,
    2 +
      detailedFacts(readSlide({ ...PLAIN, ...DETAILS, micronsPerPixel: { x: 1, y: 1 } })).length +
      1 +
      3,
  );
  for (const [words, expected] of [
    ["VENDOR", ["Properties", "openslide.vendor\taperio"]],
    ["  aperio   vendor ", ["Properties", "openslide.vendor\taperio"]],
    ["Written 4.0.1", ["Slide and export", "Written by\tslidezoom 0.1.0, OpenSlide 4.0.1"]],
    ["1938955", ["Slide and export", "Source size\t1\u202f938\u202f955 bytes"]],
    ["1 938\u202f955", ["Slide and export", "Source size\t1\u202f938\u202f955 bytes"]],
    ["aperio <script>", []],
  ]) {
    await search.fill(words);
    assert.deepEqual(
      (await rows()).map((row) => row.trim()),
      expected,
      words,
    );
    assert.equal(
      await page.locator("#properties-none").innerText(),
      expected.length === 0 ? "No matches." : "",
    );
  }
  await search.fill("");
  assert.deepEqual(await rows(), all);
});

pageTest("shows hostile names and values as selectable text", options, async (page) => {
  await page.keyboard.press("i");
  const cells = page.locator("#properties-table tbody:last-of-type :is(th, td)");
  assert.deepEqual(await cells.allTextContents(), [
    "Properties",
    ...Object.entries(HOSTILE).flat(),
  ]);
  assert.equal(await page.locator("#properties-table :is(img, script)").count(), 0);
  assert.equal(await page.locator("#associated-images b").count(), 0);
  await page.locator("#properties-table td", { hasText: SHA256 }).first().click({ clickCount: 3 });
  assert.equal(await page.evaluate(() => getSelection().toString().trim()), SHA256);
});

const many = { change: { ...DETAILS, format: "png", properties: MANY } };

pageTest("shows and searches hundreds of properties without overlap", many, async (page) => {
  await page.keyboard.press("i");
  const cells = page.locator("#properties-table tbody:last-of-type :is(th, td)");
  assert.deepEqual(await cells.allTextContents(), ["Properties", ...Object.entries(MANY).flat()]);
  assert.equal(await page.locator("#properties-table b").count(), 0);
  // Marks that change the text direction end with their cell: the next row is not affected.
  const row = (name) => page.locator("#properties-table tr", { hasText: name }).last();
  const lines = await row("lines").locator("td").boundingBox();
  const [one, other] = [
    await row("property-1").boundingBox(),
    await row("property-599").boundingBox(),
  ];
  assert.ok(lines.height > 3 * one.height, `${lines.height} for five lines, ${one.height} for one`);
  assert.deepEqual([one.x, one.width, one.height], [other.x, other.width, other.height]);
  const overflow = await page
    .locator("#properties")
    .evaluate((box) => box.scrollWidth - box.clientWidth);
  assert.equal(overflow, 0);
  const search = page.getByRole("searchbox", { name: "Search properties" });
  await search.fill("property-599");
  assert.deepEqual(await page.locator("#properties-table tr:visible").allInnerTexts(), [
    "Properties",
    "tiff.property-599\tvalue 599",
  ]);
  await search.fill("language");
  assert.equal(await page.locator("#properties-table tr:visible").count(), 2);
});

pageTest("button, key and Escape toggle the panel and keep the focus", options, async (page) => {
  const panel = page.getByRole("group", { name: "Properties" });
  const button = page.getByRole("button", { name: "Properties" });
  await button.click();
  assert.equal(await panel.isVisible(), true);
  assert.equal(await button.getAttribute("aria-expanded"), "true");
  await page.keyboard.press("i");
  assert.equal(await panel.isVisible(), false);
  await page.keyboard.press("i");
  const search = page.getByRole("searchbox");
  // In the field, the shortcut types a letter, and Escape closes the panel.
  await search.pressSequentially("mic");
  assert.equal(await search.inputValue(), "mic");
  await search.press("Escape");
  assert.equal(await panel.isVisible(), false);
  assert.equal(await button.evaluate((element) => element === document.activeElement), true);
});

pageTest("loads associated images when the panel opens, and enlarges them", {}, async (page) => {
  const asked = [];
  page.on("request", (request) => asked.push(request.url()));
  const panel = page.getByRole("group", { name: "Properties" });
  await page.getByRole("button", { name: "Zoom in" }).click();
  await whenDrawn(page);
  assert.deepEqual(
    asked.filter((url) => url.includes("/associated/")),
    [],
  );
  await page.keyboard.press("i");
  for (const image of ASSOCIATED) {
    const name = `${image.name} ${image.width} × ${image.height}\u00a0px`;
    // An image without content cannot be focused.
    const button = panel.getByRole("button", { name, exact: true, disabled: false });
    await button.focus();
    await page.keyboard.press("Enter");
    await showsAssociated(page, image);
    await page.keyboard.press("Escape");
    assert.equal(await page.getByRole("dialog").count(), 0);
    assert.equal(await panel.isVisible(), true, "Escape leaves one thing at a time");
    assert.equal(await button.evaluate((element) => element === document.activeElement), true);
  }
  await page.keyboard.press("Escape");
  await page.keyboard.press("i");
  assert.equal(await panel.getByRole("button").count(), ASSOCIATED.length, "made once");
});

pageTest(
  "an export of another tool has no images and no properties",
  { change: { associatedImages: undefined } },
  async (page) => {
    await page.keyboard.press("i");
    assert.equal(await page.locator("#associated-images").isVisible(), false);
    assert.equal(await page.getByText("Slide and export").isVisible(), true);
    assert.equal(await page.getByRole("rowheader", { name: "Properties" }).count(), 0);
  },
);

pageTest("fits a narrow window", { ...options, width: 360, height: 640 }, async (page) => {
  await page.keyboard.press("i");
  const overflow = (selector) =>
    page.locator(selector).evaluate((box) => box.scrollWidth - box.clientWidth);
  assert.equal(await overflow("#properties"), 0);
  assert.equal(await overflow("html"), 0);
  const box = await page.locator("#properties").boundingBox();
  assert.ok(
    box.x >= 0 && box.x + box.width <= 360 && box.y + box.height <= 640,
    JSON.stringify(box),
  );
  await page.getByRole("button", { name: "thumbnail" }).click();
  assert.equal(await overflow("#associated-image"), 0);
});
