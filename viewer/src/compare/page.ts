// Two slides side by side, which move together until the user unlinks them. A slide that cannot be
// shown has a message in its pane.

import type OpenSeadragon from "openseadragon";

import { ArchiveError } from "../archive/errors";
import { DescriptionError } from "../checks";
import { element } from "../dom";
import { addBackLink } from "../gallery/back_link";
import type { Gallery } from "../gallery/slides";
import { keepButtons } from "../header";
import { connectHelp } from "../help";
import { connectRotationKeys } from "../rotation";
import type { Shown } from "../stage";
import { connectTheme } from "../theme";
import { connectHomeKey } from "../toolbar";
import { load } from "./load";
import { createPane, type Pane } from "./pane";
import { type Opened, synchronize } from "./synchronize";

export function showComparison({ slides }: Gallery, paths: readonly [string, string]): Shown {
  const main = document.querySelector("main") as HTMLElement;
  const found = paths.map((path) => slides.find((slide) => slide.path === path));
  const names = paths.map((path, index) => found[index]?.name ?? path);
  const panes = names.map(createPane);
  const viewers: OpenSeadragon.Viewer[] = [];
  let isGone = false;

  const open = async (pane: Pane, index: number): Promise<Opened | null> => {
    const name = names[index]!;
    const listed = found[index];
    try {
      if (listed === undefined) {
        throw new DescriptionError(`There is no slide “${name}” in this gallery.`);
      }
      const loaded = await load(listed);
      if (isGone) {
        return null;
      }
      const viewer = pane.show(loaded);
      viewers[index] = viewer;
      connectKeys(pane.element, viewer);
      await new Promise((opened) => viewer.addOnceHandler("open", opened));
      return { slide: loaded.slide, viewer };
    } catch (error) {
      pane.showMessage(sentence(error, name));
      if (!(error instanceof ArchiveError || error instanceof DescriptionError)) {
        throw error;
      }
      return null;
    }
  };

  main.className = "comparison";
  main.replaceChildren(...panes.map(({ element }) => element));
  document.title = names.join(" | ");
  document.getElementById("name")!.textContent = "Side by side";
  addBackLink();
  const together = element(
    "button",
    { type: "button", class: "synchronized", "aria-pressed": "true" },
    "Synchronized",
  );
  together.hidden = true;
  keepButtons("theme", "help-button").prepend(together);
  connectTheme();
  connectHelp("comparison");
  window.slidezoom = { viewers };
  void Promise.all(panes.map(open)).then(([one, other]) => {
    if (isGone || !one || !other) {
      return;
    }
    const keepTogether = synchronize(one, other);
    together.hidden = false;
    together.addEventListener("click", () => {
      const isOn = together.getAttribute("aria-pressed") !== "true";
      together.setAttribute("aria-pressed", String(isOn));
      keepTogether(isOn);
    });
  });
  return {
    destroy() {
      isGone = true;
      viewers.forEach((viewer) => viewer.destroy());
    },
  };
}

/** Directs shortcuts to the pane that was used last. */
function connectKeys(pane: HTMLElement, viewer: OpenSeadragon.Viewer): void {
  const take = (): void => {
    connectHomeKey(viewer);
    connectRotationKeys(viewer);
  };
  pane.addEventListener("focusin", take);
  pane.addEventListener("pointerdown", take);
  take();
}

function sentence(error: unknown, name: string): string {
  if (error instanceof DescriptionError) {
    return error.message;
  }
  return `“${name}” cannot be shown: ${error instanceof ArchiveError ? error.message : "the viewer failed to open it."}`;
}
