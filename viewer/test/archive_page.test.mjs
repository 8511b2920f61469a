// Archives in Chromium: from servers, including those that make mistakes, and from disk.

import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { pathToFileURL } from "node:url";
import { noBrowser, openAt, openExport, whenDrawn } from "./support/browser.mjs";
import { writePng } from "./support/png.mjs";
import { useResources } from "./support/resources.mjs";
import {
  archiveFiles,
  associatedIn,
  description,
  NAME,
  tileName,
  withIndex,
} from "./support/sample_archive.mjs";
import {
  FULL_LEVEL,
  HEIGHT,
  slidePixel,
  WIDTH,
  writeEmptyPage,
  writeExport,
} from "./support/sample_export.mjs";
import { forEachPixel, showsAssociated, slideRegion } from "./support/screen.mjs";
import { filesIn, serve } from "./support/server.mjs";
import { layOut, toBuffer, toSparseFile } from "./support/zip_writer.mjs";

const PATCH = 5;
/** Requests before those for tiles: the length, and the end of the archive with all that is small. */
const OPENING_REQUESTS = 2;
const CORS = {
  "Access-Control-Allow-Origin": "*",
  "Access-Control-Expose-Headers": "Content-Range",
};
const STRICT =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; connect-src *";
const REFUSED_STYLE = "sha256-9xTiqzfwFaL2SGb1rmr8gysEwVVjIvqWAgmZgqFqpEE=";
// The shared browser cannot read a file of 4.6 GB.
const resources = useResources({ ownBrowser: true });
const emptyPage = inFolder(writeEmptyPage());

function browserTest(name, body) {
  test(name, { skip: noBrowser, timeout: 120000 }, body);
}

for (const [form, files] of [
  ["a .zip", archiveFiles()],
  ["a .szi", archiveFiles({ szi: true })],
  ["a .zip without an index", archiveFiles().slice(0, -1)],
]) {
  browserTest(`${form} on the page's server shows the pixels of the slide`, async () => {
    const server = await started({ ...pageFiles(), "/a b #1.zip": zipped(files) });
    const { page, complaints } = await openedFrom(server, "a b #1.zip");
    await showsTheSlide(page);
    assert.deepEqual(await page.locator("#facts span").allTextContents(), [
      "700 × 500\u00a0px",
      "0.499 × 0.5\u00a0µm per pixel",
      "20× objective",
    ]);
    assert.deepEqual(complaints, []);
    await page.context().close();
  });
}

browserTest(
  "reads an archive on another origin without a preflight, and shows its host",
  async () => {
    const host = await started({ "/x.zip": { bytes: zipped(), headers: CORS } });
    const server = await started(pageFiles());
    const { page, complaints } = await openedFrom(server, `${host.origin}/x.zip`, [host.origin]);
    await showsTheSlide(page);
    assert.equal(
      (await page.locator("#facts span").allTextContents()).at(-1),
      `from ${new URL(host.origin).host}`,
    );
    assert.ok(
      host.requests.every(({ method }) => method === "GET"),
      "a preflight, which many hosts do not answer",
    );
    assert.deepEqual(complaints, []);
    await page.context().close();
  },
);

