// Validates the optional parts of a description: how an export was made, and from what.

import {
  isAbsentOr,
  isListOf,
  isOneOf,
  isPath,
  isRecord,
  isString,
  isWholeFrom,
  optionalField,
} from "./checks";
import type { Area } from "./model/pyramid";
import type { AssociatedImage, Details, SourceFile, WrittenBy } from "./model/slide";
import { isSlideTransform } from "./placement";

const AREA = "x and y from 0 on, width and height of at least 1, all whole numbers";

/**
 * Reads the optional fields of a description.
 *
 * @throws {FieldError} if a field is present but invalid
 */
export function readDetails(description: Record<string, unknown>): Details {
  const { width, height } = description;
  const toSlide = optionalField(
    description,
    "toSlide",
    isSlideTransform,
    "two rows of three numbers that can be inverted",
  );
  const isExportedArea = (value: unknown): value is Area =>
    isArea(value) && (toSlide !== null || (value.width === width && value.height === height));
  return {
    levels: optionalField(description, "levels", isWholeFrom(1), "a whole number of at least 1"),
    tileCount: optionalField(description, "tiles", isWholeFrom(1), "a whole number of at least 1"),
    quality: optionalField(
      description,
      "quality",
      isWholeFrom(1, 100),
      "a whole number from 1 to 100",
    ),
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
    compression: optionalField(
      description,
      "compression",
      isOneOf("lossy", "lossless"),
      "“lossy” or “lossless”",
    ),
    baseTiles: optionalField(
      description,
      "baseTiles",
      isOneOf("encoded", "lossless"),
      "“encoded” or “lossless”",
    ),
    area: optionalField(
      description,
      "area",
      isExportedArea,
      `${AREA}, of the export's own size where “toSlide” is missing`,
    ),
    toSlide,
    unreadable:
      optionalField(description, "unreadable", isListOf(isArea), `a list, each with ${AREA}`) ?? [],
    associatedImages:
      optionalField(
        description,
        "associatedImages",
        isListOf(isAssociatedImage),
        "a list, each with a name, a path below the export's folder, width and height",
      ) ?? [],
    properties: Object.entries(
      optionalField(description, "properties", isTexts, "an object of texts") ?? {},
    ),
    source: optionalField(
      description,
      "source",
      isSourceFile,
      "an object with file, bytes and digests in hexadecimal",
    ),
    writtenBy: optionalField(
      description,
      "writtenBy",
      isWrittenBy,
      "an object with versions as texts",
    ),
  };
}

function isArea(value: unknown): value is Area {
  return isRecord(value) && [value["x"], value["y"]].every(isWholeFrom(0)) && hasSize(value);
}

function isAssociatedImage(value: unknown): value is AssociatedImage {
  // On Windows a backslash separates folders.
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
  return (
    isRecord(value) && isString(value["slidezoom"]) && isAbsentOr(isString, value["openslide"])
  );
}
