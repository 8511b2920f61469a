// The buttons above the slide. Plain HTML buttons replace OpenSeadragon's, which would need 40
// image files.

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

/** Connects the panel “More”, which contains some buttons on narrow screens. */
function connectMore(): void {
  const more = togglePanel("more", "more-panel", null);
  // Capture: the focus must be back on the toolbar before the button opens a dialog.
  document.getElementById("more")?.addEventListener("click", () => more.hide(), { capture: true });
}

export function connectHomeKey(viewer: OpenSeadragon.Viewer): void {
  // Sliders handle this key.
  onKey("Home", (target) => (target instanceof HTMLInputElement ? false : showWhole(viewer)));
}

export function zoomBy({ viewport }: OpenSeadragon.Viewer, factor: number): void {
  viewport.zoomBy(factor);
  viewport.applyConstraints();
}

export function showWhole({ viewport }: OpenSeadragon.Viewer): void {
  viewport.setRotation(0);
  viewport.setFlip(false);
  viewport.goHome();
}

/** Connects the full screen button. The whole page goes full screen, with header and notices. */
function connectFullScreen(fullScreen: HTMLButtonElement, viewer: OpenSeadragon.Viewer): void {
  if (!document.fullscreenEnabled) {
    fullScreen.hidden = true;
    return;
  }
  fullScreen.addEventListener("click", () => {
    const change =
      document.fullscreenElement === null
        ? document.documentElement.requestFullscreen()
        : document.exitFullscreen();
    // If the browser refuses, the button keeps its state.
    change.catch(() => undefined);
  });
  const show = (): void =>
    fullScreen.setAttribute("aria-pressed", String(document.fullscreenElement !== null));
  document.addEventListener("fullscreenchange", show);
  viewer.addOnceHandler("before-destroy", () =>
    document.removeEventListener("fullscreenchange", show),
  );
  show();
}

function button(id: string): HTMLButtonElement {
  return document.getElementById(id) as HTMLButtonElement;
}
