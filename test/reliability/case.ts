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
