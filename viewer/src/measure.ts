// The measuring tool: lengths, polylines and areas, drawn over the slide in an SVG that is redrawn
// with every frame. Points are in slide pixels, so that zoom, rotation and flip do not change
// values. A click or tap places a point; dragging pans.

import type OpenSeadragon from "openseadragon";

import { svgElement } from "./dom";
import { type Kind, measured } from "./geometry";
import { onKey } from "./keys";
import type { Point } from "./model/pyramid";
import type { Slide } from "./model/slide";
import { togglePanel } from "./panel";
import { afterDrawing, currentView, toScreen, toSlide, type View } from "./view";

interface Shape {
  readonly kind: Kind;
  readonly points: Point[];
}

const KINDS: readonly Kind[] = ["length", "polyline", "area"];
const LEAST = { length: 2, polyline: 2, area: 3 };
/** Screen pixels. The clicks of a double click may differ by this distance. */
const SAME_POINT = 6;

const HINTS = {
  none: "Choose what to measure.",
  length: "Place two points.",
  polyline: "Place points along a line. Double-click or press Finish to end it.",
  area: "Place the corners of an area. Double-click or press Finish to close it.",
};

export function connectMeasuring(viewer: OpenSeadragon.Viewer, slide: Slide): void {
  const drawing = document.getElementById("measurements") as unknown as SVGSVGElement;
  const hint = document.getElementById("measure-hint") as HTMLElement;
  const value = document.getElementById("measured") as HTMLElement;
  const finished: Shape[] = [];
  let kind: Kind | null = null;
  let points: Point[] = [];
  /** The mouse position in slide pixels. */
  let pointer: Point | null = null;

  const redraw = (): void => draw(currentView(viewer));
  const choose = (chosen: Kind | null): void => {
    finish();
    kind = chosen;
    pointer = null;
    hint.textContent = HINTS[kind ?? "none"];
    KINDS.forEach((name) =>
      button(`measure-${name}`).setAttribute("aria-pressed", String(name === kind)),
    );
    viewer.canvas.style.cursor = kind === null ? "" : "crosshair";
    redraw();
  };
  togglePanel("measure", "measure-panel", "m", (visible) => {
    if (visible) {
      hint.textContent = HINTS.none;
    } else {
      choose(null);
    }
  });
  KINDS.forEach((name) =>
    button(`measure-${name}`).addEventListener("click", () => choose(kind === name ? null : name)),
  );
  button("measure-finish").addEventListener("click", finish);
  button("measure-undo").addEventListener("click", undo);
  button("measure-clear").addEventListener("click", () => {
    finished.length = 0;
    points = [];
    value.textContent = "";
    redraw();
  });

  viewer.addHandler("canvas-click", (event) => {
    if (kind !== null) {
      event.preventDefaultAction = true;
      if (event.quick) {
        set(pointOf(event.originalEvent as MouseEvent));
      }
    }
  });
  viewer.addHandler("canvas-double-click", (event) => {
    if (kind !== null) {
      event.preventDefaultAction = true;
      finishDoubled();
    }
  });
  viewer.canvas.addEventListener("pointermove", (event) => {
    if (kind !== null && event.pointerType !== "touch") {
      pointer = pointOf(event);
      redraw();
    }
  });
  viewer.canvas.addEventListener("pointerleave", () => {
    if (pointer !== null) {
      pointer = null;
      redraw();
    }
  });

  // By keyboard, points are placed at the center, under the crosshair.
  onKey("p", () => kind !== null && set(currentView(viewer)));
  onKey("Backspace", () => kind !== null && undo());
  onKey("Enter", (target) => kind !== null && target?.closest("button") === null && finish());
  afterDrawing(viewer, draw);

  function set({ x, y }: Point): void {
    if (kind !== null) {
      points.push({ x, y });
      if (kind === "length" && points.length === LEAST.length) {
        finish();
      }
      redraw();
    }
  }

  function undo(): void {
    points.pop();
    redraw();
  }

  /** Ends the current shape; keeps it if it has enough points. */
  function finish(): void {
    if (kind !== null && points.length >= LEAST[kind]) {
      finished.push({ kind, points });
      value.textContent = measured(kind, points, slide.mpp);
    }
    points = [];
    if (viewer.isOpen()) {
      redraw();
    }
  }

  /** Ends the shape after a double click, which has placed its point twice. */
  function finishDoubled(): void {
    const [last, before] = points.slice(-2).reverse();
    if (last !== undefined && before !== undefined) {
      const { zoom } = currentView(viewer);
      if (Math.hypot(last.x - before.x, last.y - before.y) * zoom <= SAME_POINT) {
        points.pop();
        finish();
      }
    }
  }

  function pointOf(event: MouseEvent): Point {
    const box = viewer.canvas.getBoundingClientRect();
    const place = { x: event.clientX - box.left, y: event.clientY - box.top };
    return toSlide(place, currentView(viewer), viewer.viewport.getContainerSize());
  }

  function draw(view: View): void {
    const size = viewer.viewport.getContainerSize();
    const shapes: Shape[] = [...finished];
    if (kind !== null && points.length > 0) {
      shapes.push({ kind, points: pointer === null ? points : [...points, pointer] });
    }
    const cross =
      kind === null ? [] : [path(`M${size.x / 2 - 7} ${size.y / 2}h14m-7 -7v14`, "cross")];
    drawing.replaceChildren(
      ...shapes.flatMap((shape) => drawn(shape, view, size, slide)),
      ...cross,
    );
  }
}

/** Returns points, value and outline, which is light on dark to be visible on any slide. */
function drawn({ kind, points }: Shape, view: View, size: Point, slide: Slide): SVGElement[] {
  const places = points.map((point) => toScreen(point, view, size));
  const outline = `M${places.map(({ x, y }) => `${x} ${y}`).join("L")}${kind === "area" ? "Z" : ""}`;
  const dots = places.map(({ x, y }) => svgElement("circle", { cx: x, cy: y, r: 3 }));
  const parts = [path(outline, `below ${kind}`), path(outline, "above"), ...dots];
  const last = places[places.length - 1];
  if (last !== undefined && points.length >= LEAST[kind]) {
    const left = last.x > size.x - 110;
    const text = svgElement("text", {
      x: last.x + (left ? -9 : 9),
      y: last.y - 7,
      "text-anchor": left ? "end" : "start",
    });
    text.textContent = measured(kind, points, slide.mpp);
    parts.push(text);
  }
  return parts;
}

function path(outline: string, name: string): SVGElement {
  return svgElement("path", { d: outline, class: name });
}

function button(id: string): HTMLButtonElement {
  return document.getElementById(id) as HTMLButtonElement;
}
