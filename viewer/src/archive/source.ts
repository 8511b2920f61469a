// Byte ranges of an archive, from a file or a server.

import { ArchiveError } from "./errors";

/** A source of bytes. `read` returns exactly the bytes from `start` up to `end`, or fails. */
export interface ByteSource {
  readonly length: number;
  read(start: number, end: number, signal?: AbortSignal): Promise<Uint8Array>;
}

/** Returns the bytes of a local file. */
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

/** A source that caches ranges with many small items that are read one after the other. */
export class CachingSource implements ByteSource {
  readonly length: number;
  private readonly cached: { start: number; bytes: Uint8Array }[] = [];

  constructor(private readonly source: ByteSource) {
    this.length = source.length;
  }

  /** Loads a range at once. Later reads within it need no request. */
  async cache(start: number, end: number): Promise<void> {
    if (this.within(start, end) === undefined) {
      this.cached.push({ start, bytes: await this.source.read(start, end) });
    }
  }

  async read(start: number, end: number, signal?: AbortSignal): Promise<Uint8Array> {
    checkRange(start, end, this.length);
    return this.within(start, end) ?? this.source.read(start, end, signal);
  }

  private within(start: number, end: number): Uint8Array | undefined {
    const part = this.cached.find(
      (part) => part.start <= start && end <= part.start + part.bytes.length,
    );
    return part?.bytes.subarray(start - part.start, end - part.start);
  }
}

/** Throws a RangeError for invalid ranges, which callers must have checked. */
export function checkRange(start: number, end: number, length: number): void {
  if (
    !(
      Number.isSafeInteger(start) &&
      Number.isSafeInteger(end) &&
      0 <= start &&
      start <= end &&
      end <= length
    )
  ) {
    throw new RangeError(`bytes ${start} to ${end} of ${length}`);
  }
}

/** AbortSignal.throwIfAborted, which the oldest supported browsers lack. */
export function stopIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted === true) {
    throw new DOMException("no longer wanted", "AbortError");
  }
}
