// Reads layers, and finds shapes at points, without a browser.

import assert from "node:assert/strict";
import { test } from "node:test";

import { loadModules } from "./support/modules.mjs";
import { near } from "./support/viewer_page.mjs";

const { readLayers, shapeAt, nearestShape, distanceTo, DescriptionError } = await loadModules(
  "layers/read.ts",
  "layers/shape_lookup.ts",
  "checks.ts",
);

const SLIDE = { width: 700, height: 500 };
const pyramid = {
  kind: "pyramid",
  smallestLevel: 0,
  name: "Heat",
  path: "layers/heat",
  width: 70,
  height: 50,
  tileSize: 254,
  overlap: 0,
  format: "png",
};
const square = (x, y, side) => [
  [x, y],
  [x + side, y],
  [x + side, y + side],
  [x, y + side],
];
const feature = (type, coordinates, properties = null) => ({
  type: "Feature",
  geometry: { type, coordinates },
  properties,
});
const collection = (...features) => ({ type: "FeatureCollection", features });
const glands = (...features) => ({
  kind: "geojson",
  name: "Glands",
  features: collection(...features),
});
const read = (layer) => readLayers([layer], SLIDE)[0];

test("reads layers with and without optional fields", () => {
  assert.deepEqual(readLayers(undefined, SLIDE), []);
  assert.deepEqual(readLayers([], SLIDE), []);
  const { path, ...rest } = pyramid;
  assert.deepEqual(read(pyramid), {
    ...rest,
    tiles: "layers/heat_files",
    opacity: 0.5,
    legend: null,
    area: { x: 0, y: 0, ...SLIDE },
  });
  const { shapes, ...layer } = read(
    glands(feature("Polygon", [square(1, 2, 4)], { label: "A", color: "FF0000" })),
  );
  assert.deepEqual(layer, { kind: "geojson", name: "Glands", opacity: 1, legend: null });
  assert.deepEqual(shapes, [
    {
      form: "area",
      parts: [Float64Array.of(1, 2, 5, 2, 5, 6, 1, 6)],
      left: 1,
      top: 2,
      right: 5,
      bottom: 6,
      text: "A",
      color: "FF0000",
    },
  ]);
  const forms = [
    ["Point", [1, 2, 3], "points", 1],
    ["MultiPoint", [[1, 2]], "points", 1],
    ["LineString", square(0, 0, 1), "line", 1],
    ["MultiPolygon", [[square(0, 0, 9), square(1, 1, 2)], [square(20, 0, 9)]], "area", 3],
  ];
  for (const [type, coordinates, form, parts] of forms) {
    const [shape] = read(glands(feature(type, coordinates))).shapes;
    assert.deepEqual([shape.form, shape.parts.length, shape.text], [form, parts, ""], type);
  }
});

test("accepts an aspect ratio within one pixel of the pyramid", () => {
  const area = { x: -10, y: 5.5, width: 700, height: 500 };
  assert.deepEqual(read({ ...pyramid, area }).area, area);
  read({ ...pyramid, height: 51 });
  assert.throws(() => read({ ...pyramid, height: 52 }), /“Heat”, has no valid “area”.*70 × 52/);
});

test("rejects an invalid layer, naming it and the field", () => {
  const scale = (...stops) => ({ stops: stops.map(([value, color]) => ({ value, color })) });
  const broken = {
    name: [undefined, "", " ", 7],
    kind: [undefined, "image"],
    opacity: [-0.1, 1.1, "1", NaN],
    path: [undefined, "", "/etc", "../up", "a//b", "\ud800", "https://example.org"],
    width: [undefined, 0, 1.5],
    height: [undefined, "50"],
    tileSize: [undefined, 0],
    overlap: [undefined, -1, 254],
    format: [undefined, "jpg", "gif"],
    area: [{}, { x: 0, y: 0, width: 0, height: 0 }, { x: null, y: 0, width: 700, height: 500 }],
    legend: [
      [],
      [{ color: "red", label: "x" }],
      [{ color: "ff0000" }],
      {},
      scale([0, "0000ff"]),
      scale([0, "0000ff"], [0, "ff0000"]),
      scale([0, "0000ff"], [1, "red"]),
      { ...scale([0, "0000ff"], [1, "ff0000"]), unit: 7 },
    ],
  };
  for (const [key, values] of Object.entries(broken)) {
    for (const value of values) {
      const second = key === "name" || key === "kind" ? /its layer 2/ : /its layer 2, “Heat”,/;
      assert.throws(
        () => readLayers([pyramid, { ...pyramid, [key]: value }], SLIDE),
        (error) =>
          error instanceof DescriptionError &&
          second.test(error.message) &&
          error.message.includes(`“${key}”`),
        `${key} = ${JSON.stringify(value)}`,
      );
    }
  }
  for (const value of [7, {}, "[]", [null], [[]]]) {
    assert.throws(() => readLayers(value, SLIDE), DescriptionError, JSON.stringify(value));
  }
});

