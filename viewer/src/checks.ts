// Checks of what a description holds, which may be anything: it was written by
// a script, or by hand. What fails ends as one sentence that names the field.

/** A broken description; the message is a sentence for the reader of the page. */
export class DescriptionError extends Error {}

/** A description that says nothing usable somewhere. */
export class FieldError extends DescriptionError {
  /** What is wrong, as the end of a sentence that names what cannot be shown. */
  constructor(readonly reason: string) {
    super(`This slide cannot be shown: ${reason}.`);
  }
}

type Check<T> = (value: unknown) => value is T;

/** A field of a record that is part of the description; `whose` names that record. */
export function field<T>(
  record: Record<string, unknown>,
  key: string,
  accepts: Check<T>,
  expected: string,
  whose = "its description",
): T {
  const value = record[key];
  if (!accepts(value)) {
    throw new FieldError(`${whose} has no usable “${key}” (expected: ${expected})`);
  }
  return value;
}

/** A field that may be missing, as in descriptions of exports that another tool has made. */
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

export function isColor(value: unknown): value is string {
  return isString(value) && /^[0-9a-f]{6}$/i.test(value);
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

/** A path below the page's folder, which can be made a URL. */
export function isPath(value: unknown): value is string {
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
