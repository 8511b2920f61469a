// The pictures that an export has beside its tiles: thumbnail, macro, label, as
// far as it lists them. Small they are buttons, large they lie over the page.
// Nothing of them is fetched before they are to be seen.

import type OpenSeadragon from "openseadragon";
import { sizeText } from "./facts";
import type { AssociatedImage, Slide } from "./model/slide";

/** Where the image can be loaded from until the slide goes. */
export type AddressOf = (image: AssociatedImage) => Promise<string>;

export function showAssociatedImages(
  viewer: OpenSeadragon.Viewer,
  { associatedImages }: Slide,
  addressOf: AddressOf,
): void {
  const sheet = document.getElementById("associated-image") as HTMLDialogElement;
  const title = document.getElementById("associated-image-title") as HTMLElement;
  const large = document.getElementById("associated-image-large") as HTMLImageElement;
  const gone = new Promise<void>((resolve) => viewer.addOnceHandler("before-destroy", () => resolve()));
  void gone.then(() => {
    sheet.close();
    large.removeAttribute("src");
  });

  const thumbnail = (image: AssociatedImage): HTMLButtonElement => {
    const button = document.createElement("button");
    const small = document.createElement("img");
    const size = document.createElement("small");
    button.type = "button";
    // Until there is something to show.
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
      // An address in memory is one until it is given back; of any other it says nothing.
      void gone.then(() => URL.revokeObjectURL(address));
    }, failed);
    return button;
  };
  document.getElementById("associated-images")?.append(...associatedImages.map(thumbnail));
}
