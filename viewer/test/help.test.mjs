// The help sheet, compared with the sources and with OpenSeadragon's keys.

import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

import { whenDrawn } from "./support/browser.mjs";
import { loadModules } from "./support/modules.mjs";
import { moveTo, near, pageTest, pressInHeader, viewOf } from "./support/viewer_page.mjs";

const { HELP, helpOf } = await loadModules("help.ts");

/** Returns the keys that the sources of the page handle. */
function keysOfThePage() {
  const source = join(dirname(fileURLToPath(import.meta.url)), "../src");
  const text = readdirSync(source, { recursive: true })
    .filter((name) => name.endsWith(".ts"))
    .map((name) => readFileSync(join(source, name), "utf8"))
    .join("\n");
  const calls = [/onKey\("([^"]+)"/g, /togglePanel\("[^"]+", "[^"]+", "([^"]+)"/g];
  return calls.flatMap((call) => [...text.matchAll(call)].map(([, key]) => key.toLowerCase()));
}

test("the help lists every key once, and none is OpenSeadragon's", () => {
  const rows = HELP.filter(
    ({ title }) => !title.startsWith("Keys, with the slide focused"),
  ).flatMap((part) => part.rows);
  const listed = rows.flatMap(({ keys }) => keys.map((key) => key.toLowerCase()));
  const keys = keysOfThePage();
  assert.ok(keys.length >= 12, `only ${keys}`);
  assert.equal(new Set(keys).size, keys.length, `${keys}`);
  keys.forEach((key) =>
    assert.equal(listed.filter((other) => other === key).length, 1, `the key ${key}`),
  );
  const taken = [
    "w",
    "a",
    "s",
    "d",
    "r",
    "f",
    "j",
    "k",
    "0",
    "+",
    "-",
    "=",
    "arrowup",
    "arrowdown",
    "arrowleft",
    "arrowright",
  ];
  assert.deepEqual(
    keys.filter((key) => taken.includes(key)),
    [],
  );
});

for (const size of [
  { width: 1024, height: 768 },
  { width: 360, height: 640 },
]) {
  pageTest(`the help opens and closes, ${size.width} pixels wide`, size, async (page) => {
    const sheet = page.getByRole("dialog", { name: "Shortcuts and gestures" });
    const ways = [
      [() => page.keyboard.press("?"), () => page.keyboard.press("Escape")],
      [
        () => pressInHeader(page, "Help"),
        () => page.getByRole("button", { name: "Close" }).click(),
      ],
      [() => page.keyboard.press("?"), () => page.keyboard.press("?")],
    ];
    for (const [show, leave] of ways) {
      await show();
      assert.equal(await sheet.isVisible(), true);
      const parts = helpOf("slide");
      assert.equal(
        await sheet.getByRole("row").count(),
        parts.length + parts.flatMap(({ rows }) => rows).length,
      );
      const overflows = await sheet.evaluate(
        (element) => element.scrollWidth > element.clientWidth,
      );
      assert.equal(overflows, false);
      // The page ignores its keys while the sheet is open.
      await page.keyboard.press("m");
      assert.equal(await page.locator("#measure").isVisible(), false);
      await leave();
      assert.equal(await sheet.isVisible(), false);
    }
  });
}

pageTest("OpenSeadragon's keys work", {}, async (page) => {
  const home = await viewOf(page);
  await page.locator("#slide .openseadragon-canvas").focus();
  const press = async (key) => {
    await moveTo(page, { x: 350, y: 250, zoom: 3, rotation: 0, flip: false });
    await page.keyboard.press(key, { delay: 60 });
    await whenDrawn(page);
    return viewOf(page);
  };
  assert.ok((await press("ArrowRight")).x > 350);
  assert.ok((await press("ArrowLeft")).x < 350);
  assert.ok((await press("ArrowDown")).y > 250);
  assert.ok((await press("ArrowUp")).y < 250);
  assert.ok((await press("Equal")).zoom > 3.01);
  assert.ok((await press("Minus")).zoom < 2.99);
  near((await press("0")).zoom, home.zoom, 1e-9);
  assert.equal((await press("r")).rotation, 90);
  assert.equal((await press("f")).flip, true);
});

pageTest("the key Home shows the whole slide and resets the rotation", {}, async (page) => {
  const home = await viewOf(page);
  await moveTo(page, { x: 100, y: 100, zoom: 3, rotation: 45, flip: true });
  await page.keyboard.press("Home");
  await whenDrawn(page);
  const view = await viewOf(page);
  near(view.zoom, home.zoom, 1e-9);
  assert.deepEqual([view.rotation, view.flip], [0, false]);
});
