// Finds the shape at a point, or nearest to it, in slide pixels. Holes are not part of a polygon.

import type { Shape } from "../model/layer";
import type { Point } from "../model/pyramid";

/** Returns the topmost shape at a point. Lines and points are found within the distance `reach`. */
export function shapeAt(shapes: readonly Shape[], point: Point, reach: number): Shape | null {
  for (let index = shapes.length - 1; index >= 0; index -= 1) {
    const shape = shapes[index]!;
    const within = shape.form === "area" ? 0 : reach;
    if (distanceToBox(shape, point) <= within && distanceTo(shape, point) <= within) {
      return shape;
    }
  }
  return null;
}

/** Returns the shape nearest to a point within the distance `limit`; the topmost if several are. */
export function nearestShape(shapes: readonly Shape[], point: Point, limit: number): Shape | null {
  let nearest: Shape | null = null;
  let least = limit;
  for (let index = shapes.length - 1; index >= 0; index -= 1) {
    const shape = shapes[index]!;
    if (distanceToBox(shape, point) < least) {
      const distance = distanceTo(shape, point);
      if (distance < least) {
        [nearest, least] = [shape, distance];
      }
    }
  }
  return nearest;
}

/** Returns the distance from a point to a shape, which is 0 inside an area. */
export function distanceTo({ form, parts }: Shape, { x, y }: Point): number {
  let least = Infinity;
  let isInside = false;
  for (const part of parts) {
    const last = part.length - 2;
    // A ring is closed; other parts start at their first point.
    let [fromX, fromY] = form === "area" ? [part[last]!, part[last + 1]!] : [part[0]!, part[1]!];
    for (let at = 0; at <= last; at += 2) {
      const [toX, toY] = [part[at]!, part[at + 1]!];
      if (form === "points") {
        [fromX, fromY] = [toX, toY];
      }
      least = Math.min(least, toSegment(x, y, fromX, fromY, toX, toY));
      if (toY > y !== fromY > y && x < fromX + ((y - fromY) / (toY - fromY)) * (toX - fromX)) {
        isInside = !isInside;
      }
      [fromX, fromY] = [toX, toY];
    }
  }
  return form === "area" && isInside ? 0 : least;
}

function toSegment(
  x: number,
  y: number,
  fromX: number,
  fromY: number,
  toX: number,
  toY: number,
): number {
  const [across, down] = [toX - fromX, toY - fromY];
  const square = across * across + down * down;
  const share =
    square === 0
      ? 0
      : Math.min(1, Math.max(0, ((x - fromX) * across + (y - fromY) * down) / square));
  return Math.hypot(x - fromX - share * across, y - fromY - share * down);
}

function distanceToBox({ left, top, right, bottom }: Shape, { x, y }: Point): number {
  return Math.hypot(Math.max(left - x, 0, x - right), Math.max(top - y, 0, y - bottom));
}
