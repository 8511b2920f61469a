// The help sheet: every key and gesture of what the page shows in one table. A test
// holds it against the sources, so that no key works that is not written here.

import { onKey } from "./keys";

interface Row {
  readonly keys: readonly string[];
  readonly does: string;
}

interface Part {
  readonly title: string;
  /** Where its keys and gestures do something. */
  readonly of: readonly Shown[];
  readonly rows: readonly Row[];
}

/** What the page shows: one slide, two side by side, or a gallery. */
type Shown = "slide" | "comparison" | "gallery";

export const HELP: readonly Part[] = [
  {
    title: "Mouse, pen and touch",
    of: ["slide", "comparison"],
    rows: [
      { keys: ["Drag"], does: "Move the slide" },
      { keys: ["Wheel", "Pinch"], does: "Zoom" },
      { keys: ["Double click"], does: "Zoom in; out with Shift" },
      { keys: ["Small picture"], does: "Click or drag in it to go there" },
    ],
  },
  {
    title: "Keys on the slide (click it, or reach it with Tab)",
    of: ["slide", "comparison"],
    rows: [
      { keys: ["←", "→", "↑", "↓"], does: "Move; also A, D, W, S" },
      { keys: ["+", "-"], does: "Zoom; also Shift with ↑, ↓" },
      { keys: ["0"], does: "Show the whole slide, turned as it is" },
      { keys: ["R"], does: "Turn right by 90°; left with Shift" },
      { keys: ["F"], does: "Mirror" },
    ],
  },
  {
    title: "Keys anywhere",
    of: ["slide", "comparison"],
    rows: [
      { keys: ["Home"], does: "Show the whole slide, upright" },
      { keys: [",", "."], does: "Turn left or right by 5°" },
    ],
  },
  {
    title: "Keys for the tools",
    of: ["slide"],
    rows: [
      { keys: ["1", "2", "…"], does: "Set the magnification, from the smallest on" },
      { keys: ["T"], does: "Panel: turn and mirror" },
      { keys: ["C"], does: "Panel: brightness, contrast and gamma" },
      { keys: ["M"], does: "Panel: measure" },
      { keys: ["I"], does: "Panel: properties and associated images" },
      { keys: ["Y"], does: "Panel: layers, on a slide that has some" },
      { keys: ["L"], does: "Copy a link to this place" },
      { keys: ["V"], does: "Save a picture of this view" },
      { keys: ["Escape"], does: "Close a panel; end measuring" },
    ],
  },
  {
    title: "While measuring",
    of: ["slide"],
    rows: [
      { keys: ["Click", "Tap"], does: "Set a point; a drag still moves the slide" },
      { keys: ["P"], does: "Set a point in the middle of the screen" },
      { keys: ["Backspace"], does: "Take the last point back" },
      { keys: ["Enter", "Double click"], does: "End a line or an area" },
    ],
  },
  {
    title: "Keys in the gallery",
    of: ["gallery"],
    rows: [{ keys: ["/"], does: "Search the slides by name" }],
  },
  {
    title: "The page",
    of: ["slide", "comparison", "gallery"],
    rows: [
      { keys: ["B"], does: "Switch between dark and light" },
      { keys: ["?"], does: "Show or hide this help" },
    ],
  },
];

/** The parts of the sheet that are of use there. */
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
    row.insertCell().append(...keys.flatMap((key, index) => [...(index > 0 ? [" "] : []), keyboardKey(key)]));
    row.insertCell().textContent = does;
  }
  return part;
}

function keyboardKey(key: string): HTMLElement {
  const made = document.createElement("kbd");
  made.textContent = key;
  return made;
}
