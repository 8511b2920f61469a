// Pages that open archives, in Chromium.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { noBrowser, openAt, whenDrawn } from "./browser.mjs";
import { useResources } from "./resources.mjs";
import { archiveFiles, NAME } from "./sample_archive.mjs";
import { HEIGHT, slidePixel, WIDTH, writeEmptyPage } from "./sample_export.mjs";
import { forEachPixel, slideRegion } from "./screen.mjs";
import { serve } from "./server.mjs";
import { layOut, toBuffer } from "./zip_writer.mjs";

/** How many slide pixels to each side of a point are compared. */
export const PATCH = 5;

/** Requests before those for tiles: the length, and the archive's end with description and index. */
export const OPENING_REQUESTS = 2;

export function browserTest(name, body) {
  test(name, { skip: noBrowser, timeout: 120000 }, body);
}

/** Resources of a test file, like `useResources`, with a page that has no slide of its own. */
export function useArchivePage(options) {
  const resources = useResources(options);
  const inFolder = (folder) => {
    resources.folders.push(folder);
    return folder;
  };
  const emptyPage = inFolder(writeEmptyPage());
  return {
    resources,
    emptyPage,
    /** Registers a folder, which is removed after the tests. */
    inFolder,
    /** Returns the files of the empty page, for `started`. */
    pageFiles() {
      const names = ["index.html", "viewer/viewer.js", "viewer/viewer.css"];
      return Object.fromEntries(
        names.map((name) => [`/${name}`, readFileSync(join(emptyPage, name))]),
      );
    },
    /** Starts a server, which is stopped after the tests. */
    async started(files, link) {
      const server = await serve(files, link);
      resources.servers.push(server);
      return server;
    },
    /** Opens the page of a server with an archive's address. */
    openedFrom(server, archive, origins = [], size = {}) {
      const encoded = encodeURIComponent(encodeURI(archive).replaceAll("#", "%23"));
      return openAt(resources.browser, `${server.origin}/index.html?archive=${encoded}`, {
        ...size,
        origins: [server.origin, ...origins],
      });
    },
  };
}

/** Asserts that the page shows the sample slide at 1:1 and its name. */
export async function assertShowsSlide(page, name = NAME) {
  await page.waitForFunction(() => window.slidezoom !== undefined);
  await whenDrawn(page);
  assert.equal(await page.locator("#name").textContent(), name);
  assert.equal(await page.title(), name);
  assert.equal(await page.locator("#message").textContent(), "");
  // Four tiles meet at the second point.
  for (const [x, y] of [
    [350, 250],
    [254, 254],
    [3, 3],
    [WIDTH - 4, HEIGHT - 4],
    [100, 100],
  ]) {
    const shown = await slideRegion(page, x, y, 1, PATCH);
    forEachPixel(PATCH * 2 + 1, (dx, dy) => {
      const [atX, atY] = [x - PATCH + dx, y - PATCH + dy];
      if (atX >= 0 && atY >= 0 && atX < WIDTH && atY < HEIGHT) {
        assert.deepEqual(shown.pixel(dx, dy), slidePixel(atX, atY), `slide pixel ${atX}, ${atY}`);
      }
    });
  }
}

/** Asserts that the page shows no slide, but a message that matches. */
export async function assertRejected(page, sentence) {
  await page.locator("#message", { hasText: "cannot be shown: " }).waitFor();
  assert.match(await page.locator("#message").textContent(), sentence);
  assert.equal(await page.getByRole("button").count(), 1);
  assert.ok(await page.getByRole("button", { name: "Open an archive…" }).isVisible());
  assert.equal(await page.evaluate(() => window.slidezoom), undefined);
  assert.ok(!(await page.locator("#navigator").isVisible()));
}

/** Drops a file on the page. */
export async function drop(page, name, bytes) {
  const files = await page.evaluateHandle(
    ([name, base64]) => {
      const transfer = new DataTransfer();
      transfer.items.add(
        new File([Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0))], name),
      );
      return transfer;
    },
    [name, bytes.toString("base64")],
  );
  await page.dispatchEvent("main", "dragover", { dataTransfer: files });
  assert.ok(await page.evaluate(() => document.body.classList.contains("dropping")));
  await page.dispatchEvent("main", "drop", { dataTransfer: files });
  assert.ok(!(await page.evaluate(() => document.body.classList.contains("dropping"))));
}

export function zipped(files = archiveFiles()) {
  return toBuffer(layOut(files));
}

/** A promise, and the export function that resolves it. */
export function closedGate() {
  let open;
  const opened = new Promise((resolve) => {
    open = resolve;
  });
  return { opened, open };
}
