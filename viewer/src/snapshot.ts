// Saves the displayed view as a PNG of the screen's resolution: the slide with adjusted colors,
// layers, drawings and scale bar, and the notice of changed colors.
//
// Browsers do not let a page read the pixels of images from disk. The button is then disabled and
// explains why.

import type OpenSeadragon from "openseadragon";

import { type Colors, filteredValues } from "./colors";
import { onKey } from "./keys";
import type { Slide } from "./model/slide";
import { writePosition } from "./position";
import { showToast } from "./toast";
import { currentView } from "./view";

const REFUSED =
  "Snapshots are not available for a slide opened from disk, because browsers block access to its pixels. Open the slide from a web server, or from an archive.";
const SVG = "http://www.w3.org/2000/svg";
/** Style properties of drawings that exist as attributes, which content security policies allow. */
const PAINT = [
  ...["fill", "stroke", "stroke-width", "stroke-linecap", "stroke-linejoin", "paint-order"],
  ...["font-family", "font-size", "font-weight"],
];

export function connectSnapshot(
  viewer: OpenSeadragon.Viewer,
  slide: Slide,
  colors: () => Colors,
): void {
  const button = document.getElementById("snapshot") as HTMLButtonElement;
  const refuse = (): void => {
    // Not `disabled`: the button must stay focusable to explain itself.
    button.setAttribute("aria-disabled", "true");
    button.title = REFUSED;
  };
  const take = async (): Promise<void> => {
    const place = writePosition(currentView(viewer)).slice(1).replace(/&/g, " ");
    try {
      save(await snapshot(viewer, colors()), `${slide.name} ${place}.png`);
    } catch (error) {
      if (isRefusal(error)) {
        refuse();
      }
      showToast(isRefusal(error) ? REFUSED : "The snapshot failed.");
    }
  };
  button.addEventListener("click", () => void take());
  onKey("v", () => void take());
  viewer.addOnceHandler("tile-drawn", () => {
    try {
      const { context } = canvasOf(1, 1);
      context.drawImage(viewer.drawer.canvas as HTMLCanvasElement, 0, 0);
      context.getImageData(0, 0, 1, 1);
    } catch (error) {
      if (isRefusal(error)) {
        refuse();
      }
    }
  });
}

/** Renders the view. Everything is read before the first `await`, since the slide may be moving. */
async function snapshot(viewer: OpenSeadragon.Viewer, colors: Colors): Promise<Blob> {
  const slide = viewer.drawer.canvas as HTMLCanvasElement;
  const box = viewer.element.getBoundingClientRect();
  const { canvas, context } = canvasOf(slide.width, slide.height);
  context.drawImage(slide, 0, 0);
  filter(context, colors);
  context.globalCompositeOperation = "destination-over";
  context.fillStyle = getComputedStyle(document.body).backgroundColor;
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.globalCompositeOperation = "source-over";

  const { canvas: writings, context: pen } = canvasOf(slide.width, slide.height);
  pen.scale(canvas.width / box.width, canvas.height / box.height);
  pen.translate(-box.left, -box.top);
  for (const id of ["colors-changed", "scale-bar"]) {
    write(pen, document.getElementById(id) as HTMLElement);
  }
  drawBar(pen, document.getElementById("scale-bar-line") as HTMLElement);

  context.drawImage(await drawings(box, canvas), 0, 0);
  context.drawImage(writings, 0, 0);
  return new Promise((resolve, reject) => {
    canvas.toBlob((blob) => (blob === null ? reject(new Error("no snapshot")) : resolve(blob)));
  });
}

/** Applies the color settings. Not all browsers support canvas filters. */
function filter(context: CanvasRenderingContext2D, colors: Colors): void {
  const values = filteredValues(colors);
  const pixels = context.getImageData(0, 0, context.canvas.width, context.canvas.height);
  const { data } = pixels;
  for (let at = 0; at < data.length; at += 4) {
    data[at] = values[data[at]!]!;
    data[at + 1] = values[data[at + 1]!]!;
    data[at + 2] = values[data[at + 2]!]!;
  }
  context.putImageData(pixels, 0, 0);
}

/** Returns all drawings over the slide as one image of the size of the snapshot. */
async function drawings(
  box: DOMRect,
  { width, height }: HTMLCanvasElement,
): Promise<HTMLImageElement> {
  const all = document.createElementNS(SVG, "svg");
  all.setAttribute("viewBox", `0 0 ${box.width} ${box.height}`);
  all.setAttribute("width", String(width));
  all.setAttribute("height", String(height));
  all.append(...[...document.querySelectorAll(".drawing:not([hidden])")].map(copied));
  const address = URL.createObjectURL(
    new Blob([new XMLSerializer().serializeToString(all)], { type: "image/svg+xml" }),
  );
  try {
    const image = new Image();
    image.src = address;
    await image.decode();
    return image;
  } finally {
    URL.revokeObjectURL(address);
  }
}

/** Copies a drawing with its computed style as attributes. */
function copied(drawing: Element): Element {
  const copy = drawing.cloneNode(true) as Element;
  const originals = drawing.querySelectorAll("*");
  copy.querySelectorAll("*").forEach((part, index) => {
    const style = getComputedStyle(originals[index]!);
    PAINT.forEach((name) => part.setAttribute(name, style.getPropertyValue(name)));
  });
  return copy;
}

/** Draws a box with one line of text, if it is visible. */
function write(context: CanvasRenderingContext2D, box: HTMLElement): void {
  const text = box.querySelector("span") as HTMLElement;
  const style = getComputedStyle(text);
  const place = text.getBoundingClientRect();
  const { left, top, width, height } = box.getBoundingClientRect();
  if (!box.hidden) {
    context.fillStyle = getComputedStyle(box).backgroundColor;
    context.fillRect(left, top, width, height);
    context.fillStyle = style.color;
    context.font = `${style.fontWeight} ${style.fontSize} ${style.fontFamily}`;
    context.textBaseline = "middle";
    context.fillText(text.textContent ?? "", place.left, (place.top + place.bottom) / 2);
  }
}

/** Draws the scale bar, which is empty if the slide is not calibrated. */
function drawBar(context: CanvasRenderingContext2D, bar: HTMLElement): void {
  const { left, top, right, bottom, width, height } = bar.getBoundingClientRect();
  const style = getComputedStyle(bar);
  const thickness = Number.parseFloat(style.borderBottomWidth);
  context.fillStyle = style.borderBottomColor;
  context.fillRect(left, top, thickness, height);
  context.fillRect(right - thickness, top, thickness, height);
  context.fillRect(left, bottom - thickness, width, thickness);
}

function canvasOf(
  width: number,
  height: number,
): { canvas: HTMLCanvasElement; context: CanvasRenderingContext2D } {
  const canvas = document.createElement("canvas");
  canvas.width = width;
  canvas.height = height;
  return { canvas, context: canvas.getContext("2d", { willReadFrequently: true })! };
}

function save(blob: Blob, name: string): void {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  // Some browsers read the blob only later.
  window.setTimeout(() => URL.revokeObjectURL(link.href), 10000);
}

function isRefusal(error: unknown): boolean {
  return error instanceof DOMException && error.name === "SecurityError";
}
