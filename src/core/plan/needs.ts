import type { Artifact, Recipe } from "../recipe.ts";
import { artifactsFor } from "./artifact.ts";
import type { InstallStep, PlanRequest } from "./plan.ts";

/** The tools that a source's programs need at run time. */
export function needsOf({ needs }: Recipe, artifact: Artifact | undefined): readonly string[] {
  return artifact?.needs ?? needs;
}

/** All tools that a step may need, whichever of its sources it gets. */
export function possibleNeeds({ needs, recipe, artifacts, seed }: InstallStep): Set<string> {
  const ofSources = recipe ? artifacts.flatMap((artifact) => needsOf(recipe, artifact)) : [];
  return new Set([...needs, ...ofSources, ...(seed?.record.needs ?? [])]);
}

/** True if one of the step's sources does without the tool. */
export function canDoWithout(need: string, { recipe, artifacts }: InstallStep): boolean {
  return artifacts.some((artifact) => recipe && !needsOf(recipe, artifact).includes(need));
}

/** Why every source lacks a tool that it needs: of the first. Undefined if one lacks none. */
export function problemOfNeeds(
  recipe: Recipe,
  artifacts: readonly Artifact[],
  request: PlanRequest,
): string | undefined {
  const problems = artifacts.map((artifact) => firstProblem(needsOf(recipe, artifact), request));
  return problems.every((problem) => problem !== undefined) ? problems[0] : undefined;
}

/** Why one of these tools cannot be installed; undefined if all are there or can be installed. */
export function firstProblem(needs: readonly string[], request: PlanRequest): string | undefined {
  return needs.map((need) => needProblem(need, request)).find((problem) => problem !== undefined);
}

function needProblem(need: string, request: PlanRequest): string | undefined {
  if (isWhole(need, request) || request.seed[need]) return undefined;
  const recipe = request.catalogue.recipes.get(need);
  if (!recipe) return `it needs ${need}, and no recipe provides that`;
  const found = artifactsFor(recipe, request.platform);
  return "reason" in found ? `it needs ${need}, but ${found.reason}` : undefined;
}

/** True if the volume has the tool, and its tree is intact. */
export function isWhole(tool: string, { present }: PlanRequest): boolean {
  return present.manifest.tools[tool] !== undefined && !present.damaged.has(tool);
}
