// Archives on web servers, in Chromium, including servers that answer wrongly.

import assert from "node:assert/strict";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import {
  assertRejected,
  assertShowsSlide,
  browserTest,
  drop,
  PATCH,
  useArchivePage,
  zipped,
} from "./support/archive_page.mjs";
import { openAt, openExport, whenDrawn } from "./support/browser.mjs";
import { writePng } from "./support/png.mjs";
import {
  archiveFiles,
  associatedIn,
  description,
  NAME,
  tileName,
  withIndex,
} from "./support/sample_archive.mjs";
import { FULL_LEVEL } from "./support/sample_export.mjs";
import { showsAssociated, slideRegion } from "./support/screen.mjs";
import { layOut, toBuffer } from "./support/zip_writer.mjs";

const CORS = {
  "Access-Control-Allow-Origin": "*",
  "Access-Control-Expose-Headers": "Content-Range",
};
const STRICT =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; connect-src *";
const BLOCKED_STYLE = "sha256-9xTiqzfwFaL2SGb1rmr8gysEwVVjIvqWAgmZgqFqpEE=";
const { emptyPage, openedFrom, pageFiles, resources, started } = useArchivePage();

for (const [form, files] of [
  ["a .zip", archiveFiles()],
  ["a .szi", archiveFiles({ szi: true })],
  ["a .zip without an index", archiveFiles().slice(0, -1)],
]) {
  browserTest(`${form} on the page's server shows the pixels of the slide`, async () => {
    const server = await started({ ...pageFiles(), "/a b #1.zip": zipped(files) });
    const { page, complaints } = await openedFrom(server, "a b #1.zip");
    await assertShowsSlide(page);
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
    await assertShowsSlide(page);
    assert.equal(
      (await page.locator("#facts span").allTextContents()).at(-1),
      `from ${new URL(host.origin).host}`,
    );
    assert.ok(
      host.requests.every(({ method }) => method === "GET"),
      "a preflight was sent, which many hosts do not answer",
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
  ["denies access", /does not give it out \(it answered 403\)/, { status: 403, headers: CORS }],
  ["fails", /answered 500/, { status: 500, headers: CORS }],
  ["has an empty file", /empty/, { bytes: Buffer.alloc(0), headers: CORS }],
  ["sends another part", /says wrongly/, { bytes: zipped(), wrongRange: true, headers: CORS }],
  [
    "has something else",
    /no \.zip or \.szi archive/,
    { bytes: Buffer.alloc(99999), headers: CORS },
  ],
  ["has a truncated archive", /cut short/, { bytes: zipped().subarray(0, 80000), headers: CORS }],
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
    "has a truncated descriptor",
    /not a Deep Zoom descriptor/,
    { bytes: zipped(descriptorWith((xml) => xml.replace("</Image>", ""))), headers: CORS },
  ],
  [
    "has a compressed archive",
    /compressed.*zip -0/,
    { bytes: zipped(archiveFiles().map((file) => ({ ...file, method: 8 }))), headers: CORS },
  ],
]) {
  browserTest(`explains why nothing is shown if a host ${form}`, async () => {
    const host = await started(file === undefined ? {} : { "/x.zip": file });
    const server = await started(pageFiles());
    const { page } = await openedFrom(server, `${host.origin}/x.zip`, [host.origin]);
    await assertRejected(page, sentence);
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
    await assertRejected(page, sentence);
    await page.context().close();
  }
  const { page } = await openAt(
    resources.browser,
    `${pathToFileURL(join(emptyPage, "index.html")).href}?archive=x.zip`,
  );
  await assertRejected(page, /from a disk.*“Open an archive…”/);
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
  // The policy blocks the style that OpenSeadragon inserts, which viewer.css replaces.
  assert.deepEqual(
    complaints.filter((complaint) => !complaint.includes(BLOCKED_STYLE)),
    [],
  );
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

browserTest("reports a missing associated image", async () => {
  const { page, complaints } = await openExport(resources.browser, emptyPage);
  await drop(
    page,
    "x.zip",
    zipped(archiveFiles().filter(({ name }) => !name.endsWith("/thumbnail.png"))),
  );
  await assertShowsSlide(page);
  await page.keyboard.press("i");
  await page.getByRole("button", { name: "thumbnail cannot be shown", disabled: true }).waitFor();
  assert.deepEqual(complaints, []);
  await page.context().close();
});

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
    "its bytes were requested",
  );
  await assert.rejects(
    assertShowsSlide(page),
    "the pixel comparison does not detect a missing tile",
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
  await assert.rejects(assertShowsSlide(page), /slide pixel/);
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
      assert.ok(last - first < 200000 && last < bytes.tilesEnd, `${range} is not a tile`);
    }
    assert.ok(tiles.length > 0 && tiles.length < 60, `${tiles.length} tiles for one screen`);
    // The time on the link: four requests in sequence. The first tile shares it with five others.
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

/** An archive of 200,000 tiles. Those that the page shows first have a usual size. */
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

/** The files with a changed descriptor and without an index, so that the descriptor is used. */
function descriptorWith(change) {
  const withoutIndex = archiveFiles().slice(0, -1);
  return withoutIndex.map((file) =>
    file.name.endsWith(".dzi")
      ? { ...file, contents: Buffer.from(change(file.contents.toString())) }
      : file,
  );
}
