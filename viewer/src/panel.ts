// Panels over the corner of the slide. Showing one hides the previous one. Escape closes the panel
// and returns the focus to its button.

import { onKey } from "./keys";

export interface Panel {
  show(): void;
  hide(): void;
  /** Returns whether the panel is still part of the page. */
  isAttached(): boolean;
}

let shown: Panel | null = null;

/** Creates a panel that only its caller shows and hides. */
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
      // Otherwise Tab would start again at the top of the page.
      if (box.contains(document.activeElement)) {
        button.focus();
        // The button cannot be focused while it is hidden in the panel “More”.
        if (document.activeElement !== button) {
          document.getElementById("more-panel")?.focus();
        }
      }
      box.hidden = true;
      changed(false);
    },
    isAttached: () => box.isConnected,
  };
  // The open panel belonged to the previous slide.
  if (shown !== null && !shown.isAttached()) {
    shown = null;
  }
  onKey("Escape", () => (shown === null ? false : shown.hide()));
  // Fields in the panel get no shortcuts.
  box.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && shown === self) {
      event.preventDefault();
      self.hide();
    }
  });
  return self;
}

/** Creates a panel that a button, and a key if given, shows and hides. */
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
