// The relation of two slides side by side. It is in micrometers if both slides are calibrated, so
// that both have the same scale, and otherwise in units of each slide's width.

import type { Point } from "../model/pyramid";
import type { Slide } from "../model/slide";
import { normalized, rotated, type View } from "../view";

/** Width and height of a slide pixel in units. */
export type Pixel = Point;

/** The relation that movements of both slides preserve. */
export interface Relation {
  /** A point of the first slide, in units. */
  readonly from: Point;
  /** The matching point of the second slide, in units. */
  readonly to: Point;
  /** Whether exactly one of the slides is flipped. */
  readonly isMirrored: boolean;
  /** The difference of the rotations in degrees; their sum if one slide is flipped. */
  readonly rotation: number;
  /** The ratio of the scales on the screen. */
  readonly scale: number;
}

export function isCalibrated(slides: readonly Pick<Slide, "mpp">[]): boolean {
  return slides.every(({ mpp }) => mpp !== null);
}

export function pixelOf({ mpp, width }: Pick<Slide, "mpp" | "width">, calibrated: boolean): Pixel {
  return calibrated && mpp !== null ? mpp : { x: 1 / width, y: 1 / width };
}

/** Returns screen pixels per unit; the geometric mean if pixels are not square. */
export function unitZoom(zoom: number, pixel: Pixel): number {
  return zoom / Math.sqrt(pixel.x * pixel.y);
}

/** Returns the relation of two views, whose centers match. */
export function relationOf(one: View, onePixel: Pixel, other: View, otherPixel: Pixel): Relation {
  const isMirrored = one.flip !== other.flip;
  return {
    from: inUnits(one, onePixel),
    to: inUnits(other, otherPixel),
    isMirrored,
    rotation: one.rotation + (isMirrored ? other.rotation : -other.rotation),
    scale: unitZoom(one.zoom, onePixel) / unitZoom(other.zoom, otherPixel),
  };
}

/** Returns the relation from the second slide to the first. */
export function inverse({ from, to, isMirrored, rotation, scale }: Relation): Relation {
  return {
    from: to,
    to: from,
    isMirrored,
    rotation: isMirrored ? rotation : -rotation,
    scale: 1 / scale,
  };
}

/** Returns the view of the second slide that matches a view of the first. */
export function related(
  { from, to, isMirrored, rotation, scale }: Relation,
  view: View,
  pixel: Pixel,
  otherPixel: Pixel,
): View {
  const center = inUnits(view, pixel);
  const turned = rotated({ x: center.x - from.x, y: center.y - from.y }, rotation);
  const across = isMirrored ? -turned.x : turned.x;
  return {
    x: (to.x + across * scale) / otherPixel.x,
    y: (to.y + turned.y * scale) / otherPixel.y,
    zoom: unitZoom(view.zoom, pixel) / scale / unitZoom(1, otherPixel),
    rotation: normalized(isMirrored ? rotation - view.rotation : view.rotation - rotation),
    flip: view.flip !== isMirrored,
  };
}

function inUnits({ x, y }: Point, pixel: Pixel): Point {
  return { x: x * pixel.x, y: y * pixel.y };
}
