// Short messages that disappear by themselves: confirmations and reasons of failures.

let timer = 0;

export function showToast(text: string): void {
  const place = document.getElementById("toast") as HTMLElement;
  place.textContent = text;
  window.clearTimeout(timer);
  // Long enough to read.
  timer = window.setTimeout(() => place.replaceChildren(), 3000 + 50 * text.length);
}
