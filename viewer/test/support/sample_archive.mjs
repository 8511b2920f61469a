// The sample slide as an archive: tiles, description, descriptor and tile index.

import {
  ASSOCIATED,
  associatedPng,
  HEIGHT,
  OVERLAP,
  sampleTiles,
  TILE_SIZE,
  WIDTH,
} from "./sample_export.mjs";
import { tileIndex } from "./zip_writer.mjs";

export const geometry = {
  width: WIDTH,
  height: HEIGHT,
  tileSize: TILE_SIZE,
  overlap: OVERLAP,
  extension: "png",
};

/** All tiles, encoded once for all tests of a file. */
const tiles = [...sampleTiles()];

export const NAME = `slide #1 50% "Café" <b>`;

/** Returns the associated images with their paths in a .zip or a .szi. */
export function associatedIn({ szi = false } = {}) {
  return ASSOCIATED.map((image) => ({
    ...image,
    path: `${szi ? "vendor/slidezoom/" : ""}${image.path}`,
  }));
}

/** Returns the fields of the export's JSON that the page reads. */
export function description(
  name,
  { width, height, tileSize, overlap, extension },
  associatedImages = [],
) {
  return {
    name,
    width,
    height,
    tileSize,
    overlap,
    format: extension,
    micronsPerPixel: { x: 0.499, y: 0.5 },
    objectivePower: 20,
    background: "ffffff",
    associatedImages,
    writtenBy: { slidezoom: "0.1.0", openslide: "4.0.1" },
  };
}

/** Returns the archive's files for `layOut`. `change` has additional fields of the description. */
export function archiveFiles({ name = NAME, szi = false, change = {} } = {}) {
  const associated = associatedIn({ szi });
  const vendor = szi ? `${name}/vendor/slidezoom/` : `${name}/`;
  return withIndex(
    name,
    vendor,
    geometry,
    [
      ...tiles.map(({ level, column, row, png }) => ({
        name: tileName(name, level, column, row),
        contents: png,
      })),
      ...associated.map((image) => ({
        name: `${name}/${image.path}`,
        contents: associatedPng(image),
      })),
      // The first read of the archive's end must not include tiles and images.
      { name: `${name}/other`, contents: Buffer.alloc(100000) },
    ],
    { ...description(name, geometry, associated), ...change },
  );
}

export function tileName(name, level, column, row, extension = "png") {
  return `${name}/${name}_files/${level}/${column}_${row}.${extension}`;
}

export function withIndex(name, vendor, geometry, tileFiles, json) {
  const { width, height, tileSize, overlap, extension } = geometry;
  const dzi =
    `<?xml version="1.0" encoding="UTF-8"?><Image xmlns="http://schemas.microsoft.com/deepzoom/2008" ` +
    `Format="${extension}" Overlap="${overlap}" TileSize="${tileSize}"><Size Width="${width}" Height="${height}"/></Image>\n`;
  const jsonName = `${vendor}${name}.json`;
  return [
    ...tileFiles,
    { name: jsonName, contents: Buffer.from(JSON.stringify(json)) },
    { name: `${name}/${name}.dzi`, contents: Buffer.from(dzi) },
    {
      name: `${vendor}tile-index.bin`,
      contents: (places) =>
        tileIndex(
          geometry,
          (level, column, row) => places.get(tileName(name, level, column, row, extension)),
          places.get(jsonName),
        ),
    },
  ];
}
