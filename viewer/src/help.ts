// The help sheet: a table of all keys and gestures. A test compares it with the keys in the
// sources.

import { onKey } from "./keys";

interface Row {
  readonly keys: readonly string[];
  readonly does: string;
}

interface Part {
  readonly title: string;
  /** The pages that this part applies to. */
  readonly of: readonly Shown[];
  readonly rows: readonly Row[];
}

/** The kinds of pages: one slide, two slides side by side, or a gallery. */
type Shown = "slide" | "comparison" | "gallery";

export const HELP: readonly Part[] = [
  {
    title: "Mouse, pen and touch",
    of: ["slide", "comparison"],
    rows: [
      { keys: ["Drag"], does: "Pan" },
      { keys: ["Wheel", "Pinch"], does: "Zoom" },
      { keys: ["Double click"], does: "Zoom in; with Shift, zoom out" },
      { keys: ["Navigator"], does: "Click or drag to go there" },
    ],
  },
  {
    title: "Keys, with the slide focused (click it or press Tab)",
    of: ["slide", "comparison"],
    rows: [
      { keys: ["←", "→", "↑", "↓"], does: "Pan; also A, D, W, S" },
      { keys: ["+", "-"], does: "Zoom; also Shift with ↑, ↓" },
      { keys: ["0"], does: "Show the whole slide; keep the rotation" },
      { keys: ["R"], does: "Rotate right 90°; left with Shift" },
      { keys: ["F"], does: "Flip horizontally" },
    ],
  },
  {
    title: "Keys, anywhere",
    of: ["slide", "comparison"],
    rows: [
      { keys: ["Home"], does: "Show the whole slide; reset the rotation" },
      { keys: [",", "."], does: "Rotate left or right 5°" },
    ],
  },
  {
    title: "Tools",
    of: ["slide"],
    rows: [
      { keys: ["1", "2", "…"], does: "Set the magnification, from lowest to highest" },
      { keys: ["T"], does: "Rotation panel" },
      { keys: ["C"], does: "Brightness, contrast and gamma panel" },
      { keys: ["M"], does: "Measurement panel" },
      { keys: ["I"], does: "Properties and associated images" },
      { keys: ["Y"], does: "Layers panel, if the slide has layers" },
      { keys: ["L"], does: "Copy link to this view" },
      { keys: ["V"], does: "Save a snapshot of this view" },
      { keys: ["Escape"], does: "Close the panel; stop measuring" },
    ],
  },
  {
    title: "While measuring",
    of: ["slide"],
    rows: [
      { keys: ["Click", "Tap"], does: "Place a point; drag to pan" },
      { keys: ["P"], does: "Place a point at the center of the screen" },
      { keys: ["Backspace"], does: "Undo the last point" },
      { keys: ["Enter", "Double click"], does: "Finish the line or area" },
    ],
  },
  {
    title: "Gallery",
    of: ["gallery"],
    rows: [{ keys: ["/"], does: "Search slides by name" }],
  },
  {
    title: "Page",
    of: ["slide", "comparison", "gallery"],
    rows: [
      { keys: ["B"], does: "Switch between dark and light theme" },
      { keys: ["?"], does: "Show or hide this help" },
    ],
  },
];

/** Returns the parts of the sheet for a kind of page. */
export function helpOf(shown: Shown): readonly Part[] {
  return HELP.filter(({ of }) => of.includes(shown));
}

export function connectHelp(shown: Shown): void {
  const sheet = document.getElementById("help") as HTMLDialogElement;
  const table = document.getElementById("help-table") as HTMLTableElement;
  table.replaceChildren(...helpOf(shown).map(partOfTable));
  const show = (): void => sheet.showModal();
  document.getElementById("help-button")?.addEventListener("click", show);
  document.getElementById("help-close")?.addEventListener("click", () => sheet.close());
  onKey("?", show);
  sheet.addEventListener("keydown", (event) => {
    if (event.key === "?") {
      sheet.close();
    }
  });
}

function partOfTable({ title, rows }: Part): HTMLTableSectionElement {
  const part = document.createElement("tbody");
  const heading = document.createElement("th");
  heading.textContent = title;
  heading.colSpan = 2;
  heading.scope = "rowgroup";
  part.insertRow().append(heading);
  for (const { keys, does } of rows) {
    const row = part.insertRow();
    row
      .insertCell()
      .append(...keys.flatMap((key, index) => [...(index > 0 ? [" "] : []), keyboardKey(key)]));
    row.insertCell().textContent = does;
  }
  return part;
}

function keyboardKey(key: string): HTMLElement {
  const made = document.createElement("kbd");
  made.textContent = key;
  return made;
}
