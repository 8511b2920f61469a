// What an archive says of its slide, as the page knows slides. The pyramid's own
// numbers come from the tile index or the .dzi, by which tiles are found; the
// export's JSON adds what they do not know. Where they contradict each other,
// nothing is shown: one of them is of another slide.

import { FieldError, isRecord } from "../checks";
import type { Layer } from "../model/layer";
import type { ArchiveGeometry } from "../model/pyramid";
import type { Slide } from "../model/slide";
import { readSlide } from "../read_slide";
import { ArchiveError, damaged } from "./errors";

/** An exporter's has some 90 bytes for each region that could not be read, and little besides. */
export const LONGEST_DESCRIPTION = 1 << 24;

const FORMATS = new Map([
  ["jpeg", "jpeg"],
  ["jpg", "jpeg"],
  ["png", "png"],
  ["webp", "webp"],
]);

/** A slide of which nothing but its pyramid is known. */
export function plainSlide(geometry: ArchiveGeometry, name: string): Slide {
  return slideWith(geometry, { name, micronsPerPixel: null, objectivePower: null, background: "ffffff" });
}

/** The slide by the export's JSON. */
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
  // Of the two, the index alone knows it for certain.
  const { smallestLevel } = geometry;
  if (smallestLevel > 0 && description["smallestLevel"] !== smallestLevel) {
    throw damaged("its description and its tiles contradict each other about “smallestLevel”");
  }
  return slideWith(geometry, description);
}

/** Whether a JSON file is an export's description and not some other program's. */
export function isOurs(json: string): boolean {
  try {
    const value: unknown = JSON.parse(json);
    return isRecord(value) && isRecord(value["writtenBy"]) && typeof value["writtenBy"]["slidezoom"] === "string";
  } catch {
    return false;
  }
}

/** Whether a JSON file is the description of an export in another layout than Deep Zoom's, which then alone tells of the pyramid. */
export function isOfOtherLayout(json: string): boolean {
  return isOurs(json) && ((JSON.parse(json) as Record<string, unknown>)["layout"] ?? "dz") !== "dz";
}

/** The pyramid by such a description. */
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
    throw new ArchiveError(`its tiles are “${extension}” files. Export it with tiles in JPEG, PNG or WebP.`);
  }
  try {
    const slide = readSlide({ smallestLevel, ...about, width, height, tileSize, overlap, format });
    return { ...slide, layers: slide.layers.map(withoutTiles) };
  } catch (error) {
    throw error instanceof FieldError ? damaged(error.reason) : error;
  }
}

/** The page finds the tiles of the slide alone. */
function withoutTiles(layer: Layer): Layer {
  return layer.kind === "pyramid" ? { ...layer, tiles: null } : layer;
}
