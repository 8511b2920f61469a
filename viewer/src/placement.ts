// Where the export's pixels lie in its slide, and back. An export can be a part
// of its slide, turned, mirrored and smaller; its description has the equation.

import type { Area } from "./details";

/**
 * [[a, b, c], [d, e, f]]: the point (x, y) of the export's full size lies at
 * (a·x + b·y + c, d·x + e·y + f) in the slide's full size. Points are measured
 * from the top left corner of the top left pixel.
 */
export type SlideTransform = readonly [readonly [number, number, number], readonly [number, number, number]];

export function isToSlide(value: unknown): value is SlideTransform {
  const isRow = (row: unknown): boolean => Array.isArray(row) && row.length === 3 && row.every(Number.isFinite);
  return (
    Array.isArray(value) && value.length === 2 && value.every(isRow) && determinant(value as unknown as SlideTransform) !== 0
  );
}

/** Where a region of the slide lies in the export: the least upright rectangle around it. */
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
