// Keyboard shortcuts that work wherever the focus is. OpenSeadragon handles other keys while its
// canvas has the focus (arrows, W A S D, + - 0 R F J K); do not reuse them here. Keys typed into a
// field or pressed with Ctrl, Alt or Meta are ignored.

/** Returns false to leave the key to the browser. */
// biome-ignore lint/suspicious/noConfusingVoidType: most actions return nothing
type Action = (target: Element | null) => boolean | void;

/** Actions by lowercase key. */
const actions = new Map<string, Action>();

/** Calls `action` when `key` (KeyboardEvent.key) is pressed. It replaces the key's previous action. */
export function onKey(key: string, action: Action): void {
  if (actions.size === 0) {
    document.addEventListener("keydown", act);
  }
  actions.set(key.toLowerCase(), action);
}

/** Removes all shortcuts, when their slide is closed. */
export function forgetKeys(): void {
  document.removeEventListener("keydown", act);
  actions.clear();
}

function act(event: KeyboardEvent): void {
  const action = actions.get(event.key.toLowerCase());
  if (action === undefined || event.defaultPrevented || !isShortcut(event)) {
    return;
  }
  if (action(event.target instanceof Element ? event.target : null) !== false) {
    event.preventDefault();
  }
}

function isShortcut({ target, ctrlKey, altKey, metaKey, isComposing }: KeyboardEvent): boolean {
  // An open dialog handles its own keys.
  const isTyped =
    target instanceof Element &&
    target.closest("input:not([type=range], [type=checkbox]), textarea, select, dialog") !== null;
  return !isTyped && !ctrlKey && !altKey && !metaKey && !isComposing;
}
