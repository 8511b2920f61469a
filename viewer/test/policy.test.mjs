// Uses every tool once under a strict content security policy.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { join } from "node:path";
import { after, before, test } from "node:test";

import { connect, noBrowser, whenDrawn } from "./support/browser.mjs";
import { sampleTiles, writePyramid } from "./support/sample_export.mjs";
import { sampleExport } from "./support/viewer_page.mjs";

const POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:";
const TYPES = { html: "text/html", js: "text/javascript", css: "text/css", png: "image/png" };
const LAYERS = [
  {
    kind: "pyramid",
    name: "Heat",
    path: "layers/heat",
    width: 7,
    height: 5,
    tileSize: 254,
    overlap: 1,
    format: "png",
    legend: {
      stops: [
        { value: 0, color: "0000ff" },
        { value: 1, color: "ff0000" },
      ],
    },
  },
  {
    kind: "geojson",
    name: "Points",
    legend: [{ color: "00ff00", label: "Point" }],
    features: {
      type: "FeatureCollection",
      features: [
        {
          type: "Feature",
          geometry: { type: "Point", coordinates: [300, 200] },
          properties: { name: "The middle" },
        },
      ],
    },
  },
];
let browser;

before(async () => {
  browser = noBrowser ? undefined : await connect();
});
after(() => browser?.close());

test("all tools work under a strict content security policy", {
  skip: noBrowser,
  timeout: 60000,
}, async (context) => {
  const folder = sampleExport({
    layers: LAYERS,
    unreadable: [{ x: 1, y: 2, width: 30, height: 40 }],
  });
  writePyramid(
    join(folder, "layers/heat_files"),
    sampleTiles({ width: 7, height: 5, tileSize: 254 }),
  );
  const server = createServer(async ({ url }, response) => {
    const path = decodeURIComponent(new URL(url, "http://localhost").pathname);
    const body = await readFile(join(folder, path === "/" ? "index.html" : path)).catch(() => null);
    const type = TYPES[path === "/" ? "html" : path.split(".").pop()];
    response.writeHead(body === null ? 404 : 200, {
      "content-security-policy": POLICY,
      "content-type": type ?? "",
    });
    response.end(body);
  });
  await new Promise((ready) => server.listen(0, "127.0.0.1", ready));
  // A running server would keep the tests from ending.
  context.after(() => {
    server.closeAllConnections();
    server.close();
  });
  const page = await browser.newPage({ reducedMotion: "reduce" });
  const complaints = [];
  page.on("console", (message) => {
    if (message.type() !== "log") {
      complaints.push(message.text());
    }
  });
  page.on("pageerror", (error) => complaints.push(error.message));
  await page.addInitScript(() => {
    window.refused = [];
    document.addEventListener("securitypolicyviolation", (event) =>
      window.refused.push(event.violatedDirective),
    );
  });
  await page.goto(
    `http://127.0.0.1:${server.address().port}/#x=300&y=200&zoom=2&rotation=90&flip=1`,
  );
  await whenDrawn(page);
  await page.keyboard.press("c");
  await page.locator("#gamma").fill("2");
  await page.locator("#brightness").fill("1.5");
  await page.keyboard.press("t");
  await page.keyboard.press(".");
  await page.keyboard.press("m");
  await page.getByRole("button", { name: "Length" }).click();
  await page.keyboard.press("p");
  await page.keyboard.press("p");
  await page.keyboard.press("i");
  await page.getByRole("button", { name: "thumbnail" }).click();
  await page.keyboard.press("Escape");
  await page.keyboard.press("y");
  await page.getByRole("slider", { name: "Opacity of Heat" }).fill("0.3");
  const slide = await page.locator("#slide").boundingBox();
  await page.mouse.move(slide.x + slide.width / 2, slide.y + slide.height / 2);
  await page.locator("#shape-label", { hasText: "The middle" }).waitFor();
  await page.keyboard.press("l");
  await page.keyboard.press("b");
  await Promise.all([page.waitForEvent("download"), page.keyboard.press("v")]);
  await page.keyboard.press("?");
  await whenDrawn(page);
  assert.equal(await page.locator("#measurements text").count(), 1);
  assert.deepEqual(await page.evaluate(() => window.refused), []);
  assert.deepEqual(complaints, []);
  // A blocked style must be reported, or the test would prove nothing.
  await page.evaluate(() => document.body.setAttribute("style", "color: red"));
  await page.waitForFunction(() => window.refused.length > 0);
  await page.context().close();
});
