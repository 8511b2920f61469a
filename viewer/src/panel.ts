// The panels that lie over the slide's corner. There is room for one: showing
// one hides the one before. Escape leaves a panel, back to its button.

import { onKey } from "./keys";

export interface Panel {
  show(): void;
  hide(): void;
  /** Whether it is a part of the page still. */
  stands(): boolean;
}

let shown: Panel | null = null;

/** The panel is shown and hidden by its callers, and by no button or key of its own. */
export function panel(
  id: string,
  button: HTMLButtonElement,
  changed: (visible: boolean) => void = () => undefined,
): Panel {
  const box = document.getElementById(id) as HTMLElement;
  const self: Panel = {
    show(): void {
      if (shown !== self) {
        shown?.hide();
      }
      shown = self;
      box.hidden = false;
      changed(true);
    },
    hide(): void {
      if (shown === self) {
        shown = null;
      }
      // A focus that vanishes with its panel would begin again at the page's top.
      if (box.contains(document.activeElement)) {
        button.focus();
        // Which it cannot get in a panel that has itself been hidden.
        if (document.activeElement !== button) {
          document.getElementById("more-panel")?.focus();
        }
      }
      box.hidden = true;
      changed(false);
    },
    stands: () => box.isConnected,
  };
  // The first panel of a slide: what was shown went with the slide before.
  if (shown !== null && !shown.stands()) {
    shown = null;
  }
  onKey("Escape", () => (shown === null ? false : shown.hide()));
  // Out of a field too, whose keys are not the page's.
  box.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && shown === self) {
      event.preventDefault();
      self.hide();
    }
  });
  return self;
}

/** A panel that its button shows and hides, and so does its key if it has one. */
export function togglePanel(
  id: string,
  buttonId: string,
  key: string | null,
  changed?: (visible: boolean) => void,
): Panel {
  const box = document.getElementById(id) as HTMLElement;
  const button = document.getElementById(buttonId) as HTMLButtonElement;
  button.setAttribute("aria-controls", id);
  button.setAttribute("aria-expanded", "false");
  const self = panel(id, button, (visible) => {
    button.setAttribute("aria-expanded", String(visible));
    changed?.(visible);
  });
  const toggle = (): void => (box.hidden ? self.show() : self.hide());
  button.addEventListener("click", toggle);
  if (key !== null) {
    onKey(key, toggle);
  }
  return self;
}
