// The .dzi descriptor, for archives without a tile index, read with the browser's XML parser.
// Document types are rejected, and with them entities.

import type { ArchiveGeometry } from "../model/pyramid";
import { ArchiveError } from "./errors";

const LARGEST = 0xffffffff;

export function readDescriptor(text: string): ArchiveGeometry {
  const document = new DOMParser().parseFromString(text, "application/xml");
  const image = document.documentElement;
  const size = image.getElementsByTagNameNS("*", "Size")[0];
  // For truncated XML, browsers return the part read so far with an error element.
  const isBroken = document.getElementsByTagName("parsererror").length > 0;
  if (isBroken || document.doctype !== null || image.localName !== "Image" || size === undefined) {
    throw new ArchiveError("its .dzi file is not a Deep Zoom descriptor. Export it again.");
  }
  const geometry = {
    width: whole(size, "Width", 1, LARGEST),
    height: whole(size, "Height", 1, LARGEST),
    tileSize: whole(image, "TileSize", 1, LARGEST),
    overlap: whole(image, "Overlap", 0, LARGEST),
    // Not in the descriptor.
    smallestLevel: 0,
    extension: image.getAttribute("Format") ?? "",
  };
  if (geometry.overlap >= geometry.tileSize) {
    throw unusable("Overlap");
  }
  return geometry;
}

function whole(element: Element, attribute: string, least: number, most: number): number {
  const text = element.getAttribute(attribute)?.trim() ?? "";
  const value = Number(text);
  if (!/^\d+$/.test(text) || value < least || value > most) {
    throw unusable(attribute);
  }
  return value;
}

function unusable(attribute: string): ArchiveError {
  return new ArchiveError(`its .dzi file has no valid “${attribute}”. Export it again.`);
}
