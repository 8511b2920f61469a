// The header's buttons where the page does not show a single slide.

/** Shows these buttons, by their ids, and takes the others away. */
export function keepButtons(...ids: readonly string[]): HTMLElement {
  const buttons = document.getElementById("buttons") as HTMLElement;
  buttons.replaceChildren(...ids.map((id) => document.getElementById(id)!));
  buttons.hidden = false;
  return buttons;
}
