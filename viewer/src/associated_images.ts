// The associated images of a slide: buttons with small versions in the properties panel, and a
// dialog for the full image. Nothing is loaded until the panel opens.

import type OpenSeadragon from "openseadragon";
import { sizeText } from "./facts";
import type { AssociatedImage, Slide } from "./model/slide";

/** Returns a URL that is valid until the slide is closed. */
export type AddressOf = (image: AssociatedImage) => Promise<string>;

export function showAssociatedImages(
  viewer: OpenSeadragon.Viewer,
  { associatedImages }: Slide,
  addressOf: AddressOf,
): void {
  const sheet = document.getElementById("associated-image") as HTMLDialogElement;
  const title = document.getElementById("associated-image-title") as HTMLElement;
  const large = document.getElementById("associated-image-large") as HTMLImageElement;
  const gone = new Promise<void>((resolve) =>
    viewer.addOnceHandler("before-destroy", () => resolve()),
  );
  void gone.then(() => {
    sheet.close();
    large.removeAttribute("src");
  });

  const thumbnail = (image: AssociatedImage): HTMLButtonElement => {
    const button = document.createElement("button");
    const small = document.createElement("img");
    const size = document.createElement("small");
    button.type = "button";
    // Enabled when the image has loaded.
    button.disabled = true;
    small.alt = "";
    size.textContent = sizeText(image.width, image.height);
    button.append(small, image.name, size);
    small.addEventListener("load", () => (button.disabled = false));
    const failed = (): void => {
      small.remove();
      size.textContent = "cannot be shown";
    };
    small.addEventListener("error", failed);
    button.addEventListener("click", () => {
      title.textContent = image.name;
      large.src = small.src;
      large.alt = image.name;
      sheet.showModal();
    });
    addressOf(image).then((address) => {
      small.src = address;
      // This has no effect on URLs that are not object URLs.
      void gone.then(() => URL.revokeObjectURL(address));
    }, failed);
    return button;
  };
  document.getElementById("associated-images")?.append(...associatedImages.map(thumbnail));
}
