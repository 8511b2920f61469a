// Where a slide is shown, and another after it. Between two slides the page's
// header and main part are made anew, so that nothing of the first slide, not a
// number nor a listener on a button, can be taken for the second's.
//
// What listens on the document or window has to stop at the viewer's event
// "before-destroy".

import type OpenSeadragon from "openseadragon";

export class Stage {
  private viewer: OpenSeadragon.Viewer | undefined;
  private lostFocus = false;
  private readonly pristine = parts().map((part) => part.cloneNode(true));

  /** Takes the slide away and says something in its place, with the offer to open an archive or without. */
  clear(title: string, message: string, offer: boolean): void {
    this.viewer?.destroy();
    this.viewer = undefined;
    parts().forEach((part, index) => {
      this.lostFocus ||= part.contains(document.activeElement);
      part.replaceWith(this.pristine[index]!.cloneNode(true));
    });
    document.title = title;
    const element = (id: string): HTMLElement => document.getElementById(id)!;
    element("name").textContent = title;
    element("message").textContent = message;
    element("offer").hidden = !offer;
    element("navigator").hidden = true;
  }

  /** Keeps the viewer until the next `clear`. It gets the focus that the button had by which it was opened. */
  set(viewer: OpenSeadragon.Viewer): void {
    this.viewer = viewer;
    if (this.lostFocus) {
      viewer.canvas.focus();
    }
    this.lostFocus = false;
  }
}

function parts(): Element[] {
  return [...document.querySelectorAll("body > header, body > main")];
}
