// Errors of opening and reading archives.

/** The message completes "… cannot be shown: ", and suggests what to do if possible. */
export class ArchiveError extends Error {}

/** Returns the error for content that can only be explained by damage or malice. */
export function damaged(what: string): ArchiveError {
  return new ArchiveError(`it is damaged: ${what}. Fetch or export it again.`);
}
