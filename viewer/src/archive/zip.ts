// Zip archives: end records, directory and local headers (PKWARE APPNOTE 6.3.10). Sizes are checked
// against the archive before they are used; offsets outside the archive are an ArchiveError.

import { ByteReader } from "./byte_reader";
import { ArchiveError, damaged } from "./errors";
import type { ByteSource, CachingSource } from "./source";

const LOCAL_HEADER = [0x50, 0x4b, 3, 4];
const RECORD = [0x50, 0x4b, 1, 2];
const END_RECORD = [0x50, 0x4b, 5, 6];
const ZIP64_LOCATOR = [0x50, 0x4b, 6, 7];
const ZIP64_END_RECORD = [0x50, 0x4b, 6, 6];

const LOCAL_HEADER_BYTES = 30;
const RECORD_BYTES = 46;
const END_RECORD_BYTES = 22;
const LOCATOR_BYTES = 20;
const ZIP64_END_RECORD_BYTES = 56;
const LONGEST_COMMENT = 0xffff;

/** Bytes usually enough for the end records and the records of the last files. */
const USUAL_TAIL_BYTES = 1 << 14;
/** Bytes enough for all end records with the longest comment. */
const LONGEST_TAIL_BYTES =
  LONGEST_COMMENT + END_RECORD_BYTES + LOCATOR_BYTES + ZIP64_END_RECORD_BYTES;

const ZIP64_EXTRA = 1;
const ENCRYPTED = 1;
const STORED = 0;

/** The range of the directory. */
export interface Directory {
  readonly start: number;
  readonly end: number;
  /** The offset of the bytes loaded to find the directory. */
  readonly tailStart: number;
}

/** A file in the directory. */
export interface Entry {
  readonly name: string;
  /** Length of the encoded name in bytes. */
  readonly nameBytes: number;
  /** Offset of the local header. */
  readonly headerOffset: number;
  /** Stored length of the contents in bytes. */
  readonly length: number;
  /** The reason why the contents cannot be read, or `null`. */
  readonly unusable: "compressed" | "encrypted" | null;
}

/**
 * Finds the directory. The end of the archive remains cached.
 *
 * @throws {ArchiveError} if there is no valid end record
 */
export async function findDirectory(source: CachingSource): Promise<Directory> {
  for (const bytes of [USUAL_TAIL_BYTES, LONGEST_TAIL_BYTES]) {
    const tailStart = Math.max(0, source.length - bytes);
    await source.cache(tailStart, source.length);
    const tail = new ByteReader(await source.read(tailStart, source.length));
    const at = endRecordAt(tail);
    // The ZIP64 records before it are needed as well.
    if (
      at !== undefined &&
      (at >= LOCATOR_BYTES || tailStart === 0 || bytes === LONGEST_TAIL_BYTES)
    ) {
      return directoryBy(source, tail, at, tailStart);
    }
  }
  throw await noEnd(source);
}

async function directoryBy(
  source: ByteSource,
  tail: ByteReader,
  at: number,
  tailStart: number,
): Promise<Directory> {
  const narrow = { start: tail.u32(at + 16), bytes: tail.u32(at + 12), entries: tail.u16(at + 10) };
  const isLarge =
    narrow.start === 0xffffffff || narrow.bytes === 0xffffffff || narrow.entries === 0xffff;
  const locatorAt = at - LOCATOR_BYTES;
  // An archive without ZIP64 may happen to have these values.
  if (!isLarge || locatorAt < 0 || !tail.startsWith(ZIP64_LOCATOR, locatorAt)) {
    return checkedDirectory(narrow.start, narrow.bytes, tailStart + at, tailStart);
  }
  const recordAt = tail.u64(locatorAt + 8);
  if (recordAt + ZIP64_END_RECORD_BYTES > tailStart + locatorAt) {
    throw damaged("its ZIP64 end record is not where it should be");
  }
  const record = new ByteReader(await source.read(recordAt, recordAt + ZIP64_END_RECORD_BYTES));
  if (!record.startsWith(ZIP64_END_RECORD)) {
    throw damaged("its ZIP64 end record is not where it should be");
  }
  return checkedDirectory(record.u64(48), record.u64(40), recordAt, tailStart);
}

/** Returns the offset of the end record, whose comment must extend to the end of the archive. */
function endRecordAt(tail: ByteReader): number | undefined {
  for (let at = tail.length - END_RECORD_BYTES; at >= 0; at -= 1) {
    if (
      tail.startsWith(END_RECORD, at) &&
      at + END_RECORD_BYTES + tail.u16(at + 20) === tail.length
    ) {
      return at;
    }
  }
  return undefined;
}

async function noEnd(source: ByteSource): Promise<ArchiveError> {
  const head = new ByteReader(await source.read(0, Math.min(4, source.length)));
  return new ArchiveError(
    head.startsWith(LOCAL_HEADER)
      ? "it was cut short: the end of the archive is missing. Fetch or export it again."
      : "it is no .zip or .szi archive. Choose one that holds an exported slide.",
  );
}

function checkedDirectory(
  start: number,
  bytes: number,
  recordsAt: number,
  tailStart: number,
): Directory {
  if (start + bytes > recordsAt) {
    throw damaged("its list of files reaches beyond its end");
  }
  return { start, end: start + bytes, tailStart };
}

/**
 * Returns up to `count` of the last files, last first, as far as their records have been loaded
 * with the end of the archive.
 */
