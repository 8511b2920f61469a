// The dark and light theme. The style sheet follows the system; this module adds the user's choice,
// which is stored if the browser allows. Otherwise it lasts for this visit.

import { onKey } from "./keys";

type Theme = "dark" | "light";

const STORED = "slidezoom-theme";

/** Restores the choice of an earlier visit. */
export function recallTheme(): void {
  try {
    choose(localStorage.getItem(STORED));
  } catch {
    // Follow the system.
  }
}

/** Connects the button and the key that switch the theme. */
export function connectTheme(): void {
  document.getElementById("theme")?.addEventListener("click", switchTheme);
  onKey("b", switchTheme);
}

function switchTheme(): void {
  const system: Theme = window.matchMedia("(prefers-color-scheme: light)").matches
    ? "light"
    : "dark";
  const other: Theme =
    (document.documentElement.dataset["theme"] ?? system) === "dark" ? "light" : "dark";
  // Choosing the system's theme means to follow the system again.
  choose(other === system ? null : other);
  try {
    if (other === system) {
      localStorage.removeItem(STORED);
    } else {
      localStorage.setItem(STORED, other);
    }
  } catch {
    // The choice lasts for this visit.
  }
}

/** Sets the theme; anything else follows the system. */
function choose(theme: string | null): void {
  if (theme === "dark" || theme === "light") {
    document.documentElement.dataset["theme"] = theme;
  } else {
    delete document.documentElement.dataset["theme"];
  }
}
