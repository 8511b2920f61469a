// A slide in the gallery: a link with thumbnail, name and facts, and a button that selects it for
// comparison. The thumbnail's box has the same size with and without an image.

import { urlOf } from "../checks";
import { element, factElements } from "../dom";
import { facts } from "../facts";
import { type GallerySlide, slideUrl } from "./slides";

export interface Card {
  readonly item: HTMLElement;
  /** Marks the slide as selected for comparison, or not. */
  mark(isSelected: boolean): void;
}

export function createCard(slide: GallerySlide, select: () => void): Card {
  const thumbnail = element("span", { class: "thumbnail" });
  if (slide.thumbnail !== null) {
    const image = element("img", {
      alt: "",
      loading: "lazy",
      decoding: "async",
      src: urlOf(slide.thumbnail),
    });
    image.addEventListener("error", () => image.remove());
    thumbnail.append(image);
  }
  const link = element(
    "a",
    { href: slideUrl(slide) },
    thumbnail,
    element("span", { class: "card-name" }, slide.name),
    element(
      "span",
      { class: "facts" },
      ...factElements([...facts(slide), ...(slide.isArchive ? ["archive"] : [])]),
    ),
  );
  const compare = element(
    "button",
    { type: "button", "aria-pressed": "false", "aria-label": `Compare ${slide.name}` },
    "Compare",
  );
  compare.addEventListener("click", select);
  return {
    item: element("div", { class: "card", role: "listitem" }, link, compare),
    mark: (isSelected) => compare.setAttribute("aria-pressed", String(isSelected)),
  };
}