export async function lastEntries(
  source: ByteSource,
  directory: Directory,
  count: number,
): Promise<Entry[]> {
  const start = Math.max(directory.start, directory.tailStart);
  const entries: Entry[] = [];
  if (directory.end <= start) {
    return entries;
  }
  const records = new ByteReader(await source.read(start, directory.end));
  let end = records.length;
  for (let at = end - RECORD_BYTES; at >= 0 && entries.length < count; at -= 1) {
    if (records.startsWith(RECORD, at) && at + recordBytes(records, at) === end) {
      entries.push(entryAt(records, at, directory));
      end = at;
    }
  }
  return entries;
}

/** Yields all files in directory order, reading the directory in pieces. */
export async function* allEntries(
  source: ByteSource,
  directory: Directory,
  pieceBytes = 1 << 20,
): AsyncGenerator<Entry> {
  let left = new Uint8Array(0);
  for (let position = directory.start; position < directory.end; ) {
    const end = Math.min(position + pieceBytes, directory.end);
    const piece = await source.read(position, end);
    const records = new ByteReader(joined(left, piece));
    let at = 0;
    while (at + RECORD_BYTES <= records.length) {
      if (!records.startsWith(RECORD, at)) {
        throw damaged("its list of files cannot be followed");
      }
      const next = at + recordBytes(records, at);
      if (next > records.length) {
        break;
      }
      yield entryAt(records, at, directory);
      at = next;
    }
    left = records.bytes.slice(at);
    position = end;
  }
  if (left.length > 0) {
    throw damaged("its list of files is cut short");
  }
}

function joined(first: Uint8Array, second: Uint8Array): Uint8Array {
  const both = new Uint8Array(first.length + second.length);
  both.set(first);
  both.set(second, first.length);
  return both;
}

function recordBytes(records: ByteReader, at: number): number {
  return RECORD_BYTES + records.u16(at + 28) + records.u16(at + 30) + records.u16(at + 32);
}

/** Reads a complete record. */
function entryAt(records: ByteReader, at: number, directory: Directory): Entry {
  const nameBytes = records.u16(at + 28);
  const nameEnd = at + RECORD_BYTES + nameBytes;
  const name = records.text(at + RECORD_BYTES, nameEnd);
  const large = zip64Numbers(
    new ByteReader(records.bytes.subarray(nameEnd, nameEnd + records.u16(at + 30))),
  );
  // ZIP64 numbers replace, in this order, the fields that are 0xffffffff.
  const wide = (place: number): number => {
    const narrow = records.u32(at + place);
    return narrow === 0xffffffff ? (large.shift() ?? narrow) : narrow;
  };
  const [full, length, headerOffset] = [wide(24), wide(20), wide(42)] as const;
  if (headerOffset + LOCAL_HEADER_BYTES + nameBytes + length > directory.start) {
    throw damaged(`“${name}” reaches beyond the archive's files`);
  }
  const isStored = records.u16(at + 10) === STORED && full === length;
  const unusable =
    (records.u16(at + 8) & ENCRYPTED) !== 0 ? "encrypted" : isStored ? null : "compressed";
  return { name, nameBytes, headerOffset, length, unusable };
}

function zip64Numbers(extra: ByteReader): number[] {
  const numbers: number[] = [];
  for (let at = 0; at + 4 <= extra.length; ) {
    const end = at + 4 + extra.u16(at + 2);
    if (extra.u16(at) === ZIP64_EXTRA) {
      for (let number = at + 4; number + 8 <= Math.min(end, extra.length); number += 8) {
        numbers.push(extra.u64(number));
      }
      return numbers;
    }
    at = end;
  }
  return numbers;
}

/** Returns the offset of a file's contents. */
export async function contentsOffset(source: ByteSource, entry: Entry): Promise<number> {
  const end = entry.headerOffset + LOCAL_HEADER_BYTES + entry.nameBytes;
  return contentsOffsetBy(new ByteReader(await source.read(entry.headerOffset, end)), entry);
}

/** Returns the offset of a file's contents from its local header and name. */
function contentsOffsetBy(header: ByteReader, entry: Entry): number {
  const isHeader = header.startsWith(LOCAL_HEADER) && header.u16(26) === entry.nameBytes;
  if (
    !isHeader ||
    header.text(LOCAL_HEADER_BYTES, LOCAL_HEADER_BYTES + entry.nameBytes) !== entry.name
  ) {
    throw damaged(`“${entry.name}” is not where the archive says`);
  }
  return entry.headerOffset + LOCAL_HEADER_BYTES + entry.nameBytes + header.u16(28);
}

/** Reads a file's contents, with one request unless its extra fields are unusually long. */
export async function readEntry(
  source: ByteSource,
  entry: Entry,
  directory: Directory,
  signal?: AbortSignal,
): Promise<Uint8Array> {
  const USUAL_EXTRA = 64;
  const most =
    entry.headerOffset + LOCAL_HEADER_BYTES + entry.nameBytes + USUAL_EXTRA + entry.length;
  const read = await source.read(entry.headerOffset, Math.min(most, directory.start), signal);
  const start = contentsOffsetBy(new ByteReader(read), entry);
  const end = start + entry.length;
  if (end > directory.start) {
    throw damaged(`“${entry.name}” reaches beyond the archive's files`);
  }
  return end <= entry.headerOffset + read.length
    ? read.subarray(start - entry.headerOffset, end - entry.headerOffset)
    : source.read(start, end, signal);
}
