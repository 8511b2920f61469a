// The gallery: a card for each slide, and a field that searches them by name. Cards
// are made as they are scrolled to, since there may be ten thousand of them. Search
// and place survive when the page is come back to: the one is in its address, the
// other in its entry of the browser's history.

import { rewriteHash } from "../address";
import { make } from "../dom";
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

/** As many cards are made at a time; they fill their rows, be there 1 to 6 or 8 in each. */
const BATCH = 120;
/** So far below the screen, in pixels, they are made. */
const AHEAD = 1500;

export function showGallery({ slides, broken }: Gallery): Shown {
  const main = document.querySelector("main") as HTMLElement;
  const status = document.getElementById("facts") as HTMLElement;
  const list = make("div", { role: "list" });
  const end = make("div");
  const field = make("input", {
    type: "search",
    class: "search",
    autocomplete: "off",
    placeholder: "Search",
    title: "Search slides by name (/)",
    "aria-label": "Search slides by name",
  });
  const names = new Map(slides.map((slide) => [slide, searchable(slide.name)]));
  const cards = new Map<GallerySlide, Card>();
  const chosen = createSelection((slides) => cards.forEach((card, slide) => card.mark(slides.includes(slide))));
  const stop = new AbortController();
  let matching: readonly GallerySlide[] = [];
  let made = 0;

  const card = (slide: GallerySlide): HTMLElement => {
    const card = cards.get(slide) ?? createCard(slide, () => chosen.toggle(slide));
    cards.set(slide, card);
    return card.item;
  };
  const more = (): void => {
    // Apart from those before, which need not be laid out anew then.
    list.append(make("div", { class: "cards" }, ...matching.slice(made, made + BATCH).map(card)));
    made = Math.min(made + BATCH, matching.length);
    end.hidden = made === matching.length;
  };
  const show = (): void => {
    const matches = matcher(field.value);
    matching = slides.filter((slide) => matches(names.get(slide)!));
    list.replaceChildren();
    made = 0;
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
    ...(broken === 0 ? [] : [make("p", { class: "broken" }, notShown(broken))]),
    list,
    end,
    chosen.bar,
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
  while (made < matching.length && main.scrollHeight < scrolled + main.clientHeight) {
    more();
  }
  main.scrollTop = scrolled;

  const observer = new IntersectionObserver(
    ([entry]) => {
      if (entry?.isIntersecting === true) {
        more();
        // It tells of changes alone, and the end may be near still.
        observer.unobserve(end);
        observer.observe(end);
      }
    },
    { root: main, rootMargin: `${AHEAD}px 0px` },
  );
  observer.observe(end);
  // For the keys that scroll: it is here that something does.
  main.tabIndex = -1;
  main.focus({ preventScroll: true });
  // Just before a link is followed.
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
