// Dark or light. The style follows the system's wish by itself; this module adds
// the reader's own choice, which is remembered where the browser lets a page
// remember anything. It is not always the case on file:// or under strict
// privacy: the choice then holds for this visit, and nobody is told of an error.

import { onKey } from "./keys";

type Theme = "dark" | "light";

const STORED = "slidezoom-theme";

/** Takes up what was chosen on an earlier visit. */
export function recallTheme(): void {
  try {
    choose(localStorage.getItem(STORED));
  } catch {
    // The system's wish, then.
  }
}

/** The button and the key that switch between dark and light. */
export function connectTheme(): void {
  document.getElementById("theme")?.addEventListener("click", switchTheme);
  onKey("b", switchTheme);
}

function switchTheme(): void {
  const system: Theme = window.matchMedia("(prefers-color-scheme: light)").matches ? "light" : "dark";
  const other: Theme = (document.documentElement.dataset["theme"] ?? system) === "dark" ? "light" : "dark";
  // What the system wishes anyway is no choice: the page follows it again.
  choose(other === system ? null : other);
  try {
    if (other === system) {
      localStorage.removeItem(STORED);
    } else {
      localStorage.setItem(STORED, other);
    }
  } catch {
    // For this visit only.
  }
}

/** Anything but a theme leaves it to the system. */
function choose(theme: string | null): void {
  if (theme === "dark" || theme === "light") {
    document.documentElement.dataset["theme"] = theme;
  } else {
    delete document.documentElement.dataset["theme"];
  }
}
