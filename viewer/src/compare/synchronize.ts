// Keeps two viewers together: whichever is moved, the other is put where it belongs
// in the same frame. What always holds: a viewer that was put somewhere has not
// moved, so that no movement comes back to where it began.

import type OpenSeadragon from "openseadragon";

import type { Slide } from "../model/slide";
import { currentView, showView, type View } from "../view";
import { inverse, isCalibrated, type Pixel, pixelOf, type Relation, related, relationOf, unitZoom } from "./relation";

/** A slide that is shown. */
export interface Opened {
  readonly slide: Slide;
  readonly viewer: OpenSeadragon.Viewer;
}

/** Screen pixels. What is less is no movement: OpenSeadragon reckons with logarithms and back. */
const LEAST = 1e-4;

/** Both are open. They are kept together from now on, or as the function that is returned is told. */
export function synchronize(one: Opened, other: Opened): (isOn: boolean) => void {
  const calibrated = isCalibrated([one.slide, other.slide]);
  const pixel = pixelOf(one.slide, calibrated);
  const otherPixel = pixelOf(other.slide, calibrated);
  let relation: Relation | null = null;
  let stood = currentView(one.viewer);
  let otherStood = currentView(other.viewer);
  let isPutting = false;

  const put = (viewer: OpenSeadragon.Viewer, view: View): void => {
    // It tells of it, in part before all is done.
    isPutting = true;
    showView(viewer, view);
    isPutting = false;
    stood = currentView(one.viewer);
    otherStood = currentView(other.viewer);
  };
  const followOne = (): void => {
    if (relation !== null && !isPutting && hasMoved(stood, currentView(one.viewer))) {
      put(other.viewer, related(relation, currentView(one.viewer), pixel, otherPixel));
    }
  };
  const followOther = (): void => {
    if (relation !== null && !isPutting && hasMoved(otherStood, currentView(other.viewer))) {
      put(one.viewer, related(inverse(relation), currentView(other.viewer), otherPixel, pixel));
    }
  };
  const shareLimits = (): void => limitAlike([one.viewer, pixel], [other.viewer, otherPixel]);
  const keepTogether = (isOn: boolean): void => {
    const [view, otherView] = [currentView(one.viewer), currentView(other.viewer)];
    const present = relationOf(view, pixel, otherView, otherPixel);
    relation = !isOn ? null : calibrated ? { ...present, scale: 1 } : present;
    if (relation !== null) {
      put(other.viewer, related(relation, view, pixel, otherPixel));
    }
  };

  shareLimits();
  // Both open as a whole: the larger slide says how much of both is shown.
  const [zoom, otherZoom] = [unitZoom(stood.zoom, pixel), unitZoom(otherStood.zoom, otherPixel)];
  const least = Math.min(zoom, otherZoom);
  put(one.viewer, { ...stood, zoom: least / unitZoom(1, pixel) });
  put(other.viewer, { ...otherStood, zoom: least / unitZoom(1, otherPixel) });
  keepTogether(true);
  for (const [{ viewer }, follow] of [
    [one, followOne],
    [other, followOther],
  ] as const) {
    viewer.addHandler("viewport-change", follow);
    // Without a movement.
    viewer.addHandler("flip", follow);
    viewer.addHandler("after-resize", shareLimits);
  }
  return keepTogether;
}

function hasMoved(before: View, now: View): boolean {
  return (
    Math.hypot(now.x - before.x, now.y - before.y) * now.zoom > LEAST ||
    Math.abs(now.zoom / before.zoom - 1) > LEAST / 1e4 ||
    Math.abs(now.rotation - before.rotation) > LEAST / 1e4 ||
    now.flip !== before.flip
  );
}

/** Gives both the wider limits of zoom: else the one that is beyond its own would spring back when it is touched. */
function limitAlike(...shown: readonly (readonly [OpenSeadragon.Viewer, Pixel])[]): void {
  const limits = shown.map(([{ viewport }, pixel]) => {
    Object.assign(viewport, { minZoomLevel: null, maxZoomLevel: null });
    return [viewport.getMinZoom(), viewport.getMaxZoom()].map((zoom) =>
      unitZoom(viewport.viewportToImageZoom(zoom), pixel),
    ) as [number, number];
  });
  const least = Math.min(...limits.map(([least]) => least));
  const most = Math.max(...limits.map(([, most]) => most));
  for (const [{ viewport }, pixel] of shown) {
    const [minZoomLevel, maxZoomLevel] = [least, most].map((zoom) =>
      viewport.imageToViewportZoom(zoom / unitZoom(1, pixel)),
    );
    Object.assign(viewport, { minZoomLevel, maxZoomLevel });
  }
}
