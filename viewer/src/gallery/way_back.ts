// The link that leads from whatever is opened in a gallery's page back to its list.

import { make } from "../make";

/** Puts the link above the name of what is shown. */
export function addWayBack(): void {
  const page = location.href.replace(/[?#].*$/, "");
  document.querySelector(".caption")?.prepend(make("a", { class: "way-back", href: page }, "‹ All slides"));
}
