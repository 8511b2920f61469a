// The gallery in Chromium, from disk and from a server.

import assert from "node:assert/strict";
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath, pathToFileURL } from "node:url";

import { noBrowser, openAt, openExport, whenDrawn } from "./support/browser.mjs";
import { useResources } from "./support/resources.mjs";
import {
  ARCHIVE,
  BAG,
  comparing,
  entry,
  FOLDER,
  serveFolder,
  writeGallery,
  writeList,
} from "./support/sample_gallery.mjs";

const NARROW = { width: 360, height: 640 };
const resources = useResources();

function browserTest(name, body) {
  test(name, { skip: noBrowser, timeout: 60000 }, body);
}

browserTest("a gallery opens from disk with names, thumbnails, facts and links", async () => {
  const folder = inFolder(writeGallery());
  const { page, complaints } = await openExport(resources.browser, folder);
  assert.equal(await page.title(), "Slides <of> mine");
  assert.deepEqual(await names(page), [FOLDER, BAG, ARCHIVE]);
  assert.deepEqual(await page.locator(".card").nth(0).locator(".facts span").allTextContents(), [
    "700 × 500\u00a0px",
    "0.5\u00a0µm per pixel",
    "20× objective",
  ]);
  const [first, second, third] = await page.locator(".card a").all();
  assert.equal(
    pathOf(await first.evaluate((link) => link.href)),
    join(folder, FOLDER, "index.html"),
  );
  assert.equal(
    pathOf(await second.evaluate((link) => link.href)),
    join(folder, BAG, "data/index.html"),
  );
  assert.match(await third.getAttribute("href"), /^\?archive=/);
  await page.waitForFunction(() =>
    [...document.querySelectorAll(".card img")].every(
      (image) => image.complete && image.naturalWidth > 0,
    ),
  );
  assert.equal(await page.locator(".thumbnail img").count(), 2);
  assert.equal(await page.getByText("All slides").count(), 0);

  await second.click();
  await page.waitForURL(/data\/index\.html$/);
  await whenDrawn(page);
  assert.deepEqual(complaints, []);
  await page.context().close();
});

browserTest("a missing thumbnail keeps its box", async () => {
  const folder = inFolder(writeGallery());
  rmSync(join(folder, FOLDER, "slide_files/8/0_0.png"));
  const { page } = await openExport(resources.browser, folder);
  await page.waitForFunction(() => document.querySelectorAll(".card img").length === 1);
  const [missing, shown, none] = await Promise.all(
    (await page.locator(".thumbnail").all()).map((box) => box.boundingBox()),
  );
  assert.deepEqual([missing.width, missing.height], [shown.width, shown.height]);
  assert.deepEqual([missing.width, missing.height], [none.width, none.height]);
  await page.context().close();
});

browserTest("the search filters while typing, counts matches, and survives Back", async () => {
  const folder = inFolder(writeGallery());
  const { page, complaints } = await openExport(resources.browser, folder);
  const status = page.getByRole("status").filter({ hasText: "slides" });
  assert.equal(await status.textContent(), "3 slides");
  await page.keyboard.press("/");
  await page.keyboard.type("CAFE 1");
  assert.deepEqual(await names(page), [FOLDER]);
  assert.equal(await status.textContent(), "1 of 3 slides");
  await page.keyboard.press("Tab");
  await page.locator(".card a").focus();
  await page.keyboard.press("Enter");
  await page.waitForURL(/index\.html$/);
  await whenDrawn(page);
  await page.goBack();
  await page.waitForFunction(() => document.querySelectorAll(".card").length === 1);
  assert.equal(await page.getByRole("searchbox").inputValue(), "CAFE 1");
  await page.getByRole("searchbox").fill("nothing of the kind");
  assert.equal(await status.textContent(), "0 of 3 slides");
  await page.getByRole("searchbox").fill("");
  assert.equal(await page.locator(".card").count(), 3);
  assert.deepEqual(complaints, []);
  await page.context().close();
});

browserTest("gallery and comparison have both themes", async () => {
  const folder = inFolder(writeGallery());
  const { page, complaints } = await openExport(resources.browser, folder, { colorScheme: "dark" });
  const ground = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
  const dark = await ground();
  await page.getByRole("button", { name: "Dark or light theme" }).click();
  const light = await ground();
  assert.notEqual(light, dark);
  for (const address of [page.url(), page.url() + comparing(FOLDER, `${BAG}/data`)]) {
    await page.goto(address);
    assert.equal(await ground(), light, "the choice is remembered");
    await page.keyboard.press("b");
    assert.equal(await ground(), dark);
    await page.keyboard.press("b");
  }
  assert.deepEqual(complaints, []);
  await page.context().close();
});

