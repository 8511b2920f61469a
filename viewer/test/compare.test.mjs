// The relation of two synchronized slides, without a browser.

import assert from "node:assert/strict";
import { test } from "node:test";

import { loadModules } from "./support/modules.mjs";
import { random } from "./support/random.mjs";

const { inverse, isCalibrated, pixelOf, related, relationOf, toScreen, toSlide, unitZoom } =
  await loadModules("compare/relation.ts", "view.ts");

const SCREEN = { x: 640, y: 480 };

function anyView(next) {
  return {
    x: next(-1000, 9000),
    y: next(-1000, 9000),
    zoom: 2 ** next(-6, 3),
    rotation: next(0, 360),
    flip: next(0, 1) < 0.5,
  };
}

test("matching points match wherever both slides are moved", () => {
  const next = random(1);
  for (let round = 0; round < 300; round += 1) {
    const pixel = square(next(0.1, 2));
    const otherPixel = square(next(0.1, 2));
    const [one, other] = [anyView(next), anyView(next)];
    const relation = relationOf(one, pixel, other, otherPixel);
    // A point of one slide, and the point of the other slide at the same place on the screen.
    const point = { x: next(0, 8000), y: next(0, 8000) };
    const place = toScreen(point, one, SCREEN);
    const partner = toSlide(place, other, SCREEN);

    const moved = anyView(next);
    const otherMoved = related(relation, moved, pixel, otherPixel);
    const [shown, otherShown] = [
      toScreen(point, moved, SCREEN),
      toScreen(partner, otherMoved, SCREEN),
    ];
    const tolerance = 1e-6 * Math.max(1, moved.zoom / one.zoom);
    assert.ok(
      Math.hypot(shown.x - otherShown.x, shown.y - otherShown.y) < tolerance,
      `round ${round}`,
    );
    sameView(related(relation, one, pixel, otherPixel), other);
    sameView(related(inverse(relation), otherMoved, otherPixel, pixel), moved);
  }
});

test("relates calibrated slides by micrometers, others by their widths", () => {
  const [fine, coarse] = [
    { mpp: { x: 0.25, y: 0.25 }, width: 8000 },
    { mpp: { x: 1, y: 1 }, width: 500 },
  ];
  const view = { x: 0, y: 0, zoom: 0.5, rotation: 0, flip: false };
  const moved = { ...view, x: 400, zoom: 1 };
  const follows = (slides, calibrated) => {
    const [pixel, otherPixel] = slides.map((slide) => pixelOf(slide, calibrated));
    const relation = { ...relationOf(view, pixel, view, otherPixel), scale: 1 };
    return related(relation, moved, pixel, otherPixel);
  };
  assert.equal(isCalibrated([fine, coarse]), true);
  const byLength = follows([fine, coarse], true);
  assert.deepEqual([byLength.x, byLength.zoom], [100, 4]);

  const unknown = { ...coarse, mpp: null };
  assert.equal(isCalibrated([fine, unknown]), false);
  const byWidth = follows([fine, unknown], false);
  assert.ok(
    Math.abs(byWidth.x - 25) < 1e-9 && Math.abs(byWidth.zoom - 16) < 1e-9,
    JSON.stringify(byWidth),
  );
});

test("pixels that are not square have the zoom of square ones of the same area", () => {
  assert.ok(Math.abs(unitZoom(1, { x: 0.5, y: 2 }) - 1) < 1e-12);
});

function square(size) {
  return { x: size, y: size };
}

function sameView(actual, expected) {
  const turn = Math.abs(actual.rotation - expected.rotation);
  assert.ok(Math.min(turn, 360 - turn) < 1e-9, `${actual.rotation} ${expected.rotation}`);
  assert.ok(Math.hypot(actual.x - expected.x, actual.y - expected.y) * expected.zoom < 1e-5);
  assert.ok(Math.abs(actual.zoom / expected.zoom - 1) < 1e-9);
  assert.equal(actual.flip, expected.flip);
}
