// Two things a viewer of medical images must not hide: tiles that could not be
// loaded, and which pixels are the slide's own. OpenSeadragon leaves a silent
// hole (or a coarser tile) for the first and blurs the second.

import type OpenSeadragon from "openseadragon";

/** Tells how many tiles could not be loaded, of the slide and of layers over it, each counted once. */
export function reportMissingTiles(viewer: OpenSeadragon.Viewer, notice: HTMLElement): void {
  const missing = { slide: new Set<string>(), layer: new Set<string>() };
  const note = ({ tile, tiledImage }: OpenSeadragon.TileLoadFailedEvent): void => {
    const whose = tiledImage.source === viewer.world.getItemAt(0).source ? "slide" : "layer";
    missing[whose].add(tile.getUrl());
    notice.textContent = told(missing.slide.size, "the slide") + told(missing.layer.size, "a layer");
  };
  viewer.addHandler("tile-load-failed", note);
  // The navigator is a viewer of its own and loads tiles of its own.
  viewer.navigator?.addHandler("tile-load-failed", note);
}

function told(count: number, of: string): string {
  if (count < 2) {
    return count === 0 ? "" : `1 tile could not be loaded: a part of ${of} is missing or blurred. `;
  }
  return `${count} tiles could not be loaded: parts of ${of} are missing or blurred. `;
}

/**
 * Shows the pixels of the full-size level as they are, from 1:1 upwards.
 * Coarser tiles stay smooth: blocks of theirs could be taken for pixels.
 *
 * It is set on the context just before each tile is drawn, as the drawer's own
 * setter knows neither the tile's level nor a second canvas, where one is used.
 */
export function showTruePixels(viewer: OpenSeadragon.Viewer): void {
  viewer.addHandler("tile-drawing", ({ context, tile, tiledImage }) => {
    const screenPixels = tiledImage.viewportToImageZoom(viewer.viewport.getZoom(true)) * window.devicePixelRatio;
    // A little below 1, as the zoom is the result of a division.
    context.imageSmoothingEnabled = screenPixels < 0.999 || tile.level < tiledImage.source.maxLevel;
  });
}
