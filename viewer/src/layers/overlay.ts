// Adds a layer to the viewer as another image. It is drawn in the same frame as the slide, with the
// same zoom, rotation and flip.

import OpenSeadragon from "openseadragon";
import type { Layer } from "../model/layer";
import type { Slide } from "../model/slide";
import { FolderTileSource } from "../tile_source";
import { ShapeTileSource } from "./shape_tiles";

/** Sets a layer's opacity. Layers with opacity 0 are not drawn. */
export type SetOpacity = (opacity: number) => void;

/** Adds a layer; returns `null` if the page cannot show it. */
export function overlay(
  viewer: OpenSeadragon.Viewer,
  layer: Layer,
  slide: Slide,
): SetOpacity | null {
  const tileSource = tilesOf(layer, slide);
  if (tileSource === null) {
    return null;
  }
  const { width, height } = slide;
  const area = layer.kind === "pyramid" ? layer.area : { x: 0, y: 0, width, height };
  const scale = tileSource.dimensions.x / area.width;
  let { opacity } = layer;
  let item: OpenSeadragon.TiledImage | null = null;
  viewer.addTiledImage({
    tileSource,
    // In units of the slide's width.
    x: area.x / width,
    y: area.y / width,
    width: area.width / width,
    // Clip to the slide.
    clip: new OpenSeadragon.Rect(-area.x * scale, -area.y * scale, width * scale, height * scale),
    opacity,
    success: (event) => {
      item = (event as unknown as { item: OpenSeadragon.TiledImage }).item;
      item.setOpacity(opacity);
    },
  });
  return (set) => {
    opacity = set;
    item?.setOpacity(set);
  };
}

function tilesOf(layer: Layer, slide: Slide): OpenSeadragon.TileSource | null {
  if (layer.kind === "geojson") {
    return new ShapeTileSource(layer.shapes, slide);
  }
  return layer.tiles === null ? null : new FolderTileSource({ ...layer, tiles: layer.tiles });
}
