// Creates HTML and SVG elements. Strings are inserted as text, never as markup.

/** Creates an HTML element with attributes and content. */
export function element<Name extends keyof HTMLElementTagNameMap>(
  name: Name,
  attributes: Readonly<Record<string, string>> = {},
  ...contents: (Node | string)[]
): HTMLElementTagNameMap[Name] {
  const created = document.createElement(name);
  Object.entries(attributes).forEach(([key, value]) => created.setAttribute(key, value));
  created.append(...contents);
  return created;
}

/** Returns an element for each fact. */
export function factElements(facts: readonly string[]): HTMLElement[] {
  return facts.map((fact) => element("span", {}, fact));
}

const SVG = "http://www.w3.org/2000/svg";

/** Creates an SVG element with attributes and children. */
export function svgElement(
  name: string,
  attributes: Readonly<Record<string, string | number>>,
  ...children: readonly Element[]
): SVGElement {
  const created = document.createElementNS(SVG, name) as SVGElement;
  Object.entries(attributes).forEach(([key, value]) => created.setAttribute(key, String(value)));
  created.append(...children);
  return created;
}
