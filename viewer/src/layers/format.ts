// Layers: what lies over the slide, a heat map or outlines, as the page knows it
// once `read.ts` has checked it. This is also where the format is written down,
// for those who add layers by script.
//
// The description, which is <name>.json and the object in slide.js, may have
//
//   "layers": [ layer, … ]
//
// drawn over the slide from first to last, and never beyond it. A slide pixel is
// one of the exported slide at full size: x to the right, y down, 0, 0 the upper
// left corner of the first. Colors are six hexadecimal digits, red, green, blue.
// Every layer has
//
//   "name"     what it is called, on the page too
//   "opacity"  from 0 to 1, at first: the reader has a slider. Without it 0.5 for
//              a pyramid and 1 for GeoJSON
//   "legend"   what its colors mean, where there is something to say:
//              [ { "color": "d7191c", "label": "Tumour" }, … ], or for a scale
//              { "stops": [ { "value": 0, "color": "0000ff" },
//                           { "value": 1, "color": "ff0000" } ], "unit": "…" }
//              with at least two stops, values rising; the unit may be left out
//
// A pyramid is a Deep Zoom pyramid of PNG or JPEG tiles, with alpha if need be:
//
//   { "kind": "pyramid", "name": "Tumour probability", "path": "layers/heat",
//     "width": 90, "height": 65, "tileSize": 254, "overlap": 0, "format": "png",
//     "area": { "x": 0, "y": 0, "width": 46080, "height": 33280 } }
//
// Its tiles are at <path>_files/<level>/<column>_<row>.<format> relative to the
// page, all of them: level 0 is one pixel, each level the half, rounded up, of
// the next, and the last is width × height. "area" is what it covers, in slide
// pixels, without it the whole slide. The page does not stretch a picture, so the
// area's proportions are the pyramid's to within one pixel of the pyramid; it may
// go beyond the slide. A heat map of one pixel for every
// 512 × 512 slide pixels covers 512 × width by 512 × height. From 1:1 upwards its
// pixels are shown as sharp blocks. The page does not read them from archives.
//
//   { "kind": "geojson", "name": "Glands",
//     "features": { "type": "FeatureCollection", "features": [ feature, … ] } }
//
// Each feature is one of RFC 7946 with a Polygon, MultiPolygon, LineString, Point
// or MultiPoint, its positions [x, y] in slide pixels. What lies in an even number
// of a polygon's rings is a hole, whichever way round they run, closed by their
// first position or not. "properties" may be null or have "name", or else "label",
// the text that is shown as such where the feature is pointed at, and "color".
// Polygons are outlined, and filled at a quarter of their color.
//
// A layer that breaks a rule is refused, and the slide with it, in a sentence
// that names layer and field: an overlay that is half right is worse than none.

import type { TileFolder } from "../tile_source";

export type Layer = PyramidLayer | ShapeLayer;

export interface PyramidLayer extends Named, Omit<TileFolder, "tiles"> {
  readonly kind: "pyramid";
  /** The folder of its tiles, relative to the page; `null` where they are in an archive. */
  readonly tiles: string | null;
  readonly area: Area;
}

export interface ShapeLayer extends Named {
  readonly kind: "geojson";
  readonly shapes: readonly Shape[];
}

interface Named {
  readonly name: string;
  /** At first. */
  readonly opacity: number;
  readonly legend: Legend | null;
}

export type Legend = readonly ChannelType[] | Scale;

export interface ChannelType {
  readonly color: string;
  readonly label: string;
}

export interface Scale {
  /** At least two, their values rising. */
  readonly stops: readonly { readonly value: number; readonly color: string }[];
  readonly unit?: string;
}

/** In slide pixels. */
export interface Area {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

/** A feature: all its points, its one line, or all its rings. */
export interface Shape {
  readonly form: "points" | "line" | "area";
  /** x and y by turns, in slide pixels. */
  readonly parts: readonly Float64Array[];
  readonly left: number;
  readonly top: number;
  readonly right: number;
  readonly bottom: number;
  /** Empty where there is nothing to say of it. */
  readonly text: string;
  readonly color: string;
}
