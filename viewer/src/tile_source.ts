// Tiles in a folder beside the page, loaded as images: of all that a page from a
// disk may read, these alone.

import OpenSeadragon from "openseadragon";

import { finishIfBlank } from "./blank_tiles";
import { fullLevel, type Slide, tilesUrl } from "./slide";
import { type TilePath, tilePaths } from "./tile_layout";

/** The part of a slide, or of a layer over it, by which its tiles are found. */
export type TileFolder = Pick<
  Slide,
  "tiles" | "width" | "height" | "tileSize" | "overlap" | "smallestLevel" | "format"
>;

export class FolderTileSource extends OpenSeadragon.DziTileSource {
  constructor(folder: TileFolder) {
    super({
      width: folder.width,
      height: folder.height,
      tileSize: folder.tileSize,
      tileOverlap: folder.overlap,
      tilesUrl: tilesUrl(folder),
      fileFormat: folder.format,
      minLevel: folder.smallestLevel,
      maxLevel: fullLevel(folder),
    });
  }
}

/** The page's own slide, of which blank tiles may have been left out. */
export class SlideTileSource extends FolderTileSource {
  private readonly path: TilePath;

  constructor(private readonly slide: Slide) {
    super(slide);
    this.path = tilePaths(slide);
  }

  override getTileUrl(level: number, column: number, row: number): string {
    return tilesUrl(this.slide) + this.path(level, column, row);
  }

  override downloadTileStart(job: OpenSeadragon.ImageJob): void {
    if (!finishIfBlank(job, this.slide)) {
      super.downloadTileStart(job);
    }
  }
}
