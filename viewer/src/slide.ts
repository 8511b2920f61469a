// What the page knows of the slide. The exporter describes it in <name>.json, and
// for the page in slide.js. This module and what it reads fields with trust nothing
// about that description, so that every other module can trust the Slide it returns.

import { type BlankTiles, readBlankTiles } from "./blank_tiles";
import {
  FieldError,
  field,
  isColor,
  isOneOf,
  isPath,
  isPositive,
  isRecord,
  isString,
  isWholeFrom,
  optionalField,
  urlOf,
} from "./checks";
import { type Details, readDetails } from "./details";
import type { Layer } from "./layers/format";
import { readLayers } from "./layers/read";
import { LAYOUTS, type TileLayout } from "./tile_layout";

export { DescriptionError } from "./checks";

/** Micrometers one slide pixel covers. */
export interface MicrometersPerPixel {
  readonly x: number;
  readonly y: number;
}

export interface Slide extends Details {
  readonly name: string;
  /** By whose convention the tiles' files are named. */
  readonly layout: TileLayout;
  /** Folder of the tiles, relative to the page, as a path and not as a URL; empty for the page's own. */
  readonly tiles: string;
  readonly width: number;
  readonly height: number;
  readonly tileSize: number;
  readonly overlap: number;
  /** Smaller levels have no tiles. */
  readonly smallestLevel: number;
  /** Also the extension of the tile files. */
  readonly format: "jpeg" | "jpg" | "png" | "webp";
  readonly mpp: MicrometersPerPixel | null;
  readonly objectivePower: number | null;
  /** The color of empty glass, as "rrggbb". */
  readonly background: string;
  /** `null` where every tile has its file. */
  readonly blankTiles: BlankTiles | null;
  /** From the lowest to the uppermost. */
  readonly layers: readonly Layer[];
}

/** The slide of a description as it is in <name>.json. */
export function readSlide(value: unknown): Slide {
  if (!isRecord(value)) {
    throw new FieldError("its description is not an object");
  }
  const tileSize = field(value, "tileSize", isWholeFrom(1), "a whole number of at least 1");
  const name = field(value, "name", isName, "text that can be part of a URL");
  const width = field(value, "width", isWholeFrom(1), "a whole number of at least 1");
  const height = field(value, "height", isWholeFrom(1), "a whole number of at least 1");
  const full = fullLevel({ width, height });
  const levels = { smallestLevel: 0, ...value };
  const layout = optionalField(value, "layout", isOneOf(...LAYOUTS), `one of ${LAYOUTS.join(", ")}`) ?? "dz";
  const slide = {
    name,
    layout,
    tiles: layout === "dz" ? tilesOf(name) : "",
    width,
    height,
    smallestLevel: field(levels, "smallestLevel", isWholeFrom(0, full), `a whole number from 0 to ${full}`),
    tileSize,
    overlap: field(value, "overlap", isWholeFrom(0, tileSize - 1), "a whole number from 0 to less than tileSize"),
    format: field(value, "format", isFormat, "“jpeg”, “jpg”, “png” or “webp”"),
    mpp: field(value, "micronsPerPixel", isMicrometersOrNull, "null, or x and y as numbers above 0"),
    objectivePower: field(value, "objectivePower", isPositiveOrNull, "null or a number above 0"),
    background: field(value, "background", isColor, "a color of six hexadecimal digits"),
    ...readDetails(value),
  };
  const blankTiles = readBlankTiles(value["blankTiles"], { ...slide, extension: slide.format });
  return { ...slide, blankTiles, layers: readLayers(value["layers"], slide) };
}

/** The URL of the tiles' folder, relative to the page, with the slash at its end. */
export function tilesUrl({ tiles }: Pick<Slide, "tiles">): string {
  return tiles === "" ? "" : `${urlOf(tiles)}/`;
}

/** The level of the pyramid that holds the slide at full size. */
export function fullLevel({ width, height }: Pick<Slide, "width" | "height">): number {
  let level = 0;
  for (let size = 1; size < Math.max(width, height); size *= 2) {
    level += 1;
  }
  return level;
}

function isPositiveOrNull(value: unknown): value is number | null {
  return value === null || isPositive(value);
}

export function isMicrometers(value: unknown): value is MicrometersPerPixel {
  return isRecord(value) && isPositive(value["x"]) && isPositive(value["y"]);
}

function isMicrometersOrNull(value: unknown): value is MicrometersPerPixel | null {
  return value === null || isMicrometers(value);
}

const isFormat = isOneOf<Slide["format"]>("jpeg", "jpg", "png", "webp");

function isName(value: unknown): value is string {
  return isString(value) && isPath(tilesOf(value));
}

/** Where every Deep Zoom viewer looks for them. */
function tilesOf(name: string): string {
  return `${name}_files`;
}
