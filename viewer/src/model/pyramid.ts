// Deep Zoom pyramids and rectangles in them. Level 0 is 1×1 pixel; each level is half the size of
// the next, rounded up; the last is the full size.

/** A point or a distance; the unit is the user's. */
export interface Point {
  readonly x: number;
  readonly y: number;
}

/** A rectangle, in full-size pixels. */
export interface Area {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

/** The grid of a pyramid. */
export interface Geometry {
  /** Full-size width in pixels. */
  readonly width: number;
  /** Full-size height in pixels. */
  readonly height: number;
  /** The step between tiles, in pixels. */
  readonly tileSize: number;
  /** Pixels that tiles share with their neighbors on each interior edge. */
  readonly overlap: number;
  /** The first level with tiles. Levels keep their numbers if smaller ones are missing. */
  readonly smallestLevel: number;
}

/** The grid of a pyramid in an archive. */
export interface ArchiveGeometry extends Geometry {
  /** File name extension of the tiles. */
  readonly extension: string;
}

export type TileFormat = "jpeg" | "jpg" | "png" | "webp";

/** A pyramid whose tiles are files in one folder. */
export interface TileFolder extends Geometry {
  /** The folder's path relative to the page, not URL-encoded; empty for the page's own folder. */
  readonly tiles: string;
  readonly format: TileFormat;
}

/** The naming scheme of tile files. */
export type TileLayout = "dz" | "zoomify" | "google" | "iiif2" | "iiif3";

/** Returns whether a tile was skipped at export because it shows only background. */
export type BlankTiles = (level: number, column: number, row: number) => boolean;
