// Synchronizes two viewers: when one moves, the other follows in the same frame. A view set by
// synchronization does not count as a movement, so that there are no loops.

import type OpenSeadragon from "openseadragon";

import type { Slide } from "../model/slide";
import { currentView, showView, type View } from "../view";
import {
  inverse,
  isCalibrated,
  type Pixel,
  pixelOf,
  type Relation,
  related,
  relationOf,
  unitZoom,
} from "./relation";

/** An open slide. */
export interface Opened {
  readonly slide: Slide;
  readonly viewer: OpenSeadragon.Viewer;
}

/** Screen pixels. Smaller differences are rounding errors of OpenSeadragon, not movements. */
const LEAST = 1e-4;

/** Links two open slides; the returned function links and unlinks them. */
export function synchronize(one: Opened, other: Opened): (isOn: boolean) => void {
  const calibrated = isCalibrated([one.slide, other.slide]);
  const pixel = pixelOf(one.slide, calibrated);
  const otherPixel = pixelOf(other.slide, calibrated);
  let relation: Relation | null = null;
  let stood = currentView(one.viewer);
  let otherStood = currentView(other.viewer);
  let isPutting = false;

  const put = (viewer: OpenSeadragon.Viewer, view: View): void => {
    // Raises viewport events, some of them before all changes are made.
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
  const shareLimits = (): void => shareZoomLimits([one.viewer, pixel], [other.viewer, otherPixel]);
  const keepTogether = (isOn: boolean): void => {
    const [view, otherView] = [currentView(one.viewer), currentView(other.viewer)];
    const present = relationOf(view, pixel, otherView, otherPixel);
    relation = !isOn ? null : calibrated ? { ...present, scale: 1 } : present;
    if (relation !== null) {
      put(other.viewer, related(relation, view, pixel, otherPixel));
    }
  };

  shareLimits();
  // Show both slides whole, at the scale of the larger one.
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
    // A flip does not change the viewport.
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

/** Gives both viewers the wider zoom limits. Otherwise one could spring back from beyond its own. */
function shareZoomLimits(...shown: readonly (readonly [OpenSeadragon.Viewer, Pixel])[]): void {
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
