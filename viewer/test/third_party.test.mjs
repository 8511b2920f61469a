// OpenSeadragon without the page shows real exports from a web server. SLIDEZOOM_EXPORT names an
// export's folder, SLIDEZOOM_LAYOUTS a folder with one folder per layout, each with an export.

import assert from "node:assert/strict";
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { connect, noBrowser, openAt, whenDrawn } from "./support/browser.mjs";
import { serve } from "./support/server.mjs";
import { comparesWithTiles } from "./support/tiles.mjs";

const exports = new Map([["Deep Zoom", process.env.SLIDEZOOM_EXPORT]]);
for (const layout of ["zoomify", "iiif2", "iiif3"]) {
  const folder = join(process.env.SLIDEZOOM_LAYOUTS ?? "", layout);
  exports.set(layout, process.env.SLIDEZOOM_LAYOUTS && join(folder, readdirSync(folder)[0]));
}

const PAGE = `<!DOCTYPE html><link rel="icon" href="data:,"><style>html, body, #slide { height: 100%; margin: 0 }</style>
<div id="slide"></div><script src="/openseadragon.js"></script><script src="/start.js"></script>`;

for (const [layout, folder] of exports) {
  const skip =
    noBrowser || (folder ? false : `no environment variable names an exported folder of ${layout}`);
  if (skip) {
    console.log(`SKIPPED: ${skip}`);
  }
  test(`OpenSeadragon's own source of ${layout} shows an export from a server`, {
    skip,
  }, async (context) => {
    await showsAnExport(folder, context);
  });
}

/**
 * Returns OpenSeadragon's tile source as an expression of a script. OpenSeadragon enlarges tiles
 * without overlap by a pixel, which must not blur them.
 */
function source({ layout, name, width, height, tileSize }) {
  switch (layout) {
    case "dz":
      return JSON.stringify(`/export/${name}.dzi`);
    case "zoomify":
      return JSON.stringify({
        type: "zoomifytileservice",
        width,
        height,
        tileSize,
        tilesUrl: "/export/",
      });
    default: {
      // Only the server's address differs from the export.
      const id = layout === "iiif2" ? "@id" : "id";
      return `{ ...(await (await fetch("/export/info.json")).json()), "${id}": location.origin + "/export" }`;
    }
  }
}

async function showsAnExport(folder, context) {
  const names = readdirSync(folder, { recursive: true }).filter((name) =>
    statSync(join(folder, name)).isFile(),
  );
  const texts = names.filter((name) => /^[^/]+\.json$/.test(name) && name !== "info.json");
  const description = JSON.parse(readFileSync(join(folder, texts[0])));
  const library = import.meta.resolve("openseadragon");
  const start = `window.failed = [];
    (async () => {
    const viewer = OpenSeadragon({
      id: "slide", tileSources: ${source(description)}, drawer: "canvas", prefixUrl: "", imageSmoothingEnabled: false,
      showNavigationControl: false, showNavigator: true, maxZoomPixelRatio: 4, smoothTileEdgesMinZoom: Infinity,
    });
    viewer.addHandler("tile-load-failed", ({ message }) => failed.push(message));
    viewer.addHandler("open-failed", ({ message }) => failed.push(message));
    window.slidezoom = { viewer };
    })();`;
  const server = await serve({
    "/": { bytes: Buffer.from(PAGE), headers: { "Content-Type": "text/html" } },
    "/openseadragon.js": readFileSync(new URL(library)),
    "/start.js": Buffer.from(start),
    ...Object.fromEntries(
      names.map((name) => [`/export/${name}`, readFileSync(join(folder, name))]),
    ),
  });
  const browser = await connect();
  // A running server or browser would keep the tests from ending.
  context.after(() => Promise.all([browser.close(), server.close()]));

  const { page, complaints } = await openAt(browser, `${server.origin}/`, {
    origins: [server.origin],
  });
  await page.waitForFunction(() => window.slidezoom?.viewer.isOpen());
  await whenDrawn(page);
  const { x, y } = await page.evaluate(
    () => window.slidezoom.viewer.world.getItemAt(0).source.dimensions,
  );
  assert.deepEqual([x, y], [description.width, description.height]);
  await comparesWithTiles(page, folder, description, await browser.newContext());
  assert.deepEqual(await page.evaluate(() => window.failed), []);
  assert.deepEqual(complaints, []);
}
