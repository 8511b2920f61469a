// Checks for untrusted descriptions. Errors are one sentence that names the field.

import type { MicrometersPerPixel } from "./model/slide";

/** An invalid description; the message is shown on the page. */
export class DescriptionError extends Error {}

/** A missing or invalid field. */
export class FieldError extends DescriptionError {
  /** @param reason completes the sentence "This slide cannot be shown: …" */
  constructor(readonly reason: string) {
    super(`This slide cannot be shown: ${reason}.`);
  }
}

type Check<T> = (value: unknown) => value is T;

/**
 * Returns a required field. `owner` names the record in messages.
 *
 * @throws {FieldError} if the field is missing or invalid
 */
export function field<T>(
  record: Record<string, unknown>,
  key: string,
  accepts: Check<T>,
  expected: string,
  owner = "its description",
): T {
  const value = record[key];
  if (!accepts(value)) {
    throw new FieldError(`${owner} has no valid “${key}” (expected: ${expected})`);
  }
  return value;
}

/**
 * Returns an optional field, or `null` if it is missing.
 *
 * @throws {FieldError} if the field is invalid
 */
export function optionalField<T>(
  record: Record<string, unknown>,
  key: string,
  accepts: Check<T>,
  expected: string,
): T | null {
  return (record[key] ?? null) === null ? null : field(record, key, accepts, expected);
}

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

export function isString(value: unknown): value is string {
  return typeof value === "string";
}

export function isWholeFrom(least: number, most: number = Number.MAX_SAFE_INTEGER) {
  return (value: unknown): value is number =>
    Number.isSafeInteger(value) && (value as number) >= least && (value as number) <= most;
}

export function isPositive(value: unknown): value is number {
  return typeof value === "number" && Number.isFinite(value) && value > 0;
}

export function isMicrometers(value: unknown): value is MicrometersPerPixel {
  return isRecord(value) && isPositive(value["x"]) && isPositive(value["y"]);
}

export function isColor(value: unknown): value is string {
  return isString(value) && /^[0-9a-f]{6}$/i.test(value);
}

export function isOneOf<T>(...allowed: readonly T[]) {
  return (value: unknown): value is T => (allowed as readonly unknown[]).includes(value);
}

export function isListOf<T>(accepts: Check<T>) {
  return (value: unknown): value is readonly T[] => Array.isArray(value) && value.every(accepts);
}

/** Accepts `undefined`, `null` and accepted values. */
export function isAbsentOr<T>(accepts: Check<T>, value: unknown): boolean {
  return value === undefined || value === null || accepts(value);
}

/** Accepts relative paths that stay below the page's folder and can be part of a URL. */
export function isPath(value: unknown): value is string {
  if (!isString(value)) {
    return false;
  }
  try {
    // Throws for lone surrogates, which a URL cannot contain.
    encodeURIComponent(value);
  } catch {
    return false;
  }
  return value.split("/").every((segment) => segment !== "" && segment !== "." && segment !== "..");
}

/** Returns the relative URL of a relative path. */
export function urlOf(path: string): string {
  return path.split("/").map(encodeURIComponent).join("/");
}
