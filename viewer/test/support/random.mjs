// Reproducible pseudorandom numbers.

/** Returns a function that returns numbers from `least` to below `most`. */
export function random(seed) {
  let state = seed;
  return (least, most) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return least + ((most - least) * state) / 2 ** 32;
  };
}
