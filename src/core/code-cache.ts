/** What a run can do with the code that V8 has compiled in it. */
export interface CodeCache {
  /** Whether all of the program was loaded with its stored code, so that a run adds nothing to it. */
  readonly isStored: () => boolean;
  /**
   * Writes it beside a copy of the program in `dist`, so that later runs of that copy load it. Throws an error of
   * the disk.
   */
  readonly write: (dist: string) => void;
  /** Set by a run that has installed something: it has called most of what later runs call. */
  isComplete: boolean;
}

/** src/start.ts and the program are bundles of their own, so that they share no module. */
const key = Symbol.for("openclaw-install-skill-deps: code cache");
const shared = globalThis as { [key]?: CodeCache };

/** Called by what loads the program. */
export function offerCodeCache({ write, isStored }: Omit<CodeCache, "isComplete">): CodeCache {
  shared[key] = { write, isStored, isComplete: false };
  return shared[key];
}

/** Undefined where the program was not loaded by src/start.ts. */
export function offeredCodeCache(): CodeCache | undefined {
  return shared[key];
}
