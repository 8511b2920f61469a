// Searches slides by name. All words must occur in the name, in any order. Case and accents are
// ignored.

/** Returns text without case and accents. */
export function searchable(text: string): string {
  return text.normalize("NFKD").replace(/\p{M}/gu, "").toUpperCase();
}

/** Returns a function that checks whether a searchable name matches. */
export function matcher(search: string): (name: string) => boolean {
  const words = searchable(search).trim().split(/\s+/);
  return (name) => words.every((word) => name.includes(word));
}

/** Returns the search in a hash. */
export function readSearch(hash: string): string {
  return new URLSearchParams(hash.replace(/^#/, "")).get("search") ?? "";
}

/** Returns the hash of a search, which is empty for an empty search. */
export function writeSearch(search: string): string {
  return search === "" ? "" : `#${new URLSearchParams({ search })}`;
}