for (const [form, sentence, file] of [
  [
    "sends whole files",
    /whole file.*range requests/,
    { bytes: Buffer.alloc(1 << 25), ignoresRanges: true, headers: CORS },
  ],
  [
    "lacks CORS",
    /Access-Control-Allow-Origin: http:.*Access-Control-Expose-Headers: Content-Range/,
    { bytes: zipped() },
  ],
  [
    "hides Content-Range",
    /Access-Control-Expose-Headers: Content-Range as well/,
    { bytes: zipped(), headers: { "Access-Control-Allow-Origin": "*" } },
  ],
  ["has no such file", /nothing at its address \(the host answered 404\)/, undefined],
  [
    "keeps it to itself",
    /does not give it out \(it answered 403\)/,
    { status: 403, headers: CORS },
  ],
  ["fails", /answered 500/, { status: 500, headers: CORS }],
  ["has an empty file", /empty/, { bytes: Buffer.alloc(0), headers: CORS }],
  ["sends another part", /says wrongly/, { bytes: zipped(), wrongRange: true, headers: CORS }],
  [
    "has something else",
    /no \.zip or \.szi archive/,
    { bytes: Buffer.alloc(99999), headers: CORS },
  ],
  ["has half of it", /cut short/, { bytes: zipped().subarray(0, 80000), headers: CORS }],
  [
    "has a descriptor with entities",
    /not a Deep Zoom descriptor/,
    {
      bytes: zipped(
        descriptorWith((xml) => `<!DOCTYPE Image [<!ENTITY a "b">]>${xml.replace(/<\?.*\?>/, "")}`),
      ),
      headers: CORS,
    },
  ],
  [
    "has half a descriptor",
    /not a Deep Zoom descriptor/,
    { bytes: zipped(descriptorWith((xml) => xml.replace("</Image>", ""))), headers: CORS },
  ],
  [
    "has it compressed",
    /compressed.*zip -0/,
    { bytes: zipped(archiveFiles().map((file) => ({ ...file, method: 8 }))), headers: CORS },
  ],
]) {
  browserTest(`explains why nothing is shown if a host ${form}`, async () => {
    const host = await started(file === undefined ? {} : { "/x.zip": file });
    const server = await started(pageFiles());
    const { page } = await openedFrom(server, `${host.origin}/x.zip`, [host.origin]);
    await refused(page, sentence);
    assert.ok(
      host.requests.every(({ bytes }) => bytes < 1 << 24),
      "the whole file was fetched",
    );
    await page.context().close();
  });
}

