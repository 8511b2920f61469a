// The place on the slide in the page's address, so that a bookmark or a link
// opens where it was made. The address is rewritten, never added to the
// history, once a movement has ended; the whole slide needs nothing in it.
// Numbers are written fine enough that nothing on the screen is displaced by a
// hundredth of a pixel, and no finer, so that a link stays short.

import type OpenSeadragon from "openseadragon";

import { addressWith, rewriteHash } from "./address";
import { onKey } from "./keys";
import type { Slide } from "./model/slide";
import { panel } from "./panel";
import { showToast } from "./toast";
import { currentView, normalized, showView, toScreen, type View } from "./view";

export function connectPosition(viewer: OpenSeadragon.Viewer, slide: Slide): void {
  let written = "";

  const write = (): void => {
    const hash = hashOfScreen(viewer);
    if (hash === written) {
      return;
    }
    written = hash;
    rewriteHash(hash);
  };
  const read = (): void => {
    const view = readPosition(location.hash);
    if (view !== null) {
      show(viewer, slide, view);
    }
  };

  // Only the slide that the page opens with is the one its address speaks of.
  viewer.addOnceHandler("open", () => {
    read();
    written = hashOfScreen(viewer);
    window.addEventListener("hashchange", read);
    viewer.addOnceHandler("before-destroy", () => window.removeEventListener("hashchange", read));
    viewer.addHandler("animation-finish", write);
    // Without a movement, and so without an animation.
    viewer.addHandler("flip", write);
  });
  connectCopyLink(() => addressWith(hashOfScreen(viewer)));
}

/** Takes the place out of the address: it is one on a slide that has gone. */
export function forgetPosition(): void {
  rewriteHash("");
}

/** "#x=…&y=…&zoom=…&rotation=…", and "&flip=1" where the slide is mirrored. */
export function writePosition({ x, y, zoom, rotation, flip }: View): string {
  // To less than a thousandth of a screen pixel.
  const places = Math.min(20, Math.max(0, Math.ceil(Math.log10(zoom)) + 3));
  const parts = [
    `x=${short(x.toFixed(places))}`,
    `y=${short(y.toFixed(places))}`,
    `zoom=${short(zoom.toPrecision(9))}`,
    `rotation=${short(normalized(Number(rotation.toFixed(6))).toString())}`,
  ];
  return `#${[...parts, ...(flip ? ["flip=1"] : [])].join("&")}`;
}

/** The place that a hash speaks of; null where it speaks of none. */
export function readPosition(hash: string): View | null {
  const fields = new URLSearchParams(hash.replace(/^#/, ""));
  const x = number(fields.get("x"));
  const y = number(fields.get("y"));
  const zoom = number(fields.get("zoom"));
  const rotation = number(fields.get("rotation") ?? "0");
  const flip = fields.get("flip") ?? "0";
  if (x === null || y === null || zoom === null || zoom <= 0 || rotation === null || !/^[01]$/.test(flip)) {
    return null;
  }
  return { x, y, zoom, rotation: normalized(rotation), flip: flip === "1" };
}

function show(viewer: OpenSeadragon.Viewer, slide: Slide, view: View): void {
  const { viewport } = viewer;
  const [least, most] = [viewport.getMinZoom(), viewport.getMaxZoom()].map((zoom) =>
    viewport.viewportToImageZoom(zoom),
  ) as [number, number];
  showView(viewer, { ...view, zoom: Math.min(most, Math.max(least, view.zoom)) });
  // The usual limits would displace a place near the slide's edge: they are for
  // a link that shows none of the slide.
  if (!showsSlide(currentView(viewer), slide, viewport.getContainerSize())) {
    viewport.applyConstraints(true);
  }
}

function showsSlide(view: View, { width, height }: Slide, size: { x: number; y: number }): boolean {
  const corners = [0, width].flatMap((x) => [0, height].map((y) => toScreen({ x, y }, view, size)));
  const across = corners.map(({ x }) => x);
  const down = corners.map(({ y }) => y);
  return Math.max(...across) > 0 && Math.min(...across) < size.x && Math.max(...down) > 0 && Math.min(...down) < size.y;
}

/** Empty where the screen shows the whole slide as it opens. */
function hashOfScreen(viewer: OpenSeadragon.Viewer): string {
  const hash = writePosition(currentView(viewer));
  const { viewport } = viewer;
  const center = viewport.viewportToImageCoordinates(viewport.getHomeBounds().getCenter());
  const zoom = viewport.viewportToImageZoom(viewport.getHomeZoom());
  return hash === writePosition({ x: center.x, y: center.y, zoom, rotation: 0, flip: false }) ? "" : hash;
}

/** Copies the address; where the browser refuses, shows it, selected, to be copied by hand. */
function connectCopyLink(address: () => string): void {
  const button = document.getElementById("copy-link") as HTMLButtonElement;
  const field = document.getElementById("link-text") as HTMLInputElement;
  const close = document.getElementById("link-close") as HTMLButtonElement;
  const box = panel("link", button);

  const copy = async (): Promise<void> => {
    const link = address();
    try {
      await navigator.clipboard.writeText(link);
      box.hide();
      showToast("Link copied.");
    } catch {
      field.value = link;
      box.show();
      field.focus();
      field.select();
    }
  };
  button.addEventListener("click", () => void copy());
  onKey("l", () => void copy());
  close.addEventListener("click", () => box.hide());
}

function number(text: string | null): number | null {
  if (text === null || !/^-?\d{1,20}(\.\d{1,40})?(e-?\d{1,2})?$/.test(text)) {
    return null;
  }
  return Number(text);
}

function short(digits: string): string {
  return String(Number(digits));
}
