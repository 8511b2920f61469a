// The slide as the page shows it. `read_slide.ts` builds it from an export's description.

import type { Layer } from "./layer";
import type { Area, BlankTiles, TileFolder, TileLayout } from "./pyramid";

export interface MicrometersPerPixel {
  readonly x: number;
  readonly y: number;
}

/**
 * [[a, b, c], [d, e, f]] maps the point (x, y) of the full-size export to the point
 * (a·x + b·y + c, d·x + e·y + f) of the full-size slide. Points are measured from the top left
 * corner of the top left pixel.
 */
export type SlideTransform = readonly [
  readonly [number, number, number],
  readonly [number, number, number],
];

export interface Slide extends TileFolder, Details {
  readonly name: string;
  readonly layout: TileLayout;
  readonly mpp: MicrometersPerPixel | null;
  readonly objectivePower: number | null;
  /** The background color, as "rrggbb". */
  readonly background: string;
  /** `null` if every tile has a file. */
  readonly blankTiles: BlankTiles | null;
  /** From bottom to top. */
  readonly layers: readonly Layer[];
}

/** How the export was made, and from what. Exports of other tools have none of it. */
export interface Details {
  readonly levels: number | null;
  readonly tileCount: number | null;
  /** Encoding quality of JPEG and lossy WebP tiles, 1 to 100. */
  readonly quality: number | null;
  /** Chroma subsampling of JPEG tiles; "400" is grayscale. */
  readonly subsampling: "444" | "422" | "420" | "400" | null;
  /** Entropy coding of JPEG tiles. */
  readonly coding: "baseline" | "optimized" | "progressive" | null;
  /** Compression of WebP tiles. */
  readonly compression: "lossy" | "lossless" | null;
  /** Whether full-size tiles contain the slide's own compressed data. */
  readonly baseTiles: "encoded" | "lossless" | null;
  /** The exported part of the slide, in full-size slide pixels. */
  readonly area: Area | null;
  /** The export's position in the slide; `null` if it is `area` at full size, not rotated. */
  readonly toSlide: SlideTransform | null;
  /** Unreadable regions, shown as background, in full-size slide pixels. */
  readonly unreadable: readonly Area[];
  readonly associatedImages: readonly AssociatedImage[];
  /** Names and values, in the description's order. */
  readonly properties: readonly (readonly [string, string])[];
  readonly source: SourceFile | null;
  readonly writtenBy: WrittenBy | null;
}

/** A label, macro or thumbnail image. */
export interface AssociatedImage {
  readonly name: string;
  /** Relative to the export's folder, not URL-encoded. */
  readonly path: string;
  readonly width: number;
  readonly height: number;
}

/** The file that was exported. */
export interface SourceFile {
  readonly file?: string | null;
  readonly bytes?: number | null;
  /** SHA-256 of the whole file. */
  readonly sha256?: string | null;
  /** SHA-256 of the file's first and last MiB. */
  readonly fingerprint?: string | null;
}

/** Versions of the programs that wrote the export. */
export interface WrittenBy {
  readonly slidezoom: string;
  readonly openslide?: string | null;
}
