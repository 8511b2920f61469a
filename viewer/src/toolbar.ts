// The buttons above the slide. They are plain HTML buttons rather than
// OpenSeadragon's images, which would be forty more files beside the page.

import type OpenSeadragon from "openseadragon";

import { onKey } from "./keys";
import { togglePanel } from "./panel";

export function connectToolbar(viewer: OpenSeadragon.Viewer): void {
  button("zoom-in").addEventListener("click", () => zoomBy(viewer, 2));
  button("zoom-out").addEventListener("click", () => zoomBy(viewer, 0.5));
  button("home").addEventListener("click", () => showWhole(viewer));
  connectHomeKey(viewer);
  connectFullScreen(button("full-screen"), viewer);
  connectMore();
}

/** On a narrow screen some buttons stand in a panel of their own, which goes when one of them is pressed. */
function connectMore(): void {
  const more = togglePanel("more", "more-panel", null);
  // Before the button acts, so that the focus is back in the row when a sheet takes it.
  document.getElementById("more")?.addEventListener("click", () => more.hide(), { capture: true });
}

export function connectHomeKey(viewer: OpenSeadragon.Viewer): void {
  // A slider has its own use for the key.
  onKey("Home", (target) => (target instanceof HTMLInputElement ? false : showWhole(viewer)));
}

export function zoomBy({ viewport }: OpenSeadragon.Viewer, factor: number): void {
  viewport.zoomBy(factor);
  viewport.applyConstraints();
}

export function showWhole({ viewport }: OpenSeadragon.Viewer): void {
  // The slide can be turned and mirrored: the way back undoes both.
  viewport.setRotation(0);
  viewport.setFlip(false);
  viewport.goHome();
}

/** The whole page goes full screen, so that its name, buttons and notice stay. */
function connectFullScreen(fullScreen: HTMLButtonElement, viewer: OpenSeadragon.Viewer): void {
  if (!document.fullscreenEnabled) {
    fullScreen.hidden = true;
    return;
  }
  fullScreen.addEventListener("click", () => {
    const change =
      document.fullscreenElement === null ? document.documentElement.requestFullscreen() : document.exitFullscreen();
    // A browser may refuse; the button then still says that nothing changed.
    change.catch(() => undefined);
  });
  const show = (): void => fullScreen.setAttribute("aria-pressed", String(document.fullscreenElement !== null));
  document.addEventListener("fullscreenchange", show);
  // The page outlives the viewer where another slide is opened in it.
  viewer.addOnceHandler("before-destroy", () => document.removeEventListener("fullscreenchange", show));
  show();
}

function button(id: string): HTMLButtonElement {
  return document.getElementById(id) as HTMLButtonElement;
}
