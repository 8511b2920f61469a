// Other programs than the page: OpenSeadragon as its users know it, with nothing
// of ours but the descriptor's address, shows a real export from a web server.
// SLIDEZOOM_EXPORT names the export's folder.

import assert from "node:assert/strict";
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";

import { serve } from "./archive-server.mjs";
import { launch, noBrowser, openAt, whenDrawn } from "./browser.mjs";
import { comparesWithTiles } from "./tiles.mjs";

const folder = process.env.SLIDEZOOM_EXPORT;
const skip = noBrowser || (folder ? false : "SLIDEZOOM_EXPORT names no exported folder");
if (skip) {
  console.log(`SKIPPED: ${skip}`);
}

const PAGE = `<!DOCTYPE html><link rel="icon" href="data:,"><style>html, body, #slide { height: 100%; margin: 0 }</style>
<div id="slide"></div><script src="/openseadragon.js"></script><script src="/start.js"></script>`;

test("OpenSeadragon's own source of Deep Zoom images shows an export from a server", { skip }, async (context) => {
  const names = readdirSync(folder, { recursive: true }).filter((name) => statSync(join(folder, name)).isFile());
  const description = JSON.parse(
    readFileSync(
      join(
        folder,
        names.find((name) => /^[^/]+\.json$/.test(name)),
      ),
    ),
  );
  const library = import.meta.resolve("openseadragon");
  const start = `window.failed = [];
    const viewer = OpenSeadragon({
      id: "slide", tileSources: ${JSON.stringify(`/export/${description.name}.dzi`)}, drawer: "canvas", prefixUrl: "",
      showNavigationControl: false, showNavigator: true, maxZoomPixelRatio: 4, smoothTileEdgesMinZoom: Infinity,
    });
    viewer.addHandler("tile-load-failed", ({ message }) => failed.push(message));
    viewer.addHandler("open-failed", ({ message }) => failed.push(message));
    window.slidezoom = { viewer };`;
  const server = await serve({
    "/": { bytes: Buffer.from(PAGE), headers: { "Content-Type": "text/html" } },
    "/openseadragon.js": readFileSync(new URL(library)),
    "/start.js": Buffer.from(start),
    ...Object.fromEntries(names.map((name) => [`/export/${name}`, readFileSync(join(folder, name))])),
  });
  const browser = await launch();
  // Whatever the outcome: either would keep the tests from ending.
  context.after(() => Promise.all([browser.close(), server.close()]));

  const { page, complaints } = await openAt(browser, `${server.origin}/`, { origins: [server.origin] });
  await whenDrawn(page);
  const { x, y } = await page.evaluate(() => window.slidezoom.viewer.world.getItemAt(0).source.dimensions);
  assert.deepEqual([x, y], [description.width, description.height]);
  await comparesWithTiles(page, folder, description, await browser.newContext());
  assert.deepEqual(await page.evaluate(() => window.failed), []);
  assert.deepEqual(complaints, []);
});
