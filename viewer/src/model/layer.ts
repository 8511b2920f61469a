// Layers over a slide: heat maps and outlines. This comment specifies their format, for scripts
// that add layers to an export. `layers/read.ts` checks it.
//
// The description (<name>.json, and the object in slide.js) may contain
//
//   "layers": [ layer, … ]
//
// Layers are drawn over the slide in this order, and clipped to it. Coordinates are pixels of the
// exported slide at full size: x to the right, y down, from the upper left corner. Colors are six
// hexadecimal digits, "rrggbb". Each layer has
//
//   "name"     shown on the page
//   "opacity"  the initial opacity, 0 to 1; 0.5 for a pyramid and 1 for GeoJSON if missing
//   "legend"   optional, the meaning of the colors:
//              [ { "color": "d7191c", "label": "Tumor" }, … ], or a scale of at least two stops
//              with ascending values and an optional unit:
//              { "stops": [ { "value": 0, "color": "0000ff" },
//                           { "value": 1, "color": "ff0000" } ], "unit": "…" }
//
// A "pyramid" layer is a Deep Zoom pyramid of PNG, JPEG or WebP tiles, with or without alpha:
//
//   { "kind": "pyramid", "name": "Tumor probability", "path": "layers/heat",
//     "width": 90, "height": 65, "tileSize": 254, "overlap": 0, "format": "png",
//     "area": { "x": 0, "y": 0, "width": 46080, "height": 33280 } }
//
// Its tiles are <path>_files/<level>/<column>_<row>.<format>, relative to the page. All tiles of
// all levels are required. "area" is the rectangle that the layer covers, in slide pixels; it is
// the whole slide if missing, and may extend beyond the slide. Layers are not stretched: the
// area's aspect ratio must match width × height to within one pixel of the layer. A heat map with
// one pixel for each 512 × 512 slide pixels covers 512 × width by 512 × height. Its pixels appear
// as sharp blocks from 1:1 upwards. Pyramid layers are not read from archives.
//
// A "geojson" layer is a FeatureCollection (RFC 7946) in slide pixels:
//
//   { "kind": "geojson", "name": "Glands",
//     "features": { "type": "FeatureCollection", "features": [ feature, … ] } }
//
// Geometries may be Polygon, MultiPolygon, LineString, Point or MultiPoint, with positions [x, y].
// Polygons use the even-odd rule: ring direction does not matter, and rings need not be closed.
// "properties" may be null, or contain "name" or "label" (plain text, shown when the pointer is
// over the feature) and "color". Polygons are outlined, and filled at 25 % opacity.
//
// A description with an invalid layer is rejected as a whole, with a message that names the layer
// and the field: a partly correct overlay could mislead.

import type { Area, TileFolder } from "./pyramid";

export type Layer = PyramidLayer | ShapeLayer;

export interface PyramidLayer extends LayerBase, Omit<TileFolder, "tiles"> {
  readonly kind: "pyramid";
  /** The tile folder's path relative to the page; `null` for tiles in an archive. */
  readonly tiles: string | null;
  /** The rectangle covered, in slide pixels. */
  readonly area: Area;
}

export interface ShapeLayer extends LayerBase {
  readonly kind: "geojson";
  readonly shapes: readonly Shape[];
}

interface LayerBase {
  readonly name: string;
  /** The initial opacity. */
  readonly opacity: number;
  readonly legend: Legend | null;
}

export type Legend = readonly LegendEntry[] | ColorScale;

export interface LegendEntry {
  readonly color: string;
  readonly label: string;
}

export interface ColorScale {
  /** At least two, with ascending values. */
  readonly stops: readonly { readonly value: number; readonly color: string }[];
  readonly unit?: string;
}

/** A feature: all points of a MultiPoint, a line, or all rings of a (Multi)Polygon. */
export interface Shape {
  readonly form: "points" | "line" | "area";
  /** Alternating x and y, in slide pixels. */
  readonly parts: readonly Float64Array[];
  readonly left: number;
  readonly top: number;
  readonly right: number;
  readonly bottom: number;
  /** Empty for an unlabeled shape. */
  readonly text: string;
  readonly color: string;
}
