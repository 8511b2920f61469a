// The page's address after its #, where the page keeps what of its state can be
// bookmarked. It is rewritten and never added to the history: a movement or a
// search is no page to go back to.

export function addressWith(hash: string): string {
  return location.href.replace(/#.*$/, "") + hash;
}

/** `state` is what the page finds in history.state when it is come back to. */
export function rewriteHash(hash: string, state: unknown = null): void {
  try {
    history.replaceState(state, "", addressWith(hash));
  } catch {
    // Some browsers allow but so many in a time: what changes next writes again.
  }
}