browserTest("the scroll position survives Back", async () => {
  const folder = inFolder(
    writeList(Array.from({ length: 500 }, (_, index) => bare(`slide ${index}`))),
  );
  writeFileSync(join(folder, "other.html"), "<title>other</title>");
  const { page } = await openExport(resources.browser, folder);
  const scroll = (by) => page.locator("main").evaluate((main, by) => (main.scrollTop += by), by);
  for (let from = 0; from < 12000; from = await scroll(2000)) {
    // More cards are added in the frame after scrolling.
    await page.evaluate(
      () => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))),
    );
  }
  const before = await page.locator("main").evaluate((main) => main.scrollTop);
  await page
    .locator(".card a")
    .first()
    .evaluate((link) => {
      link.href = "other.html";
      link.click();
    });
  await page.waitForURL(/other\.html$/);
  await page.goBack();
  assert.equal(await page.locator("main").evaluate((main) => main.scrollTop), before);
  await page.context().close();
});

browserTest("an archive opens in the gallery page, and Back and the link return", async () => {
  const server = await served(writeGallery());
  const { page, complaints } = await openAt(
    resources.browser,
    `${server.origin}/index.html#search=100`,
    server,
  );
  for (const back of [
    () => page.goBack(),
    () => page.getByRole("link", { name: "All slides" }).click(),
  ]) {
    await page.locator(".card a").click();
    await whenDrawn(page);
    assert.equal(await page.locator("#name").textContent(), await page.title());
    await back();
    await page.locator(".card").first().waitFor();
  }
  assert.equal(await page.locator(".card").count(), 3);
  assert.deepEqual(complaints, []);
  await page.context().close();
});

browserTest("a gallery on disk asks to open an archive as a file, and opens it", async () => {
  const folder = inFolder(writeGallery());
  const { page, complaints } = await openExport(resources.browser, folder);
  await page.locator(".card a").last().click();
  await page.getByText("Choose the file with “Open an archive…”", { exact: false }).waitFor();
  const choosing = page.waitForEvent("filechooser");
  await page.getByRole("button", { name: "Open an archive…" }).click();
  await (await choosing).setFiles(join(folder, `${ARCHIVE}.szi`));
  await whenDrawn(page);
  await page.getByRole("link", { name: "All slides" }).click();
  await page.locator(".card").first().waitFor();
  // From the list. Afterward, its search and its keys must be gone.
  await page.getByRole("searchbox").fill("a");
  const again = page.waitForEvent("filechooser");
  await page.getByRole("button", { name: "Open an archive…" }).click();
  await (await again).setFiles(join(folder, `${ARCHIVE}.szi`));
  await whenDrawn(page);
  assert.equal(await page.evaluate(() => location.hash), "");
  await page.keyboard.press("/");
  assert.equal(await page.locator(".card, .search").count(), 0);
  assert.deepEqual(complaints, []);
  await page.context().close();
});

browserTest("hostile entries do no harm and hide no others", async () => {
  const html = `"><img src=x onerror="window.hacked=1"><script>window.hacked=1<∕script>`;
  const entries = [
    bare(html),
    bare("javascript:window.hacked=1", { folder: "javascript:window.hacked=1" }),
    bare("upwards", { folder: "../../etc" }),
    bare("nothing", { width: null }),
    null,
    bare("long ".repeat(100) + "x".repeat(500)),
  ];
  const { page, complaints } = await openExport(
    resources.browser,
    inFolder(writeList(entries)),
    NARROW,
  );
  assert.equal(await page.locator(".card").count(), 3);
  assert.equal(await page.getByText("3 slides cannot be shown", { exact: false }).count(), 1);
  const links = await page
    .locator(".card a")
    .evaluateAll((links) => links.map((link) => new URL(link.href).protocol));
  assert.deepEqual(new Set(links), new Set(["file:"]));
  for (const button of await page.getByRole("button", { name: /^Compare/ }).all()) {
    await button.click();
  }
  await doesNotOverflow(page);
  assert.equal(await page.evaluate(() => window.hacked), undefined);
  assert.deepEqual(complaints, []);
  await page.context().close();
});

