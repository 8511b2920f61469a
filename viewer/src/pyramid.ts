// The arithmetic of Deep Zoom pyramids, as in src/pyramid/.

import type { Geometry } from "./model/pyramid";

interface Level {
  readonly columns: number;
  readonly rows: number;
  /** The number of tiles on all smaller levels. */
  readonly tilesBefore: number;
}

export class Pyramid {
  private readonly levels: readonly Level[];
  /** The number of tiles on all levels. */
  readonly tiles: number;

  constructor(readonly geometry: Geometry) {
    const sizes = [[geometry.width, geometry.height] as const];
    for (let [width, height] = sizes[0]!; width > 1 || height > 1; ) {
      [width, height] = [Math.ceil(width / 2), Math.ceil(height / 2)];
      sizes.unshift([width, height]);
    }
    let tilesBefore = 0;
    this.levels = sizes.map(([width, height], number) => {
      const level = {
        columns: Math.ceil(width / geometry.tileSize),
        rows: Math.ceil(height / geometry.tileSize),
        tilesBefore,
      };
      tilesBefore += number < geometry.smallestLevel ? 0 : level.columns * level.rows;
      return level;
    });
    this.tiles = tilesBefore;
  }

  /** The number of the full-size level. */
  get fullLevel(): number {
    return this.levels.length - 1;
  }

  /** The number of levels with tiles. */
  get levelCount(): number {
    return this.levels.length - this.geometry.smallestLevel;
  }

  /**
   * Returns a tile's position in the tile index: levels from small to large, row by row.
   * Returns `undefined` for addresses outside the pyramid.
   */
  ordinal(level: number, column: number, row: number): number | undefined {
    const found = level < this.geometry.smallestLevel ? undefined : this.levels[level];
    if (
      found === undefined ||
      !(column >= 0 && column < found.columns && row >= 0 && row < found.rows)
    ) {
      return undefined;
    }
    return found.tilesBefore + row * found.columns + column;
  }
}

/** Returns the number of the full-size level. */
export function fullLevel({ width, height }: Pick<Geometry, "width" | "height">): number {
  let level = 0;
  for (let size = 1; size < Math.max(width, height); size *= 2) {
    level += 1;
  }
  return level;
}
