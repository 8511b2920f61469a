// Keys of the page's own, which work wherever the focus is. OpenSeadragon
// listens on its canvas alone; none of its keys (arrows, W A S D, + - 0 R F J K)
// may be given another meaning here. A key that is typed into a field, or
// pressed together with Control, Alt or the like, is not the page's.

/** False where it has no use for the key, which the browser keeps then. */
// biome-ignore lint/suspicious/noConfusingVoidType: most actions have nothing to say
type Action = (target: Element | null) => boolean | void;

/** By key, in small letters. */
const actions = new Map<string, Action>();

/** Calls `action` when the key is pressed; `key` is as in KeyboardEvent.key. What the key did before, it does no more. */
export function onKey(key: string, action: Action): void {
  if (actions.size === 0) {
    document.addEventListener("keydown", act);
  }
  actions.set(key.toLowerCase(), action);
}

/** No key does anything until it is given something to do: the slide that it was for has gone. */
export function forgetKeys(): void {
  document.removeEventListener("keydown", act);
  actions.clear();
}

function act(event: KeyboardEvent): void {
  const action = actions.get(event.key.toLowerCase());
  if (action === undefined || event.defaultPrevented || !isForThePage(event)) {
    return;
  }
  if (action(event.target instanceof Element ? event.target : null) !== false) {
    event.preventDefault();
  }
}

function isForThePage({ target, ctrlKey, altKey, metaKey, isComposing }: KeyboardEvent): boolean {
  // An open dialog is a page of its own.
  const taken =
    target instanceof Element &&
    target.closest("input:not([type=range], [type=checkbox]), textarea, select, dialog") !== null;
  return !taken && !ctrlKey && !altKey && !metaKey && !isComposing;
}
