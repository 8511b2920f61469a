// One of two slides side by side: caption, buttons and viewer. Small panes have no navigator.

import type OpenSeadragon from "openseadragon";
import { element, factElements } from "../dom";
import { facts } from "../facts";
import { magnification } from "../magnification";
import type { Slide } from "../model/slide";
import { openViewer } from "../open_viewer";
import { rotateBy } from "../rotation";
import { connectScaleBar } from "../scale_bar";
import { showWhole, zoomBy } from "../toolbar";
import { afterDrawing } from "../view";
import type { Loaded } from "./load";

/** Minimum size of a pane with a navigator, in pixels. */
const LEAST_FOR_NAVIGATOR = 300;

export interface Pane {
  readonly element: HTMLElement;
  /** Shows a slide. The element must be in the document. */
  show(loaded: Loaded): OpenSeadragon.Viewer;
  showMessage(text: string): void;
}

/** Creates a pane from copies of the page's elements, which must still exist. */
export function createPane(name: string, index: number): Pane {
  const factsLine = element("p", { class: "facts" });
  const copies = ["zoom-in", "zoom-out", "home", "rotate-left", "rotate-right", "flip"].map(
    copyOf<HTMLButtonElement>,
  );
  const buttons = element(
    "div",
    { class: "buttons", role: "group", "aria-label": `View of ${name}` },
    ...copies,
  );
  buttons.hidden = true;
  const unreadable = copyOf<SVGElement>("unreadable");
  const [hatching, regions] = [...unreadable.children] as [Element, Element];
  hatching.id = `hatching-${index}`;
  regions.setAttribute("fill", `url(#${hatching.id})`);

  const canvas = element("div", { class: "slide" });
  const navigator = element("div", { class: "navigator" });
  const notice = element("p", { class: "notice", role: "status" });
  const unreadableNotice = element("p", { class: "notice", role: "status" });
  const power = element("p", { class: "power" });
  const scaleBar = element("div", { class: "scale-bar" }, element("span"), element("div"));
  const foot = element("div", { class: "foot" }, notice, unreadableNotice, power, scaleBar);
  const sentence = element("p", { class: "middle", role: "alert" }, `Opening “${name}” …`);
  foot.hidden = true;
  const stage = element(
    "div",
    { class: "pane-slide" },
    canvas,
    unreadable,
    navigator,
    foot,
    sentence,
  );
  const caption = element("div", { class: "caption" }, element("h2", {}, name), factsLine);

  return {
    element: element(
      "section",
      { class: "pane", "aria-label": name },
      element("header", {}, caption, buttons),
      stage,
    ),
    show({ slide, tiles }) {
      factsLine.replaceChildren(...factElements(facts(slide)));
      // Before the viewer measures its element: buttons change its size.
      buttons.hidden = false;
      foot.hidden = false;
      sentence.textContent = "";
      const hasRoom = Math.min(stage.clientWidth, stage.clientHeight) >= LEAST_FOR_NAVIGATOR;
      navigator.hidden = !hasRoom;
      const place = {
        canvas,
        navigator: hasRoom ? navigator : null,
        unreadable,
        unreadableNotice,
        notice,
      };
      const viewer = openViewer(slide, tiles, place);
      connectScaleBar(viewer, slide, scaleBar);
      connectButtons(viewer, copies);
      showMagnification(viewer, slide, power);
      return viewer;
    },
    showMessage(text) {
      sentence.textContent = text;
      navigator.hidden = true;
    },
  };
}

function copyOf<Kind extends Element>(id: string): Kind {
  const copy = document.getElementById(id)!.cloneNode(true) as Kind;
  copy.removeAttribute("id");
  return copy;
}

function connectButtons(viewer: OpenSeadragon.Viewer, buttons: readonly HTMLButtonElement[]): void {
  const actions = [
    () => zoomBy(viewer, 2),
    () => zoomBy(viewer, 0.5),
    () => showWhole(viewer),
    () => rotateBy(viewer, -90),
    () => rotateBy(viewer, 90),
    () => viewer.viewport.toggleFlip(),
  ];
  buttons.forEach((button, index) => button.addEventListener("click", actions[index]!));
  const flipButton = buttons[buttons.length - 1];
  afterDrawing(viewer, ({ flip }) => flipButton?.setAttribute("aria-pressed", String(flip)));
}

function showMagnification(
  viewer: OpenSeadragon.Viewer,
  { objectivePower }: Slide,
  power: HTMLElement,
): void {
  afterDrawing(viewer, ({ zoom }) => {
    const text = magnification(zoom, objectivePower);
    if (power.textContent !== text) {
      power.textContent = text;
    }
  });
}
