// Two slides side by side in Chromium: synchronized, unlinked and linked again.

import assert from "node:assert/strict";
import { rmSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";

import { noBrowser, openAt, openExport, whenDrawn } from "./support/browser.mjs";
import { random } from "./support/random.mjs";
import { useResources } from "./support/resources.mjs";
import {
  ARCHIVE,
  BAG,
  comparing,
  FOLDER,
  serveFolder,
  writeGallery,
} from "./support/sample_gallery.mjs";
import { near } from "./support/viewer_page.mjs";

const STRICT =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; connect-src 'self'";
const FINE = FOLDER;
const COARSE = `${BAG}/data`;
/** The coarse slide's pixels are twice as large, in micrometers. */
const RATIO = 2;
const STILL = { reducedMotion: "reduce" };
const resources = useResources();

function browserTest(name, body) {
  test(name, { skip: noBrowser, timeout: 120000 }, body);
}

browserTest("two exports open from disk at one scale, and agree after 50 movements", async () => {
  const { page, complaints } = await compared(FINE, COARSE);
  assert.equal(await page.title(), `${FOLDER} | ${BAG}`);
  assert.deepEqual(await page.getByRole("heading", { level: 2 }).allTextContents(), [FOLDER, BAG]);
  const texts = await page.locator(".pane .scale-bar span").allTextContents();
  assert.equal(texts[0], texts[1]);
  assert.match((await page.locator(".power").allTextContents()).join(), /^[\d.]+×,[\d.]+×$/);
  assert.equal(await page.locator(".pane .navigator:visible").count(), 2);
  const start = await views(page);
  near(start[1].zoom, start[0].zoom * RATIO, 1e-9);

  const next = random(5);
  for (let round = 0; round < 50; round += 1) {
    const movement = {
      x: next(0, 700),
      y: next(0, 500),
      zoom: 2 ** next(-1, 3),
      rotation: next(0, 360),
    };
    await move(page, round % 2, {
      ...movement,
      flip: next(0, 1) < 0.3,
      immediately: round % 3 > 0,
    });
    await settled(page);
    agrees(start, await views(page), `round ${round}`);
  }
  assert.deepEqual(complaints, []);
  await page.context().close();
});

browserTest("either slide leads, by mouse, wheel, buttons and keys", async () => {
  const { page, complaints } = await compared(FINE, COARSE, {});
  const start = await views(page);
  const [left, right] = await page.locator(".pane-slide").all();
  const button = (half, name) => page.locator(".pane").nth(half).getByRole("button", { name });
  const middle = async (half) => {
    const box = await half.boundingBox();
    return [box.x + box.width / 2, box.y + box.height / 2];
  };
  const drag = async (half, by) => {
    const [x, y] = await middle(half);
    await page.mouse.move(x, y);
    await page.mouse.down();
    await page.mouse.move(x + by, y + by / 2, { steps: 5 });
    await page.mouse.up();
  };
  const wheel = async (half, by) => {
    await page.mouse.move(...(await middle(half)));
    await page.mouse.wheel(0, by);
  };
  for (const act of [
    () => button(1, "Zoom in").click(),
    () => drag(left, 80),
    () => wheel(right, -200),
    // The second slide is moved while the first one is still moving.
    async () => {
      await button(0, "Zoom in").click();
      await drag(right, -60);
    },
    () => button(0, "Rotate right 90°").click(),
    () => button(1, "Flip").click(),
    () => page.keyboard.press("."),
    () => wheel(left, 300),
    () => right.locator(".slide > .openseadragon-container .openseadragon-canvas").press("r"),
    () => page.keyboard.press("Home"),
  ]) {
    const before = await views(page);
    await act();
    await settled(page);
    const now = await views(page);
    assert.notDeepEqual(now[0], before[0], `${act}`);
    agrees(start, now, `${act}`);
  }
  assert.equal(await button(0, "Flip").getAttribute("aria-pressed"), "false");
  assert.deepEqual(complaints, []);
  await page.context().close();
});

browserTest("unlinked slides can be aligned, and keep this alignment when linked", async () => {
  const { page, complaints } = await compared(FINE, COARSE);
  const toggle = page.getByRole("button", { name: "Synchronized" });
  await toggle.click();
  assert.equal(await toggle.getAttribute("aria-pressed"), "false");
  const [left] = await views(page);
  await move(page, 1, { x: 123, y: 234, rotation: 30, zoom: 3 });
  assert.deepEqual((await views(page))[0], left);
  await toggle.click();
  await settled(page);
  const aligned = await views(page);
  assert.deepEqual(aligned[0], left);
  near(aligned[1].zoom, left.zoom * RATIO, 1e-9);
  near(aligned[1].x, 123, 1e-6);
  near(aligned[1].y, 234, 1e-6);
  near(aligned[1].rotation, 30, 1e-9);
  const next = random(9);
  for (let round = 0; round < 8; round += 1) {
    await move(page, round % 2, {
      x: next(0, 700),
      y: next(0, 500),
      zoom: next(1, 4),
      rotation: next(0, 360),
    });
    await settled(page);
    agrees(aligned, await views(page), `round ${round}`);
  }
  assert.deepEqual(complaints, []);
  await page.context().close();
});

browserTest("resizing the window keeps slides together", async () => {
  const { page } = await compared(FINE, COARSE);
  const start = await views(page);
  await move(page, 0, { x: 200, y: 300, zoom: 2, rotation: 70 });
  for (const size of [
    { width: 700, height: 900 },
    { width: 1200, height: 500 },
  ]) {
    await page.setViewportSize(size);
    await page.waitForFunction(() =>
      window.slidezoom.viewers.every(({ container, viewport }) => {
        const { x, y } = viewport.getContainerSize();
        return x === container.clientWidth && y === container.clientHeight;
      }),
    );
    await settled(page);
    agrees(start, await views(page), JSON.stringify(size));
  }
  await page.context().close();
});

browserTest("slides stay together by their widths if one is not calibrated", async () => {
  const { page, complaints } = await compared(FINE, COARSE, STILL, { micronsPerPixel: null });
  assert.equal(await page.getByText("not calibrated").count(), 2);
  await move(page, 0, { x: 100, y: 50, zoom: 2, rotation: 10 });
  await settled(page);
  const [left, right] = await views(page);
  near(right.x, left.x, 1e-6);
  near(right.zoom, left.zoom, 1e-9);
  assert.deepEqual(complaints, []);
  await page.context().close();
});

for (const [what, one, other] of [
  ["a folder and an archive", FINE, `${ARCHIVE}.szi`],
  ["a folder and a bag", FINE, COARSE],
]) {
  browserTest(`${what} open from a server under a strict content security policy`, async () => {
    const { origin } = await served(writeGallery(), { "Content-Security-Policy": STRICT });
    const { page, complaints } = await openAt(
      resources.browser,
      `${origin}/index.html${comparing(one, other)}`,
      {
        ...STILL,
        origins: [origin],
      },
    );
    await page.locator(".synchronized").click();
    await whenDrawn(page);
    await page.getByRole("link", { name: "All slides" }).click();
    await page.getByRole("searchbox").fill("cafe");
    await page.getByRole("button", { name: /^Compare/ }).click();
    assert.deepEqual(complaints, []);
    await page.context().close();
  });
}

browserTest(
  "a slide that cannot be shown has a message in its pane, and the other one is shown",
  async () => {
    const folder = inFolder(writeGallery());
    rmSync(join(folder, BAG, "data/slide.js"));
    for (const [path, sentence] of [
      [COARSE, /slide\.js in “.*” did not load/],
      ["no such <slide>", "There is no slide “no such <slide>” in this gallery."],
      [`${ARCHIVE}.szi`, /it is an archive, and browsers let no page from a disk read one/],
    ]) {
      const { page } = await openExport(resources.browser, folder, { hash: comparing(path, FINE) });
      await page.locator(".pane").first().getByText(sentence).waitFor();
      await page.waitForFunction(() => window.slidezoom.viewers[1]?.isOpen());
      await page.locator(".pane").last().getByRole("button", { name: "Zoom in" }).click();
      assert.equal(await page.locator(".synchronized").isVisible(), false);
      await page.context().close();
    }
  },
);

browserTest("stacks slides on a narrow screen without overflow", async () => {
  const { page, complaints } = await compared(FINE, COARSE, { ...STILL, width: 360, height: 640 });
  const [upper, lower] = await Promise.all(
    (await page.locator(".pane-slide").all()).map((half) => half.boundingBox()),
  );
  assert.equal(upper.x, lower.x);
  assert.ok(upper.y + upper.height <= lower.y && upper.height > 100 && lower.height > 100);
  assert.equal(await page.locator(".pane .navigator:visible").count(), 0);
  assert.equal(await page.evaluate(() => document.documentElement.scrollWidth), 360);
  for (const button of await page.getByRole("button").all()) {
    const { x, width } = await button.boundingBox();
    assert.ok(x >= 0 && x + width <= 360);
  }
  assert.deepEqual(complaints, []);
  await page.context().close();
});

browserTest("an opened archive replaces both slides", async () => {
  const folder = inFolder(writeGallery());
  const { page, complaints } = await openExport(resources.browser, folder, {
    ...STILL,
    hash: comparing(FINE, COARSE),
  });
  await page.locator(".synchronized").waitFor();
  await page.locator("#archive-file").setInputFiles(join(folder, `${ARCHIVE}.szi`));
  await whenDrawn(page);
  assert.equal(await page.locator(".pane").count(), 0);
  assert.deepEqual(complaints, []);
  await page.context().close();
});

/** Opens two slides of a gallery on disk and waits until they are drawn. */
async function compared(one, other, options = STILL, change = {}) {
  const folder = inFolder(writeGallery({ change }));
  const opened = await openExport(resources.browser, folder, {
    ...options,
    hash: comparing(one, other),
  });
  await opened.page.locator(".synchronized").waitFor();
  await whenDrawn(opened.page);
  return opened;
}

function inFolder(folder) {
  resources.folders.push(folder);
  return folder;
}

async function served(folder, headers) {
  const server = await serveFolder(inFolder(folder), headers);
  resources.servers.push(server);
  return server;
}

async function move(page, index, movement) {
  await page.evaluate(
    ([index, { x, y, zoom, rotation, flip = false, immediately = true }]) => {
      const { viewport } = window.slidezoom.viewers[index];
      viewport.setRotation(rotation, immediately);
      viewport.setFlip(flip);
      viewport.zoomTo(viewport.imageToViewportZoom(zoom), null, immediately);
      viewport.panTo(viewport.imageToViewportCoordinates(x, y), immediately);
    },
    [index, movement],
  );
}

/** Waits until no slide moves. It takes two frames, since a movement starts in the next one. */
async function settled(page) {
  await page.evaluate(
    () =>
      new Promise((done) => {
        let still = 0;
        const look = () => {
          still = window.slidezoom.viewers.some((viewer) => viewer.isAnimating()) ? 0 : still + 1;
          still > 3 ? done() : requestAnimationFrame(look);
        };
        requestAnimationFrame(look);
      }),
  );
}

function views(page) {
  return page.evaluate(() =>
    window.slidezoom.viewers.map(({ viewport }) => {
      const { x, y } = viewport.viewportToImageCoordinates(viewport.getCenter(true));
      const zoom = viewport.viewportToImageZoom(viewport.getZoom(true));
      return { x, y, zoom, rotation: viewport.getRotation(true), flip: viewport.getFlip() };
    }),
  );
}

/**
 * Asserts that the right view has its initial position relative to the left one, within 0.01
 * screen pixels at all corners. Both slides are flipped or neither.
 */
function agrees([left, right], [nowLeft, nowRight], message) {
  const turn = ((right.rotation - left.rotation) * Math.PI) / 180;
  const [across, down] = [nowLeft.x - left.x, nowLeft.y - left.y];
  // Converts a vector on the left slide to the right one.
  const expected = {
    x: right.x + (across * Math.cos(-turn) - down * Math.sin(-turn)) / RATIO,
    y: right.y + (across * Math.sin(-turn) + down * Math.cos(-turn)) / RATIO,
  };
  assert.equal(nowRight.flip, nowLeft.flip, message);
  near(
    Math.hypot(nowRight.x - expected.x, nowRight.y - expected.y) * nowRight.zoom,
    0,
    0.01,
    `${message}: place`,
  );
  near(nowRight.zoom / (nowLeft.zoom * RATIO), 1, 1e-5, `${message}: zoom`);
  const rotation = nowRight.rotation - nowLeft.rotation - (right.rotation - left.rotation);
  near(Math.abs((((rotation % 360) + 540) % 360) - 180), 0, 1e-3, `${message}: rotation`);
}
