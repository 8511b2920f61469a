// One slide of a gallery: picture, name and facts are one link to it, beside a
// button that chooses it to be compared. The picture's box has its size before the
// picture, and keeps it where there is none.

import { urlOf } from "../checks";
import { factElements, make } from "../dom";
import { facts } from "../facts";
import { type GallerySlide, slideUrl } from "./slides";

export interface Card {
  readonly item: HTMLElement;
  /** Marks the slide as chosen to be compared, or not. */
  mark(isChosen: boolean): void;
}

export function createCard(slide: GallerySlide, choose: () => void): Card {
  const thumbnail = make("span", { class: "thumbnail" });
  if (slide.thumbnail !== null) {
    const image = make("img", { alt: "", loading: "lazy", decoding: "async", src: urlOf(slide.thumbnail) });
    image.addEventListener("error", () => image.remove());
    thumbnail.append(image);
  }
  const link = make(
    "a",
    { href: slideUrl(slide) },
    thumbnail,
    make("span", { class: "card-name" }, slide.name),
    make("span", { class: "facts" }, ...factElements([...facts(slide), ...(slide.isArchive ? ["archive"] : [])])),
  );
  const compare = make(
    "button",
    { type: "button", "aria-pressed": "false", "aria-label": `Compare ${slide.name}` },
    "Compare",
  );
  compare.addEventListener("click", choose);
  return {
    item: make("div", { class: "card", role: "listitem" }, link, compare),
    mark: (isChosen) => compare.setAttribute("aria-pressed", String(isChosen)),
  };
}
