/** One row of the reliability table. */
export interface Case {
  /** Such as `kill -9 at a random moment`. */
  readonly name: string;
  readonly tries: { readonly bounded: number; readonly full: number };
  /** Tries it so many times, on real volumes, with the built command. */
  run(tries: number): Promise<Result>;
}

export interface Result {
  /** How often it was really tried. */
  readonly tries: number;
  /** A line for each try after which something was not as it must be. */
  readonly wrong: readonly string[];
  /** Files and directories that were left and belong to nothing. */
  readonly stale: number;
}

/** So many of them, spread evenly. */
export function some<T>(all: readonly T[], count: number): T[] {
  const step = Math.max(1, all.length / count);
  return Array.from(
    { length: Math.min(count, all.length) },
    (_, i) => all[Math.floor(i * step)] as T,
  );
}
