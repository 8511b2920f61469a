// Finding slides by their names. Every word that is typed must occur in the name,
// in any order and anywhere in it; neither case nor accents make a difference.

/** A name as it is searched: what differs in case or accents alone is the same. */
export function searchable(text: string): string {
  return text.normalize("NFKD").replace(/\p{M}/gu, "").toUpperCase();
}

/** Whether a searchable name has all that is searched for. */
export function matcher(search: string): (name: string) => boolean {
  const words = searchable(search).trim().split(/\s+/);
  return (name) => words.every((word) => name.includes(word));
}

/** The search in a page's address. */
export function readSearch(hash: string): string {
  return new URLSearchParams(hash.replace(/^#/, "")).get("search") ?? "";
}

/** Empty where nothing is searched for. */
export function writeSearch(search: string): string {
  return search === "" ? "" : `#${new URLSearchParams({ search })}`;
}
