// Opens pages of sample exports and moves their viewer.

import assert from "node:assert/strict";
import { dirname } from "node:path";
import { test } from "node:test";
import { noBrowser, openAt, openExport, whenDrawn } from "./browser.mjs";
import { useResources } from "./resources.mjs";
import { writeExport } from "./sample_export.mjs";
import { filesIn, serve } from "./server.mjs";

const resources = useResources();

if (noBrowser) {
  console.log(`SKIPPED: ${noBrowser}`);
}

/** Writes a sample export with the fields of `change` in its description; returns its folder. */
export function sampleExport(change = {}) {
  const { folder } = writeExport({ change: (description) => ({ ...description, ...change }) });
  resources.folders.push(dirname(folder));
  return folder;
}

/** Opens an export without animations and waits until it is drawn. */
export async function opened(folder, options = {}) {
  const { page, complaints } = await openExport(resources.browser, folder, {
    reducedMotion: "reduce",
    ...options,
  });
  await whenDrawn(page);
  return { page, complaints };
}

/** Opens the page of a folder without a slide. */
export function openedWithoutSlide(folder, options) {
  return openExport(resources.browser, folder, options);
}

/** Opens an export from a web server. */
export async function openedFromServer(folder, options = {}) {
  const server = await serve(filesIn(folder));
  resources.servers.push(server);
  const { origin } = server;
  const opened = await openAt(resources.browser, `${origin}/index.html`, {
    reducedMotion: "reduce",
    origins: [origin],
    ...options,
  });
  await whenDrawn(opened.page);
  return opened;
}

/** Defines a test on the page of a sample slide, which fails on browser errors. */
export function pageTest(name, { change, ...options }, body) {
  test(name, { skip: noBrowser }, async () => {
    const folder = sampleExport(change);
    const { page, complaints } = await opened(folder, options);
    await body(page, folder);
    assert.deepEqual(complaints, []);
    await page.context().close();
  });
}

/** Moves the viewer immediately. Values that are not given stay the same. */
export async function moveTo(page, view) {
  await page.evaluate(({ x, y, zoom, rotation, flip }) => {
    const { viewport } = window.slidezoom.viewer;
    if (rotation !== undefined) {
      viewport.setRotation(rotation, true);
    }
    if (flip !== undefined) {
      viewport.setFlip(flip);
    }
    if (zoom !== undefined) {
      viewport.zoomTo(viewport.imageToViewportZoom(zoom), null, true);
    }
    if (x !== undefined) {
      viewport.panTo(viewport.imageToViewportCoordinates(x, y), true);
    }
  }, view);
  await whenDrawn(page);
}

/** Returns the view: the slide pixel at the center, and screen pixels per slide pixel. */
export function viewOf(page) {
  return page.evaluate(() => {
    const { viewport } = window.slidezoom.viewer;
    const { x, y } = viewport.viewportToImageCoordinates(viewport.getCenter(true));
    return {
      x,
      y,
      zoom: viewport.viewportToImageZoom(viewport.getZoom(true)),
      rotation: viewport.getRotation(true),
      flip: viewport.getFlip(),
    };
  });
}

/** Presses a button of the header, in the menu "More" if it is there. */
export async function pressInHeader(page, name) {
  const button = page.locator("header").getByRole("button", { name });
  if (!(await button.isVisible())) {
    await page.getByRole("button", { name: "More" }).click();
  }
  await button.click();
}

export function near(actual, expected, tolerance, message = "") {
  assert.ok(
    Math.abs(actual - expected) <= tolerance,
    `${message} ${actual} is not within ${tolerance} of ${expected}`,
  );
}
