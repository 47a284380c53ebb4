import { titleOfSet } from "../library-set.ts";
import { type InstalledRecord, isHeld, type Manifest, serverLabel } from "../manifest.ts";
import { isPythonSet, requestedTools, skillsThatAsk, toolsThatNeed } from "./required-by.ts";

/** Why the volume has a tool, from its manifest. */
export interface NeededBy {
  /** Skills that the last run selected. */
  readonly skills: readonly string[];
  /** Installed tools that need it at run time. */
  readonly tools: readonly string[];
  /** It was requested by name. */
  readonly byName: boolean;
  /** It stays at its version, and `gc` keeps it. */
  readonly held: boolean;
}

export function neededBy(record: InstalledRecord, manifest: Manifest): NeededBy {
  const { tool } = record;
  return {
    skills: skillsThatAsk(record, manifest.skills),
    tools: [
      ...toolsThatNeed(tool, manifest),
      ...(tool === "python3" && Object.values(manifest.tools).some(isPythonSet)
        ? ["packages of skills"]
        : []),
    ],
    byName: requestedTools(manifest).includes(tool),
    held: isHeld(manifest, tool),
  };
}

/** A library set's title, which names the skill that it was first installed for; undefined for other tools. */
export function titleOfRecord({
  tool,
  recipe,
  libraries,
}: Pick<InstalledRecord, "tool" | "recipe" | "libraries">): string | undefined {
  return libraries && `${titleOfSet(tool)} ${recipe}`;
}

/** A requirement of an MCP server has its title as its name. */
function titleOf(name: string): string {
  return name.startsWith(serverLabel) ? name : `skill ${name}`;
}

/** Every reason in a few words each: `skill mail`, `node`, `by name`. */
export function describeNeededBy({ skills, tools, byName, held }: NeededBy): string[] {
  const others = [...(byName ? ["by name"] : []), ...(held ? ["held"] : [])];
  return [...skills.map(titleOf), ...tools, ...others];
}
