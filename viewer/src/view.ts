// The view of a slide in slide pixels and screen pixels (CSS pixels), not OpenSeadragon's units.
// All drawing over the slide uses this module, so that rotation and flip are handled in one place.

import type OpenSeadragon from "openseadragon";

import type { Point } from "./model/pyramid";

export interface View {
  /** The slide pixel at the center of the screen. */
  readonly x: number;
  readonly y: number;
  /** Screen pixels per slide pixel. */
  readonly zoom: number;
  /** Degrees clockwise, from 0 to less than 360. */
  readonly rotation: number;
  /** Whether the slide is flipped horizontally, after the rotation. */
  readonly flip: boolean;
}

/** Returns the view as displayed now, during an animation too. */
export function currentView(viewer: OpenSeadragon.Viewer): View {
  const { viewport } = viewer;
  const center = viewport.viewportToImageCoordinates(viewport.getCenter(true));
  return {
    x: center.x,
    y: center.y,
    zoom: viewport.viewportToImageZoom(viewport.getZoom(true)),
    rotation: normalized(viewport.getRotation(true)),
    flip: viewport.getFlip(),
  };
}

/** Shows a view immediately, beyond the limits for users if need be. */
export function showView(
  { viewport }: OpenSeadragon.Viewer,
  { x, y, zoom, rotation, flip }: View,
): void {
  viewport.setRotation(rotation, true);
  viewport.setFlip(flip);
  viewport.zoomTo(viewport.imageToViewportZoom(zoom), undefined, true);
  viewport.panTo(viewport.imageToViewportCoordinates(x, y), true);
}

/** Calls `draw` in each frame in which the viewer has drawn the slide. */
export function afterDrawing(viewer: OpenSeadragon.Viewer, draw: (view: View) => void): void {
  viewer.addHandler("update-viewport", () => {
    if (viewer.isOpen()) {
      draw(currentView(viewer));
    }
  });
}

/** Converts slide pixels to screen pixels. `size` is the viewer's size. */
export function toScreen(point: Point, view: View, size: Point): Point {
  const turned = rotated(
    { x: (point.x - view.x) * view.zoom, y: (point.y - view.y) * view.zoom },
    view.rotation,
  );
  const across = size.x / 2 + turned.x;
  return { x: view.flip ? size.x - across : across, y: size.y / 2 + turned.y };
}

/** Converts screen pixels to slide pixels. `size` is the viewer's size. */
export function toSlide(point: Point, view: View, size: Point): Point {
  const across = (view.flip ? size.x - point.x : point.x) - size.x / 2;
  const turned = rotated({ x: across, y: point.y - size.y / 2 }, -view.rotation);
  return { x: view.x + turned.x / view.zoom, y: view.y + turned.y / view.zoom };
}

/** Returns the angle from 0 to less than 360 degrees. */
export function normalized(degrees: number): number {
  const positive = ((degrees % 360) + 360) % 360;
  // Angles just below 0 round up to 360.
  return positive === 360 ? 0 : positive;
}

export function rotated({ x, y }: Point, degrees: number): Point {
  const angle = (degrees * Math.PI) / 180;
  const [sine, cosine] = [Math.sin(angle), Math.cos(angle)];
  return { x: x * cosine - y * sine, y: x * sine + y * cosine };
}
