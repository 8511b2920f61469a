// What a file of tests holds while it runs: one browser, folders and servers. All
// of it goes away at its end, whatever became of the tests.

import assert from "node:assert/strict";
import { existsSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { after, before } from "node:test";
import { fileURLToPath } from "node:url";

import { launch, noBrowser } from "./browser.mjs";

/** To be called once in a file of tests, outside any of them. The browser is there as soon as tests run. */
export function hold() {
  const held = { browser: undefined, folders: [], servers: [] };
  before(async () => {
    const dist = join(dirname(fileURLToPath(import.meta.url)), "../../dist");
    assert.ok(existsSync(join(dist, "viewer.js")), "dist/ is missing: run npm run build first");
    held.browser = noBrowser ? undefined : await launch();
  });
  after(async () => {
    await held.browser?.close();
    await Promise.all(held.servers.map((server) => server.close()));
    held.folders.forEach((folder) => rmSync(folder, { recursive: true, force: true }));
  });
  return held;
}
