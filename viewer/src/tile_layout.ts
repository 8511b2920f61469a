// The file names of tiles in each layout, as in src/layout/. Level numbers are Deep Zoom's; other
// layouts count from the smallest exported level or name the region shown.

import { urlOf } from "./checks";
import type { TileFolder, TileLayout } from "./model/pyramid";
import { Pyramid } from "./pyramid";

export const LAYOUTS: readonly TileLayout[] = ["dz", "zoomify", "google", "iiif2", "iiif3"];

/** Returns the path of a tile inside the tile folder. */
export type TilePath = (level: number, column: number, row: number) => string;

type Tiles = Omit<TileFolder, "tiles"> & { readonly layout: TileLayout };

const TILES_PER_GROUP = 256;

export function tilePaths(slide: Tiles): TilePath {
  const { layout, format, smallestLevel } = slide;
  const extension = layout !== "dz" && format === "jpeg" ? "jpg" : format;
  switch (layout) {
    case "dz":
      return (level, column, row) => `${level}/${column}_${row}.${extension}`;
    case "zoomify": {
      const pyramid = new Pyramid(slide);
      return (level, column, row) => {
        const group = Math.floor((pyramid.ordinal(level, column, row) ?? 0) / TILES_PER_GROUP);
        return `TileGroup${group}/${level - smallestLevel}-${column}-${row}.${extension}`;
      };
    }
    case "google":
      return (level, column, row) => `${level - smallestLevel}/${row}/${column}.${extension}`;
    case "iiif2":
    case "iiif3": {
      const request = iiifRequest(layout, slide);
      return (level, column, row) => `${request(level, column, row)}/0/default.${extension}`;
    }
  }
}

/** Returns region and size of the canonical Image API request for a tile. */
function iiifRequest(layout: "iiif2" | "iiif3", slide: Tiles): TilePath {
  const { width, height, tileSize } = slide;
  const { fullLevel } = new Pyramid(slide);
  return (level, column, row) => {
    const scale = 2 ** (fullLevel - level);
    const step = tileSize * scale;
    const [left, top] = [column * step, row * step];
    const [across, down] = [Math.min(step, width - left), Math.min(step, height - top)];
    const [tileWidth, tileHeight] = [Math.ceil(across / scale), Math.ceil(down / scale)];
    const isWhole = across === width && down === height;
    const region = isWhole ? "full" : `${left},${top},${across},${down}`;
    if (layout === "iiif3") {
      return `${region}/${isWhole && scale === 1 ? "max" : `${tileWidth},${tileHeight}`}`;
    }
    if (scale === 1 && tileWidth === width) {
      return `${region}/full`;
    }
    // The next larger level has a tile with the same region and a width of one pixel.
    const isAmbiguous = scale > 1 && 2 * across <= scale && 2 * down <= step;
    return `${region}/${tileWidth},${isAmbiguous ? tileHeight : ""}`;
  };
}

/** Returns the tile folder's URL relative to the page, with a trailing slash. */
export function tilesUrl({ tiles }: Pick<TileFolder, "tiles">): string {
  return tiles === "" ? "" : `${urlOf(tiles)}/`;
}
