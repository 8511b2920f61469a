// The part of the page that shows a slide or other content. Header and main element are restored
// before the next content, so that no value or listener of the previous one remains.
//
// Content must remove its listeners on document and window when it is destroyed; viewers do so on
// their event "before-destroy".

/** A viewer, a gallery or a comparison. */
export interface Shown {
  /** Releases everything outside of header and main element. */
  destroy(): void;
  /** The element to focus if the content replaces other content. */
  readonly canvas?: HTMLElement;
}

export class Stage {
  private shown: Shown | undefined;
  private lostFocus = false;
  private readonly pristine = parts().map((part) => part.cloneNode(true));

  /** Replaces the content by a message, and optionally the offer to open an archive. */
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

  /** Sets the content until the next `clear`. It gets the focus if the previous content had it. */
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
