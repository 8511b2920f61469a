// Displays full-size pixels as sharp blocks from 1:1 upwards. Coarser tiles stay smooth: their
// blocks could be mistaken for pixels of the slide.

import type OpenSeadragon from "openseadragon";

/**
 * Sets image smoothing before each tile is drawn. The drawer's own setting depends neither on the
 * tile's level nor applies to a second canvas.
 */
export function pixelateFullSize(viewer: OpenSeadragon.Viewer): void {
  viewer.addHandler("tile-drawing", ({ context, tile, tiledImage }) => {
    const screenPixels =
      tiledImage.viewportToImageZoom(viewer.viewport.getZoom(true)) * window.devicePixelRatio;
    // Slightly below 1, since the zoom is a quotient.
    context.imageSmoothingEnabled = screenPixels < 0.999 || tile.level < tiledImage.source.maxLevel;
  });
}
