// The link that leads from whatever is opened in a gallery's page back to its list.

import { make } from "../dom";

/** Puts the link above the name of what is shown. */
export function addBackLink(): void {
  const page = location.href.replace(/[?#].*$/, "");
  document.querySelector(".caption")?.prepend(make("a", { class: "back-link", href: page }, "‹ All slides"));
}
