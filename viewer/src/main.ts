// The page's entry: reads the description of the slide, opens it in OpenSeadragon
// and connects what surrounds it. Of the page's own slide nothing is fetched but
// the tiles, as images, so that the page works from a disk as well as from a
// server. An archive is opened instead where the address or the reader says so.

import OpenSeadragon from "openseadragon";

import { connectArchives } from "./archive/page";
import type { AddressOf } from "./associated_images";
import { urlOf } from "./checks";
import { connectColours } from "./colours";
import { facts } from "./facts";
import { connectHelp } from "./help";
import { reportMissingTiles, showTruePixels } from "./honest";
import { forgetKeys } from "./keys";
import { connectLayers } from "./layers/connect";
import { connectMagnification } from "./magnification";
import { connectMeasuring } from "./measure";
import { connectPicture } from "./picture";
import { connectPosition, forgetPosition } from "./position";
import { connectProperties } from "./properties";
import { connectScaleBar } from "./scale_bar";
import { DescriptionError, readSlide, type Slide } from "./slide";
import { ownDescription } from "./slide_script";
import { Stage } from "./stage";
import { connectTheme, recallTheme } from "./theme";
import { SlideTileSource } from "./tile_source";
import { connectToolbar } from "./toolbar";
import { connectTurn } from "./turn";
import { markUnreadable } from "./unreadable";

declare global {
  interface Window {
    /** For tests, and for the curious at the browser's console. */
    slidezoom?: { viewer: OpenSeadragon.Viewer };
  }
}

function start(): void {
  const message = element("message");
  try {
    const stage = new Stage();
    const inArchive = connectArchives({
      clear(title, text, offer) {
        if (window.slidezoom !== undefined) {
          // Keys and address are of the slide that goes.
          forgetKeys();
          forgetPosition();
        }
        delete window.slidezoom;
        stage.clear(title, text, offer);
      },
      show(slide, tiles, from, addressOf) {
        document.title = slide.name;
        stage.set(show(slide, tiles, from, addressOf));
      },
    });
    if (inArchive) {
      return;
    }
    const description = ownDescription();
    if (description === undefined) {
      stage.clear(document.title, "", true);
      return;
    }
    const slide = readSlide(description);
    stage.set(show(slide, new SlideTileSource(slide), null, ({ path }) => Promise.resolve(urlOf(path))));
  } catch (error) {
    if (!(error instanceof DescriptionError)) {
      message.textContent = "This slide cannot be shown: the viewer failed to start.";
      throw error;
    }
    element("name").textContent = document.title;
    element("navigator").hidden = true;
    message.textContent = error.message;
  }
}

function show(
  slide: Slide,
  tiles: OpenSeadragon.TileSource,
  from: string | null,
  addressOf: AddressOf,
): OpenSeadragon.Viewer {
  showCaption(slide, from);
  // Before the viewer measures its place, as the buttons take room.
  element("buttons").hidden = false;
  element("navigator").hidden = false;
  element("offer").hidden = true;
  const viewer = openViewer(slide, tiles);
  connectProperties(viewer, slide, addressOf);
  window.slidezoom = { viewer };
  element("message").textContent = "";
  return viewer;
}

function showCaption(slide: Slide, from: string | null): void {
  element("name").textContent = slide.name;
  element("facts").replaceChildren(
    ...[...facts(slide), ...(from === null ? [] : [`from ${from}`])].map((fact) => {
      const part = document.createElement("span");
      part.textContent = fact;
      return part;
    }),
  );
}

function openViewer(slide: Slide, tiles: OpenSeadragon.TileSource): OpenSeadragon.Viewer {
  const navigator = element("navigator");
  // A slide that is a mere strip still gets a box that can be aimed at.
  const ratio = Math.min(4, Math.max(0.25, slide.width / slide.height));
  navigator.style.setProperty("--ratio", String(ratio));

  forestallInlineStyle();
  const still = window.matchMedia("(prefers-reduced-motion: reduce)").matches;
  const viewer = OpenSeadragon({
    element: element("slide"),
    tileSources: [tiles],
    // From a disk, only this pair draws slide and navigator without complaint.
    drawer: "canvas",
    crossOriginPolicy: false,
    showNavigationControl: false,
    showNavigator: true,
    navigatorElement: navigator,
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
    `Slide ${slide.name}. Arrow keys move, plus and minus zoom, 0 shows the whole slide, question mark helps.`,
  );
  reportMissingTiles(viewer, element("notice"));
  showTruePixels(viewer);
  markUnreadable(viewer, slide);
  connectToolbar(viewer);
  connectScaleBar(viewer, slide);
  connectMagnification(viewer, slide);
  connectPosition(viewer, slide);
  connectTurn(viewer);
  const colours = connectColours(viewer);
  connectPicture(viewer, slide, colours);
  connectMeasuring(viewer, slide);
  connectLayers(viewer, slide);
  connectTheme();
  connectHelp();
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

function element(id: string): HTMLElement {
  const found = document.getElementById(id);
  if (found === null) {
    throw new DescriptionError(`This slide cannot be shown: the page lacks its part “${id}”.`);
  }
  return found;
}

recallTheme();
start();
