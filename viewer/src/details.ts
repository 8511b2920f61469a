// What an export says of itself beyond what showing its tiles takes: how it was
// made and of what. An export that another tool has made says none of it, so that
// every part may be missing; a part that is there and malformed is refused.

import { isAbsentOr, isListOf, isOneOf, isPath, isRecord, isString, isWholeFrom, optionalField } from "./checks";
import { isToSlide, type SlideTransform } from "./placement";

/** A rectangle in whole pixels. */
export interface Area {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

/** Label, macro, thumbnail: a picture that the slide carries beside the scan. */
export interface AssociatedImage {
  readonly name: string;
  /** Its file, relative to the export's folder, as a path and not as a URL. */
  readonly path: string;
  readonly width: number;
  readonly height: number;
}

/** The file that the export was made of. */
export interface SourceFile {
  readonly file?: string | null;
  readonly bytes?: number | null;
  /** Of all of it. */
  readonly sha256?: string | null;
  /** The SHA-256 of its first and its last mebibyte. */
  readonly fingerprint?: string | null;
}

export interface WrittenBy {
  readonly slidezoom: string;
  readonly openslide?: string | null;
}

export interface Details {
  readonly levels: number | null;
  readonly tileCount: number | null;
  /** Of JPEG and lossy WebP tiles that were encoded, from 1 to 100. */
  readonly quality: number | null;
  /** Of JPEG tiles; “400” is gray. */
  readonly subsampling: "444" | "422" | "420" | "400" | null;
  /** Of JPEG tiles. */
  readonly coding: "baseline" | "optimized" | "progressive" | null;
  /** Of WebP tiles. */
  readonly compression: "lossy" | "lossless" | null;
  /** Whether the full size's tiles are the slide's own data. */
  readonly baseTiles: "encoded" | "lossless" | null;
  /** The part of its slide that the export shows, in the slide's pixels. */
  readonly area: Area | null;
  /** Where each of its points lies in the slide; where that is not said, it lies in the area as it is. */
  readonly toSlide: SlideTransform | null;
  /** What could not be read and is shown as background, in the slide's pixels as the area is. */
  readonly unreadable: readonly Area[];
  readonly associatedImages: readonly AssociatedImage[];
  /** Names and values, in the description's order. */
  readonly properties: readonly (readonly [string, string])[];
  readonly source: SourceFile | null;
  readonly writtenBy: WrittenBy | null;
}

const AREA = "x and y from 0 on, width and height of at least 1, all whole numbers";

export function readDetails(description: Record<string, unknown>): Details {
  const { width, height } = description;
  const toSlide = optionalField(description, "toSlide", isToSlide, "two rows of three numbers that can be inverted");
  const isOwnArea = (value: unknown): value is Area =>
    isArea(value) && (toSlide !== null || (value.width === width && value.height === height));
  return {
    levels: optionalField(description, "levels", isWholeFrom(1), "a whole number of at least 1"),
    tileCount: optionalField(description, "tiles", isWholeFrom(1), "a whole number of at least 1"),
    quality: optionalField(description, "quality", isWholeFrom(1, 100), "a whole number from 1 to 100"),
    subsampling: optionalField(
      description,
      "subsampling",
      isOneOf("444", "422", "420", "400"),
      "“444”, “422”, “420” or “400”",
    ),
    coding: optionalField(
      description,
      "coding",
      isOneOf("baseline", "optimized", "progressive"),
      "“baseline”, “optimized” or “progressive”",
    ),
    compression: optionalField(description, "compression", isOneOf("lossy", "lossless"), "“lossy” or “lossless”"),
    baseTiles: optionalField(description, "baseTiles", isOneOf("encoded", "lossless"), "“encoded” or “lossless”"),
    area: optionalField(description, "area", isOwnArea, `${AREA}, of the export's own size where “toSlide” is missing`),
    toSlide,
    unreadable: optionalField(description, "unreadable", isListOf(isArea), `a list, each with ${AREA}`) ?? [],
    associatedImages:
      optionalField(
        description,
        "associatedImages",
        isListOf(isAssociatedImage),
        "a list, each with a name, a path below the export's folder, width and height",
      ) ?? [],
    properties: Object.entries(optionalField(description, "properties", isTexts, "an object of texts") ?? {}),
    source: optionalField(description, "source", isSourceFile, "an object with file, bytes and digests in hexadecimal"),
    writtenBy: optionalField(description, "writtenBy", isWrittenBy, "an object with versions as texts"),
  };
}

function isArea(value: unknown): value is Area {
  return isRecord(value) && [value["x"], value["y"]].every(isWholeFrom(0)) && hasSize(value);
}

function isAssociatedImage(value: unknown): value is AssociatedImage {
  // Windows takes a backslash for a slash.
  const staysBelow = (path: unknown): boolean => isPath(path) && !path.includes("\\");
  return isRecord(value) && isString(value["name"]) && staysBelow(value["path"]) && hasSize(value);
}

function hasSize({ width, height }: Record<string, unknown>): boolean {
  return [width, height].every(isWholeFrom(1));
}

function isTexts(value: unknown): value is Record<string, string> {
  return isRecord(value) && Object.values(value).every(isString);
}

function isSourceFile(value: unknown): value is SourceFile {
  return (
    isRecord(value) &&
    isAbsentOr(isString, value["file"]) &&
    isAbsentOr(isWholeFrom(0), value["bytes"]) &&
    isAbsentOr(isDigest, value["sha256"]) &&
    isAbsentOr(isDigest, value["fingerprint"])
  );
}

function isDigest(value: unknown): value is string {
  return isString(value) && /^[0-9a-f]{64}$/.test(value);
}

function isWrittenBy(value: unknown): value is WrittenBy {
  return isRecord(value) && isString(value["slidezoom"]) && isAbsentOr(isString, value["openslide"]);
}
