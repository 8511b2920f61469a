// The magnification on the screen, and buttons that set it. Magnification is
// what the objective gave at one slide pixel to one CSS pixel, so that the same
// button shows the same detail on a screen of any density; where the objective
// is not known the page speaks of percent of the full size and invents nothing.

import type OpenSeadragon from "openseadragon";

import { onKey } from "./keys";
import type { Slide } from "./model/slide";
import { afterDrawing } from "./view";

export interface Step {
  readonly text: string;
  /** Screen pixels per slide pixel; null for the whole slide. */
  readonly zoom: number | null;
}

export function connectMagnification(viewer: OpenSeadragon.Viewer, slide: Slide): void {
  const now = document.getElementById("magnification-now") as HTMLButtonElement;
  const group = document.getElementById("magnification-steps") as HTMLElement;
  const list = steps(slide.objectivePower).map((step) => ({ ...step, button: stepButton(step) }));
  group.replaceChildren(...list.map(({ button }) => button));

  // On a narrow screen the slide needs the room more.
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

/** The magnifications on offer, the largest being one slide pixel to one screen pixel. */
export function steps(objectivePower: number | null): Step[] {
  if (objectivePower === null) {
    const percents = [25, 50, 100].map((percent) => ({ text: `${percent}%`, zoom: percent / 100 }));
    return [{ text: "Fit", zoom: null }, ...percents];
  }
  const powers = [1, 2, 5, 10, 20, 40].filter((power) => power < objectivePower);
  return [...powers, objectivePower].map((power) => ({ text: times(power), zoom: power / objectivePower }));
}

/** What the screen shows, in words. */
export function magnification(zoom: number, objectivePower: number | null): string {
  return objectivePower === null ? `${rounded(zoom * 100)}%` : times(zoom * objectivePower);
}

/** A slide smaller than the screen opens enlarged; it may be made smaller down to its full size. */
function allowFullSize(viewport: OpenSeadragon.Viewport): void {
  const home = viewport.viewportToImageZoom(viewport.getHomeZoom());
  // OpenSeadragon has the setting, and its default 0.9, but not in its types.
  (viewport as OpenSeadragon.Viewport & { minZoomImageRatio: number }).minZoomImageRatio = Math.min(0.9, 1 / home);
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
  const label = zoom === null ? "Fit the whole slide" : zoom === 1 ? `${text}, one slide pixel per screen pixel` : text;
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
