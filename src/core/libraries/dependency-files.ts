import type { Refusal } from "./declaration.ts";

/** The dependency files of one skill, and its Python scripts. */
export interface DependencyFiles {
  /** By path relative to the skill, with `/`: only beside SKILL.md and in `scripts/`. */
  readonly files: ReadonlyMap<string, Uint8Array>;
  /** Files with such names that may not be read: links, other things than files, too large ones. */
  readonly refused: readonly Refusal[];
}

/** Where dependency files count, relative to the skill; the empty one is the skill's own directory. */
export const dependencyDirs = ["", "scripts/"] as const;
