// One of two slides side by side: its caption, buttons, and a viewer with what is
// written over the slide. Where it has no room for a navigator there is none.

import type OpenSeadragon from "openseadragon";
import { factElements, make } from "../dom";
import { facts } from "../facts";
import { magnification } from "../magnification";
import type { Slide } from "../model/slide";
import { openViewer } from "../open_viewer";
import { rotateBy } from "../rotation";
import { connectScaleBar } from "../scale_bar";
import { showWhole, zoomBy } from "../toolbar";
import { afterDrawing } from "../view";
import type { Loaded } from "./load";

/** Pixels: a navigator takes a quarter of the half's lesser side and more. */
const LEAST_FOR_NAVIGATOR = 300;

export interface Pane {
  readonly element: HTMLElement;
  /** The half stands in the page. */
  show(loaded: Loaded): OpenSeadragon.Viewer;
  say(sentence: string): void;
}

/** Made of parts of the page of a single slide, which has to be whole still. */
export function createPane(name: string, index: number): Pane {
  const factsLine = make("p", { class: "facts" });
  const copies = ["zoom-in", "zoom-out", "home", "rotate-left", "rotate-right", "flip"].map(copyOf<HTMLButtonElement>);
  const buttons = make("div", { class: "buttons", role: "group", "aria-label": `View of ${name}` }, ...copies);
  buttons.hidden = true;
  const unreadable = copyOf<SVGElement>("unreadable");
  const [hatching, regions] = [...unreadable.children] as [Element, Element];
  hatching.id = `hatching-${index}`;
  regions.setAttribute("fill", `url(#${hatching.id})`);

  const canvas = make("div", { class: "slide" });
  const navigator = make("div", { class: "navigator" });
  const notice = make("p", { class: "notice", role: "status" });
  const unreadableNotice = make("p", { class: "notice", role: "status" });
  const power = make("p", { class: "power" });
  const scaleBar = make("div", { class: "scale-bar" }, make("span"), make("div"));
  const foot = make("div", { class: "foot" }, notice, unreadableNotice, power, scaleBar);
  const sentence = make("p", { class: "middle", role: "alert" }, `Opening “${name}” …`);
  foot.hidden = true;
  const stage = make("div", { class: "pane-slide" }, canvas, unreadable, navigator, foot, sentence);
  const caption = make("div", { class: "caption" }, make("h2", {}, name), factsLine);

  return {
    element: make("section", { class: "pane", "aria-label": name }, make("header", {}, caption, buttons), stage),
    show({ slide, tiles }) {
      factsLine.replaceChildren(...factElements(facts(slide)));
      // Before the viewer measures its place, as they take room.
      buttons.hidden = false;
      foot.hidden = false;
      sentence.textContent = "";
      const hasRoom = Math.min(stage.clientWidth, stage.clientHeight) >= LEAST_FOR_NAVIGATOR;
      navigator.hidden = !hasRoom;
      const place = { canvas, navigator: hasRoom ? navigator : null, unreadable, unreadableNotice, notice };
      const viewer = openViewer(slide, tiles, place);
      connectScaleBar(viewer, slide, scaleBar);
      connectButtons(viewer, copies);
      tellMagnification(viewer, slide, power);
      return viewer;
    },
    say(text) {
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
  const mirror = buttons[buttons.length - 1];
  afterDrawing(viewer, ({ flip }) => mirror?.setAttribute("aria-pressed", String(flip)));
}

function tellMagnification(viewer: OpenSeadragon.Viewer, { objectivePower }: Slide, power: HTMLElement): void {
  afterDrawing(viewer, ({ zoom }) => {
    const text = magnification(zoom, objectivePower);
    if (power.textContent !== text) {
      power.textContent = text;
    }
  });
}
