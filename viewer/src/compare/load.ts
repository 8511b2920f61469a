// Loads a slide of the gallery: from a folder by its script, since browsers do not fetch JSON from
// disk, or from an archive by range requests.

import type OpenSeadragon from "openseadragon";

import { ArchiveError } from "../archive/errors";
import { openArchive } from "../archive/open";
import { ArchiveTileSource } from "../archive/tile_source";
import { urlSource } from "../archive/url_source";
import { DescriptionError, urlOf } from "../checks";
import { element } from "../dom";
import type { GallerySlide } from "../gallery/slides";
import type { Slide } from "../model/slide";
import { readSlide } from "../read_slide";
import { SlideTileSource } from "../tile_source";

export interface Loaded {
  readonly slide: Slide;
  readonly tiles: OpenSeadragon.TileSource;
}

/**
 * Loads a slide.
 *
 * @throws {DescriptionError | ArchiveError} with a message for the page
 */
export function load({ path, isArchive }: GallerySlide): Promise<Loaded> {
  return isArchive ? loadArchive(path) : loadFolder(path);
}

async function loadArchive(path: string): Promise<Loaded> {
  const page = new URL(window.location.href);
  if (page.protocol === "file:") {
    throw new ArchiveError(
      "it is an archive, and browsers let no page from a disk read one by its address. " +
        "Open the gallery from a web server, or its slide alone by “Open an archive…”.",
    );
  }
  const archive = await openArchive(await urlSource(new URL(urlOf(path), page), page));
  return { slide: archive.slide, tiles: new ArchiveTileSource(archive) };
}

async function loadFolder(folder: string): Promise<Loaded> {
  const slide = readSlide(await description(folder));
  const tiles = slide.tiles === "" ? folder : `${folder}/${slide.tiles}`;
  return { slide, tiles: new SlideTileSource({ ...slide, tiles }) };
}

function description(folder: string): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const script = element("script", { src: `${urlOf(folder)}/slide.js` });
    const failed = (): void =>
      reject(
        new DescriptionError(`This slide cannot be shown: slide.js in “${folder}” did not load.`),
      );
    script.addEventListener("error", failed);
    // The event follows immediately: the list has the description of this script.
    script.addEventListener("load", () => {
      const [description] = window.slidezoomSlides?.splice(0) ?? [];
      if (description === undefined) {
        failed();
      }
      resolve(description);
    });
    document.head.append(script);
  });
}
