// Why an archive is not shown. Everything that can go wrong between a URL or a
// file and its tiles ends as one of these, so that the page has one sentence.

/** The message completes “… cannot be shown: ” and says what to change where the reader can change it. */
export class ArchiveError extends Error {}

/** For what only damage, or malice, explains. */
export function damaged(what: string): ArchiveError {
  return new ArchiveError(`it is damaged: ${what}. Fetch or export it again.`);
}
