// Archives from disk, chosen or dropped, in Chromium.

import assert from "node:assert/strict";
import { mkdtempSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import {
  assertRejected,
  assertShowsSlide,
  browserTest,
  closedGate,
  drop,
  OPENING_REQUESTS,
  useArchivePage,
  zipped,
} from "./support/archive_page.mjs";
import { openAt, openExport, whenDrawn } from "./support/browser.mjs";
import { archiveFiles, associatedIn, NAME, tileName } from "./support/sample_archive.mjs";
import { FULL_LEVEL, writeExport } from "./support/sample_export.mjs";
import { showsAssociated } from "./support/screen.mjs";
import { filesIn } from "./support/server.mjs";
import { layOut, toSparseFile } from "./support/zip_writer.mjs";

// A shared browser cannot read a local file of 4.6 GB.
const { emptyPage, inFolder, openedFrom, pageFiles, resources, started } = useArchivePage({
  ownBrowser: true,
});

browserTest("a page without a slide opens a local file, by keyboard", async () => {
  const file = join(inFolder(mkdtempSync(join(tmpdir(), "slidezoom-viewer-"))), "x.zip");
  writeFileSync(file, zipped());
  const { page, complaints } = await openExport(resources.browser, emptyPage);
  const chosen = page.waitForEvent("filechooser");
  await page.keyboard.press("Tab");
  assert.equal(await page.evaluate(() => document.activeElement.textContent), "Open an archive…");
  await page.keyboard.press("Enter");
  await (await chosen).setFiles(file);
  await assertShowsSlide(page);
  assert.equal(
    await page.evaluate(() => document.activeElement.closest("#slide") !== null),
    true,
    "the slide has no focus",
  );
  assert.deepEqual(complaints, []);
  await page.context().close();
});

browserTest("each dropped archive replaces the previous slide", async () => {
  const made = writeExport();
  inFolder(dirname(made.folder));
  const { page, complaints } = await openExport(resources.browser, made.folder);
  await whenDrawn(page);
  await page.evaluate(() => (window.ownViewer = window.slidezoom.viewer));
  await drop(page, "x.zip", zipped());
  await page.waitForFunction(
    () => window.slidezoom !== undefined && window.slidezoom.viewer !== window.ownViewer,
  );
  await assertShowsSlide(page);
  assert.equal(await page.locator("#slide .openseadragon-container").count(), 1);
  const home = await page.evaluate(() => window.slidezoom.viewer.viewport.getZoom());
  await page.getByRole("button", { name: "Zoom in" }).click();
  assert.ok(
    Math.abs((await page.evaluate(() => window.slidezoom.viewer.viewport.getZoom())) / home - 2) <
      1e-6,
    "one click zooms twice",
  );
  await drop(page, "y.szi", zipped(archiveFiles({ name: "second", szi: true })));
  await page.waitForFunction(() => document.title === "second" && window.slidezoom !== undefined);
  await assertShowsSlide(page, "second");
  // If opening fails, the previous slide must not remain.
  await drop(page, "z.zip", Buffer.from("text"));
  await assertRejected(page, /“z\.zip” cannot be shown: it is no \.zip or \.szi archive/);
  assert.deepEqual(complaints, []);
  await page.context().close();
});

browserTest("a drop wins over an archive that is still opening", async () => {
  const gate = closedGate();
  const server = await started(
    { ...pageFiles(), "/x.zip": zipped() },
    { gate: ({ path }) => (path === "/x.zip" ? gate.opened : undefined) },
  );
  const { page, complaints } = await openedFrom(server, "x.zip");
  const requested = () => server.requests.filter(({ path }) => path === "/x.zip");
  await server.until(() => requested().length === 1);
  await drop(page, "y.szi", zipped(archiveFiles({ name: "second", szi: true })));
  await assertShowsSlide(page, "second");
  gate.open();
  // The first archive continues to open, up to its first tile.
  await server.until(() => requested().filter(({ isOver }) => isOver).length === OPENING_REQUESTS);
  await whenDrawn(page);
  assert.equal(await page.title(), "second");
  assert.deepEqual(complaints, []);
  await page.context().close();
});

browserTest("releases the associated images of a replaced archive", async () => {
  const { page, complaints } = await openExport(resources.browser, emptyPage);
  await drop(page, "x.zip", zipped());
  await assertShowsSlide(page);
  await page.keyboard.press("i");
  await page.getByRole("button", { name: "thumbnail" }).click();
  await showsAssociated(page, associatedIn()[0]);
  const address = await page.locator("#associated-images img").first().getAttribute("src");
  const isThere = () => page.evaluate((url) => fetch(url).then(Boolean, () => false), address);
  assert.equal(await isThere(), true);
  await drop(page, "y.zip", zipped(archiveFiles({ name: "second" })));
  await page.waitForFunction(() => document.title === "second" && window.slidezoom !== undefined);
  assert.equal(await page.getByRole("dialog").count(), 0);
  assert.equal(await page.getByRole("group", { name: "Properties" }).count(), 0);
  assert.deepEqual(complaints, []);
  assert.equal(await isThere(), false);
  await page.context().close();
});

for (const [form, address, isTile] of [
  ["a folder", "", ({ path }) => path.endsWith(".png")],
  ["an archive", "?archive=x.zip", (_, number) => number > OPENING_REQUESTS],
]) {
  browserTest(
    `pending tiles of ${form} are canceled, not reported, when another slide is opened`,
    async () => {
      const made = writeExport();
      inFolder(dirname(made.folder));
      const gate = closedGate();
      let held = 0;
      let ofArchive = 0;
      const hold = (request) => {
        ofArchive += request.path === "/x.zip" ? 1 : 0;
        if (isTile(request, ofArchive)) {
          held += 1;
          return gate.opened;
        }
      };
      const server = await started({ ...filesIn(made.folder), "/x.zip": zipped() }, { gate: hold });
      const { page, complaints } = await openAt(
        resources.browser,
        `${server.origin}/index.html${address}`,
        {
          origins: [server.origin],
          // Pending tiles may delay the event "load".
          waitUntil: "commit",
        },
      );
      await server.until(() => held > 0);
      await drop(page, "y.szi", zipped(archiveFiles({ name: "second", szi: true })));
      const before = server.requests.length;
      await page.waitForFunction(
        () => document.title === "second" && window.slidezoom !== undefined,
      );
      gate.open();
      await server.until(() => server.requests.every(({ isOver }) => isOver));
      await assertShowsSlide(page, "second");
      assert.equal(await page.locator("#notice").textContent(), "");
      if (address !== "") {
        assert.equal(server.requests.length, before);
        assert.ok(
          server.requests.some(({ isAborted }) => isAborted),
          "no request was aborted",
        );
      }
      assert.deepEqual(
        // OpenSeadragon warns about tiles that arrive after their viewer was destroyed.
        complaints.filter((complaint) => !/net::ERR_ABORTED|Ignoring tile/.test(complaint)),
        [],
      );
      await page.context().close();
    },
  );
}

browserTest("opens an archive of 4.6 GB from disk without reading all of it", async () => {
  const files = archiveFiles();
  const last = files.findIndex(({ name }) => name === tileName(NAME, FULL_LEVEL, 0, 0));
  // One tile is before the gap, all others and the directory are beyond 4 GiB.
  files[last + 1] = { ...files[last + 1], gap: 4.6e9 };
  const path = join(inFolder(mkdtempSync(join(tmpdir(), "slidezoom-viewer-"))), "large.zip");
  toSparseFile(layOut(files), path);
  assert.ok(statSync(path).size > 4.6e9);
  const { page, complaints } = await openExport(resources.browser, emptyPage);
  const start = performance.now();
  await page.locator("#archive-file").setInputFiles(path);
  await assertShowsSlide(page);
  assert.ok(performance.now() - start < 10000, "as slow as reading the whole file");
  assert.deepEqual(complaints, []);
  await page.context().close();
});
