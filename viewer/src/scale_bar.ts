// The scale bar. Its text is a round length, and the bar has exactly that length on the slide, in
// each frame of a movement too.

import type OpenSeadragon from "openseadragon";

import type { MicrometersPerPixel, Slide } from "./model/slide";
import { afterDrawing, type View } from "./view";

/** Maximum length in screen pixels; the shortest bar then has 72. */
const LONGEST = 180;

export interface ScaleBar {
  readonly micrometers: number;
  /** In screen pixels, not rounded. */
  readonly length: number;
  readonly text: string;
}

/** `box` contains an element for the text and one for the bar. */
export function connectScaleBar(
  viewer: OpenSeadragon.Viewer,
  slide: Slide,
  box: HTMLElement,
): void {
  const [text, line] = [...box.children] as [HTMLElement, HTMLElement];
  const { mpp } = slide;
  box.hidden = false;
  line.hidden = mpp === null;
  if (mpp === null) {
    text.textContent = "not calibrated";
    return;
  }
  afterDrawing(viewer, (view) => {
    const bar = scaleBar(micrometersPerScreenPixel(mpp, view));
    line.style.width = `${bar.length}px`;
    if (text.textContent !== bar.text) {
      text.textContent = bar.text;
    }
  });
}

/** Returns the longest bar of 1, 2 or 5 × 10ⁿ µm within the maximum length. */
export function scaleBar(micrometersPerScreenPixel: number): ScaleBar {
  const longest = LONGEST * micrometersPerScreenPixel;
  const exponent = Math.floor(Math.log10(longest));
  const room = longest / 10 ** exponent;
  const step = room >= 5 ? 5 : room >= 2 ? 2 : 1;
  // Dividing by a power of ten is exact; multiplying by 0.1 is not.
  const micrometers = exponent < 0 ? step / 10 ** -exponent : step * 10 ** exponent;
  return {
    micrometers,
    length: micrometers / micrometersPerScreenPixel,
    text: lengthText(micrometers, exponent),
  };
}

/** Returns the scale along the screen's horizontal, which depends on the rotation. */
export function micrometersPerScreenPixel(
  mpp: MicrometersPerPixel,
  { zoom, rotation }: View,
): number {
  const angle = (rotation * Math.PI) / 180;
  return Math.hypot(mpp.x * Math.cos(angle), mpp.y * Math.sin(angle)) / zoom;
}

function lengthText(micrometers: number, exponent: number): string {
  if (micrometers < 1000) {
    return `${micrometers.toFixed(Math.max(0, -exponent))}\u00a0µm`;
  }
  return micrometers < 10000 ? `${micrometers / 1000}\u00a0mm` : `${micrometers / 10000}\u00a0cm`;
}
