// Measuring: lengths, chains of lengths and areas, drawn over the slide in an
// SVG that is redrawn whenever the slide is. Points are kept in slide pixels,
// so that zoom, rotation and flip move the drawing and never the value. A click
// or a tap sets a point; a drag still moves the slide, with any kind of pointer.

import type OpenSeadragon from "openseadragon";

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
/** Screen pixels within which the two clicks of a double click are one point. */
const SAME_POINT = 6;
const SVG = "http://www.w3.org/2000/svg";

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
  /** Where the mouse is, as the point that a click would set. */
  let pointer: Point | null = null;

  const redraw = (): void => draw(currentView(viewer));
  const choose = (chosen: Kind | null): void => {
    finish();
    kind = chosen;
    pointer = null;
    hint.textContent = HINTS[kind ?? "none"];
    KINDS.forEach((name) => button(`measure-${name}`).setAttribute("aria-pressed", String(name === kind)));
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

  // With the keys: the point is set in the middle of the screen, under the cross.
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

  /** Keeps what has points enough, so that no way to end loses a drawing. */
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

  /** A double click has set its point twice; two fast clicks apart are just that. */
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
    const cross = kind === null ? [] : [path(`M${size.x / 2 - 7} ${size.y / 2}h14m-7 -7v14`, "cross")];
    drawing.replaceChildren(...shapes.flatMap((shape) => drawn(shape, view, size, slide)), ...cross);
  }
}

/** The outline twice, dark below light, so that it is seen on any slide; its points and its value. */
function drawn({ kind, points }: Shape, view: View, size: Point, slide: Slide): SVGElement[] {
  const places = points.map((point) => toScreen(point, view, size));
  const outline = `M${places.map(({ x, y }) => `${x} ${y}`).join("L")}${kind === "area" ? "Z" : ""}`;
  const dots = places.map(({ x, y }) => make("circle", { cx: x, cy: y, r: 3 }));
  const parts = [path(outline, `below ${kind}`), path(outline, "above"), ...dots];
  const last = places[places.length - 1];
  if (last !== undefined && points.length >= LEAST[kind]) {
    const left = last.x > size.x - 110;
    const text = make("text", { x: last.x + (left ? -9 : 9), y: last.y - 7, "text-anchor": left ? "end" : "start" });
    text.textContent = measured(kind, points, slide.mpp);
    parts.push(text);
  }
  return parts;
}

function path(outline: string, name: string): SVGElement {
  return make("path", { d: outline, class: name });
}

function make(name: string, attributes: Record<string, string | number>): SVGElement {
  const made = document.createElementNS(SVG, name) as SVGElement;
  Object.entries(attributes).forEach(([key, value]) => made.setAttribute(key, String(value)));
  return made;
}

function button(id: string): HTMLButtonElement {
  return document.getElementById(id) as HTMLButtonElement;
}
