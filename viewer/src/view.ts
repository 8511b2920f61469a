// Where the viewer stands over the slide, told in slide pixels and screen
// pixels instead of OpenSeadragon's own units. Everything drawn over the slide
// or written about it goes through this module, so that rotation and flip are
// reckoned in one place. A screen pixel is a CSS pixel throughout: what a
// person reads here is the same on a screen of any density.

import type OpenSeadragon from "openseadragon";

import type { Point } from "./model/pyramid";

export interface View {
  /** The slide pixel in the middle of the screen. */
  readonly x: number;
  readonly y: number;
  /** Screen pixels per slide pixel. */
  readonly zoom: number;
  /** Degrees clockwise, from 0 to less than 360. */
  readonly rotation: number;
  /** Whether left and right are exchanged, after the rotation. */
  readonly flip: boolean;
}

/** What is on the screen now, in the middle of a movement too. */
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

/** Shows a view at once, whatever limits there are for those who move the slide by hand. */
export function showView({ viewport }: OpenSeadragon.Viewer, { x, y, zoom, rotation, flip }: View): void {
  viewport.setRotation(rotation, true);
  viewport.setFlip(flip);
  viewport.zoomTo(viewport.imageToViewportZoom(zoom), undefined, true);
  viewport.panTo(viewport.imageToViewportCoordinates(x, y), true);
}

/** Calls `draw` whenever the viewer has drawn the slide, in the same frame. */
export function afterDrawing(viewer: OpenSeadragon.Viewer, draw: (view: View) => void): void {
  viewer.addHandler("update-viewport", () => {
    if (viewer.isOpen()) {
      draw(currentView(viewer));
    }
  });
}

/** Where a point of the slide stands on a screen of this size. */
export function toScreen(point: Point, view: View, size: Point): Point {
  const turned = rotated({ x: (point.x - view.x) * view.zoom, y: (point.y - view.y) * view.zoom }, view.rotation);
  const across = size.x / 2 + turned.x;
  return { x: view.flip ? size.x - across : across, y: size.y / 2 + turned.y };
}

/** Which point of the slide stands at a point of the screen. */
export function toSlide(point: Point, view: View, size: Point): Point {
  const across = (view.flip ? size.x - point.x : point.x) - size.x / 2;
  const turned = rotated({ x: across, y: point.y - size.y / 2 }, -view.rotation);
  return { x: view.x + turned.x / view.zoom, y: view.y + turned.y / view.zoom };
}

/** Degrees from 0 to less than 360. */
export function normalized(degrees: number): number {
  const turn = ((degrees % 360) + 360) % 360;
  // The sum rounds a hair below 0 up to a whole turn.
  return turn === 360 ? 0 : turn;
}

export function rotated({ x, y }: Point, degrees: number): Point {
  const angle = (degrees * Math.PI) / 180;
  const [sine, cosine] = [Math.sin(angle), Math.cos(angle)];
  return { x: x * cosine - y * sine, y: x * sine + y * cosine };
}
