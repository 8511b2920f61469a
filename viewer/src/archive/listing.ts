// Tiles located by the archive's directory, for archives without a valid tile index. The whole
// directory must be read first, so that large archives open slowly.

import { ArchiveError } from "./errors";
import type { ByteSource } from "./source";
import { allEntries, type Directory, type Entry } from "./zip";

/** Maximum bytes of a directory, some two million files, to limit memory. */
const LONGEST_DIRECTORY = 1 << 28;

export class Listing {
  private constructor(
    private readonly entries: ReadonlyMap<string, Entry>,
    /** The file that describes the pyramid: the .dzi, or the export's JSON in other layouts. */
    readonly root: Entry,
  ) {}

  /**
   * Reads the directory. `isDescription` returns whether a JSON file describes an export in a layout
   * other than Deep Zoom.
   *
   * @throws {ArchiveError} if the archive contains no readable export
   */
  static async read(
    source: ByteSource,
    directory: Directory,
    isDescription: (entry: Entry) => Promise<boolean>,
  ): Promise<Listing> {
    if (directory.end - directory.start > LONGEST_DIRECTORY) {
      throw new ArchiveError(
        "it has too many files to list here, and no tile index. Export the slide with slidezoom.",
      );
    }
    const entries = new Map<string, Entry>();
    let descriptor: Entry | undefined;
    for await (const entry of allEntries(source, directory)) {
      entries.set(entry.name, entry);
      if (
        /(^|\/)[^/]+\.dzi$/.test(entry.name) &&
        (descriptor === undefined || depth(entry) < depth(descriptor))
      ) {
        descriptor = entry;
      }
    }
    const root = descriptor ?? (await findDescription(entries.values(), isDescription));
    if (root === undefined) {
      throw new ArchiveError(
        "no .dzi file is in it. Choose an archive that holds an exported slide.",
      );
    }
    const listing = new Listing(entries, root);
    const tiles = listing.isDeepZoom ? `${listing.stem}_files/` : listing.folder;
    for (const entry of [root, ...entries.values()]) {
      if (entry === root || entry.name.startsWith(tiles)) {
        checkUsable(entry);
      }
    }
    return listing;
  }

  get isDeepZoom(): boolean {
    return this.root.name.endsWith(".dzi");
  }

  /** The slide's name, from the name of its root file. */
  get name(): string {
    return this.stem.slice(this.stem.lastIndexOf("/") + 1);
  }

  /** Candidates for the export's JSON: next to the descriptor, or in the .szi vendor folder. */
  get descriptions(): Entry[] {
    return [`${this.stem}.json`, `${this.folder}vendor/slidezoom/${this.name}.json`]
      .map((name) => this.entries.get(name))
      .filter((entry): entry is Entry => entry !== undefined && entry.unusable === null);
  }

  /** The Deep Zoom tile folder, relative to the export's folder. */
  get tiles(): string {
    return `${this.name}_files/`;
  }

  /** Returns a file by its path in the export's folder. */
  file(path: string): Entry | undefined {
    return this.entries.get(this.folder + path);
  }

  private get folder(): string {
    return this.stem.slice(0, this.stem.lastIndexOf("/") + 1);
  }

  private get stem(): string {
    return this.root.name.replace(/\.[^.]+$/, "");
  }
}

/** Returns the description nearest to the root. */
async function findDescription(
  entries: Iterable<Entry>,
  isDescription: (entry: Entry) => Promise<boolean>,
): Promise<Entry | undefined> {
  const MAX_CANDIDATES = 16;
  const texts = [...entries].filter(
    ({ name, unusable }) => name.endsWith(".json") && unusable === null,
  );
  for (const entry of texts
    .sort((one, other) => depth(one) - depth(other))
    .slice(0, MAX_CANDIDATES)) {
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
