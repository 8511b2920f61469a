// Two things a viewer of medical images must not hide: tiles that could not be
// loaded, and which pixels are the slide's own. OpenSeadragon leaves a silent
// hole (or a coarser tile) for the first and blurs the second.

import type OpenSeadragon from "openseadragon";

/** Tells how many tiles could not be loaded, each counted once. */
export function reportMissingTiles(viewer: OpenSeadragon.Viewer, notice: HTMLElement): void {
  const missing = new Set<string>();
  const note = (event: OpenSeadragon.TileLoadFailedEvent): void => {
    missing.add(event.tile.getUrl());
    notice.textContent =
      missing.size === 1
        ? "1 tile could not be loaded: a part of the slide is missing or blurred."
        : `${missing.size} tiles could not be loaded: parts of the slide are missing or blurred.`;
  };
  viewer.addHandler("tile-load-failed", note);
  // The navigator is a viewer of its own and loads tiles of its own.
  viewer.navigator?.addHandler("tile-load-failed", note);
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
