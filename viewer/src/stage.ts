// Where a slide is shown, and another after it, or whatever else fills the page.
// Between the two the page's header and main part are made anew, so that nothing of
// the first, not a number nor a listener on a button, can be taken for the second's.
//
// What listens on the document or window has to stop when it is destroyed: where
// there is a viewer, at its event "before-destroy".

/** A viewer, or whatever else fills the page. */
export interface Shown {
  /** Ends all that is no part of the header or the main part. */
  destroy(): void;
  /** Takes the focus where it is shown in place of something else. */
  readonly canvas?: HTMLElement;
}

export class Stage {
  private shown: Shown | undefined;
  private lostFocus = false;
  private readonly pristine = parts().map((part) => part.cloneNode(true));

  /** Takes away what is shown and says something in its place, with the offer to open an archive or without. */
  clear(title: string, message: string, offer: boolean): void {
    this.shown?.destroy();
    this.shown = undefined;
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

  /** Keeps it until the next `clear`. It gets the focus that the button had by which it was opened. */
  set(shown: Shown): void {
    this.shown = shown;
    if (this.lostFocus) {
      shown.canvas?.focus();
    }
    this.lostFocus = false;
  }
}

function parts(): Element[] {
  return [...document.querySelectorAll("body > header, body > main")];
}
