import { commandLineProblems } from "./command-line.ts";
import { contentProblems } from "./content.ts";
import { machineProblems } from "./machine.ts";
import { networkProblems } from "./network.ts";
import type { Problem, ProblemKind } from "./problem.ts";
import { programProblems } from "./programs.ts";
import { recipeProblems } from "./recipes.ts";
import { volumeProblems } from "./volume.ts";

/** Every problem that is told to people, by its code. Codes are stable: texts may change, they do not. */
export const problems = {
  ...commandLineProblems,
  ...programProblems,
  ...networkProblems,
  ...contentProblems,
  ...machineProblems,
  ...volumeProblems,
  ...recipeProblems,
} as const satisfies Record<string, Problem>;

type Problems = typeof problems;

/** `E_DISK_FULL`; what tests, documents and scripts name instead of a message. */
export type ProblemCode = keyof Problems;

/** The codes of what can end a run: all but those of warnings. */
export type ErrorCode = {
  [Code in ProblemCode]: Problems[Code]["kind"] extends ProblemKind ? Code : never;
}[ProblemCode];
