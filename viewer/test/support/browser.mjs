// Opens an export in the machine's Chromium, from disk as a person would by a
// double click, and keeps a list of everything the browser complains about.

import { existsSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

import { chromium } from "playwright-core";

export const chromiumPath = process.env.CHROMIUM ?? "/usr/bin/chromium";

/** Why no browser test can run, or false. */
export const noBrowser = existsSync(chromiumPath)
  ? false
  : `no Chromium at ${chromiumPath} (name one in the variable CHROMIUM)`;

/** Starts Chromium; its profile is new and goes away with it. */
export function launch() {
  return chromium.launch({
    executablePath: chromiumPath,
    args: [
      "--headless",
      "--no-sandbox",
      "--disable-gpu",
      "--disable-quic",
      "--no-first-run",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
      "--force-color-profile=srgb",
    ],
  });
}

/**
 * Opens folder/index.html; `complaints` grows as long as the page is open.
 * `options` go to the browser's context, `hash` after the page's address.
 */
export function openExport(browser, folder, { hash = "", ...options } = {}) {
  return openAt(browser, pathToFileURL(join(folder, "index.html")).href + hash, options);
}

/** The same for any address; requests to `origins` are no complaint. */
export async function openAt(browser, address, { width = 1024, height = 768, origins = [], ...options } = {}) {
  const context = await browser.newContext({ viewport: { width, height }, deviceScaleFactor: 1, ...options });
  const page = await context.newPage();
  const complaints = [];
  page.on("console", (message) => {
    if (["error", "warning", "assert"].includes(message.type())) {
      complaints.push(`console ${message.type()}: ${message.text()}`);
    }
  });
  page.on("pageerror", (error) => complaints.push(`page error: ${error.message}`));
  page.on("requestfailed", (request) => {
    complaints.push(`request failed: ${request.url()} (${request.failure()?.errorText})`);
  });
  page.on("request", (request) => {
    if (!/^(file|data|blob):/.test(request.url()) && !origins.includes(new URL(request.url()).origin)) {
      complaints.push(`request beyond where the page may: ${request.url()}`);
    }
  });
  await page.goto(address);
  return { page, complaints };
}

/** Waits until slide, layers and navigator, or those of two slides side by side, are still, loaded and painted. */
export async function whenDrawn(page, timeout = 30000) {
  // The viewer learns in the next frame that it has been moved, and only then
  // that tiles are wanting; before, it would still count as fully loaded.
  await twoFrames(page);
  await page.waitForFunction(
    () => {
      const { viewer, viewers = [viewer] } = window.slidezoom ?? {};
      if (viewers.length === 0 || !viewers.every((viewer) => viewer?.isOpen() && !viewer.isAnimating())) {
        return false;
      }
      // On a small screen a slide side by side with another has no navigator.
      const all = viewers.flatMap((viewer) => (viewer.navigator ? [viewer, viewer.navigator] : [viewer]));
      return all.every(({ world, _loadQueue }) => {
        const items = Array.from({ length: world.getItemCount() }, (_, index) => world.getItemAt(index));
        // The slide, each layer over it, and none still to be added.
        return (
          items.length > 0 &&
          _loadQueue.length === 0 &&
          items.every((item) => item.getFullyLoaded()) &&
          !world.needsDraw()
        );
      });
    },
    undefined,
    { timeout },
  );
  await twoFrames(page);
}

function twoFrames(page) {
  return page.evaluate(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))));
}
