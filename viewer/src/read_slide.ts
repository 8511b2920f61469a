// Validates a slide's description: the content of <name>.json and slide.js. Descriptions may come
// from anywhere; a `Slide` can be trusted.

import { readBlankTiles } from "./blank_tiles";
import {
  FieldError,
  field,
  isColor,
  isMicrometers,
  isOneOf,
  isPath,
  isPositive,
  isRecord,
  isString,
  isWholeFrom,
  optionalField,
} from "./checks";
import { readLayers } from "./layers/read";
import type { TileFormat } from "./model/pyramid";
import type { MicrometersPerPixel, Slide } from "./model/slide";
import { fullLevel } from "./pyramid";
import { readDetails } from "./read_details";
import { LAYOUTS } from "./tile_layout";

/**
 * Reads a description.
 *
 * @throws {FieldError} if a field is missing or invalid
 */
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
  const layout =
    optionalField(value, "layout", isOneOf(...LAYOUTS), `one of ${LAYOUTS.join(", ")}`) ?? "dz";
  const slide = {
    name,
    layout,
    tiles: layout === "dz" ? tilesOf(name) : "",
    width,
    height,
    smallestLevel: field(
      levels,
      "smallestLevel",
      isWholeFrom(0, full),
      `a whole number from 0 to ${full}`,
    ),
    tileSize,
    overlap: field(
      value,
      "overlap",
      isWholeFrom(0, tileSize - 1),
      "a whole number from 0 to less than tileSize",
    ),
    format: field(value, "format", isFormat, "“jpeg”, “jpg”, “png” or “webp”"),
    mpp: field(
      value,
      "micronsPerPixel",
      isMicrometersOrNull,
      "null, or x and y as numbers above 0",
    ),
    objectivePower: field(value, "objectivePower", isPositiveOrNull, "null or a number above 0"),
    background: field(value, "background", isColor, "a color of six hexadecimal digits"),
    ...readDetails(value),
  };
  const blankTiles = readBlankTiles(value["blankTiles"], slide);
  return { ...slide, blankTiles, layers: readLayers(value["layers"], slide) };
}

function isPositiveOrNull(value: unknown): value is number | null {
  return value === null || isPositive(value);
}

function isMicrometersOrNull(value: unknown): value is MicrometersPerPixel | null {
  return value === null || isMicrometers(value);
}

const isFormat = isOneOf<TileFormat>("jpeg", "jpg", "png", "webp");

function isName(value: unknown): value is string {
  return isString(value) && isPath(tilesOf(value));
}

/** The tile folder's name, as in every Deep Zoom export. */
function tilesOf(name: string): string {
  return `${name}_files`;
}
