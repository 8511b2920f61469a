// The slides of a gallery, listed by the exporter in gallery/gallery.js, a classic script like
// slide.js. The list is untrusted: invalid entries are skipped and counted.

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
    /** Lists added by gallery.js. */
    slidezoomGalleries?: unknown[];
  }
}

/** A slide of the gallery. Paths are relative to the page, not URL-encoded. */
export interface GallerySlide extends Measures {
  readonly name: string;
  /** The path of an export's folder or of an archive, unique in the gallery. */
  readonly path: string;
  readonly isArchive: boolean;
  readonly thumbnail: string | null;
}

export interface Gallery {
  /** Sorted by name. */
  readonly slides: readonly GallerySlide[];
  /** The number of invalid entries. */
  readonly broken: number;
}

/** Returns whether the page is a gallery. */
export function isGalleryPage(): boolean {
  return document.querySelector('script[src="gallery/gallery.js"]') !== null;
}

/**
 * Reads the gallery of the page.
 *
 * @throws {DescriptionError} if the list is missing or invalid
 */
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
    throw new DescriptionError(
      "This gallery cannot be shown: gallery/gallery.js does not hold a list of slides.",
    );
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

/** Returns the URL of the slide's page, relative to the gallery. */
export function slideUrl({ path, isArchive }: Pick<GallerySlide, "path" | "isArchive">): string {
  return isArchive
    ? `?${new URLSearchParams({ archive: urlOf(path) })}`
    : `${urlOf(path)}/index.html`;
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
