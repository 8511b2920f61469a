// The current view in the page's hash, so that bookmarks and links restore it. The hash is updated
// when a movement ends, and empty for the whole slide. Numbers are as short as an error below 0.01
// screen pixels allows.

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

  // The hash applies only to the slide that the page opens with.
  viewer.addOnceHandler("open", () => {
    read();
    written = hashOfScreen(viewer);
    window.addEventListener("hashchange", read);
    viewer.addOnceHandler("before-destroy", () => window.removeEventListener("hashchange", read));
    viewer.addHandler("animation-finish", write);
    // A flip is not animated.
    viewer.addHandler("flip", write);
  });
  connectCopyLink(() => addressWith(hashOfScreen(viewer)));
}

/** Clears the hash when its slide is closed. */
export function forgetPosition(): void {
  rewriteHash("");
}

/** Returns "#x=…&y=…&zoom=…&rotation=…", with "&flip=1" if the slide is flipped. */
export function writePosition({ x, y, zoom, rotation, flip }: View): string {
  // Precise to a thousandth of a screen pixel.
  const places = Math.min(20, Math.max(0, Math.ceil(Math.log10(zoom)) + 3));
  const parts = [
    `x=${short(x.toFixed(places))}`,
    `y=${short(y.toFixed(places))}`,
    `zoom=${short(zoom.toPrecision(9))}`,
    `rotation=${short(normalized(Number(rotation.toFixed(6))).toString())}`,
  ];
  return `#${[...parts, ...(flip ? ["flip=1"] : [])].join("&")}`;
}

/** Returns the view in a hash, or `null` for anything else. */
export function readPosition(hash: string): View | null {
  const fields = new URLSearchParams(hash.replace(/^#/, ""));
  const x = number(fields.get("x"));
  const y = number(fields.get("y"));
  const zoom = number(fields.get("zoom"));
  const rotation = number(fields.get("rotation") ?? "0");
  const flip = fields.get("flip") ?? "0";
  if (
    x === null ||
    y === null ||
    zoom === null ||
    zoom <= 0 ||
    rotation === null ||
    !/^[01]$/.test(flip)
  ) {
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
  // The limits would move a view near the slide's edge. Apply them only if no part of the slide
  // is visible.
  if (!showsSlide(currentView(viewer), slide, viewport.getContainerSize())) {
    viewport.applyConstraints(true);
  }
}

function showsSlide(view: View, { width, height }: Slide, size: { x: number; y: number }): boolean {
  const corners = [0, width].flatMap((x) => [0, height].map((y) => toScreen({ x, y }, view, size)));
  const across = corners.map(({ x }) => x);
  const down = corners.map(({ y }) => y);
  return (
    Math.max(...across) > 0 &&
    Math.min(...across) < size.x &&
    Math.max(...down) > 0 &&
    Math.min(...down) < size.y
  );
}

/** Returns the hash of the current view, which is empty for the initial view. */
function hashOfScreen(viewer: OpenSeadragon.Viewer): string {
  const hash = writePosition(currentView(viewer));
  const { viewport } = viewer;
  const center = viewport.viewportToImageCoordinates(viewport.getHomeBounds().getCenter());
  const zoom = viewport.viewportToImageZoom(viewport.getHomeZoom());
  return hash === writePosition({ x: center.x, y: center.y, zoom, rotation: 0, flip: false })
    ? ""
    : hash;
}

/** Copies the link. If the browser refuses, shows it selected in a field. */
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
