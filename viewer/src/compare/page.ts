// Two slides of a gallery side by side. Either is moved by hand, and the other with
// it, until the reader lets them go. One that cannot be shown says so in its half,
// and does not take the other away.

import type OpenSeadragon from "openseadragon";

import { ArchiveError } from "../archive/failure";
import { DescriptionError } from "../checks";
import type { Gallery } from "../gallery/slides";
import { addWayBack } from "../gallery/way_back";
import { keepButtons } from "../header";
import { connectHelp } from "../help";
import { make } from "../make";
import type { Shown } from "../stage";
import { connectTheme } from "../theme";
import { connectHomeKey } from "../toolbar";
import { connectTurnKeys } from "../turn";
import { type Half, makeHalf } from "./half";
import { load } from "./load";
import { type Opened, synchronize } from "./synchronize";

export function showComparison({ slides }: Gallery, paths: readonly [string, string]): Shown {
  const main = document.querySelector("main") as HTMLElement;
  const found = paths.map((path) => slides.find((slide) => slide.path === path));
  const names = paths.map((path, index) => found[index]?.name ?? path);
  const halves = names.map(makeHalf);
  const viewers: OpenSeadragon.Viewer[] = [];
  let isGone = false;

  const open = async (half: Half, index: number): Promise<Opened | null> => {
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
      const viewer = half.show(loaded);
      viewers[index] = viewer;
      connectKeys(half.element, viewer);
      await new Promise((opened) => viewer.addOnceHandler("open", opened));
      return { slide: loaded.slide, viewer };
    } catch (error) {
      half.say(sentence(error, name));
      if (!(error instanceof ArchiveError || error instanceof DescriptionError)) {
        throw error;
      }
      return null;
    }
  };

  main.className = "comparison";
  main.replaceChildren(...halves.map(({ element }) => element));
  document.title = names.join(" | ");
  document.getElementById("name")!.textContent = "Side by side";
  addWayBack();
  const together = make("button", { type: "button", class: "synchronized", "aria-pressed": "true" }, "Synchronized");
  together.hidden = true;
  keepButtons("theme", "help-button").prepend(together);
  connectTheme();
  connectHelp("comparison");
  window.slidezoom = { viewers };
  void Promise.all(halves.map(open)).then(([one, other]) => {
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

/** Keys that work anywhere are for the half that was used last. */
function connectKeys(half: HTMLElement, viewer: OpenSeadragon.Viewer): void {
  const take = (): void => {
    connectHomeKey(viewer);
    connectTurnKeys(viewer);
  };
  half.addEventListener("focusin", take);
  half.addEventListener("pointerdown", take);
  take();
}

function sentence(error: unknown, name: string): string {
  if (error instanceof DescriptionError) {
    return error.message;
  }
  return `“${name}” cannot be shown: ${error instanceof ArchiveError ? error.message : "the viewer failed to open it."}`;
}
