// How an archive gets onto the page: by the address (?archive=URL), by the
// buttons that choose a file, or dropped from a folder window. Whichever comes
// last wins, and what was shown before goes: a slide must not stay on the screen
// when another was asked for and could not be opened.

import type OpenSeadragon from "openseadragon";

import type { AddressOf } from "../associated_images";
import type { Slide } from "../model/slide";
import { ArchiveError } from "./errors";
import { type Archive, openArchive } from "./open";
import { type ByteSource, blobSource } from "./source";
import { ArchiveTileSource } from "./tile_source";
import { urlSource } from "./url_source";

/** What the page does for this module. */
export interface Stage {
  /** Takes away what is shown, and says this instead; an offer to open an archive goes with it on request. */
  clear(title: string, message: string, offer: boolean): void;
  /** Shows a slide; `from` is the host that it is from, where that is not the page's own. */
  show(slide: Slide, tiles: OpenSeadragon.TileSource, from: string | null, addressOf: AddressOf): void;
}

/** Connects buttons and drops, and opens the archive that the address names; tells whether it names one. */
export function connectArchives(stage: Stage): boolean {
  let newest = 0;
  const open = async (name: string, from: string | null, source: () => Promise<ByteSource>): Promise<void> => {
    newest += 1;
    const turn = newest;
    stage.clear(name, `Opening “${name}” …`, false);
    try {
      const archive = await openArchive(await source());
      if (turn === newest) {
        stage.show(archive.slide, new ArchiveTileSource(archive), from, addressIn(archive));
      }
    } catch (error) {
      if (turn === newest) {
        const reason = error instanceof ArchiveError ? error.message : "the viewer failed to open it.";
        stage.clear(name, `“${name}” cannot be shown: ${reason}`, true);
      }
      if (!(error instanceof ArchiveError)) {
        throw error;
      }
    }
  };
  const openFile = (file: File): void => void open(file.name, null, () => Promise.resolve(blobSource(file)));
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
      throw new ArchiveError("its address is not one. Check what follows ?archive= in this page's address.");
    }
    return urlSource(url, page);
  });
  return true;
}

/** Of an associated image that is read from the archive. */
function addressIn(archive: Archive): AddressOf {
  return async ({ path }) => {
    const bytes = await archive.associatedImage(path);
    const type = /\.(png|webp)$/.exec(path)?.[1] ?? "jpeg";
    return URL.createObjectURL(new Blob([bytes as BlobPart], { type: `image/${type}` }));
  };
}

/** One file input for all buttons that open archives, also those of a page that was made anew. */
function connectButtons(openFile: (file: File) => void): void {
  const input = document.getElementById("archive-file") as HTMLInputElement;
  document.addEventListener("click", ({ target }) => {
    if (target instanceof Element && target.closest(".open-archive") !== null) {
      input.click();
    }
  });
  input.addEventListener("change", () => {
    const file = input.files?.[0];
    // The same file may be chosen again, and must be a change then too.
    input.value = "";
    if (file !== undefined) {
      openFile(file);
    }
  });
}

function connectDrops(openFile: (file: File) => void): void {
  const offersFiles = (event: DragEvent): boolean => event.dataTransfer?.types.includes("Files") === true;
  const mark = (isOver: boolean): void => void document.body.classList.toggle("dropping", isOver);
  window.addEventListener("dragover", (event) => {
    if (offersFiles(event)) {
      event.preventDefault();
      mark(true);
    }
  });
  window.addEventListener("dragleave", (event) => {
    // It is also fired between two elements of the page.
    if (event.relatedTarget === null) {
      mark(false);
    }
  });
  window.addEventListener("drop", (event) => {
    mark(false);
    if (!offersFiles(event)) {
      return;
    }
    // Else the browser would leave the page for the file.
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
