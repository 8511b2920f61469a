// The line of facts below the slide's name. Kept apart from the page so that
// the wording of sizes and scales can be read, and tested, in one place.

import type { Slide } from "./slide";

const NARROW_SPACE = "\u202f";
const NO_BREAK_SPACE = "\u00a0";

/** Short facts about the slide, each to be shown unbroken. */
export function facts(slide: Slide): string[] {
  const list = [`${grouped(slide.width)} × ${grouped(slide.height)}${NO_BREAK_SPACE}px`];
  if (slide.mpp !== null) {
    const { x, y } = slide.mpp;
    const across = rounded(x);
    const down = rounded(y);
    list.push(`${across === down ? across : `${across} × ${down}`}${NO_BREAK_SPACE}µm per pixel`);
  }
  if (slide.objectivePower !== null) {
    list.push(`${rounded(slide.objectivePower)}× objective`);
  }
  return list;
}

/** Thousands apart, with a space that reads the same in every country. */
export function grouped(count: number): string {
  return String(count).replace(/\B(?=(\d{3})+$)/g, NARROW_SPACE);
}

function rounded(value: number): string {
  return String(Number(value.toPrecision(4)));
}
