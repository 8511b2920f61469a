// The link from a slide or comparison back to the gallery.

import { element } from "../dom";

/** Adds the link above the title. */
export function addBackLink(): void {
  const page = location.href.replace(/[?#].*$/, "");
  document
    .querySelector(".caption")
    ?.prepend(element("a", { class: "back-link", href: page }, "‹ All slides"));
}
