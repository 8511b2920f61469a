// The slides of a gallery. The exporter lists them in gallery/gallery.js, a classic
// script like slide.js. Nothing in it is trusted: an entry that is broken is left
// out and counted, so that it does not take the others away.

import {
  DescriptionError,
  field,
  isMicrometers,
  isPath,
  isPositive,
  isRecord,
  isString,
  isWholeFrom,
  optionalField,
  urlOf,
} from "../checks";
import type { Measures } from "../facts";

declare global {
  interface Window {
    /** What gallery.js has added. */
    slidezoomGalleries?: unknown[];
  }
}

/** Paths are relative to the gallery's page, and no URLs. */
export interface GallerySlide extends Measures {
  readonly name: string;
  /** The folder of an export with its page, or an archive. No other slide of the gallery has it. */
  readonly path: string;
  readonly isArchive: boolean;
  readonly thumbnail: string | null;
}

export interface Gallery {
  /** In the order of their names. */
  readonly slides: readonly GallerySlide[];
  /** How many entries could not be read. */
  readonly broken: number;
}

/** Whether the page is a gallery's and not a slide's. */
export function isGalleryPage(): boolean {
  return document.querySelector('script[src="gallery/gallery.js"]') !== null;
}

/** The gallery that the page came with. */
export function ownGallery(): Gallery {
  const [gallery] = window.slidezoomGalleries ?? [];
  if (gallery === undefined) {
    throw new DescriptionError(
      "This gallery cannot be shown: gallery/gallery.js did not load. It belongs next to this page.",
    );
  }
  return readGallery(gallery);
}

export function readGallery(value: unknown): Gallery {
  if (!isRecord(value) || !Array.isArray(value["slides"])) {
    throw new DescriptionError("This gallery cannot be shown: gallery/gallery.js does not hold a list of slides.");
  }
  const entries: readonly unknown[] = value["slides"];
  const byPath = new Map<string, GallerySlide>();
  for (const slide of entries.map(readEntry)) {
    if (slide !== null && !byPath.has(slide.path)) {
      byPath.set(slide.path, slide);
    }
  }
  const { compare } = new Intl.Collator(undefined, { numeric: true });
  const slides = [...byPath.values()].sort((one, other) => compare(one.name, other.name));
  return { slides, broken: entries.length - slides.length };
}

/** Where the slide is looked at, relative to the gallery's page. */
export function slideUrl({ path, isArchive }: Pick<GallerySlide, "path" | "isArchive">): string {
  return isArchive ? `?${new URLSearchParams({ archive: urlOf(path) })}` : `${urlOf(path)}/index.html`;
}

function readEntry(entry: unknown): GallerySlide | null {
  try {
    return isRecord(entry) ? readSlide(entry) : null;
  } catch (error) {
    if (error instanceof DescriptionError) {
      return null;
    }
    throw error;
  }
}

function readSlide(entry: Record<string, unknown>): GallerySlide | null {
  const folder = optionalField(entry, "folder", isPath, "a path");
  const archive = optionalField(entry, "archive", isPath, "a path");
  const path = folder ?? archive;
  if (path === null || (folder !== null && archive !== null)) {
    return null;
  }
  return {
    name: field(entry, "name", isText, "text"),
    path,
    isArchive: archive !== null,
    thumbnail: optionalField(entry, "thumbnail", isPath, "a path"),
    width: field(entry, "width", isWholeFrom(1), "a whole number of at least 1"),
    height: field(entry, "height", isWholeFrom(1), "a whole number of at least 1"),
    mpp: optionalField(entry, "micronsPerPixel", isMicrometers, "x and y as numbers above 0"),
    objectivePower: optionalField(entry, "objectivePower", isPositive, "a number above 0"),
  };
}

function isText(value: unknown): value is string {
  return isString(value) && value.trim() !== "";
}
