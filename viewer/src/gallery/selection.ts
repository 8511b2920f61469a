// The slides that are chosen to be compared, two at most, and the bar that leads
// to them. A third takes the place of the one that was chosen first.

import { make } from "../dom";
import type { GallerySlide } from "./slides";

export interface Selection {
  readonly bar: HTMLElement;
  /** Chooses the slide, or no longer. */
  toggle(slide: GallerySlide): void;
}

/** `changed` is told what is chosen whenever that is something else. */
export function createSelection(changed: (slides: readonly GallerySlide[]) => void): Selection {
  let chosen: readonly GallerySlide[] = [];
  const names = make("p", { role: "status" });
  const link = make("a", { class: "button" }, "Show side by side");
  const clear = make("button", { type: "button" }, "Clear");
  const bar = make("div", { class: "selection", role: "group", "aria-label": "Compare" }, names, link, clear);

  const set = (slides: readonly GallerySlide[]): void => {
    chosen = slides;
    const [first, second] = slides;
    // Not hidden as a whole: a status has to be there before its text, or it is not read out.
    bar.classList.toggle("empty", first === undefined);
    clear.hidden = first === undefined;
    link.hidden = second === undefined;
    if (first === undefined) {
      names.textContent = "";
    } else if (second === undefined) {
      names.textContent = `“${first.name}”: choose a second slide to compare.`;
    } else {
      names.textContent = `“${first.name}” and “${second.name}”`;
      link.href = comparisonUrl(first.path, second.path);
    }
    changed(slides);
  };
  clear.addEventListener("click", () => set([]));
  set([]);
  return {
    bar,
    toggle: (slide) =>
      set(chosen.includes(slide) ? chosen.filter((other) => other !== slide) : [...chosen.slice(-1), slide]),
  };
}

/** The paths of the two slides that an address wants side by side; names are not enough, as two slides can have one. */
export function comparedPaths(query: string): readonly [string, string] | null {
  const [first, second, ...more] = new URLSearchParams(query).getAll("compare");
  return first === undefined || second === undefined || more.length > 0 ? null : [first, second];
}

export function comparisonUrl(...paths: readonly [string, string]): string {
  return `?${new URLSearchParams(paths.map((path) => ["compare", path]))}`;
}
