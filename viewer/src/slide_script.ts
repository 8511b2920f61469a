// The slide that the page came with. Its description is a classic script beside
// the page, since browsers refuse to fetch JSON from a disk. The script adds it to
// a list, so that neither it nor this one has to run first.

import { DescriptionError } from "./checks";

declare global {
  interface Window {
    /** What slide.js has added. */
    slidezoomSlides?: unknown[];
  }
}

/** The description of the page's own slide; `undefined` where the page is one for archives alone. */
export function ownDescription(): unknown {
  if (document.querySelector('script[src="slide.js"]') === null) {
    return undefined;
  }
  const [description] = window.slidezoomSlides ?? [];
  if (description === undefined) {
    throw new DescriptionError("This slide cannot be shown: slide.js did not load. It belongs next to this page.");
  }
  return description;
}
