// Reads GeoJSON features as shapes. Positions are stored in typed arrays, since tens of thousands
// of them may be searched in each frame.

import { FieldError, field, isColor, isRecord, isString } from "../checks";
import type { Shape } from "../model/layer";

/** The default color, visible on stained tissue and on glass. */
const COLOR = "0078ff";

/** For each geometry type, the form, its parts, and the minimum number of positions per part. */
const TYPES = new Map<
  unknown,
  { form: Shape["form"]; least: number; parts: (coordinates: unknown) => unknown }
>([
  ["Point", { form: "points", least: 1, parts: (coordinates) => [[coordinates]] }],
  ["MultiPoint", { form: "points", least: 1, parts: (coordinates) => [coordinates] }],
  ["LineString", { form: "line", least: 2, parts: (coordinates) => [coordinates] }],
  ["Polygon", { form: "area", least: 3, parts: (coordinates) => coordinates }],
  ["MultiPolygon", { form: "area", least: 3, parts: rings }],
]);

/**
 * Reads the shapes of a FeatureCollection. `owner` names it in messages.
 *
 * @throws {FieldError} if the collection or a feature is invalid
 */
export function readShapes(collection: unknown, owner: string): Shape[] {
  const features =
    isRecord(collection) && collection["type"] === "FeatureCollection"
      ? collection["features"]
      : null;
  if (!Array.isArray(features)) {
    throw new FieldError(
      `${owner} has no valid “features” (expected: a GeoJSON FeatureCollection)`,
    );
  }
  return features.map((feature: unknown, index) =>
    readShape(feature, `${owner} feature ${index + 1},`),
  );
}

function readShape(feature: unknown, owner: string): Shape {
  if (!isRecord(feature) || feature["type"] !== "Feature") {
    throw new FieldError(`${owner} is not a GeoJSON Feature`);
  }
  const geometry = field(feature, "geometry", isRecord, "an object", owner);
  const type = TYPES.get(geometry["type"]);
  if (type === undefined) {
    throw new FieldError(
      `${owner} has no valid “type” of geometry (expected: Polygon, MultiPolygon, LineString, Point or MultiPoint)`,
    );
  }
  const parts = readParts(type.parts(geometry["coordinates"]), type.least);
  if (parts === null) {
    const each =
      type.form === "area"
        ? `rings of at least ${type.least} positions`
        : `at least ${type.least} position(s)`;
    throw new FieldError(`${owner} has no valid “coordinates” (expected: ${each}, each [x, y])`);
  }
  const properties = feature["properties"] ?? {};
  if (!isRecord(properties)) {
    throw new FieldError(`${owner} has no valid “properties” (expected: null or an object)`);
  }
  const text = properties["name"] ?? properties["label"] ?? "";
  if (!isString(text)) {
    throw new FieldError(
      `${owner} has no valid “${properties["name"] === undefined ? "label" : "name"}” (expected: text)`,
    );
  }
  const color = properties["color"] ?? COLOR;
  if (!isColor(color)) {
    throw new FieldError(
      `${owner} has no valid “color” (expected: a color of six hexadecimal digits)`,
    );
  }
  return { form: type.form, parts, ...boxOf(parts), text, color };
}

/** Returns the rings of all polygons in one list. */
function rings(polygons: unknown): unknown {
  return Array.isArray(polygons) &&
    polygons.every((polygon) => Array.isArray(polygon) && polygon.length > 0)
    ? polygons.flat()
    : null;
}

function readParts(parts: unknown, least: number): Float64Array[] | null {
  if (!Array.isArray(parts) || parts.length === 0) {
    return null;
  }
  const read: Float64Array[] = [];
  for (const part of parts) {
    if (!Array.isArray(part) || part.length < least) {
      return null;
    }
    const numbers = new Float64Array(part.length * 2);
    for (const [index, position] of part.entries()) {
      if (
        !Array.isArray(position) ||
        !Number.isFinite(position[0]) ||
        !Number.isFinite(position[1])
      ) {
        return null;
      }
      numbers.set([position[0], position[1]], index * 2);
    }
    read.push(numbers);
  }
  return read;
}

function boxOf(parts: readonly Float64Array[]): Pick<Shape, "left" | "top" | "right" | "bottom"> {
  const box = { left: Infinity, top: Infinity, right: -Infinity, bottom: -Infinity };
  for (const part of parts) {
    for (let at = 0; at < part.length; at += 2) {
      box.left = Math.min(box.left, part[at]!);
      box.right = Math.max(box.right, part[at]!);
      box.top = Math.min(box.top, part[at + 1]!);
      box.bottom = Math.max(box.bottom, part[at + 1]!);
    }
  }
  return box;
}
