// Hatches the regions of the slide that could not be read. Tiles show background there, which could
// be mistaken for empty glass.
//
// An export may list 100,000 regions. Regions too small to see are drawn as cells of a grid, so
// that the number of shapes is limited by the screen.

import type OpenSeadragon from "openseadragon";
import { grouped } from "./facts";
import type { Area, Point } from "./model/pyramid";
import type { Slide } from "./model/slide";
import { inExport } from "./placement";
import { afterDrawing, toScreen, toSlide, type View } from "./view";

/** Minimum cell size in screen pixels. Cells are less than twice as large. */
const LEAST = 8;

type Placed = Pick<Slide, "unreadable" | "area" | "toSlide" | "width" | "height">;

/** `drawing` contains the hatching pattern and the path that is filled with it. */
export function markUnreadable(
  viewer: OpenSeadragon.Viewer,
  slide: Slide,
  drawing: Element,
  notice: HTMLElement,
): void {
  const regions = unreadableInExport(slide);
  if (regions.length === 0) {
    return;
  }
  const [hatching, path] = [...drawing.children] as [Element, Element];
  let drawn: { readonly cell: number; readonly areas: readonly Area[] } = {
    cell: 1,
    areas: regions,
  };
  drawing.removeAttribute("hidden");
  notice.textContent =
    regions.length === 1
      ? "1 region of the slide could not be read; it is hatched."
      : `${grouped(regions.length)} regions of the slide could not be read; they are hatched.`;

  afterDrawing(viewer, (view) => {
    const size = viewer.viewport.getContainerSize();
    const cell = 2 ** Math.max(0, Math.ceil(Math.log2(LEAST / view.zoom)));
    if (cell !== drawn.cell) {
      drawn = { cell, areas: visibleAreas(regions, cell) };
    }
    path.setAttribute("d", outlines(drawn.areas, view, size));
    // The pattern moves with the slide.
    const origin = toScreen({ x: 0, y: 0 }, view, size);
    hatching.setAttribute("patternTransform", `translate(${origin.x} ${origin.y}) rotate(-45)`);
  });
}

/** Returns the regions in export pixels, clipped to the export. */
export function unreadableInExport({ unreadable, area, toSlide, width, height }: Placed): Area[] {
  const { x, y } = area ?? { x: 0, y: 0 };
  const placement = toSlide ?? [
    [1, 0, x],
    [0, 1, y],
  ];
  return unreadable.flatMap((region) => {
    const place = inExport(region, placement);
    const left = Math.max(0, place.x);
    const top = Math.max(0, place.y);
    const right = Math.min(width, place.x + place.width);
    const bottom = Math.min(height, place.y + place.height);
    return left < right && top < bottom
      ? [{ x: left, y: top, width: right - left, height: bottom - top }]
      : [];
  });
}

/** Returns areas of at least one cell as they are, and otherwise the cells that they touch, joined by row. */
export function visibleAreas(areas: readonly Area[], cell: number): Area[] {
  const isVisible = ({ width, height }: Area): boolean => width >= cell && height >= cell;
  const rows = new Map<number, Span[]>();
  for (const area of areas.filter((area) => !isVisible(area))) {
    const columns: Span = [Math.floor(area.x / cell), Math.ceil((area.x + area.width) / cell)];
    for (let row = Math.floor(area.y / cell); row * cell < area.y + area.height; row += 1) {
      const spans = rows.get(row);
      if (spans === undefined) {
        rows.set(row, [columns]);
      } else {
        spans.push(columns);
      }
    }
  }
  const cells = [...rows].flatMap(([row, spans]) =>
    joined(spans).map(([start, end]) => ({
      x: start * cell,
      y: row * cell,
      width: (end - start) * cell,
      height: cell,
    })),
  );
  return [...areas.filter(isVisible), ...cells];
}

type Span = [start: number, end: number];

/** Merges spans that touch or overlap. */
function joined(spans: Span[]): Span[] {
  const result: Span[] = [];
  for (const [start, end] of spans.sort(([first], [second]) => first - second)) {
    const last = result[result.length - 1];
    if (last !== undefined && start <= last[1]) {
      last[1] = Math.max(last[1], end);
    } else {
      result.push([start, end]);
    }
  }
  return result;
}

/** Returns an SVG path of all areas on the screen. */
function outlines(areas: readonly Area[], view: View, size: Point): string {
  const corners = [0, size.x].flatMap((x) => [0, size.y].map((y) => toSlide({ x, y }, view, size)));
  const across = corners.map(({ x }) => x);
  const down = corners.map(({ y }) => y);
  const [left, right] = [Math.min(...across), Math.max(...across)];
  const [top, bottom] = [Math.min(...down), Math.max(...down)];
  return areas
    .filter(
      ({ x, y, width, height }) => x < right && x + width > left && y < bottom && y + height > top,
    )
    .map((area) => outline(area, view, size))
    .join("");
}

function outline({ x, y, width, height }: Area, view: View, size: Point): string {
  const corners = [
    { x, y },
    { x: x + width, y },
    { x: x + width, y: y + height },
    { x, y: y + height },
  ];
  const places = corners.map((corner) => toScreen(corner, view, size));
  return `M${places.map(({ x, y }) => `${x.toFixed(2)} ${y.toFixed(2)}`).join("L")}Z`;
}
