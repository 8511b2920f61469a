// The position of an export in its slide. An export may be a part of the slide, rotated, flipped
// and downsampled.

import type { Area } from "./model/pyramid";
import type { SlideTransform } from "./model/slide";

export function isSlideTransform(value: unknown): value is SlideTransform {
  const isRow = (row: unknown): boolean =>
    Array.isArray(row) && row.length === 3 && row.every(Number.isFinite);
  return (
    Array.isArray(value) &&
    value.length === 2 &&
    value.every(isRow) &&
    determinant(value as unknown as SlideTransform) !== 0
  );
}

/** Returns the bounding box, in export pixels, of a region in slide pixels. */
export function inExport({ x, y, width, height }: Area, toSlide: SlideTransform): Area {
  const [[a, b, c], [d, e, f]] = toSlide;
  const scale = determinant(toSlide);
  const corners = [x, x + width].flatMap((across) =>
    [y, y + height].map((down) => [
      (e * (across - c) - b * (down - f)) / scale,
      (a * (down - f) - d * (across - c)) / scale,
    ]),
  ) as [number, number][];
  const across = corners.map(([first]) => first);
  const down = corners.map(([, second]) => second);
  const [left, top] = [Math.min(...across), Math.min(...down)];
  return { x: left, y: top, width: Math.max(...across) - left, height: Math.max(...down) - top };
}

function determinant([[a, b], [d, e]]: SlideTransform): number {
  return a * e - b * d;
}
