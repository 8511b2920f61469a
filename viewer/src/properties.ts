// The properties panel: associated images, facts about the slide, and its properties with a search
// field. Names and values are untrusted and inserted as text. The panel is filled when it first
// opens.

import type OpenSeadragon from "openseadragon";

import { type AddressOf, showAssociatedImages } from "./associated_images";
import { detailedFacts, type Row } from "./detailed_facts";
import type { Slide } from "./model/slide";
import { togglePanel } from "./panel";

/** The separator of digit groups, ignored by the search. */
const GROUPING = /\u202f/g;

export function connectProperties(
  viewer: OpenSeadragon.Viewer,
  slide: Slide,
  addressOf: AddressOf,
): void {
  const table = document.getElementById("properties-table") as HTMLTableElement;
  const search = document.getElementById("properties-search") as HTMLInputElement;
  const none = document.getElementById("properties-none") as HTMLElement;
  const fill = (): void => {
    table.append(
      part("Slide and export", detailedFacts(slide)),
      part("Properties", slide.properties),
    );
    showAssociatedImages(viewer, slide, addressOf);
    filter();
  };
  const filter = (): void => {
    const words = searchable(search.value).split(/\s+/);
    let found = 0;
    for (const { rows } of table.tBodies) {
      const [heading, ...facts] = rows;
      const matching = facts.filter((row) => {
        row.hidden = !words.every((word) => searchable(row.textContent).includes(word));
        return !row.hidden;
      });
      heading!.hidden = matching.length === 0;
      found += matching.length;
    }
    none.textContent = found === 0 ? "No matches." : "";
  };
  search.addEventListener("input", filter);
  togglePanel("properties", "properties-panel", "i", (visible) => {
    if (visible && table.tBodies.length === 0) {
      fill();
    }
  });
}

function searchable(text: string): string {
  return text.replace(GROUPING, "").toLowerCase();
}

function part(title: string, rows: readonly Row[]): HTMLTableSectionElement {
  const part = document.createElement("tbody");
  const heading = headingCell(title, "rowgroup");
  heading.colSpan = 2;
  part.insertRow().append(heading);
  for (const [name, value] of rows) {
    const row = part.insertRow();
    // The space separates name and value in the row's text, which is searched.
    row.append(headingCell(name, "row"), " ");
    row.insertCell().textContent = value;
  }
  return part;
}

function headingCell(text: string, scope: string): HTMLTableCellElement {
  const made = document.createElement("th");
  made.textContent = text;
  made.scope = scope;
  return made;
}
