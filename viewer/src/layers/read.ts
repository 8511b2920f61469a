// Reads and validates the layers of a description. `model/layer.ts` specifies the format. Errors
// name the layer's number, its name and the field.

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
} from "../checks";
import type { ColorScale, Layer, Legend, LegendEntry, PyramidLayer } from "../model/layer";
import type { Area } from "../model/pyramid";
import { readShapes } from "./geojson";

/**
 * Reads the field "layers". `slide` is the size of the slide.
 *
 * @throws {FieldError} if a layer is invalid
 */
export function readLayers(value: unknown, slide: { width: number; height: number }): Layer[] {
  if (value === undefined || value === null) {
    return [];
  }
  if (!Array.isArray(value)) {
    throw new FieldError("its description has no valid “layers” (expected: a list)");
  }
  return value.map((layer: unknown, index) => readLayer(layer, `its layer ${index + 1}`, slide));
}

function readLayer(value: unknown, place: string, slide: { width: number; height: number }): Layer {
  if (!isRecord(value)) {
    throw new FieldError(`${place} is not an object`);
  }
  const name = field(value, "name", isText, "text", place);
  const owner = `${place}, “${name}”,`;
  const kind = field(value, "kind", isKind, "“pyramid” or “geojson”", owner);
  const opacity =
    optional(value, "opacity", isShare, "a number from 0 to 1", owner) ??
    (kind === "pyramid" ? 0.5 : 1);
  const legend = optional(value, "legend", isLegend, LEGEND, owner);
  if (kind === "geojson") {
    return { kind, name, opacity, legend, shapes: readShapes(value["features"], owner) };
  }
  return { name, opacity, legend, ...readPyramid(value, owner, slide) };
}

type Pyramid = Omit<PyramidLayer, "name" | "opacity" | "legend">;

function readPyramid(
  value: Record<string, unknown>,
  owner: string,
  slide: { width: number; height: number },
): Pyramid {
  const whole = (key: string, least: number, most?: number): number => {
    const expected = `a whole number from ${least}${most === undefined ? " on" : ` to ${most}`}`;
    return field(value, key, isWholeFrom(least, most), expected, owner);
  };
  const [width, height, tileSize] = [whole("width", 1), whole("height", 1), whole("tileSize", 1)];
  const area = optional(
    value,
    "area",
    isArea,
    "x and y as numbers, width and height as numbers above 0",
    owner,
  ) ?? {
    x: 0,
    y: 0,
    width: slide.width,
    height: slide.height,
  };
  if (Math.abs((area.height / area.width) * width - height) > 1) {
    throw new FieldError(
      `${owner} has no valid “area” (expected: one of the proportions of its ${width} × ${height} pixels)`,
    );
  }
  return {
    kind: "pyramid",
    smallestLevel: 0,
    tiles: `${field(value, "path", isPath, "a path below the page’s folder", owner)}_files`,
    width,
    height,
    tileSize,
    overlap: whole("overlap", 0, tileSize - 1),
    format: field(value, "format", isFormat, "“png”, “jpeg” or “webp”", owner),
    area,
  };
}

function optional<T>(
  record: Record<string, unknown>,
  key: string,
  accepts: (value: unknown) => value is T,
  expected: string,
  owner: string,
): T | null {
  return record[key] === undefined ? null : field(record, key, accepts, expected, owner);
}

function isKind(value: unknown): value is Layer["kind"] {
  return value === "pyramid" || value === "geojson";
}

const isFormat = isOneOf<PyramidLayer["format"]>("png", "jpeg", "webp");

function isText(value: unknown): value is string {
  return isString(value) && value.trim() !== "";
}

function isShare(value: unknown): value is number {
  return Number.isFinite(value) && (value as number) >= 0 && (value as number) <= 1;
}

function isArea(value: unknown): value is Area {
  return (
    isRecord(value) &&
    Number.isFinite(value["x"]) &&
    Number.isFinite(value["y"]) &&
    isPositive(value["width"]) &&
    isPositive(value["height"])
  );
}

const LEGEND = "a list of colors and labels, or at least two stops of rising values and colors";

function isLegend(value: unknown): value is Legend {
  return Array.isArray(value) ? value.length > 0 && value.every(isLegendEntry) : isScale(value);
}

function isLegendEntry(value: unknown): value is LegendEntry {
  return isRecord(value) && isColor(value["color"]) && isText(value["label"]);
}

function isScale(value: unknown): value is ColorScale {
  if (
    !isRecord(value) ||
    !Array.isArray(value["stops"]) ||
    !(value["unit"] === undefined || isString(value["unit"]))
  ) {
    return false;
  }
  const stops: readonly unknown[] = value["stops"];
  let last = -Infinity;
  return (
    stops.length >= 2 &&
    stops.every((stop) => {
      const isNext =
        isRecord(stop) &&
        isColor(stop["color"]) &&
        Number.isFinite(stop["value"]) &&
        (stop["value"] as number) > last;
      last = isNext ? (stop["value"] as number) : last;
      return isNext;
    })
  );
}
