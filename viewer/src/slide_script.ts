// The description of the slide next to the page. It is a classic script, since browsers do not
// fetch JSON from disk. The script appends it to a list, so that the order of the scripts does not
// matter.

import { DescriptionError } from "./checks";

declare global {
  interface Window {
    /** Descriptions added by slide.js. */
    slidezoomSlides?: unknown[];
  }
}

/** Returns the page's description, or `undefined` for a page without a slide. */
export function ownDescription(): unknown {
  if (document.querySelector('script[src="slide.js"]') === null) {
    return undefined;
  }
  const [description] = window.slidezoomSlides ?? [];
  if (description === undefined) {
    throw new DescriptionError(
      "This slide cannot be shown: slide.js did not load. It belongs next to this page.",
    );
  }
  return description;
}
