// Where an archive's bytes come from. Whoever reads an archive sees a length
// and any range of bytes, never whether there is a host or a disk behind them.

import { ArchiveError } from "./errors";

/** What always holds: `read` gives exactly the bytes from `start` to before `end`, or fails. */
export interface ByteSource {
  readonly length: number;
  read(start: number, end: number, signal?: AbortSignal): Promise<Uint8Array>;
}

/** The bytes of a file that the reader of the page chose. */
export function blobSource(blob: Blob): ByteSource {
  return {
    length: blob.size,
    async read(start, end, signal) {
      checkRange(start, end, blob.size);
      stopIfAborted(signal);
      let bytes: Uint8Array;
      try {
        bytes = new Uint8Array(await blob.slice(start, end).arrayBuffer());
      } catch {
        throw new ArchiveError(
          "the browser cannot read it. If it is a folder, or was moved or changed, choose the file again.",
        );
      }
      stopIfAborted(signal);
      if (bytes.length !== end - start) {
        throw new ArchiveError("it became shorter while it was read. Choose it again.");
      }
      return bytes;
    },
  };
}

/**
 * A source that keeps a few ranges: those that hold many small things, of
 * which where the next one is only the last one says.
 */
export class CachingSource implements ByteSource {
  readonly length: number;
  private readonly kept: { start: number; bytes: Uint8Array }[] = [];

  constructor(private readonly source: ByteSource) {
    this.length = source.length;
  }

  /** Reads a range in one go, so that later reads within it cost nothing. */
  async keep(start: number, end: number): Promise<void> {
    if (this.within(start, end) === undefined) {
      this.kept.push({ start, bytes: await this.source.read(start, end) });
    }
  }

  async read(start: number, end: number, signal?: AbortSignal): Promise<Uint8Array> {
    checkRange(start, end, this.length);
    return this.within(start, end) ?? this.source.read(start, end, signal);
  }

  private within(start: number, end: number): Uint8Array | undefined {
    const part = this.kept.find((part) => part.start <= start && end <= part.start + part.bytes.length);
    return part?.bytes.subarray(start - part.start, end - part.start);
  }
}

/** Readers check every place against the length before they ask; this catches the one that forgot. */
export function checkRange(start: number, end: number, length: number): void {
  if (!(Number.isSafeInteger(start) && Number.isSafeInteger(end) && 0 <= start && start <= end && end <= length)) {
    throw new RangeError(`bytes ${start} to ${end} of ${length}`);
  }
}

/** What AbortSignal.throwIfAborted does, which the oldest browsers here lack. */
export function stopIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted === true) {
    throw new DOMException("no longer wanted", "AbortError");
  }
}
