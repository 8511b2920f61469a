// Draws shapes at a scale. Paths are created once, relative to the shape's corner, since canvases
// compute in single precision.

import type { Shape } from "../model/layer";

export type Box = Pick<Shape, "left" | "top" | "right" | "bottom">;

/** Line width and dot radius in canvas pixels, displayed at 50 % to 100 %. */
const LINE = 3;
const DOT = 6;
/** How far drawings extend beyond their coordinates, in canvas pixels. */
export const MARGIN = DOT + 1;
/** Smaller shapes are drawn as a block, in canvas pixels. */
const BLOCK = 4;

const paths = new WeakMap<Shape, Path2D>();

/** Draws shapes at `scale` canvas pixels per slide pixel, with the box's corner at the origin. */
export function paint(
  context: CanvasRenderingContext2D,
  shapes: readonly Shape[],
  { left, top }: Box,
  scale: number,
): void {
  context.lineJoin = "round";
  for (const shape of shapes) {
    const color = `#${shape.color}`;
    const extent = Math.max(shape.right - shape.left, shape.bottom - shape.top) * scale;
    context.fillStyle = color;
    context.setTransform(
      scale,
      0,
      0,
      scale,
      (shape.left - left) * scale,
      (shape.top - top) * scale,
    );
    if (shape.form === "points") {
      const path = dots(shape, DOT / scale);
      context.fill(path);
      context.strokeStyle = "#000";
      context.lineWidth = 1 / scale;
      context.stroke(path);
    } else if (extent < BLOCK) {
      const side = Math.max(extent, 1) / scale;
      context.fillRect(0, 0, side, side);
    } else {
      const path = paths.get(shape) ?? outline(shape);
      paths.set(shape, path);
      if (shape.form === "area") {
        context.fillStyle = `${color}40`;
        context.fill(path, "evenodd");
      }
      context.strokeStyle = color;
      context.lineWidth = LINE / scale;
      context.stroke(path);
    }
  }
}

function outline({ form, parts, left, top }: Shape): Path2D {
  const path = new Path2D();
  for (const part of parts) {
    path.moveTo(part[0]! - left, part[1]! - top);
    for (let at = 2; at < part.length; at += 2) {
      path.lineTo(part[at]! - left, part[at + 1]! - top);
    }
    if (form === "area") {
      path.closePath();
    }
  }
  return path;
}

function dots({ parts, left, top }: Shape, radius: number): Path2D {
  const path = new Path2D();
  for (const part of parts) {
    for (let at = 0; at < part.length; at += 2) {
      const [x, y] = [part[at]! - left, part[at + 1]! - top];
      path.moveTo(x + radius, y);
      path.arc(x, y, radius, 0, Math.PI * 2);
    }
  }
  return path;
}
