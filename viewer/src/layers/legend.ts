// The legend of a layer: a list of colors, or a scale with its first and last value.

import type { ColorScale, Legend, LegendEntry } from "../model/layer";

export function legend(legend: Legend): HTMLElement {
  return "stops" in legend ? scale(legend) : list(legend);
}

function list(entries: readonly LegendEntry[]): HTMLElement {
  const made = document.createElement("ul");
  made.className = "legend";
  for (const { color, label } of entries) {
    const swatch = document.createElement("span");
    swatch.style.background = `#${color}`;
    const item = document.createElement("li");
    item.append(swatch, label);
    made.append(item);
  }
  return made;
}

function scale({ stops, unit }: ColorScale): HTMLElement {
  const [first, last] = [stops[0]!, stops[stops.length - 1]!];
  const places = stops.map(({ value, color }) => {
    return `#${color} ${((value - first.value) / (last.value - first.value)) * 100}%`;
  });
  const strip = document.createElement("div");
  strip.style.backgroundImage = `linear-gradient(to right, ${places.join(", ")})`;
  const ends = [
    String(first.value),
    `${last.value}${unit === undefined ? "" : `\u00a0${unit}`}`,
  ].map((text) => {
    const end = document.createElement("span");
    end.textContent = text;
    return end;
  });
  const made = document.createElement("div");
  made.className = "scale";
  made.append(strip, ...ends);
  return made;
}
