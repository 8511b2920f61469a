// The tiles of an archive without a tile index, by the archive's own list of
// files: what other programs write, and what was packed anew, has no index that
// is right. All of the list has to be read first, so that big ones open slowly.

import type { Geometry } from "../pyramid";
import { ArchiveError } from "./failure";
import type { ByteSource } from "./source";
import { allEntries, type Directory, type Entry } from "./zip";

/** Some two million files: more than that a browser's memory is not asked to hold. */
const LONGEST_DIRECTORY = 1 << 28;

export class Listing {
  private constructor(
    private readonly entries: ReadonlyMap<string, Entry>,
    readonly descriptor: Entry,
  ) {}

  static async read(source: ByteSource, directory: Directory): Promise<Listing> {
    if (directory.end - directory.start > LONGEST_DIRECTORY) {
      throw new ArchiveError("it has too many files to list here, and no tile index. Export the slide with slidezoom.");
    }
    const entries = new Map<string, Entry>();
    let descriptor: Entry | undefined;
    for await (const entry of allEntries(source, directory)) {
      entries.set(entry.name, entry);
      if (/(^|\/)[^/]+\.dzi$/.test(entry.name) && (descriptor === undefined || depth(entry) < depth(descriptor))) {
        descriptor = entry;
      }
    }
    if (descriptor === undefined) {
      throw new ArchiveError("no .dzi file is in it. Choose an archive that holds an exported slide.");
    }
    const listing = new Listing(entries, descriptor);
    const tiles = `${listing.stem}_files/`;
    for (const entry of [descriptor, ...entries.values()]) {
      if (entry === descriptor || entry.name.startsWith(tiles)) {
        checkUsable(entry);
      }
    }
    return listing;
  }

  /** The slide's name by that of its descriptor. */
  get name(): string {
    return this.stem.slice(this.stem.lastIndexOf("/") + 1);
  }

  /** Where an export's JSON would be: beside the descriptor, or where a .szi has it. */
  get descriptions(): Entry[] {
    return [`${this.stem}.json`, `${this.folder}vendor/slidezoom/${this.name}.json`]
      .map((name) => this.entries.get(name))
      .filter((entry): entry is Entry => entry !== undefined && entry.unusable === null);
  }

  /** A tile's file; `undefined` where the archive does not have it. */
  tile({ extension }: Geometry, level: number, column: number, row: number): Entry | undefined {
    const entry = this.entries.get(`${this.stem}_files/${level}/${column}_${row}.${extension}`);
    return entry !== undefined && entry.length > 0 ? entry : undefined;
  }

  /** A file by its path in the export's folder; `undefined` where the archive does not have it. */
  file(path: string): Entry | undefined {
    return this.entries.get(this.folder + path);
  }

  private get folder(): string {
    return this.stem.slice(0, this.stem.lastIndexOf("/") + 1);
  }

  private get stem(): string {
    return this.descriptor.name.slice(0, -".dzi".length);
  }
}

function depth(entry: Entry): number {
  return entry.name.split("/").length;
}

export function checkUsable({ unusable }: Entry): void {
  if (unusable === "compressed") {
    throw new ArchiveError(
      "its files are compressed. Pack it anew without compression (“zip -0”), or export it again.",
    );
  }
  if (unusable === "encrypted") {
    throw new ArchiveError("its files are encrypted. Pack it anew without a password.");
  }
}
