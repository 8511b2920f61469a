// The gallery: a card for each slide and a search field. Cards are created as the user scrolls,
// since there may be ten thousand. Search and scroll position survive navigation: the search in the
// URL's hash, the position in history.state.

import { rewriteHash } from "../address";
import { element } from "../dom";
import { grouped } from "../facts";
import { keepButtons } from "../header";
import { connectHelp } from "../help";
import { onKey } from "../keys";
import type { Shown } from "../stage";
import { connectTheme } from "../theme";
import { type Card, createCard } from "./card";
import { matcher, readSearch, searchable, writeSearch } from "./search";
import { createSelection } from "./selection";
import type { Gallery, GallerySlide } from "./slides";

/** Cards per batch: divisible by 1 to 6 and 8, so that batches fill their rows. */
const BATCH = 120;
/** Cards are created this far below the screen, in pixels. */
const AHEAD = 1500;

export function showGallery({ slides, broken }: Gallery): Shown {
  const main = document.querySelector("main") as HTMLElement;
  const status = document.getElementById("facts") as HTMLElement;
  const list = element("div", { role: "list" });
  const end = element("div");
  const field = element("input", {
    type: "search",
    class: "search",
    autocomplete: "off",
    placeholder: "Search",
    title: "Search slides by name (/)",
    "aria-label": "Search slides by name",
  });
  const names = new Map(slides.map((slide) => [slide, searchable(slide.name)]));
  const cards = new Map<GallerySlide, Card>();
  const selection = createSelection((slides) =>
    cards.forEach((card, slide) => card.mark(slides.includes(slide))),
  );
  const stop = new AbortController();
  let matching: readonly GallerySlide[] = [];
  let created = 0;

  const card = (slide: GallerySlide): HTMLElement => {
    const card = cards.get(slide) ?? createCard(slide, () => selection.toggle(slide));
    cards.set(slide, card);
    return card.item;
  };
  const more = (): void => {
    // A separate element, so that earlier batches are not laid out again.
    list.append(
      element("div", { class: "cards" }, ...matching.slice(created, created + BATCH).map(card)),
    );
    created = Math.min(created + BATCH, matching.length);
    end.hidden = created === matching.length;
  };
  const show = (): void => {
    const matches = matcher(field.value);
    matching = slides.filter((slide) => matches(names.get(slide)!));
    list.replaceChildren();
    created = 0;
    more();
    status.textContent = counted(matching.length, slides.length);
    main.scrollTop = 0;
  };
  const keep = (): void => rewriteHash(writeSearch(field.value), { scrolled: main.scrollTop });
  const readAddress = (): void => {
    field.value = readSearch(location.hash);
    show();
  };

  main.className = "gallery";
  main.replaceChildren(
    ...(broken === 0 ? [] : [element("p", { class: "broken" }, notShown(broken))]),
    list,
    end,
    selection.bar,
  );
  document.getElementById("name")!.textContent = document.title;
  document.querySelector(".caption")!.after(field);
  status.setAttribute("role", "status");
  keepButtons("theme", "open-archive", "help-button");
  field.addEventListener("input", () => {
    show();
    keep();
  });
  onKey("/", () => field.focus());
  connectTheme();
  connectHelp("gallery");

  readAddress();
  const { scrolled = 0 } = (history.state ?? {}) as { scrolled?: number };
  while (created < matching.length && main.scrollHeight < scrolled + main.clientHeight) {
    more();
  }
  main.scrollTop = scrolled;

  const observer = new IntersectionObserver(
    ([entry]) => {
      if (entry?.isIntersecting === true) {
        more();
        // Observe again, since only changes are reported and the end may still be near.
        observer.unobserve(end);
        observer.observe(end);
      }
    },
    { root: main, rootMargin: `${AHEAD}px 0px` },
  );
  observer.observe(end);
  // Scroll keys need the focus here.
  main.tabIndex = -1;
  main.focus({ preventScroll: true });
  // Before a link is followed.
  main.addEventListener("click", keep);
  window.addEventListener("hashchange", readAddress, { signal: stop.signal });
  return {
    destroy() {
      stop.abort();
      observer.disconnect();
      rewriteHash("");
    },
  };
}

function counted(matching: number, all: number): string {
  return `${matching === all ? "" : `${grouped(matching)} of `}${grouped(all)} ${all === 1 ? "slide" : "slides"}`;
}

function notShown(count: number): string {
  return count === 1
    ? "1 slide cannot be shown: its entry in gallery/gallery.js is invalid."
    : `${grouped(count)} slides cannot be shown: their entries in gallery/gallery.js are invalid.`;
}
