// The line of facts below the slide's name, and the formatting of numbers.

import type { MicrometersPerPixel, Slide } from "./model/slide";

const NARROW_SPACE = "\u202f";
const NO_BREAK_SPACE = "\u00a0";

export type Measures = Pick<Slide, "width" | "height" | "mpp" | "objectivePower">;

/** Returns short facts about the slide. Each should be displayed without a line break. */
export function facts(slide: Measures): string[] {
  const list = [sizeText(slide.width, slide.height)];
  if (slide.mpp !== null) {
    list.push(scaleText(slide.mpp));
  }
  if (slide.objectivePower !== null) {
    list.push(`${rounded(slide.objectivePower)}× objective`);
  }
  return list;
}

export function sizeText(width: number, height: number): string {
  return `${grouped(width)} × ${grouped(height)}${NO_BREAK_SPACE}px`;
}

export function scaleText({ x, y }: MicrometersPerPixel): string {
  const across = rounded(x);
  const down = rounded(y);
  return `${across === down ? across : `${across} × ${down}`}${NO_BREAK_SPACE}µm per pixel`;
}

/** Groups thousands with a narrow space, which is unambiguous in all locales. */
export function grouped(count: number): string {
  return String(count).replace(/\B(?=(\d{3})+$)/g, NARROW_SPACE);
}

/** Rounds to four significant digits, without trailing zeros. */
export function rounded(value: number): string {
  return String(Number(value.toPrecision(4)));
}
