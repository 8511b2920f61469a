// The header's buttons on pages that do not show a single slide.

/** Keeps the buttons with these ids and removes the others. */
export function keepButtons(...ids: readonly string[]): HTMLElement {
  const buttons = document.getElementById("buttons") as HTMLElement;
  buttons.replaceChildren(...ids.map((id) => document.getElementById(id)!));
  buttons.hidden = false;
  return buttons;
}
