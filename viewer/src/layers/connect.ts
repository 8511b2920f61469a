// The layers of a slide and their panel, which sets each layer's visibility and opacity. A slide
// without layers has no panel.

import OpenSeadragon from "openseadragon";
import type { Layer, Shape } from "../model/layer";
import type { Slide } from "../model/slide";
import { togglePanel } from "../panel";
import { connectLabels } from "./labels";
import { legend } from "./legend";
import { overlay, type SetOpacity } from "./overlay";

export function connectLayers(viewer: OpenSeadragon.Viewer, slide: Slide): void {
  const { layers } = slide;
  if (layers.length === 0) {
    return;
  }
  togglePanel("layers", "layers-panel", "y");
  limitWorldToSlide(viewer, slide);

  const hidden = new Set<Layer>();
  let texts: readonly Shape[] = [];
  const collectTexts = (): void => {
    texts = layers
      .flatMap((layer) => (layer.kind === "geojson" && !hidden.has(layer) ? layer.shapes : []))
      .filter(({ text }) => text !== "");
  };
  collectTexts();
  const updateNearest = connectLabels(viewer, document.getElementById("layers-text")!, () => texts);
  const list = layers.map((layer, index) => {
    const set = overlay(viewer, layer, slide);
    const show = (isShown: boolean): void => {
      hidden[isShown ? "delete" : "add"](layer);
      collectTexts();
      updateNearest();
    };
    return set === null ? skipped(layer) : controls(layer, index, set, show);
  });
  document.getElementById("layers-list")!.replaceChildren(...list);
}

/**
 * Makes home and zoom refer to the slide alone. By default OpenSeadragon's viewport covers all
 * images at the finest scale of any.
 */
function limitWorldToSlide(viewer: OpenSeadragon.Viewer, { width, height }: Slide): void {
  for (const { world } of [viewer, viewer.navigator as OpenSeadragon.Viewer]) {
    world.getHomeBounds = () => new OpenSeadragon.Rect(0, 0, 1, height / width);
    world.getContentFactor = () => width;
  }
}

function controls(
  layer: Layer,
  index: number,
  set: SetOpacity,
  show: (isShown: boolean) => void,
): HTMLElement {
  const check = input("checkbox");
  check.checked = true;
  const slider = input("range");
  slider.id = `layer-opacity-${index + 1}`;
  slider.min = "0";
  slider.max = "1";
  slider.step = "0.01";
  slider.value = String(layer.opacity);
  slider.setAttribute("aria-label", `Opacity of ${layer.name}`);
  const output = element("output", "");
  const apply = (): void => {
    output.textContent = `${Math.round(Number(slider.value) * 100)}%`;
    slider.setAttribute("aria-valuetext", output.textContent);
    set(check.checked ? Number(slider.value) : 0);
  };
  slider.addEventListener("input", apply);
  check.addEventListener("change", () => {
    show(check.checked);
    apply();
  });
  apply();
  const name = element("label", check, layer.name);
  const label = element("label", "Opacity");
  label.htmlFor = slider.id;
  return box(name, label, output, slider, ...(layer.legend === null ? [] : [legend(layer.legend)]));
}

function skipped({ name }: Layer): HTMLElement {
  return box(
    element("p", name),
    element("p", "Not shown: layers with tiles are not supported in archives."),
  );
}

function box(...parts: readonly HTMLElement[]): HTMLElement {
  const made = element("div", ...parts);
  made.className = "layer";
  return made;
}

function input(type: string): HTMLInputElement {
  const made = element("input");
  made.type = type;
  return made;
}

function element<K extends keyof HTMLElementTagNameMap>(
  name: K,
  ...parts: (Node | string)[]
): HTMLElementTagNameMap[K] {
  const made = document.createElement(name);
  made.append(...parts);
  return made;
}
