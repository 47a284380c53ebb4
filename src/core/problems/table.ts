import { commandLineProblems } from "./command-line.ts";
import { contentProblems } from "./content.ts";
import { libraryProblems } from "./libraries.ts";
import { machineProblems } from "./machine.ts";
import { networkProblems } from "./network.ts";
import type { Problem, ProblemKind } from "./problem.ts";
import { programProblems } from "./programs.ts";
import { recipeProblems } from "./recipes.ts";
import { volumeProblems } from "./volume.ts";

/** Every problem that is reported to users, by its code. Codes are stable; texts may change. */
export const problems = {
  ...commandLineProblems,
  ...programProblems,
  ...libraryProblems,
  ...networkProblems,
  ...contentProblems,
  ...machineProblems,
  ...volumeProblems,
  ...recipeProblems,
} as const satisfies Record<string, Problem>;

type Problems = typeof problems;

/** `E_DISK_FULL`; tests, documents and scripts name codes instead of messages. */
export type ProblemCode = keyof Problems;

/** The codes that can end a run: all but warnings. */
export type ErrorCode = {
  [Code in ProblemCode]: Problems[Code]["kind"] extends ProblemKind ? Code : never;
}[ProblemCode];
