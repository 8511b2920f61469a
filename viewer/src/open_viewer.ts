// Opens a slide in an OpenSeadragon viewer with navigator, tile error notices and the marks of
// unreadable regions. Callers add the tools.

import OpenSeadragon from "openseadragon";
import type { Slide } from "./model/slide";
import { pixelateFullSize } from "./pixelated";
import { reportTileErrors } from "./tile_errors";
import { markUnreadable } from "./unreadable";

/** The elements of a viewer. */
export interface Place {
  readonly canvas: HTMLElement;
  /** `null` for no navigator. */
  readonly navigator: HTMLElement | null;
  /** The drawing of unreadable regions. */
  readonly unreadable: Element;
  readonly unreadableNotice: HTMLElement;
  /** The notice of tiles that failed to load. */
  readonly notice: HTMLElement;
}

export function openViewer(
  slide: Slide,
  tiles: OpenSeadragon.TileSource,
  place: Place,
): OpenSeadragon.Viewer {
  // Limited, so that the navigator of a long strip can still be used.
  const ratio = Math.min(4, Math.max(0.25, slide.width / slide.height));
  place.navigator?.style.setProperty("--ratio", String(ratio));

  preventInlineStyle();
  const still = window.matchMedia("(prefers-reduced-motion: reduce)").matches;
  const viewer = OpenSeadragon({
    element: place.canvas,
    tileSources: [tiles],
    // On a page opened from disk, only these settings draw slide and navigator without errors.
    drawer: "canvas",
    crossOriginPolicy: false,
    showNavigationControl: false,
    ...(place.navigator === null ? {} : { showNavigator: true, navigatorElement: place.navigator }),
    navigatorOpacity: 1,
    navigatorDisplayRegionColor: "var(--region)",
    maxZoomPixelRatio: 4,
    // Coordinates refer to the slide, which is the first image.
    silenceMultiImageWarnings: true,
    // Smoothing would use a second canvas, which leaves a strip at the edge blank.
    smoothTileEdgesMinZoom: Infinity,
    visibilityRatio: 0.5,
    animationTime: still ? 0 : 0.6,
    // A single click must not zoom.
    gestureSettingsMouse: { clickToZoom: false, dblClickToZoom: true },
    gestureSettingsPen: { clickToZoom: false, dblClickToZoom: true },
  });
  viewer.canvas.setAttribute("role", "application");
  viewer.canvas.setAttribute(
    "aria-label",
    `Slide ${slide.name}. Arrow keys move, plus and minus zoom, 0 shows the whole slide, question mark shows help.`,
  );
  reportTileErrors(viewer, place.notice);
  pixelateFullSize(viewer);
  markUnreadable(viewer, slide, place.unreadable, place.unreadableNotice);
  return viewer;
}

/**
 * Keeps OpenSeadragon from adding a style element, which a strict content security policy would
 * report. OpenSeadragon adds it only if no element has its attribute; this one has, and its
 * namespace makes it inert. style.css contains the same rule.
 */
function preventInlineStyle(): void {
  const style = document.createElementNS("slidezoom", "style");
  style.setAttribute("data-openseadragon-mobile-css", "true");
  document.head.append(style);
}
