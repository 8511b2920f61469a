// Rotates and flips the slide. Left and right are those of the screen: OpenSeadragon's degrees run
// the other way on a flipped slide.

import type OpenSeadragon from "openseadragon";

import { onKey } from "./keys";
import { togglePanel } from "./panel";
import { afterDrawing, normalized } from "./view";

/** Degrees per key press. */
const STEP = 5;

export function connectRotation(viewer: OpenSeadragon.Viewer): void {
  const { viewport } = viewer;
  const slider = document.getElementById("rotation") as HTMLInputElement;
  const output = document.getElementById("rotation-text") as HTMLElement;
  const flipButton = button("flip");
  togglePanel("rotate", "rotate-panel", "t");

  button("rotate-left").addEventListener("click", () => rotateBy(viewer, -90));
  button("rotate-right").addEventListener("click", () => rotateBy(viewer, 90));
  connectRotationKeys(viewer);
  flipButton.addEventListener("click", () => {
    viewport.toggleFlip();
  });
  button("rotate-reset").addEventListener("click", () => {
    viewport.setRotation(0);
    viewport.setFlip(false);
  });
  slider.addEventListener("input", () => {
    const degrees = Number(slider.value);
    viewport.setRotation(viewport.getFlip() ? -degrees : degrees, true);
  });

  afterDrawing(viewer, ({ rotation, flip }) => {
    const degrees = degreesOnScreen(rotation, flip);
    const text = `${Number(degrees.toFixed(1))}°`;
    flipButton.setAttribute("aria-pressed", String(flip));
    if (output.textContent !== text) {
      output.textContent = text;
      slider.value = String(degrees);
      slider.setAttribute("aria-valuetext", text);
    }
  });
}

export function connectRotationKeys(viewer: OpenSeadragon.Viewer): void {
  onKey(",", () => rotateBy(viewer, -STEP));
  onKey(".", () => rotateBy(viewer, STEP));
}

/** Rotates by degrees, clockwise on the screen. */
export function rotateBy({ viewport }: OpenSeadragon.Viewer, degrees: number): void {
  viewport.setRotation(viewport.getRotation() + (viewport.getFlip() ? -degrees : degrees));
  viewport.applyConstraints();
}

/** Returns degrees clockwise on the screen, above -180 and up to 180. */
export function degreesOnScreen(rotation: number, flip: boolean): number {
  const degrees = normalized(flip ? -rotation : rotation);
  return degrees > 180 ? degrees - 360 : degrees;
}

function button(id: string): HTMLButtonElement {
  return document.getElementById(id) as HTMLButtonElement;
}
