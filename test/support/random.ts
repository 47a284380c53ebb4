/** Repeatable chance: the same seed gives the same numbers. */
export interface Chance {
  /** A whole number from 0 and below `end`. */
  below(end: number): number;
  one<T>(items: readonly T[]): T;
}

export function chance(seed: number): Chance {
  let state = seed >>> 0;
  // mulberry32
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 0x1_0000_0000;
  };
  const below = (end: number): number => Math.floor(next() * end);
  return { below, one: (items) => items[below(items.length)] as (typeof items)[number] };
}

/** The text with a few pieces of it taken out, repeated, moved, or replaced by one of `pieces`. */
export function mutate(text: string, pieces: readonly string[], { below, one }: Chance): string {
  let mutated = text;
  for (let times = 1 + below(5); times > 0; times -= 1) {
    const at = below(mutated.length + 1);
    const length = below(Math.min(40, mutated.length + 1));
    const from = below(mutated.length + 1);
    const inserted = [
      () => one(pieces),
      () => mutated.slice(from, from + length),
      () => String.fromCodePoint(below(0xd800)),
      () => one(pieces).repeat(1 + below(200)),
      () => "",
    ];
    mutated = mutated.slice(0, at) + one(inserted)() + mutated.slice(at + (below(2) ? length : 0));
  }
  return mutated;
}