browserTest("explains invalid addresses, and pages opened from disk", async () => {
  const server = await started(pageFiles());
  for (const [address, sentence] of [
    ["http://[", /its address is not one/],
    ["ftp://example.org/x.zip", /begin with https:\/\/ or http:\/\//],
    ["javascript:alert(1)", /begin with https:\/\/ or http:\/\//],
  ]) {
    const { page } = await openedFrom(server, address);
    await refused(page, sentence);
    await page.context().close();
  }
  const { page } = await openAt(
    resources.browser,
    `${pathToFileURL(join(emptyPage, "index.html")).href}?archive=x.zip`,
  );
  await refused(page, /from a disk.*“Open an archive…”/);
  await page.context().close();
});

browserTest("notices an archive that changes on its host", async () => {
  const files = { ...pageFiles(), "/x.zip": zipped() };
  const server = await started(files);
  const { page } = await openedFrom(server, "x.zip", [], { width: 360, height: 300 });
  await whenDrawn(page);
  files["/x.zip"] = Buffer.concat([files["/x.zip"], Buffer.alloc(1)]);
  await slideRegion(page, 100, 100, 1, PATCH);
  await page.getByText(/^\d+ tiles? could not be loaded/).waitFor();
  await page.context().close();
});

browserTest("works under the strictest content security policy", async () => {
  const withPolicy = pageFiles();
  const files = {
    ...withPolicy,
    "/index.html": {
      bytes: withPolicy["/index.html"],
      headers: { "Content-Security-Policy": STRICT },
    },
  };
  const server = await started({ ...files, "/x.zip": zipped() });
  const { page, complaints } = await openedFrom(server, "x.zip");
  await page.waitForFunction(() => window.slidezoom !== undefined);
  await whenDrawn(page);
  // OpenSeadragon puts a style of its own into every page, which viewer.css makes needless: that
  // alone is refused.
  assert.deepEqual(
    complaints.filter((complaint) => !complaint.includes(REFUSED_STYLE)),
    [],
  );
  await page.context().close();
});

browserTest("a page without a slide opens a local file, by keyboard", async () => {
  const file = archiveFile(zipped());
  const { page, complaints } = await openExport(resources.browser, emptyPage);
  const chosen = page.waitForEvent("filechooser");
  await page.keyboard.press("Tab");
  assert.equal(await page.evaluate(() => document.activeElement.textContent), "Open an archive…");
  await page.keyboard.press("Enter");
  await (await chosen).setFiles(file);
  await showsTheSlide(page);
  assert.equal(
    await page.evaluate(() => document.activeElement.closest("#slide") !== null),
    true,
    "the focus is lost",
  );
  assert.deepEqual(complaints, []);
  await page.context().close();
});

browserTest("a dropped archive replaces the slide, and another one replaces it", async () => {
  const made = writeExport();
  inFolder(dirname(made.folder));
  const { page, complaints } = await openExport(resources.browser, made.folder);
  await whenDrawn(page);
  await page.evaluate(() => (window.ownViewer = window.slidezoom.viewer));
  await drop(page, "x.zip", zipped());
  await page.waitForFunction(
    () => window.slidezoom !== undefined && window.slidezoom.viewer !== window.ownViewer,
  );
  await showsTheSlide(page);
  assert.equal(await page.locator("#slide .openseadragon-container").count(), 1);
  const home = await page.evaluate(() => window.slidezoom.viewer.viewport.getZoom());
  await page.getByRole("button", { name: "Zoom in" }).click();
  assert.ok(
    Math.abs((await page.evaluate(() => window.slidezoom.viewer.viewport.getZoom())) / home - 2) <
      1e-6,
    "one click counts once",
  );
  await drop(page, "y.szi", zipped(archiveFiles({ name: "second", szi: true })));
  await page.waitForFunction(() => document.title === "second" && window.slidezoom !== undefined);
  await showsTheSlide(page, "second");
  // A slide must not stay where another was asked for.
  await drop(page, "z.zip", Buffer.from("text"));
  await refused(page, /“z\.zip” cannot be shown: it is no \.zip or \.szi archive/);
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
  await showsTheSlide(page, "second");
  gate.open();
  // The first archive goes on opening, as far as it needs no tiles.
  await server.until(() => requested().filter(({ isOver }) => isOver).length === OPENING_REQUESTS);
  await whenDrawn(page);
  assert.equal(await page.title(), "second");
  assert.deepEqual(complaints, []);
  await page.context().close();
});

for (const szi of [false, true]) {
  browserTest(
    `loads the associated images of a ${szi ? ".szi" : ".zip"} when the panel opens`,
    async () => {
      const archive = layOut(archiveFiles({ szi }));
      const server = await started({ ...pageFiles(), "/x.zip": toBuffer(archive) });
      const { page, complaints } = await openedFrom(server, "x.zip");
      await page.waitForFunction(() => window.slidezoom !== undefined);
      await whenDrawn(page);
      const asked = server.requests.length;
      await page.keyboard.press("i");
      for (const image of associatedIn({ szi })) {
        await page.getByRole("button", { name: image.name, exact: false }).click();
        await showsAssociated(page, image);
        await page.keyboard.press("Escape");
      }
      const ranges = server.requests.slice(asked).map(({ range }) => Number(range.match(/\d+/)[0]));
      const places = associatedIn({ szi }).map(
        ({ path }) => archive.places.get(`${NAME}/${path}`).headerOffset,
      );
      assert.deepEqual(ranges, places);
      assert.deepEqual(complaints, []);
      await page.context().close();
    },
  );
}

browserTest("releases the associated images of a replaced archive", async () => {
  const { page, complaints } = await openExport(resources.browser, emptyPage);
  await drop(page, "x.zip", zipped());
  await showsTheSlide(page);
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

browserTest("reports a missing associated image", async () => {
  const { page, complaints } = await openExport(resources.browser, emptyPage);
  await drop(
    page,
    "x.zip",
    zipped(archiveFiles().filter(({ name }) => !name.endsWith("/thumbnail.png"))),
  );
  await showsTheSlide(page);
  await page.keyboard.press("i");
  await page.getByRole("button", { name: "thumbnail cannot be shown", disabled: true }).waitFor();
  assert.deepEqual(complaints, []);
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
      await showsTheSlide(page, "second");
      assert.equal(await page.locator("#notice").textContent(), "");
      if (address !== "") {
        assert.equal(server.requests.length, before);
        assert.ok(
          server.requests.some(({ isAborted }) => isAborted),
          "no request was aborted",
        );
      }
      assert.deepEqual(
        // OpenSeadragon warns of tiles that arrive after their viewer was destroyed.
        complaints.filter((complaint) => !/net::ERR_ABORTED|Ignoring tile/.test(complaint)),
        [],
      );
      await page.context().close();
    },
  );
}

browserTest("reports a missing tile and does not request it", async () => {
  const missing = tileName(NAME, FULL_LEVEL, 0, 0);
  const server = await started({
    ...pageFiles(),
    "/x.zip": zipped(archiveFiles().filter(({ name }) => name !== missing)),
  });
  const { page } = await openedFrom(server, "x.zip");
  await whenDrawn(page);
  await slideRegion(page, 100, 100, 2, PATCH);
  await page.getByText("1 tile could not be loaded", { exact: false }).waitFor();
  assert.ok(
    server.requests.every(({ range }) => !range?.startsWith("bytes=0-") || range === "bytes=0-0"),
    "its bytes were asked for",
  );
  await assert.rejects(
    showsTheSlide(page),
    "this file's pixel test would not notice a missing tile",
  );
  await page.context().close();
});

browserTest("the pixel comparison detects swapped tiles", async () => {
  const files = archiveFiles();
  const [first, second] = ["0_0", "1_0"].map((tile) =>
    files.find(({ name }) => name.endsWith(`_files/${FULL_LEVEL}/${tile}.png`)),
  );
  [first.contents, second.contents] = [second.contents, first.contents];
  const server = await started({ ...pageFiles(), "/x.zip": zipped(files) });
  const { page } = await openedFrom(server, "x.zip");
  await assert.rejects(showsTheSlide(page), /slide pixel/);
  await page.context().close();
});

browserTest("opens an archive of 4.6 GB from disk without reading all of it", async () => {
  const files = archiveFiles();
  const last = files.findIndex(({ name }) => name === tileName(NAME, FULL_LEVEL, 0, 0));
  // One tile before the gap, all others and the directory beyond 4 GiB.
  files[last + 1] = { ...files[last + 1], gap: 4.6e9 };
  const path = join(inFolder(mkdtempSync(join(tmpdir(), "slidezoom-viewer-"))), "large.zip");
  toSparseFile(layOut(files), path);
  assert.ok(statSync(path).size > 4.6e9);
  const { page, complaints } = await openExport(resources.browser, emptyPage);
  const start = performance.now();
  await page.locator("#archive-file").setInputFiles(path);
  await showsTheSlide(page);
  assert.ok(performance.now() - start < 10000, "as long as if all of it were read");
  assert.deepEqual(complaints, []);
  await page.context().close();
});

browserTest(
  "the first of 200,000 tiles takes less than half a second at 20 Mbit/s and 40 ms latency",
  async () => {
    const bytes = largeArchive();
    const host = await started({ "/x.szi": { bytes, headers: CORS } });
    const server = await started(pageFiles());
    const { page, complaints } = await openedFrom(server, `${host.origin}/x.szi`, [host.origin], {
      width: 1280,
      height: 800,
    });
    await page.waitForFunction(() => window.slidezoom !== undefined);
    await whenDrawn(page);
    const opening = host.requests.slice(0, 3);
    assert.equal(opening[0].range, "bytes=0-0");
    assert.match(opening[1].range, new RegExp(`-${bytes.length - 1}$`));
    const tiles = host.requests.slice(3);
    for (const { range } of tiles) {
      const [first, last] = range.match(/\d+/g).map(Number);
      assert.ok(
        last - first < 200000 && last < bytes.tilesEnd,
        `${range}: a fourth request for something else`,
      );
    }
    assert.ok(tiles.length > 0 && tiles.length < 60, `${tiles.length} tiles for one screen`);
    // The time on the link: four requests in sequence, with the first tile sharing it with five
    // others.
    const sent = [...opening, ...tiles.slice(0, 6)].reduce(
      (sum, request) => sum + request.bytes,
      0,
    );
    const milliseconds = 4 * 40 + (sent * 8) / 20e3;
    assert.ok(milliseconds < 500, `${milliseconds} ms for ${sent} bytes`);
    assert.deepEqual(complaints, []);
    await page.context().close();
  },
);

/** 200,000 tiles: those that the page shows first are of a usual size, the rest are all alike. */
function largeArchive() {
  const geometry = { width: 99300, height: 99300, tileSize: 256, overlap: 0, extension: "png" };
  const grain = writePng(256, 256, (x, y) => [
    x & 224,
    y & 224,
    100 + (Math.imul((x + 1) * (y * 256 + x + 7), 2654435761) >>> 29),
  ]);
  assert.ok(grain.length > 15000 && grain.length < 40000, `${grain.length} bytes`);
  const plain = writePng(256, 256, () => [200, 180, 220]);
  const tiles = [];
  for (let level = 17; level >= 0; level -= 1) {
    const columns = Math.ceil(Math.ceil(geometry.width / 2 ** (17 - level)) / 256);
    for (let tile = 0; tile < columns * columns; tile += 1) {
      const name = tileName("large", level, tile % columns, Math.floor(tile / columns));
      tiles.push({ name, contents: level > 11 ? plain : grain });
    }
  }
  assert.ok(tiles.length >= 200000, `${tiles.length} tiles`);
  const layout = layOut(
    withIndex("large", "large/vendor/slidezoom/", geometry, tiles, description("large", geometry)),
  );
  const last = layout.places.get(tiles.at(-1).name);
  return Object.assign(toBuffer(layout), {
    tiles: tiles.length,
    tilesEnd: last.start + last.length,
  });
}

/** Whether the page shows the sample slide, each pixel at 1:1, and calls it by its name. */
async function showsTheSlide(page, name = NAME) {
  await page.waitForFunction(() => window.slidezoom !== undefined);
  await whenDrawn(page);
  assert.equal(await page.locator("#name").textContent(), name);
  assert.equal(await page.title(), name);
  assert.equal(await page.locator("#message").textContent(), "");
  // The second point has the corner of four tiles in its middle.
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

async function refused(page, sentence) {
  await page.locator("#message", { hasText: "cannot be shown: " }).waitFor();
  assert.match(await page.locator("#message").textContent(), sentence);
  assert.equal(await page.getByRole("button").count(), 1);
  assert.ok(await page.getByRole("button", { name: "Open an archive…" }).isVisible());
  assert.equal(await page.evaluate(() => window.slidezoom), undefined);
  assert.ok(!(await page.locator("#navigator").isVisible()));
}

/** Drops a file on the page, as from a folder window. */
async function drop(page, name, bytes) {
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

function openedFrom(server, archive, origins = [], size = {}) {
  const address = `${server.origin}/index.html?archive=${encodeURIComponent(encodeURI(archive).replaceAll("#", "%23"))}`;
  return openAt(resources.browser, address, { ...size, origins: [server.origin, ...origins] });
}

function pageFiles() {
  const names = ["index.html", "viewer/viewer.js", "viewer/viewer.css"];
  return Object.fromEntries(names.map((name) => [`/${name}`, readFileSync(join(emptyPage, name))]));
}

function zipped(files = archiveFiles()) {
  return toBuffer(layOut(files));
}

/** A promise, and the function that resolves it. */
function closedGate() {
  let open;
  const opened = new Promise((resolve) => {
    open = resolve;
  });
  return { opened, open };
}

/** The files without an index, so that the descriptor counts. */
function descriptorWith(change) {
  const withoutIndex = archiveFiles().slice(0, -1);
  return withoutIndex.map((file) =>
    file.name.endsWith(".dzi")
      ? { ...file, contents: Buffer.from(change(file.contents.toString())) }
      : file,
  );
}

function archiveFile(bytes) {
  const path = join(inFolder(mkdtempSync(join(tmpdir(), "slidezoom-viewer-"))), "x.zip");
  writeFileSync(path, bytes);
  return path;
}

async function started(files, link) {
  const server = await serve(files, link);
  resources.servers.push(server);
  return server;
}

function inFolder(folder) {
  resources.folders.push(folder);
  return folder;
}
