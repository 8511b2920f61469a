// Brightness, contrast and gamma of the displayed slide. A notice is shown over the slide while any
// of them is changed. The navigator keeps the original colors for comparison.

import type OpenSeadragon from "openseadragon";

import { svgElement } from "./dom";
import { togglePanel } from "./panel";

export interface Colors {
  readonly brightness: number;
  readonly contrast: number;
  /** Values above 1 lighten dark tones. */
  readonly gamma: number;
}

export const UNCHANGED: Colors = { brightness: 1, contrast: 1, gamma: 1 };

const NAMES = ["brightness", "contrast", "gamma"] as const;
const FILTER = "gamma-filter";

/** Connects the controls; returns a function that returns the current settings. */
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
      const text =
        name === "gamma" ? colors.gamma.toFixed(2) : `${Math.round(colors[name] * 100)}%`;
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
  // Browsers may restore slider positions when the page is reloaded.
  set(UNCHANGED);
  return read;
}

/** Returns the CSS filter, which is empty for unchanged colors. */
export function filterText({ brightness, contrast, gamma }: Colors): string {
  return [
    brightness === 1 ? "" : `brightness(${brightness})`,
    contrast === 1 ? "" : `contrast(${contrast})`,
    gamma === 1 ? "" : `url("#${FILTER}")`,
  ]
    .filter((part) => part !== "")
    .join(" ");
}

/** Returns the filter's output for each input from 0 to 255. */
export function filteredValues({ brightness, contrast, gamma }: Colors): Uint8ClampedArray {
  const clamped = (share: number): number => Math.min(1, Math.max(0, share));
  return Uint8ClampedArray.from({ length: 256 }, (_, value) => {
    const brightened = clamped((value / 255) * brightness);
    return 255 * clamped((brightened - 0.5) * contrast + 0.5) ** (1 / gamma);
  });
}

/** Adds an SVG filter for gamma, which CSS lacks; returns a function that sets gamma. */
function gammaFilter(): (gamma: number) => void {
  const channels = ["feFuncR", "feFuncG", "feFuncB"].map((name) =>
    svgElement(name, { type: "gamma", exponent: "1" }),
  );
  const transfer = svgElement("feComponentTransfer", {}, ...channels);
  // Like the CSS filters, on sRGB values and not in linear light.
  const filter = svgElement(
    "filter",
    { id: FILTER, "color-interpolation-filters": "sRGB" },
    transfer,
  );
  document.body.append(
    svgElement("svg", { class: "filters", width: "0", height: "0", "aria-hidden": "true" }, filter),
  );
  return (gamma) =>
    channels.forEach((channel) => channel.setAttribute("exponent", String(1 / gamma)));
}
