// Fields of an export's description, which come from a file that anybody can
// have written. What always holds: a value leaves this module as the type it was
// checked for, or the reader of the page gets a sentence that names its field.

/** A broken description; the message is a sentence for the reader of the page. */
export class DescriptionError extends Error {}

type Check<T> = (value: unknown) => value is T;

/** A field that every description has. */
export function field<T>(description: Record<string, unknown>, key: string, accepts: Check<T>, expected: string): T {
  const value = description[key];
  if (!accepts(value)) {
    throw new DescriptionError(
      `This slide cannot be shown: its description has no usable “${key}” (expected: ${expected}).`,
    );
  }
  return value;
}

/** A field that a description may lack, as those of exports that another tool has made do. */
export function optionalField<T>(
  description: Record<string, unknown>,
  key: string,
  accepts: Check<T>,
  expected: string,
): T | null {
  return (description[key] ?? null) === null ? null : field(description, key, accepts, expected);
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

export function isOneOf<T>(...allowed: readonly T[]) {
  return (value: unknown): value is T => (allowed as readonly unknown[]).includes(value);
}

export function isListOf<T>(accepts: Check<T>) {
  return (value: unknown): value is readonly T[] => Array.isArray(value) && value.every(accepts);
}

/** Whether a value may be missing from the record that it belongs to. */
export function isAbsentOr<T>(accepts: Check<T>, value: unknown): boolean {
  return value === undefined || value === null || accepts(value);
}

/** A path that stays below the folder it is relative to, and that a URL can hold. */
export function isPathBelow(value: unknown): value is string {
  if (!isString(value)) {
    return false;
  }
  try {
    // It refuses half a surrogate pair, which no URL can hold.
    encodeURIComponent(value);
  } catch {
    return false;
  }
  return value.split("/").every((segment) => segment !== "" && segment !== "." && segment !== "..");
}

/** The URL of a path that is relative to the page. */
export function urlOf(path: string): string {
  return path.split("/").map(encodeURIComponent).join("/");
}
