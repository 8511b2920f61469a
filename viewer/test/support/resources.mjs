// Resources of a test file: a browser, temporary folders and servers. They are released when the
// file's tests have ended.

import assert from "node:assert/strict";
import { existsSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { after, before } from "node:test";
import { fileURLToPath } from "node:url";

import { connect, launch, noBrowser } from "./browser.mjs";

/**
 * Call once per test file, outside of tests. `browser` is set as soon as tests run. A shared
 * browser cannot read large local files and cannot save downloads; `ownBrowser` starts one.
 */
export function useResources({ ownBrowser = false } = {}) {
  const resources = { browser: undefined, folders: [], servers: [] };
  before(async () => {
    const dist = join(dirname(fileURLToPath(import.meta.url)), "../../dist");
    assert.ok(existsSync(join(dist, "viewer.js")), "dist/ is missing: run npm run build first");
    resources.browser = noBrowser ? undefined : await (ownBrowser ? launch() : connect());
  });
  after(async () => {
    await resources.browser?.close();
    await Promise.all(resources.servers.map((server) => server.close()));
    resources.folders.forEach((folder) => rmSync(folder, { recursive: true, force: true }));
  });
  return resources;
}
