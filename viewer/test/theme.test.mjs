// The dark and light theme, its persistence and its colors.

import assert from "node:assert/strict";
import { test } from "node:test";

import { near, pageTest } from "./support/viewer_page.mjs";

const DARK = "rgb(42, 42, 42)";
const LIGHT = "rgb(214, 214, 214)";

for (const [colorScheme, own, other] of [
  ["dark", DARK, LIGHT],
  ["light", LIGHT, DARK],
]) {
  pageTest(
    `the page is ${colorScheme} on a ${colorScheme} system, until the user decides`,
    { colorScheme },
    async (page) => {
      const shows = async (color) => assert.equal(await backgroundOf(page), color);
      await shows(own);
      await page.getByRole("button", { name: "Dark or light theme" }).click();
      await shows(other);
      await page.reload();
      await shows(other);
      // Choosing the system's theme makes the page follow the system again.
      await page.keyboard.press("b");
      await shows(own);
      await page.reload();
      await page.emulateMedia({ colorScheme: colorScheme === "dark" ? "light" : "dark" });
      await shows(other);
    },
  );
}

pageTest(
  "a choice lasts for the visit if it cannot be stored",
  { colorScheme: "dark" },
  async (page) => {
    await page.addInitScript(() => {
      Object.defineProperty(window, "localStorage", {
        get() {
          throw new DOMException("refused", "SecurityError");
        },
      });
    });
    await page.reload();
    await page.keyboard.press("b");
    assert.equal(await backgroundOf(page), LIGHT);
    await page.keyboard.press("b");
    assert.equal(await backgroundOf(page), DARK);
    await page.keyboard.press("b");
    await page.reload();
    assert.equal(await backgroundOf(page), DARK);
  },
);

/** Foreground, background, and their minimum contrast. */
const PAIRS = [
  ...["--page", "--bar", "--over-slide", "--button", "--button-hover", "--button-pressed"].map(
    (below) => ["--text", below, 4.5],
  ),
  ...["--page", "--bar"].map((below) => ["--quiet", below, 4.5]),
  ["--button-off", "--button", 4.5],
  ["--warning", "--over-slide", 3],
  ...["--page", "--bar", "--button"].map((below) => ["--focus", below, 3]),
  ["--mark", "--mark-edge", 4.5],
];
const NOT_GRAY = ["--warning", "--region"];

for (const colorScheme of ["dark", "light"]) {
  pageTest(
    `the ${colorScheme} theme uses grays with sufficient contrast`,
    { colorScheme },
    async (page) => {
      const colors = await colorsOf(page);
      assert.ok(colors.size > 15, `${colors.size} colors`);
      for (const [name, [red, green, blue]] of colors) {
        assert.equal(
          red === green && green === blue,
          !NOT_GRAY.includes(name),
          `${name}: ${red}, ${green}, ${blue}`,
        );
      }
      for (const [above, below, least] of PAIRS) {
        // In the worst case, a translucent color is over its opposite.
        const shade = colors.get(above);
        const grounds = [0, 255].map((slide) => blended(colors.get(below), slide));
        for (const ground of grounds) {
          const contrast = contrastOf(shade, ground);
          assert.ok(contrast >= least, `${above} on ${below}: ${contrast.toFixed(2)}`);
        }
      }
    },
  );
}

test("computes contrast as the guidelines do", () => {
  near(contrastOf([0, 0, 0], [255, 255, 255]), 21, 1e-9);
  near(contrastOf([119, 119, 119], [255, 255, 255]), 4.48, 0.01);
});

function backgroundOf(page) {
  return page.evaluate(() => getComputedStyle(document.body).backgroundColor);
}

/** The page's colors by the names of their properties, as [red, green, blue, opacity]. */
async function colorsOf(page) {
  const shown = await page.evaluate(() => {
    const probe = document.body.appendChild(document.createElement("p"));
    const names = [...getComputedStyle(probe)].filter((name) => /^--(?!dark$|light$)/.test(name));
    return names.map((name) => {
      probe.style.color = `var(${name})`;
      return [name, getComputedStyle(probe).color];
    });
  });
  return new Map(
    shown.map(([name, color]) => {
      const [red, green, blue, opacity = 1] = color.match(/[\d.]+/g).map(Number);
      return [name, [red, green, blue, opacity]];
    }),
  );
}

function blended([red, green, blue, opacity], ground) {
  return [red, green, blue].map((value) => value * opacity + ground * (1 - opacity));
}

/** Returns the contrast ratio of WCAG 2. */
function contrastOf(one, other) {
  const [darker, lighter] = [luminance(one), luminance(other)].sort((a, b) => a - b);
  return (lighter + 0.05) / (darker + 0.05);
}

function luminance(color) {
  const [red, green, blue] = color.map((value) => {
    const part = value / 255;
    return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}
