// Accessibility: axe-core in each state of the page, in both themes and on wide and narrow screens;
// keyboard navigation. theme.test.mjs checks contrast over the slide, which axe-core cannot.

import assert from "node:assert/strict";
import { rmSync } from "node:fs";
import { createRequire } from "node:module";
import { test } from "node:test";

import { noBrowser, whenDrawn } from "./support/browser.mjs";
import { readPng } from "./support/png.mjs";
import { writeEmptyPage } from "./support/sample_export.mjs";
import { openedWithoutSlide, pageTest, pressInHeader } from "./support/viewer_page.mjs";

const AXE = createRequire(import.meta.url).resolve("axe-core/axe.min.js");
const SIZES = [
  { width: 1280, height: 800 },
  { width: 360, height: 640 },
];
const change = {
  unreadable: [{ x: 400, y: 300, width: 80, height: 60 }],
  properties: { "openslide.vendor": "aperio" },
  layers: [
    {
      kind: "geojson",
      name: "Points",
      legend: [{ color: "00ff00", label: "Point" }],
      features: { type: "FeatureCollection", features: [] },
    },
  ],
};

/** The states of a slide's page. Each starts from the previous one. */
const STATES = {
  open: () => undefined,
  turn: (page) => page.keyboard.press("t"),
  async colors(page) {
    await page.keyboard.press("c");
    await page.locator("#gamma").fill("2");
  },
  async measure(page) {
    await page.keyboard.press("m");
    await page.getByRole("button", { name: "Length" }).click();
  },
  properties: (page) => page.keyboard.press("i"),
  async "associated-image"(page) {
    await page.getByRole("button", { name: "thumbnail" }).click();
  },
  async layers(page) {
    await page.keyboard.press("Escape");
    await page.keyboard.press("y");
  },
  async link(page) {
    await page.evaluate(() => {
      navigator.clipboard.writeText = () =>
        Promise.reject(new DOMException("no", "NotAllowedError"));
    });
    await pressInHeader(page, "Copy link");
  },
  async toast(page) {
    await page.keyboard.press("Escape");
    await page.keyboard.press("v");
  },
  async more(page) {
    if (page.viewportSize().width < 900) {
      await page.getByRole("button", { name: "More" }).click();
    }
  },
  help: (page) => page.keyboard.press("?"),
};

for (const size of SIZES) {
  pageTest(
    `axe-core finds nothing on a slide page, ${size.width} pixels wide`,
    { change, ...size },
    async (page) => {
      for (const [state, enter] of Object.entries(STATES)) {
        await enter(page);
        const shown = page.locator(`#${state}`);
        assert.ok((await shown.count()) === 0 || (await shown.isVisible()), state);
        await nothingIsFound(page, state);
      }
      // axe-core must find a violation that the test inserts.
      await page.locator("#help-close").evaluate((button) => button.replaceChildren());
      await assert.rejects(nothingIsFound(page, "broken"), /button-name/);
    },
  );

  test(`axe-core finds nothing on a page without a slide, ${size.width} pixels wide`, {
    skip: noBrowser,
  }, async (context) => {
    const folder = writeEmptyPage();
    context.after(() => rmSync(folder, { recursive: true, force: true }));
    const { page } = await openedWithoutSlide(folder, size);
    await nothingIsFound(page, "offer");
    const broken = {
      name: "broken.zip",
      mimeType: "application/zip",
      buffer: Buffer.from("no archive"),
    };
    await page.locator("#archive-file").setInputFiles(broken);
    await page.getByText("cannot be shown").waitFor();
    await nothingIsFound(page, "message");
    await page.context().close();
  });

  pageTest(
    `Tab reaches every button, ${size.width} pixels wide`,
    { change, ...size },
    async (page) => {
      const expected = await page
        .locator("button:visible:enabled")
        .evaluateAll((buttons) => buttons.map(({ id }) => id));
      const reached = [];
      let left = -1;
      for (;;) {
        await page.keyboard.press("Tab");
        const now = await focused(page);
        if (now === null) {
          break;
        }
        if (!now.isButton) {
          continue;
        }
        assert.notEqual(now.name, "", now.id);
        assert.ok(!now.isInHeader || now.box.x > left, `${now.id} stands before its predecessor`);
        left = now.box.x;
        reached.push(now.id);
        await hasRing(page, now);
      }
      assert.deepEqual(reached, expected);
      assert.ok(reached.length >= 8, `${reached}`);
    },
  );
}

