// OpenSeadragon tile sources for tiles in a folder next to the page. The tiles are loaded as
// images: nothing else can be read on a page opened from disk.

import OpenSeadragon from "openseadragon";

import { finishIfBlank } from "./blank_tiles";
import type { TileFolder } from "./model/pyramid";
import type { Slide } from "./model/slide";
import { fullLevel } from "./pyramid";
import { type TilePath, tilePaths, tilesUrl } from "./tile_layout";

/** The tiles of a Deep Zoom pyramid. */
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

/** The tiles of a slide in any layout. Blank tiles are drawn, not loaded. */
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
