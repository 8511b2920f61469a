// Lengths and areas on the slide, from points in slide pixels. Where the scale
// is known it is applied to each direction apart before anything is added up,
// as pixels need not be square; where it is not, the unit is the pixel and is
// called so.

import { grouped } from "./facts";
import type { Point } from "./model/pyramid";
import type { MicrometersPerPixel } from "./model/slide";

export type Kind = "length" | "polyline" | "area";

/** Of a chain of points, in micrometers, or in slide pixels without a scale. */
export function lengthOf(points: readonly Point[], mpp: MicrometersPerPixel | null): number {
  const { x: across, y: down } = mpp ?? { x: 1, y: 1 };
  let length = 0;
  points.forEach((point, index) => {
    const before = points[index - 1] ?? point;
    length += Math.hypot((point.x - before.x) * across, (point.y - before.y) * down);
  });
  return length;
}

/** Of a polygon, in square micrometers, or in square slide pixels without a scale. */
export function areaOf(points: readonly Point[], mpp: MicrometersPerPixel | null): number {
  const { x: across, y: down } = mpp ?? { x: 1, y: 1 };
  const first = points[0] ?? { x: 0, y: 0 };
  let twice = 0;
  points.forEach((point, index) => {
    const next = points[index + 1] ?? first;
    // From the first point on: slide coordinates are large and would cost digits.
    twice += (point.x - first.x) * (next.y - first.y) - (next.x - first.x) * (point.y - first.y);
  });
  return (Math.abs(twice) / 2) * across * down;
}

/** What a shape measures, in words. */
export function measured(kind: Kind, points: readonly Point[], mpp: MicrometersPerPixel | null): string {
  if (kind === "area") {
    const area = areaOf(points, mpp);
    return mpp === null ? text(area, "px²") : area < 1e6 ? text(area, "µm²") : text(area / 1e6, "mm²");
  }
  const length = lengthOf(points, mpp);
  return mpp === null ? text(length, "px") : length < 1000 ? text(length, "µm") : text(length / 1000, "mm");
}

/** Four figures, and all of those before the point. */
function text(value: number, unit: string): string {
  const digits = value < 1000 ? String(Number(value.toPrecision(4))) : grouped(Math.round(value));
  return `${digits}\u00a0${unit}`;
}
