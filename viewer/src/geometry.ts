// Lengths and areas from points in slide pixels. The scale is applied to x and y separately, since
// pixels need not be square. Without a scale, results are in pixels.

import { grouped } from "./facts";
import type { Point } from "./model/pyramid";
import type { MicrometersPerPixel } from "./model/slide";

export type Kind = "length" | "polyline" | "area";

/** Returns the length of a polyline in micrometers, or in slide pixels if there is no scale. */
export function lengthOf(points: readonly Point[], mpp: MicrometersPerPixel | null): number {
  const { x: across, y: down } = mpp ?? { x: 1, y: 1 };
  let length = 0;
  points.forEach((point, index) => {
    const before = points[index - 1] ?? point;
    length += Math.hypot((point.x - before.x) * across, (point.y - before.y) * down);
  });
  return length;
}

/** Returns the area of a polygon in µm², or in square slide pixels if there is no scale. */
export function areaOf(points: readonly Point[], mpp: MicrometersPerPixel | null): number {
  const { x: across, y: down } = mpp ?? { x: 1, y: 1 };
  const first = points[0] ?? { x: 0, y: 0 };
  let twice = 0;
  points.forEach((point, index) => {
    const next = points[index + 1] ?? first;
    // Relative to the first point: products of large slide coordinates would lose precision.
    twice += (point.x - first.x) * (next.y - first.y) - (next.x - first.x) * (point.y - first.y);
  });
  return (Math.abs(twice) / 2) * across * down;
}

/** Returns the length or area of a shape with its unit. */
export function measured(
  kind: Kind,
  points: readonly Point[],
  mpp: MicrometersPerPixel | null,
): string {
  if (kind === "area") {
    const area = areaOf(points, mpp);
    return mpp === null
      ? text(area, "px²")
      : area < 1e6
        ? text(area, "µm²")
        : text(area / 1e6, "mm²");
  }
  const length = lengthOf(points, mpp);
  return mpp === null
    ? text(length, "px")
    : length < 1000
      ? text(length, "µm")
      : text(length / 1000, "mm");
}

/** Formats four significant digits, and all digits before the decimal point. */
function text(value: number, unit: string): string {
  const digits = value < 1000 ? String(Number(value.toPrecision(4))) : grouped(Math.round(value));
  return `${digits}\u00a0${unit}`;
}
