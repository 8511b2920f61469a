// What a slide's tiles are called in each layout that an export can have, as
// src/tile_layout.rs has it. Levels are Deep Zoom's; other layouts count from the
// smallest that there is, or name what a tile shows.

import { Pyramid } from "./pyramid";
import type { Slide } from "./slide";

export const LAYOUTS = ["dz", "zoomify", "google", "iiif2", "iiif3"] as const;
export type TileLayout = (typeof LAYOUTS)[number];

/** The path of a tile in the folder of a slide's tiles. */
export type TilePath = (level: number, column: number, row: number) => string;

type Named = Pick<Slide, "layout" | "width" | "height" | "tileSize" | "overlap" | "smallestLevel" | "format">;

const TILES_A_GROUP = 256;

export function tilePaths(slide: Named): TilePath {
  const { layout, format, smallestLevel } = slide;
  const extension = layout !== "dz" && format === "jpeg" ? "jpg" : format;
  switch (layout) {
    case "dz":
      return (level, column, row) => `${level}/${column}_${row}.${extension}`;
    case "zoomify": {
      const pyramid = new Pyramid({ ...slide, extension });
      return (level, column, row) => {
        const group = Math.floor((pyramid.ordinal(level, column, row) ?? 0) / TILES_A_GROUP);
        return `TileGroup${group}/${level - smallestLevel}-${column}-${row}.${extension}`;
      };
    }
    case "google":
      return (level, column, row) => `${level - smallestLevel}/${row}/${column}.${extension}`;
    case "iiif2":
    case "iiif3": {
      const request = requests(layout, slide);
      return (level, column, row) => `${request(level, column, row)}/0/default.${extension}`;
    }
  }
}

/** Region and size by the Image API, in its canonical form. */
function requests(layout: "iiif2" | "iiif3", slide: Named): TilePath {
  const { width, height, tileSize } = slide;
  const { fullLevel } = new Pyramid({ ...slide, extension: "" });
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
    // The next larger level has a tile of this region and width, at one pixel.
    const isTaken = scale > 1 && 2 * across <= scale && 2 * down <= step;
    return `${region}/${tileWidth},${isTaken ? tileHeight : ""}`;
  };
}
