// Opens a slide in OpenSeadragon, in a given place of the page: one viewer with
// its navigator, and what no reader may miss of it. What else surrounds a viewer is
// for whoever has it opened.

import OpenSeadragon from "openseadragon";
import type { Slide } from "./model/slide";
import { reportMissingTiles, showTruePixels } from "./tile_errors";
import { markUnreadable } from "./unreadable";

/** The elements that a viewer fills. */
export interface Place {
  readonly canvas: HTMLElement;
  /** `null` where there is no room for one. */
  readonly navigator: HTMLElement | null;
  /** The drawing of what could not be read. */
  readonly unreadable: Element;
  readonly unreadableNotice: HTMLElement;
  /** Says what is missing of the slide. */
  readonly notice: HTMLElement;
}

export function openViewer(slide: Slide, tiles: OpenSeadragon.TileSource, place: Place): OpenSeadragon.Viewer {
  // A slide that is a mere strip still gets a box that can be aimed at.
  const ratio = Math.min(4, Math.max(0.25, slide.width / slide.height));
  place.navigator?.style.setProperty("--ratio", String(ratio));

  forestallInlineStyle();
  const still = window.matchMedia("(prefers-reduced-motion: reduce)").matches;
  const viewer = OpenSeadragon({
    element: place.canvas,
    tileSources: [tiles],
    // From a disk, only this pair draws slide and navigator without complaint.
    drawer: "canvas",
    crossOriginPolicy: false,
    showNavigationControl: false,
    ...(place.navigator === null ? {} : { showNavigator: true, navigatorElement: place.navigator }),
    navigatorOpacity: 1,
    navigatorDisplayRegionColor: "var(--region)",
    maxZoomPixelRatio: 4,
    // Places are reckoned by the slide, of whatever else there is in the viewer.
    silenceMultiImageWarnings: true,
    // Its second canvas leaves a strip at the window's edge undrawn.
    smoothTileEdgesMinZoom: Infinity,
    visibilityRatio: 0.5,
    animationTime: still ? 0 : 0.6,
    // A stray click must not move the slide; a double click still zooms.
    gestureSettingsMouse: { clickToZoom: false, dblClickToZoom: true },
    gestureSettingsPen: { clickToZoom: false, dblClickToZoom: true },
  });
  viewer.canvas.setAttribute("role", "application");
  viewer.canvas.setAttribute(
    "aria-label",
    `Slide ${slide.name}. Arrow keys move, plus and minus zoom, 0 shows the whole slide, question mark shows help.`,
  );
  reportMissingTiles(viewer, place.notice);
  showTruePixels(viewer);
  markUnreadable(viewer, slide, place.unreadable, place.unreadableNotice);
  return viewer;
}

/**
 * OpenSeadragon puts a style element into a page that has none of its mark,
 * which a strict content policy refuses aloud. What it says, style.css says.
 * One that is marked, and of no namespace in which it would be a style sheet,
 * keeps it away.
 */
function forestallInlineStyle(): void {
  const style = document.createElementNS("slidezoom", "style");
  style.setAttribute("data-openseadragon-mobile-css", "true");
  document.head.append(style);
}
