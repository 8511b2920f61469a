// Entries, search and URLs of the gallery, without a browser.

import assert from "node:assert/strict";
import { test } from "node:test";
import { loadModules } from "./support/modules.mjs";
import { entry } from "./support/sample_gallery.mjs";

const {
  DescriptionError,
  comparedPaths,
  comparisonUrl,
  matcher,
  readGallery,
  readSearch,
  searchable,
  slideUrl,
  writeSearch,
} = await loadModules(
  "checks.ts",
  "gallery/slides.ts",
  "gallery/search.ts",
  "gallery/selection.ts",
);

const PAGE = "https://host.example/slides/index.html?compare=a&compare=b#search=x";

test("reads entries with and without optional fields", () => {
  const { slides, broken } = readGallery({
    slides: [
      entry("one", { state: [1, 2] }),
      {
        name: "two",
        archive: "two.zip",
        width: 3,
        height: 4,
        micronsPerPixel: null,
        objectivePower: null,
      },
    ],
  });
  assert.equal(broken, 0);
  assert.deepEqual(slides, [
    {
      name: "one",
      path: "one",
      isArchive: false,
      thumbnail: "one/slide_files/8/0_0.png",
      width: 700,
      height: 500,
      mpp: { x: 0.5, y: 0.5 },
      objectivePower: 20,
    },
    {
      name: "two",
      path: "two.zip",
      isArchive: true,
      thumbnail: null,
      width: 3,
      height: 4,
      mpp: null,
      objectivePower: null,
    },
  ]);
});

test("skips and counts invalid entries", () => {
  const hostile = [
    null,
    "slide",
    [],
    {},
    entry(""),
    entry(" "),
    entry(7),
    entry("a", { folder: null }),
    entry("a", { folder: "a", archive: "a.zip" }),
    entry("a", { folder: "../a" }),
    entry("a", { folder: "/etc" }),
    entry("a", { folder: "a/./b" }),
    entry("a", { folder: "a//b" }),
    entry("a", { folder: "a/" }),
    entry("a", { folder: "\ud800" }),
    entry("a", { folder: ["a"] }),
    entry("a", { thumbnail: "../../secret.png" }),
    entry("a", { width: 0 }),
    entry("a", { height: 1.5 }),
    entry("a", { width: "700" }),
    entry("a", { micronsPerPixel: { x: 1 } }),
    entry("a", { micronsPerPixel: { x: 0, y: 1 } }),
    entry("a", { objectivePower: -20 }),
    // Another entry has the same path.
    entry("other", { folder: "right" }),
  ];
  const { slides, broken } = readGallery({
    slides: [entry("right"), ...hostile, entry("right too")],
  });
  assert.deepEqual(
    slides.map(({ name }) => name),
    ["right", "right too"],
  );
  assert.equal(broken, hostile.length);
});

test("explains why a value is not a gallery", () => {
  for (const value of [null, 1, "x", [], {}, { slides: {} }, { slides: "abc" }]) {
    assert.throws(() => readGallery(value), DescriptionError, JSON.stringify(value));
  }
  assert.deepEqual(readGallery({ slides: [] }), { slides: [], broken: 0 });
});

test("sorts slides by name, and numbers in names by value", () => {
  const { slides } = readGallery({
    slides: ["b", "a 10", "a 9", "Ä 2", "a 1"].map((name) => entry(name)),
  });
  assert.deepEqual(
    slides.map(({ name }) => name),
    ["a 1", "Ä 2", "a 9", "a 10", "b"],
  );
});

test("links lead to the slide for any name", () => {
  for (const name of [
    `#1 50% 'it' "Café" & +`,
    "<script>",
    "javascript:alert(1)",
    "a?b=c",
    "x\\y",
    "100%25",
    "é",
  ]) {
    const folder = new URL(slideUrl({ path: `${name}/data`, isArchive: false }), PAGE);
    assert.equal(decodeURIComponent(folder.pathname), `/slides/${name}/data/index.html`);
    assert.deepEqual([folder.origin, folder.search, folder.hash], ["https://host.example", "", ""]);

    const page = new URL(slideUrl({ path: `${name}.szi`, isArchive: true }), PAGE);
    assert.equal(page.pathname, "/slides/index.html");
    const archive = new URL(page.searchParams.get("archive"), page);
    assert.equal(decodeURIComponent(archive.pathname), `/slides/${name}.szi`);
    assert.deepEqual(
      [archive.origin, archive.search, archive.hash],
      ["https://host.example", "", ""],
    );

    const compared = new URL(comparisonUrl(name, "other/data"), PAGE);
    assert.deepEqual(comparedPaths(compared.search), [name, "other/data"]);
  }
});

test("compares exactly two slides", () => {
  assert.equal(comparedPaths(""), null);
  assert.equal(comparedPaths("?compare=a"), null);
  assert.equal(comparedPaths("?compare=a&compare=b&compare=c"), null);
  assert.deepEqual(comparedPaths("?compare=a&x=y&compare=a"), ["a", "a"]);
});

test("finds names with all words, ignoring case and accents", () => {
  const finds = (search, name) => matcher(search)(searchable(name));
  for (const [search, name] of [
    ["", "anything"],
    ["  ", "anything"],
    ["cafe", "Café 1"],
    ["CAFÉ", "cafe 1"],
    ["1 caf", "Café 1"],
    ["strasse", "Straße"],
    ["ﬁ", "file"],
    ["å", "A\u030a ring"],
    ["<b> 50%", "50% <b>"],
    ["οδος", "ΟΔΟΣ"],
  ]) {
    assert.ok(finds(search, name), `${search} in ${name}`);
  }
  assert.ok(!finds("cafe 2", "Café 1"));
  assert.ok(!finds(".*", "anything"));
});

test("writes and reads the search in the hash", () => {
  for (const search of ["", "a b", `#1 50% 'it' "Café" & + =`, "<script>"]) {
    assert.equal(readSearch(writeSearch(search)), search);
  }
  assert.equal(readSearch("#x=1&y=2"), "");
});
