// Reads little-endian unsigned integers, as in zip archives and tile indexes.

import { damaged } from "./errors";

/** Reads integers at byte offsets. Callers check `length`; reading beyond it is a RangeError. */
export class ByteReader {
  private readonly view: DataView;

  constructor(readonly bytes: Uint8Array) {
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  get length(): number {
    return this.bytes.length;
  }

  u16(at: number): number {
    return this.view.getUint16(at, true);
  }

  u32(at: number): number {
    return this.view.getUint32(at, true);
  }

  /**
   * Returns a 64-bit integer.
   *
   * @throws {ArchiveError} if it is above 2^53 - 1
   */
  u64(at: number): number {
    const value = this.u32(at) + this.u32(at + 4) * 2 ** 32;
    if (!Number.isSafeInteger(value)) {
      throw damaged("a place in it is beyond any file");
    }
    return value;
  }

  startsWith(signature: readonly number[], at = 0): boolean {
    return (
      at + signature.length <= this.length &&
      signature.every((byte, index) => this.bytes[at + index] === byte)
    );
  }

  text(start: number, end: number): string {
    return new TextDecoder().decode(this.bytes.subarray(start, end));
  }
}
