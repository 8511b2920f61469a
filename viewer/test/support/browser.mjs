// Opens pages in Chromium, from disk or a server, and records all errors and warnings of the
// browser as `complaints`.

import { existsSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

import { chromium } from "playwright-core";

export const chromiumPath = process.env.CHROMIUM ?? "/usr/bin/chromium";

/** The environment variable with the address of the browser that test files share. */
export const BROWSER_ENDPOINT = "SLIDEZOOM_TEST_BROWSER";

/** Why browser tests are skipped, or false. */
export const noBrowser = existsSync(chromiumPath)
  ? false
  : `no Chromium at ${chromiumPath} (set the variable CHROMIUM to its path)`;

const OPTIONS = {
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
};

/** Starts a browser that several processes can connect to. */
export function launchServer() {
  return chromium.launchServer(OPTIONS);
}

/** Connects to the shared browser, or starts one if there is none. */
export function connect() {
  const endpoint = process.env[BROWSER_ENDPOINT];
  return endpoint === undefined ? launch() : chromium.connect(endpoint);
}

/** Starts a browser with a new profile. */
export function launch() {
  return chromium.launch(OPTIONS);
}

/**
 * Opens folder/index.html. `complaints` grows while the page is open. `hash` is appended to the
 * address; other options are the browser context's.
 */
export function openExport(browser, folder, { hash = "", ...options } = {}) {
  return openAt(browser, pathToFileURL(join(folder, "index.html")).href + hash, options);
}

/**
 * Opens any address. Requests to origins other than `origins` are complaints; `waitUntil` is the
 * option of page.goto.
 */
export async function openAt(
  browser,
  address,
  { width = 1024, height = 768, origins = [], waitUntil = "load", ...options } = {},
) {
  const context = await browser.newContext({
    viewport: { width, height },
    deviceScaleFactor: 1,
    ...options,
  });
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
    if (
      !/^(file|data|blob):/.test(request.url()) &&
      !origins.includes(new URL(request.url()).origin)
    ) {
      complaints.push(`unexpected request: ${request.url()}`);
    }
  });
  await page.goto(address, { waitUntil });
  return { page, complaints };
}

/** Waits until all viewers, layers and navigators have stopped moving, loaded and been painted. */
export async function whenDrawn(page, timeout = 120000) {
  // The viewer notices a movement in the next frame, and only then requests tiles. Until then it
  // would count as fully loaded.
  await twoFrames(page);
  await page.waitForFunction(
    () => {
      const { viewer, viewers = [viewer] } = window.slidezoom ?? {};
      if (
        viewers.length === 0 ||
        !viewers.every((viewer) => viewer?.isOpen() && !viewer.isAnimating())
      ) {
        return false;
      }
      // In small panes, there is no navigator.
      const all = viewers.flatMap((viewer) =>
        viewer.navigator ? [viewer, viewer.navigator] : [viewer],
      );
      return all.every(({ world, _loadQueue }) => {
        const items = Array.from({ length: world.getItemCount() }, (_, index) =>
          world.getItemAt(index),
        );
        // No layer may still be waiting to be added.
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
  return page.evaluate(
    () => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))),
  );
}
