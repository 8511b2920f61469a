// The slides selected for comparison, at most two, and the bar with the link to the comparison.
// A third slide replaces the first.

import { element } from "../dom";
import type { GallerySlide } from "./slides";

export interface Selection {
  readonly bar: HTMLElement;
  /** Selects the slide, or deselects it. */
  toggle(slide: GallerySlide): void;
}

/** Creates the bar; calls `changed` with each new selection. */
export function createSelection(changed: (slides: readonly GallerySlide[]) => void): Selection {
  let selected: readonly GallerySlide[] = [];
  const names = element("p", { role: "status" });
  const link = element("a", { class: "button" }, "Show side by side");
  const clear = element("button", { type: "button" }, "Clear");
  const bar = element(
    "div",
    { class: "selection", role: "group", "aria-label": "Compare" },
    names,
    link,
    clear,
  );

  const set = (slides: readonly GallerySlide[]): void => {
    selected = slides;
    const [first, second] = slides;
    // Not `hidden`: screen readers announce only changes of an existing status.
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
      set(
        selected.includes(slide)
          ? selected.filter((other) => other !== slide)
          : [...selected.slice(-1), slide],
      ),
  };
}

/** Returns the paths of the two slides to compare, or `null`. Paths are unique; names are not. */
export function comparedPaths(query: string): readonly [string, string] | null {
  const [first, second, ...more] = new URLSearchParams(query).getAll("compare");
  return first === undefined || second === undefined || more.length > 0 ? null : [first, second];
}

export function comparisonUrl(...paths: readonly [string, string]): string {
  return `?${new URLSearchParams(paths.map((path) => ["compare", path]))}`;
}
