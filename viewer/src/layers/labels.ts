// Labels of shapes: next to the mouse pointer, at a tap, and, for keyboard users, of the shape
// nearest to the center of the screen in the panel. Labels are untrusted and inserted as text.

import type OpenSeadragon from "openseadragon";
import type { Shape } from "../model/layer";
import type { Point } from "../model/pyramid";
import { afterDrawing, currentView, toSlide } from "../view";
import { nearestShape, shapeAt } from "./shape_lookup";

/** Maximum distance to a line or point in screen pixels. */
const REACH = 6;

/**
 * Connects the labels. `shapes` returns the visible shapes from bottom to top. Call the returned
 * function when they change.
 */
export function connectLabels(
  viewer: OpenSeadragon.Viewer,
  line: HTMLElement,
  shapes: () => readonly Shape[],
): () => void {
  const tip = document.createElement("p");
  tip.id = "shape-label";
  tip.hidden = true;
  document.querySelector("main")!.append(tip);
  /** The position of the pointer in screen pixels. */
  let pointer: Point | null = null;

  const point = (): void => {
    const shape = pointer === null ? null : atPointer(pointer);
    tip.hidden = shape === null;
    if (pointer !== null && shape !== null) {
      tip.textContent = shape.text;
      tip.style.left = `${pointer.x}px`;
      tip.style.top = `${pointer.y}px`;
      const size = viewer.viewport.getContainerSize();
      tip.classList.toggle("before", pointer.x > size.x / 2);
      tip.classList.toggle("above", pointer.y > size.y / 2);
    }
  };
  const pointAt = (place: Point | null): void => {
    pointer = place;
    point();
  };
  viewer.canvas.addEventListener("pointermove", (event) => {
    if (event.pointerType !== "touch") {
      pointAt(placeOf(event));
    }
  });
  viewer.canvas.addEventListener("pointerdown", () => pointAt(null));
  viewer.canvas.addEventListener("pointerleave", (event) => {
    if (event.pointerType !== "touch") {
      pointAt(null);
    }
  });
  viewer.addHandler("canvas-click", ({ quick, originalEvent }) => {
    if (quick) {
      pointAt(placeOf(originalEvent as MouseEvent));
    }
  });
  // The slide may move under a resting pointer.
  afterDrawing(viewer, point);

  const updateNearest = (): void => {
    const view = currentView(viewer);
    const { x, y } = viewer.viewport.getContainerSize();
    const nearest = nearestShape(shapes(), view, Math.min(x, y) / 2 / view.zoom);
    line.textContent = nearest === null ? "" : `Nearest to the center: ${nearest.text}`;
  };
  viewer.addHandler("open", updateNearest);
  viewer.addHandler("animation-finish", updateNearest);
  return updateNearest;

  function atPointer(place: Point): Shape | null {
    const view = currentView(viewer);
    return shapeAt(
      shapes(),
      toSlide(place, view, viewer.viewport.getContainerSize()),
      REACH / view.zoom,
    );
  }

  function placeOf(event: MouseEvent): Point {
    const box = viewer.canvas.getBoundingClientRect();
    return { x: event.clientX - box.left, y: event.clientY - box.top };
  }
}