browserTest("explains a missing or invalid list", async () => {
  const folder = inFolder(writeList([]));
  for (const [text, sentence] of [
    ["(globalThis.slidezoomGalleries ??= []).push([]);", "does not hold a list of slides"],
    ["", "gallery/gallery.js did not load. It belongs next to this page."],
  ]) {
    writeFileSync(join(folder, "gallery/gallery.js"), text);
    const { page, complaints } = await openExport(resources.browser, folder);
    await page.getByText(sentence, { exact: false }).waitFor();
    assert.deepEqual(complaints, []);
    await page.context().close();
  }
});

browserTest("selects two slides, and a third replaces the first", async () => {
  const { page, complaints } = await openExport(
    resources.browser,
    inFolder(writeGallery()),
    NARROW,
  );
  const toggle = (name) => page.getByRole("button", { name: `Compare ${name}`, exact: true });
  const show = page.getByRole("link", { name: "Show side by side" });
  const pressed = () =>
    page.locator('.card:has([aria-pressed="true"]) .card-name').allTextContents();
  assert.equal(await show.isVisible(), false);
  await toggle(FOLDER).click();
  assert.equal(await show.isVisible(), false);
  await toggle(BAG).click();
  assert.equal(await show.isVisible(), true);
  await doesNotOverflow(page);
  await toggle(ARCHIVE).click();
  assert.deepEqual(await pressed(), [BAG, ARCHIVE]);
  await toggle(BAG).click();
  assert.deepEqual(await pressed(), [ARCHIVE]);
  await page.getByRole("button", { name: "Clear" }).click();
  assert.deepEqual(await pressed(), []);
  assert.equal(await show.isVisible(), false);
  // Slides stay selected if the search hides them.
  await toggle(BAG).click();
  await page.getByRole("searchbox").fill("cafe");
  await toggle(FOLDER).click();
  await show.click();
  const compared = await page.evaluate(() =>
    new URLSearchParams(location.search).getAll("compare"),
  );
  assert.deepEqual(compared, [`${BAG}/data`, FOLDER]);
  await page.locator(".synchronized").waitFor();
  assert.deepEqual(complaints, []);
  await page.context().close();
});

browserTest("the help lists the keys of the gallery", async () => {
  const { page } = await openExport(resources.browser, inFolder(writeGallery()), NARROW);
  await page.keyboard.press("?");
  const sheet = page.getByRole("dialog", { name: "Shortcuts and gestures" });
  assert.match(await sheet.textContent(), /Search slides by name/);
  assert.doesNotMatch(await sheet.textContent(), /Zoom/);
  await page.context().close();
});

browserTest("paints the first of 10,000 slides within a second, and finds the last", async () => {
  const folder = inFolder(
    writeList(Array.from({ length: 10000 }, (_, index) => bare(`slide ${index}`))),
  );
  const context = await resources.browser.newContext({ viewport: { width: 1280, height: 800 } });
  const page = await context.newPage();
  await page.addInitScript(() => {
    const look = () => {
      if (document.querySelector(".card") === null) {
        requestAnimationFrame(look);
        return;
      }
      // The callback of the next frame runs after this one is painted.
      requestAnimationFrame(() => (window.firstCard = performance.now()));
    };
    requestAnimationFrame(look);
  });
  await page.goto(pathToFileURL(join(folder, "index.html")).href);
  const firstCard = await (await page.waitForFunction(() => window.firstCard)).jsonValue();
  console.log(`first of 10,000 cards painted after ${Math.round(firstCard)} ms`);
  assert.ok(firstCard < 1000, `${firstCard} ms`);

  assert.ok((await page.locator(".card").count()) < 1000);
  await page.keyboard.press("End");
  await page.waitForFunction(() => document.querySelectorAll(".card").length > 100);
  await page.getByRole("searchbox").fill("9999");
  assert.deepEqual(await names(page), ["slide 9999"]);
  assert.equal(await page.locator("#facts").textContent(), "1 of 10\u202f000 slides");
  await context.close();
});

function bare(name, change = {}) {
  return entry(name, { thumbnail: null, ...change });
}

function names(page) {
  return page.locator(".card-name").allTextContents();
}

function pathOf(href) {
  return fileURLToPath(href);
}

async function doesNotOverflow(page) {
  const overflow = await page.evaluate(() =>
    [document.documentElement, document.querySelector("main")].some(
      (element) => element.scrollWidth > element.clientWidth,
    ),
  );
  assert.equal(overflow, false);
}

function inFolder(folder) {
  resources.folders.push(folder);
  return folder;
}

async function served(folder) {
  const server = await serveFolder(inFolder(folder));
  resources.servers.push(server);
  return { ...server, origins: [server.origin] };
}