test("rejects an invalid feature, naming it", () => {
  const good = feature("Point", [1, 2]);
  const broken = [
    [{ ...good, type: "Punkt" }, "is not a GeoJSON Feature"],
    [null, "is not a GeoJSON Feature"],
    [{ ...good, geometry: null }, "“geometry”"],
    [feature("GeometryCollection", []), "“type”"],
    [feature("toString", []), "“type”"],
    [feature("Point", []), "“coordinates”"],
    [feature("Point", [1, "2"]), "“coordinates”"],
    [feature("Point", [1, null]), "“coordinates”"],
    [feature("MultiPoint", []), "“coordinates”"],
    [feature("LineString", [[1, 2]]), "“coordinates”"],
    [feature("Polygon", square(0, 0, 1)), "“coordinates”"],
    [feature("Polygon", []), "“coordinates”"],
    [feature("Polygon", [square(0, 0, 1).slice(2)]), "“coordinates”"],
    [feature("MultiPolygon", [square(0, 0, 1)]), "“coordinates”"],
    [feature("MultiPolygon", [[]]), "“coordinates”"],
    [feature("Point", [1, 2], 7), "“properties”"],
    [feature("Point", [1, 2], { name: 7 }), "“name”"],
    [feature("Point", [1, 2], { label: {} }), "“label”"],
    [feature("Point", [1, 2], { color: "red" }), "“color”"],
  ];
  for (const [wrong, what] of broken) {
    assert.throws(
      () => read(glands(good, wrong)),
      (error) =>
        /its layer 1, “Glands”, feature 2,/.test(error.message) && error.message.includes(what),
      JSON.stringify(wrong),
    );
  }
  assert.throws(() => read({ ...glands(), features: [good] }), /“Glands”, has no valid “features”/);
});

test("finds the topmost shape at a point, not in holes", () => {
  const { shapes } = read(
    glands(
      feature("Polygon", [square(0, 0, 100), square(40, 40, 20)], { name: "ring" }),
      feature("MultiPolygon", [[square(200, 0, 10)], [square(220, 0, 10)]], { name: "two" }),
      feature("Polygon", [square(90, 0, 20)], { name: "above" }),
      feature("LineString", [
        [0, 200],
        [100, 200],
      ]),
      feature("MultiPoint", [
        [300, 300],
        [320, 300],
      ]),
    ),
  );
  const at = (x, y) => shapes.indexOf(shapeAt(shapes, { x, y }, 5));
  const expected = [
    [20, 20, 0],
    [50, 50, -1],
    [41, 50, -1],
    [39, 50, 0],
    [-1, 50, -1],
    [205, 5, 1],
    [215, 5, -1],
    [225, 5, 1],
    [95, 10, 2],
    [95, 30, 0],
    [50, 204.9, 3],
    [50, 205.1, -1],
    [-3, 204, 3],
    [-4, 204, -1],
    [304, 303, 4],
    [310, 300, -1],
  ];
  expected.forEach(([x, y, index]) => assert.equal(at(x, y), index, `${x}, ${y}`));
  near(distanceTo(shapes[0], { x: 50, y: 48 }), 8, 1e-12);
  near(distanceTo(shapes[3], { x: 103, y: 204 }), 5, 1e-12);
  assert.equal(shapes.indexOf(nearestShape(shapes, { x: 310.5, y: 300 }, 20)), 4);
  assert.equal(shapes.indexOf(nearestShape(shapes, { x: 212, y: 5 }, 20)), 1);
  assert.equal(nearestShape(shapes, { x: 500, y: 100 }, 20), null);
  // Closed and open rings are equivalent.
  const [open, closed] = read(
    glands(
      feature("Polygon", [square(0, 0, 9)]),
      feature("Polygon", [[...square(0, 0, 9), [0, 0]]]),
    ),
  ).shapes;
  for (let y = -1; y < 11; y += 0.7) {
    assert.equal(distanceTo(open, { x: 4, y }), distanceTo(closed, { x: 4, y }));
  }
});
