// Opens archives from the URL (?archive=…), from a file dialog, or by drag and drop. The last
// request wins. The previous slide is closed first, so that it does not remain if opening fails.

import type OpenSeadragon from "openseadragon";

import type { AddressOf } from "../associated_images";
import type { Slide } from "../model/slide";
import { ArchiveError } from "./errors";
import { type Archive, openArchive } from "./open";
import { type ByteSource, blobSource } from "./source";
import { ArchiveTileSource } from "./tile_source";
import { urlSource } from "./url_source";

/** The page, as this module uses it. */
export interface Display {
  /** Replaces the content by a message, and optionally the offer to open an archive. */
  clear(title: string, message: string, offer: boolean): void;
  /** Shows a slide. `from` is its host if it is not the page's own. */
  show(
    slide: Slide,
    tiles: OpenSeadragon.TileSource,
    from: string | null,
    addressOf: AddressOf,
  ): void;
}

/** Connects buttons and drops, and opens the archive named in the URL. Returns whether one is. */
export function connectArchives(display: Display): boolean {
  let newest = 0;
  const open = async (
    name: string,
    from: string | null,
    source: () => Promise<ByteSource>,
  ): Promise<void> => {
    newest += 1;
    const request = newest;
    display.clear(name, `Opening “${name}” …`, false);
    try {
      const archive = await openArchive(await source());
      if (request === newest) {
        display.show(archive.slide, new ArchiveTileSource(archive), from, addressIn(archive));
      }
    } catch (error) {
      if (request === newest) {
        const reason =
          error instanceof ArchiveError ? error.message : "the viewer failed to open it.";
        display.clear(name, `“${name}” cannot be shown: ${reason}`, true);
      }
      if (!(error instanceof ArchiveError)) {
        throw error;
      }
    }
  };
  const openFile = (file: File): void =>
    void open(file.name, null, () => Promise.resolve(blobSource(file)));
  connectButtons(openFile);
  connectDrops(openFile);

  const address = new URLSearchParams(window.location.search).get("archive");
  if (address === null || address === "") {
    return false;
  }
  const page = new URL(window.location.href);
  const url = parsed(address, page);
  const from = url === null || url.origin === page.origin ? null : url.host;
  void open(url === null ? address : fileName(url), from, () => {
    if (url === null) {
      throw new ArchiveError(
        "its address is not one. Check what follows ?archive= in this page's address.",
      );
    }
    return urlSource(url, page);
  });
  return true;
}

/** Returns object URLs for associated images in an archive. */
function addressIn(archive: Archive): AddressOf {
  return async ({ path }) => {
    const bytes = await archive.associatedImage(path);
    const type = /\.(png|webp)$/.exec(path)?.[1] ?? "jpeg";
    return URL.createObjectURL(new Blob([bytes as BlobPart], { type: `image/${type}` }));
  };
}

/** Connects all buttons that open archives, including those created later. */
function connectButtons(openFile: (file: File) => void): void {
  const input = document.getElementById("archive-file") as HTMLInputElement;
  document.addEventListener("click", ({ target }) => {
    if (target instanceof Element && target.closest(".open-archive") !== null) {
      input.click();
    }
  });
  input.addEventListener("change", () => {
    const file = input.files?.[0];
    // Choosing the same file again must be a change, too.
    input.value = "";
    if (file !== undefined) {
      openFile(file);
    }
  });
}

function connectDrops(openFile: (file: File) => void): void {
  const offersFiles = (event: DragEvent): boolean =>
    event.dataTransfer?.types.includes("Files") === true;
  const mark = (isOver: boolean): void => void document.body.classList.toggle("dropping", isOver);
  window.addEventListener("dragover", (event) => {
    if (offersFiles(event)) {
      event.preventDefault();
      mark(true);
    }
  });
  window.addEventListener("dragleave", (event) => {
    // The event also occurs between elements of the page.
    if (event.relatedTarget === null) {
      mark(false);
    }
  });
  window.addEventListener("drop", (event) => {
    mark(false);
    if (!offersFiles(event)) {
      return;
    }
    // Otherwise the browser would navigate to the file.
    event.preventDefault();
    const file = event.dataTransfer?.files[0];
    if (file !== undefined) {
      openFile(file);
    }
  });
}

function parsed(address: string, page: URL): URL | null {
  try {
    return new URL(address, page);
  } catch {
    return null;
  }
}

function fileName({ pathname, host }: URL): string {
  const last = pathname.slice(pathname.lastIndexOf("/") + 1);
  try {
    return decodeURIComponent(last) || host;
  } catch {
    return last;
  }
}
