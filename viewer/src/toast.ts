// A passing remark in the slide's corner: that something was done that cannot be
// seen on the page, or why it was not.

let forget = 0;

export function showToast(text: string): void {
  const place = document.getElementById("toast") as HTMLElement;
  place.textContent = text;
  window.clearTimeout(forget);
  // Time enough to read it.
  forget = window.setTimeout(() => place.replaceChildren(), 3000 + 50 * text.length);
}
