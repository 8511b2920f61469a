// Reports tiles that failed to load. OpenSeadragon alone would silently show a hole or a coarser
// tile.

import type OpenSeadragon from "openseadragon";

/** Shows the number of failed tiles, of the slide and of layers. Each tile is counted once. */
export function reportTileErrors(viewer: OpenSeadragon.Viewer, notice: HTMLElement): void {
  const missing = { slide: new Set<string>(), layer: new Set<string>() };
  const note = ({ tile, tiledImage }: OpenSeadragon.TileLoadFailedEvent): void => {
    const whose = tiledImage.source === viewer.world.getItemAt(0).source ? "slide" : "layer";
    missing[whose].add(tile.getUrl());
    notice.textContent =
      message(missing.slide.size, "the slide") + message(missing.layer.size, "a layer");
  };
  viewer.addHandler("tile-load-failed", note);
  // The navigator is a separate viewer and loads tiles itself.
  viewer.navigator?.addHandler("tile-load-failed", note);
}

function message(count: number, owner: string): string {
  if (count < 2) {
    return count === 0
      ? ""
      : `1 tile could not be loaded: a part of ${owner} is missing or blurred. `;
  }
  return `${count} tiles could not be loaded: parts of ${owner} are missing or blurred. `;
}
