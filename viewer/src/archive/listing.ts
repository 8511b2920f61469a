// The tiles of an archive without a tile index, by the archive's own list of
// files: what other programs write, and what was packed anew, has no index that
// is right. All of the list has to be read first, so that big ones open slowly.

import { ArchiveError } from "./errors";
import type { ByteSource } from "./source";
import { allEntries, type Directory, type Entry } from "./zip";

/** Some two million files: more than that a browser's memory is not asked to hold. */
const LONGEST_DIRECTORY = 1 << 28;

export class Listing {
  private constructor(
    private readonly entries: ReadonlyMap<string, Entry>,
    /** What tells of the pyramid: the .dzi, or in other layouts the export's JSON. */
    readonly teller: Entry,
  ) {}

  /** `isDescription` tells whether a JSON file is that of an export in another layout than Deep Zoom's. */
  static async read(
    source: ByteSource,
    directory: Directory,
    isDescription: (entry: Entry) => Promise<boolean>,
  ): Promise<Listing> {
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
    const teller = descriptor ?? (await findDescription(entries.values(), isDescription));
    if (teller === undefined) {
      throw new ArchiveError("no .dzi file is in it. Choose an archive that holds an exported slide.");
    }
    const listing = new Listing(entries, teller);
    const tiles = listing.isDeepZoom ? `${listing.stem}_files/` : listing.folder;
    for (const entry of [teller, ...entries.values()]) {
      if (entry === teller || entry.name.startsWith(tiles)) {
        checkUsable(entry);
      }
    }
    return listing;
  }

  get isDeepZoom(): boolean {
    return this.teller.name.endsWith(".dzi");
  }

  /** The slide's name by that of the file that tells of it. */
  get name(): string {
    return this.stem.slice(this.stem.lastIndexOf("/") + 1);
  }

  /** Where an export's JSON would be: beside the descriptor, or where a .szi has it. */
  get descriptions(): Entry[] {
    return [`${this.stem}.json`, `${this.folder}vendor/slidezoom/${this.name}.json`]
      .map((name) => this.entries.get(name))
      .filter((entry): entry is Entry => entry !== undefined && entry.unusable === null);
  }

  /** The folder of Deep Zoom's tiles, in the export's. */
  get tiles(): string {
    return `${this.name}_files/`;
  }

  /** A file by its path in the export's folder; `undefined` where the archive does not have it. */
  file(path: string): Entry | undefined {
    return this.entries.get(this.folder + path);
  }

  private get folder(): string {
    return this.stem.slice(0, this.stem.lastIndexOf("/") + 1);
  }

  private get stem(): string {
    return this.teller.name.replace(/\.[^.]+$/, "");
  }
}

/** The uppermost that is one; there are few in an archive that holds a slide. */
async function findDescription(
  entries: Iterable<Entry>,
  isDescription: (entry: Entry) => Promise<boolean>,
): Promise<Entry | undefined> {
  const MOST = 16;
  const texts = [...entries].filter(({ name, unusable }) => name.endsWith(".json") && unusable === null);
  for (const entry of texts.sort((one, other) => depth(one) - depth(other)).slice(0, MOST)) {
    if (await isDescription(entry)) {
      return entry;
    }
  }
  return undefined;
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