for (const [reducedMotion, isStill] of [
  ["reduce", true],
  ["no-preference", false],
]) {
  pageTest(
    `zooming is ${isStill ? "not " : ""}animated with motion ${reducedMotion}`,
    { reducedMotion },
    async (page) => {
      const arrived = await page.evaluate(async () => {
        const { viewer } = window.slidezoom;
        const goal = viewer.viewport.getZoom() * 2;
        document.getElementById("zoom-in").click();
        await new Promise((done) => viewer.addOnceHandler("update-viewport", done));
        return viewer.viewport.getZoom(true) === goal;
      });
      assert.equal(arrived, isStill);
      await whenDrawn(page);
    },
  );
}

/** Applies all rules in the dark theme, and those on colors in the light one too. */
async function nothingIsFound(page, state) {
  if (!(await page.evaluate(() => "axe" in window))) {
    await page.addScriptTag({ path: AXE });
  }
  for (const [colorScheme, options, leastRules] of [
    ["dark", {}, 16],
    ["light", { runOnly: ["color-contrast", "link-in-text-block"] }, 0],
  ]) {
    await page.emulateMedia({ colorScheme });
    // A page from disk cannot fetch the files that axe-core preloads.
    const { violations, passes } = await page.evaluate(
      (options) => window.axe.run(document, { preload: false, ...options }),
      options,
    );
    const found = violations.map(
      ({ id, nodes }) => `${id}: ${nodes.map(({ target }) => target).join(", ")}`,
    );
    assert.deepEqual(found, [], `${state}, ${colorScheme}`);
    assert.ok(passes.length >= leastRules, `only ${passes.length} rules applied`);
  }
}

/** Returns the focused element, or null if the focus has left the page. */
function focused(page) {
  return page.evaluate(() => {
    const element = document.activeElement;
    if (element === document.body) {
      return null;
    }
    const { x, y, width, height } = element.getBoundingClientRect();
    return {
      id: element.id,
      name: element.getAttribute("aria-label") ?? element.textContent,
      isButton: element.tagName === "BUTTON",
      isInHeader: element.closest("header") !== null,
      box: { x, y, width, height },
    };
  });
}

/** Asserts that the focus ring is visible: without it, pixels on every side are brighter or darker. */
async function hasRing(page, { id, box }) {
  const clip = { x: box.x - 4, y: box.y - 4, width: box.width + 8, height: box.height + 8 };
  const withRing = readPng(await page.screenshot({ clip }));
  const without = readPng(
    await page.screenshot({ clip, style: ":focus { outline-color: transparent !important }" }),
  );
  const middle = { x: Math.floor(withRing.width / 2), y: Math.floor(withRing.height / 2) };
  const differs = (x, y) =>
    withRing
      .pixel(x, y)
      .some((value, channel) => Math.abs(value - without.pixel(x, y)[channel]) > 60);
  const sides = [
    [0, 1, 2, 3].some((x) => differs(x, middle.y)),
    [1, 2, 3, 4].some((x) => differs(withRing.width - x, middle.y)),
    [0, 1, 2, 3].some((y) => differs(middle.x, y)),
    [1, 2, 3, 4].some((y) => differs(middle.x, withRing.height - y)),
  ];
  assert.deepEqual(sides, [true, true, true, true], `the ring of ${id}`);
}
