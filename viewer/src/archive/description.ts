// The slide of an archive. The pyramid comes from the tile index or the .dzi, which locate the
// tiles; the export's JSON adds the rest. If they contradict each other, the archive is rejected.

import { FieldError, isRecord } from "../checks";
import type { Layer } from "../model/layer";
import type { ArchiveGeometry } from "../model/pyramid";
import type { Slide } from "../model/slide";
import { readSlide } from "../read_slide";
import { ArchiveError, damaged } from "./errors";

/** Maximum bytes of a description. Each unreadable region takes some 90 bytes. */
export const LONGEST_DESCRIPTION = 1 << 24;

const FORMATS = new Map([
  ["jpeg", "jpeg"],
  ["jpg", "jpeg"],
  ["png", "png"],
  ["webp", "webp"],
]);

/** Returns a slide without metadata. */
export function plainSlide(geometry: ArchiveGeometry, name: string): Slide {
  return slideWith(geometry, {
    name,
    micronsPerPixel: null,
    objectivePower: null,
    background: "ffffff",
  });
}

/**
 * Reads the slide from the export's JSON.
 *
 * @throws {ArchiveError} if the JSON is invalid or contradicts the pyramid
 */
export function describedSlide(geometry: ArchiveGeometry, json: string): Slide {
  let description: unknown;
  try {
    description = JSON.parse(json);
  } catch {
    throw damaged("its description is not valid JSON");
  }
  if (!isRecord(description)) {
    throw damaged("its description is not an object");
  }
  for (const key of ["width", "height", "tileSize", "overlap"] as const) {
    if (description[key] !== geometry[key]) {
      throw damaged(`its description and its tiles contradict each other about “${key}”`);
    }
  }
  // A .dzi does not contain this field: 0 is not a contradiction.
  const { smallestLevel } = geometry;
  if (smallestLevel > 0 && description["smallestLevel"] !== smallestLevel) {
    throw damaged("its description and its tiles contradict each other about “smallestLevel”");
  }
  return slideWith(geometry, description);
}

/** Returns whether JSON is a description by slidezoom. */
export function isOurs(json: string): boolean {
  try {
    const value: unknown = JSON.parse(json);
    return (
      isRecord(value) &&
      isRecord(value["writtenBy"]) &&
      typeof value["writtenBy"]["slidezoom"] === "string"
    );
  } catch {
    return false;
  }
}

/** Returns whether JSON describes an export in a layout other than Deep Zoom, which has no .dzi. */
export function isOfOtherLayout(json: string): boolean {
  return isOurs(json) && ((JSON.parse(json) as Record<string, unknown>)["layout"] ?? "dz") !== "dz";
}

/** Reads the pyramid from such a description. */
export function describedGeometry(json: string): ArchiveGeometry {
  try {
    const slide = readSlide(JSON.parse(json));
    return { ...slide, extension: slide.format };
  } catch (error) {
    throw error instanceof FieldError ? damaged(error.reason) : error;
  }
}

function slideWith(geometry: ArchiveGeometry, about: Record<string, unknown>): Slide {
  const { width, height, tileSize, overlap, smallestLevel, extension } = geometry;
  const format = FORMATS.get(extension.toLowerCase());
  if (format === undefined) {
    throw new ArchiveError(
      `its tiles are “${extension}” files. Export it with tiles in JPEG, PNG or WebP.`,
    );
  }
  try {
    const slide = readSlide({ smallestLevel, ...about, width, height, tileSize, overlap, format });
    return { ...slide, layers: slide.layers.map(withoutTiles) };
  } catch (error) {
    throw error instanceof FieldError ? damaged(error.reason) : error;
  }
}

/** Removes the tiles of a layer, which are not read from archives. */
function withoutTiles(layer: Layer): Layer {
  return layer.kind === "pyramid" ? { ...layer, tiles: null } : layer;
}
