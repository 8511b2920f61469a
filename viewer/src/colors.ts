// Brightness, contrast and gamma of the slide on the screen. They change what
// is seen and nothing else, and whoever looks must know: while any of them is
// changed, a mark says so over the slide. The navigator keeps the slide's own
// colors beside them.

import type OpenSeadragon from "openseadragon";

import { togglePanel } from "./panel";

export interface Colors {
  readonly brightness: number;
  readonly contrast: number;
  /** Above 1 lifts the dark tones. */
  readonly gamma: number;
}

export const UNCHANGED: Colors = { brightness: 1, contrast: 1, gamma: 1 };

const NAMES = ["brightness", "contrast", "gamma"] as const;
const FILTER = "gamma-filter";
const SVG = "http://www.w3.org/2000/svg";

/** Returns what tells the colors as they are now. */
export function connectColors(viewer: OpenSeadragon.Viewer): () => Colors {
  const mark = document.getElementById("colors-changed") as HTMLElement;
  const controls = NAMES.map((name) => ({
    name,
    slider: document.getElementById(name) as HTMLInputElement,
    output: document.getElementById(`${name}-text`) as HTMLElement,
  }));
  const gamma = gammaFilter();
  const canvas = viewer.drawer.canvas as HTMLElement;
  togglePanel("colors", "colors-panel", "c");

  const set = (colors: Colors): void => {
    for (const { name, slider, output } of controls) {
      const text = name === "gamma" ? colors.gamma.toFixed(2) : `${Math.round(colors[name] * 100)}%`;
      slider.value = String(colors[name]);
      slider.setAttribute("aria-valuetext", text);
      output.textContent = text;
    }
    gamma(colors.gamma);
    canvas.style.filter = filterText(colors);
    mark.hidden = filterText(colors) === "";
  };
  const read = (): Colors => {
    const [brightness, contrast, gamma] = controls.map(({ slider }) => Number(slider.value));
    return { brightness: brightness ?? 1, contrast: contrast ?? 1, gamma: gamma ?? 1 };
  };
  controls.forEach(({ slider }) => slider.addEventListener("input", () => set(read())));
  for (const id of ["colors-reset", "colors-changed-reset"]) {
    document.getElementById(id)?.addEventListener("click", () => set(UNCHANGED));
  }
  // A browser may keep a slider's place when the page is loaded again.
  set(UNCHANGED);
  return read;
}

/** The CSS filter; empty where the colors are the slide's own, so that nothing touches them. */
export function filterText({ brightness, contrast, gamma }: Colors): string {
  return [
    brightness === 1 ? "" : `brightness(${brightness})`,
    contrast === 1 ? "" : `contrast(${contrast})`,
    gamma === 1 ? "" : `url("#${FILTER}")`,
  ]
    .filter((part) => part !== "")
    .join(" ");
}

/** What the filter makes of each value from 0 to 255. */
export function filteredValues({ brightness, contrast, gamma }: Colors): Uint8ClampedArray {
  const clamped = (share: number): number => Math.min(1, Math.max(0, share));
  return Uint8ClampedArray.from({ length: 256 }, (_, value) => {
    const brightened = clamped((value / 255) * brightness);
    return 255 * clamped((brightened - 0.5) * contrast + 0.5) ** (1 / gamma);
  });
}

/** Puts the filter that CSS lacks into the page; returns what sets its gamma. */
function gammaFilter(): (gamma: number) => void {
  const make = (name: string, attributes: Record<string, string>, children: Element[] = []): Element => {
    const made = document.createElementNS(SVG, name);
    Object.entries(attributes).forEach(([key, value]) => made.setAttribute(key, value));
    made.append(...children);
    return made;
  };
  const channels = ["feFuncR", "feFuncG", "feFuncB"].map((name) => make(name, { type: "gamma", exponent: "1" }));
  const transfer = make("feComponentTransfer", {}, channels);
  // As the other filters do: on the numbers of the picture, not on linear light.
  const filter = make("filter", { id: FILTER, "color-interpolation-filters": "sRGB" }, [transfer]);
  document.body.append(make("svg", { class: "filters", width: "0", height: "0", "aria-hidden": "true" }, [filter]));
  return (gamma) => channels.forEach((channel) => channel.setAttribute("exponent", String(1 / gamma)));
}
