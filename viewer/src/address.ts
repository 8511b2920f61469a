// The page's URL hash, where the page keeps its state for bookmarks. The hash is replaced, never
// added to the history: panning and searching are not pages to go back to.

export function addressWith(hash: string): string {
  return location.href.replace(/#.*$/, "") + hash;
}

/** Replaces the hash; `state` becomes history.state. */
export function rewriteHash(hash: string, state: unknown = null): void {
  try {
    history.replaceState(state, "", addressWith(hash));
  } catch {
    // Some browsers limit the rate of calls. The next change writes again.
  }
}
