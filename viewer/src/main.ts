// The page's entry point: opens a slide, a gallery, a comparison or an archive, and connects the
// tools. Only tiles are loaded, as images, so that the page also works from disk.

import type OpenSeadragon from "openseadragon";

import { connectArchives } from "./archive/page";
import type { AddressOf } from "./associated_images";
import { DescriptionError, urlOf } from "./checks";
import { connectColors } from "./colors";
import { showComparison } from "./compare/page";
import { factElements } from "./dom";
import { facts } from "./facts";
import { addBackLink } from "./gallery/back_link";
import { showGallery } from "./gallery/page";
import { comparedPaths } from "./gallery/selection";
import { isGalleryPage, ownGallery } from "./gallery/slides";
import { connectHelp } from "./help";
import { forgetKeys } from "./keys";
import { connectLayers } from "./layers/connect";
import { connectMagnification } from "./magnification";
import { connectMeasuring } from "./measure";
import type { Slide } from "./model/slide";
import { openViewer } from "./open_viewer";
import { connectPosition, forgetPosition } from "./position";
import { connectProperties } from "./properties";
import { readSlide } from "./read_slide";
import { connectRotation } from "./rotation";
import { connectScaleBar } from "./scale_bar";
import { ownDescription } from "./slide_script";
import { connectSnapshot } from "./snapshot";
import { Stage } from "./stage";
import { connectTheme, recallTheme } from "./theme";
import { SlideTileSource } from "./tile_source";
import { connectToolbar } from "./toolbar";

declare global {
  interface Window {
    /** For tests and the browser's console. */
    slidezoom?:
      | { readonly viewer: OpenSeadragon.Viewer }
      | { readonly viewers: readonly OpenSeadragon.Viewer[] };
  }
}

function start(): void {
  const message = element("message");
  try {
    const stage = new Stage();
    const isGallery = isGalleryPage();
    const inArchive = connectArchives({
      clear(title, text, offer) {
        // Shortcuts and hash belong to the previous slide.
        forgetKeys();
        if (window.slidezoom !== undefined) {
          forgetPosition();
        }
        delete window.slidezoom;
        stage.clear(title, text, offer);
        if (isGallery) {
          addBackLink();
        }
      },
      show(slide, tiles, from, addressOf) {
        document.title = slide.name;
        stage.set(show(slide, tiles, from, addressOf));
      },
    });
    if (inArchive) {
      return;
    }
    if (isGallery) {
      const gallery = ownGallery();
      const compared = comparedPaths(window.location.search);
      stage.set(compared === null ? showGallery(gallery) : showComparison(gallery, compared));
      return;
    }
    const description = ownDescription();
    if (description === undefined) {
      stage.clear(document.title, "", true);
      return;
    }
    const slide = readSlide(description);
    stage.set(
      show(slide, new SlideTileSource(slide), null, ({ path }) => Promise.resolve(urlOf(path))),
    );
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
  // Before the viewer measures its element: buttons change its size.
  element("buttons").hidden = false;
  element("layers-panel").hidden = slide.layers.length === 0;
  element("navigator").hidden = false;
  element("offer").hidden = true;
  const viewer = openViewer(slide, tiles, {
    canvas: element("slide"),
    navigator: element("navigator"),
    unreadable: element("unreadable"),
    unreadableNotice: element("unreadable-notice"),
    notice: element("notice"),
  });
  connectToolbar(viewer);
  connectScaleBar(viewer, slide, element("scale-bar"));
  connectMagnification(viewer, slide);
  connectPosition(viewer, slide);
  connectRotation(viewer);
  const colors = connectColors(viewer);
  connectSnapshot(viewer, slide, colors);
  connectMeasuring(viewer, slide);
  connectLayers(viewer, slide);
  connectProperties(viewer, slide, addressOf);
  connectTheme();
  connectHelp("slide");
  window.slidezoom = { viewer };
  element("message").textContent = "";
  return viewer;
}

function showCaption(slide: Slide, from: string | null): void {
  element("name").textContent = slide.name;
  element("facts").replaceChildren(
    ...factElements([...facts(slide), ...(from === null ? [] : [`from ${from}`])]),
  );
}

function element(id: string): HTMLElement {
  const found = document.getElementById(id);
  if (found === null) {
    throw new DescriptionError(`This slide cannot be shown: the page has no element “${id}”.`);
  }
  return found;
}

recallTheme();
start();
