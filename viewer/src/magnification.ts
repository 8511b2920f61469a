// The magnification display and its buttons. The magnification equals the objective power at one
// slide pixel per CSS pixel, so that it shows the same detail on screens of any density. If the
// objective power is unknown, the page displays percent of full size.

import type OpenSeadragon from "openseadragon";

import { onKey } from "./keys";
import type { Slide } from "./model/slide";
import { afterDrawing } from "./view";

export interface Step {
  readonly text: string;
  /** Screen pixels per slide pixel; `null` to fit the slide. */
  readonly zoom: number | null;
}

export function connectMagnification(viewer: OpenSeadragon.Viewer, slide: Slide): void {
  const now = document.getElementById("magnification-now") as HTMLButtonElement;
  const group = document.getElementById("magnification-steps") as HTMLElement;
  const list = steps(slide.objectivePower).map((step) => ({ ...step, button: stepButton(step) }));
  group.replaceChildren(...list.map(({ button }) => button));

  // Hidden on narrow screens to leave room for the slide.
  show(window.matchMedia("(min-width: 721px)").matches);
  now.addEventListener("click", () => show(group.hidden));
  (document.getElementById("magnification") as HTMLElement).hidden = false;

  list.forEach((step, index) => {
    const set = (): void => {
      if (!step.button.disabled) {
        zoomTo(viewer.viewport, step.zoom);
      }
    };
    step.button.addEventListener("click", set);
    onKey(String(index + 1), set);
  });

  afterDrawing(viewer, ({ zoom }) => {
    allowFullSize(viewer.viewport);
    const text = magnification(zoom, slide.objectivePower);
    if (now.textContent !== text) {
      now.textContent = text;
      now.setAttribute("aria-label", `Magnification: ${text}`);
    }
    const least = viewer.viewport.viewportToImageZoom(viewer.viewport.getMinZoom());
    for (const step of list) {
      if (step.zoom !== null) {
        step.button.setAttribute("aria-pressed", String(Math.abs(zoom / step.zoom - 1) < 1e-4));
        step.button.disabled = step.zoom < least;
      }
    }
  });

  function show(visible: boolean): void {
    group.hidden = !visible;
    now.setAttribute("aria-expanded", String(visible));
  }
}

/** Returns the magnification steps; the largest is one slide pixel per screen pixel. */
export function steps(objectivePower: number | null): Step[] {
  if (objectivePower === null) {
    const percents = [25, 50, 100].map((percent) => ({ text: `${percent}%`, zoom: percent / 100 }));
    return [{ text: "Fit", zoom: null }, ...percents];
  }
  const powers = [1, 2, 5, 10, 20, 40].filter((power) => power < objectivePower);
  return [...powers, objectivePower].map((power) => ({
    text: times(power),
    zoom: power / objectivePower,
  }));
}

/** Returns the magnification as text. */
export function magnification(zoom: number, objectivePower: number | null): string {
  return objectivePower === null ? `${rounded(zoom * 100)}%` : times(zoom * objectivePower);
}

/** Allows zooming out to 1:1 on a slide that is smaller than the screen and opens enlarged. */
function allowFullSize(viewport: OpenSeadragon.Viewport): void {
  const home = viewport.viewportToImageZoom(viewport.getHomeZoom());
  // The setting, whose default is 0.9, is missing in OpenSeadragon's types.
  (viewport as OpenSeadragon.Viewport & { minZoomImageRatio: number }).minZoomImageRatio = Math.min(
    0.9,
    1 / home,
  );
}

function zoomTo(viewport: OpenSeadragon.Viewport, zoom: number | null): void {
  if (zoom === null) {
    viewport.goHome();
    return;
  }
  viewport.zoomTo(viewport.imageToViewportZoom(zoom));
  viewport.applyConstraints();
}

function stepButton({ text, zoom }: Step): HTMLButtonElement {
  const button = document.createElement("button");
  button.type = "button";
  button.textContent = text;
  const label =
    zoom === null
      ? "Fit the whole slide"
      : zoom === 1
        ? `${text}, one slide pixel per screen pixel`
        : text;
  button.setAttribute("aria-label", label);
  button.title = label;
  return button;
}

function times(power: number): string {
  return `${rounded(power)}×`;
}

function rounded(value: number): string {
  return String(Number(value.toPrecision(3)));
}
