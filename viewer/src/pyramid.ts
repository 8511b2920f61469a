// The arithmetic of a Deep Zoom pyramid, as src/pyramid.rs has it: level 0 is
// 1×1, each level the half, rounded up, of the next, and the last the full size.

export interface Geometry {
  readonly width: number;
  readonly height: number;
  readonly tileSize: number;
  readonly overlap: number;
  /** Smaller levels have no tiles; the others keep their numbers. */
  readonly smallestLevel: number;
  /** The tiles' file name extension. */
  readonly extension: string;
}

interface Level {
  readonly columns: number;
  readonly rows: number;
  /** The number of tiles in all smaller levels. */
  readonly before: number;
}

export class Pyramid {
  private readonly levels: readonly Level[];
  readonly tiles: number;

  constructor(readonly geometry: Geometry) {
    const sizes = [[geometry.width, geometry.height] as const];
    for (let [width, height] = sizes[0]!; width > 1 || height > 1; ) {
      [width, height] = [Math.ceil(width / 2), Math.ceil(height / 2)];
      sizes.unshift([width, height]);
    }
    let before = 0;
    this.levels = sizes.map(([width, height], number) => {
      const level = {
        columns: Math.ceil(width / geometry.tileSize),
        rows: Math.ceil(height / geometry.tileSize),
        before,
      };
      before += number < geometry.smallestLevel ? 0 : level.columns * level.rows;
      return level;
    });
    this.tiles = before;
  }

  /** The level of the full size. */
  get fullLevel(): number {
    return this.levels.length - 1;
  }

  /** Those that have tiles. */
  get levelCount(): number {
    return this.levels.length - this.geometry.smallestLevel;
  }

  /** A tile's number in the order of the index; `undefined` for what is no tile of the pyramid. */
  ordinal(level: number, column: number, row: number): number | undefined {
    const found = level < this.geometry.smallestLevel ? undefined : this.levels[level];
    if (found === undefined || !(column >= 0 && column < found.columns && row >= 0 && row < found.rows)) {
      return undefined;
    }
    return found.before + row * found.columns + column;
  }
}
