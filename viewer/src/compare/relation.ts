// How two slides that are shown side by side lie upon each other. It is reckoned in
// a unit that both have: micrometers where both are calibrated, so that both stand
// on the screen at one scale, and otherwise the width of each slide.

import type { Point } from "../model/pyramid";
import type { Slide } from "../model/slide";
import { normalized, rotated, type View } from "../view";

/** Units that a slide pixel is wide and high. */
export type Pixel = Point;

/** What is the same wherever both slides are moved together. */
export interface Relation {
  /** A point of the one slide, in units. */
  readonly from: Point;
  /** The point of the other slide that lies upon it. */
  readonly to: Point;
  /** Whether one of the two is mirrored. */
  readonly isMirrored: boolean;
  /** Degrees from the other's rotation to the one's; their sum where one of the two is mirrored. */
  readonly turn: number;
  /** How much larger than the other the one stands on the screen, by units. */
  readonly scale: number;
}

export function isCalibrated(slides: readonly Pick<Slide, "mpp">[]): boolean {
  return slides.every(({ mpp }) => mpp !== null);
}

export function pixelOf({ mpp, width }: Pick<Slide, "mpp" | "width">, calibrated: boolean): Pixel {
  return calibrated && mpp !== null ? mpp : { x: 1 / width, y: 1 / width };
}

/** Screen pixels to the unit: where pixels are not square, as one of the middle. */
export function unitZoom(zoom: number, pixel: Pixel): number {
  return zoom / Math.sqrt(pixel.x * pixel.y);
}

/** The relation of two slides as they are shown: the middles of the screen lie upon each other. */
export function relationOf(one: View, onePixel: Pixel, other: View, otherPixel: Pixel): Relation {
  const isMirrored = one.flip !== other.flip;
  return {
    from: inUnits(one, onePixel),
    to: inUnits(other, otherPixel),
    isMirrored,
    turn: one.rotation + (isMirrored ? other.rotation : -other.rotation),
    scale: unitZoom(one.zoom, onePixel) / unitZoom(other.zoom, otherPixel),
  };
}

/** The same relation, from the other slide to the one. */
export function inverse({ from, to, isMirrored, turn, scale }: Relation): Relation {
  return { from: to, to: from, isMirrored, turn: isMirrored ? turn : -turn, scale: 1 / scale };
}

/** The view of the other slide that lies upon a view of the one. */
export function related(
  { from, to, isMirrored, turn, scale }: Relation,
  view: View,
  pixel: Pixel,
  otherPixel: Pixel,
): View {
  const center = inUnits(view, pixel);
  const turned = rotated({ x: center.x - from.x, y: center.y - from.y }, turn);
  const across = isMirrored ? -turned.x : turned.x;
  return {
    x: (to.x + across * scale) / otherPixel.x,
    y: (to.y + turned.y * scale) / otherPixel.y,
    zoom: unitZoom(view.zoom, pixel) / scale / unitZoom(1, otherPixel),
    rotation: normalized(isMirrored ? turn - view.rotation : view.rotation - turn),
    flip: view.flip !== isMirrored,
  };
}

function inUnits({ x, y }: Point, pixel: Pixel): Point {
  return { x: x * pixel.x, y: y * pixel.y };
}
