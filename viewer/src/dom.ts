// Makes HTML elements. Text goes in as text, so that no name of a slide can be
// taken for markup.

/** An element with its attributes and what it holds. */
export function make<Name extends keyof HTMLElementTagNameMap>(
  name: Name,
  attributes: Readonly<Record<string, string>> = {},
  ...contents: (Node | string)[]
): HTMLElementTagNameMap[Name] {
  const made = document.createElement(name);
  Object.entries(attributes).forEach(([key, value]) => made.setAttribute(key, value));
  made.append(...contents);
  return made;
}

/** Short facts about a slide, each unbroken. */
export function factElements(facts: readonly string[]): HTMLElement[] {
  return facts.map((fact) => make("span", {}, fact));
}
