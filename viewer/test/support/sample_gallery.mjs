// Writes a gallery like those of slidezoom, with exports and archives. Their names need escaping in
// URLs and HTML.

import { readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { archiveFiles } from "./sample_archive.mjs";
import { HEIGHT, newFolder, WIDTH, writeExportInto, writePage } from "./sample_export.mjs";
import { serve } from "./server.mjs";
import { layOut, toBuffer } from "./zip_writer.mjs";

export const FOLDER = `a #1 50% 'it' "Café" & +`;
export const BAG = "b <script>alert(1)<∕script> ?x=1";
export const ARCHIVE = "c 100% #é & + ?";

/** Returns a valid entry of a slide in a folder, with the fields of `change`. */
export function entry(name, change = {}) {
  return {
    name,
    folder: name,
    archive: null,
    thumbnail: `${name}/slide_files/8/0_0.png`,
    width: WIDTH,
    height: HEIGHT,
    micronsPerPixel: { x: 0.5, y: 0.5 },
    objectivePower: 20,
    ...change,
  };
}

/** Writes only the page and its list. */
export function writeList(entries, folder = newFolder()) {
  writePage(folder, "Slides <of> mine", "gallery");
  const list = JSON.stringify({ slides: entries });
  writeFileSync(
    join(folder, "gallery/gallery.js"),
    `// Slides\n(globalThis.slidezoomGalleries ??= []).push(${list});\n`,
  );
  return folder;
}

/**
 * Writes an export, a bag with an export at half its scale, and an archive. `change` has additional
 * fields of the two folders' descriptions.
 */
export function writeGallery({ change = {} } = {}) {
  const folder = newFolder();
  const fine = { name: "slide", micronsPerPixel: { x: 0.5, y: 0.5 }, ...change };
  const coarse = { ...fine, micronsPerPixel: { x: 1, y: 1 }, objectivePower: 10, ...change };
  writeExportInto(join(folder, FOLDER), "slide", (description) => ({ ...description, ...fine }));
  writeExportInto(join(folder, BAG, "data"), "slide", (description) => ({
    ...description,
    ...coarse,
  }));
  const archive = toBuffer(layOut(archiveFiles({ szi: true })));
  writeFileSync(join(folder, `${ARCHIVE}.szi`), archive);
  const bag = {
    folder: `${BAG}/data`,
    thumbnail: `${BAG}/data/slide_files/8/0_0.png`,
    micronsPerPixel: { x: 1, y: 1 },
  };
  return writeList(
    [
      entry(ARCHIVE, { folder: null, archive: `${ARCHIVE}.szi`, thumbnail: null }),
      entry(BAG, { ...bag, objectivePower: 10 }),
      entry(FOLDER),
    ],
    folder,
  );
}

/** Serves all files of a folder, each with these headers. */
export function serveFolder(folder, headers = {}) {
  const files = readdirSync(folder, { recursive: true })
    .filter((path) => statSync(join(folder, path)).isFile())
    .map((path) => [`/${path}`, { bytes: readFileSync(join(folder, path)), headers }]);
  return serve(Object.fromEntries(files));
}

/** Returns the end of the gallery's URL for a comparison of two slides, by their paths. */
export function comparing(one, other) {
  return `?${new URLSearchParams([
    ["compare", one],
    ["compare", other],
  ])}`;
}
