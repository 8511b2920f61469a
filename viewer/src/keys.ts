// Keys of the page's own, which work wherever the focus is. OpenSeadragon
// listens on its canvas alone; none of its keys (arrows, W A S D, + - 0 R F J K)
// may be given another meaning here. A key that is typed into a field, or
// pressed together with Control, Alt or the like, is not the page's.

/**
 * Calls `action` when the key is pressed; `key` is as in KeyboardEvent.key. An
 * action that has no use for the key returns false, and the browser keeps it.
 */
export function onKey(key: string, action: (target: Element | null) => boolean | void): void {
  document.addEventListener("keydown", (event) => {
    if (event.key.toLowerCase() !== key.toLowerCase() || event.defaultPrevented || !isForThePage(event)) {
      return;
    }
    if (action(event.target instanceof Element ? event.target : null) !== false) {
      event.preventDefault();
    }
  });
}

function isForThePage({ target, ctrlKey, altKey, metaKey, isComposing }: KeyboardEvent): boolean {
  // An open dialog is a page of its own.
  const taken = target instanceof Element && target.closest("input:not([type=range]), textarea, select, dialog") !== null;
  return !taken && !ctrlKey && !altKey && !metaKey && !isComposing;
}
