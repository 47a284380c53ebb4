import { basename } from "node:path";
import { openLibraries } from "../../core/libraries/recorded.ts";
import { type DeclaredSet, declaredSets, librarySets } from "../../core/libraries/skill-sets.ts";
import { type LibraryLine, type LibrarySet, librariesTool } from "../../core/library-set.ts";
import { minorOf } from "../../core/locks/wheel-tags.ts";
import type { Manifest, SelectedSkill, VerifiedRecord } from "../../core/manifest.ts";
import { asAccepted, openDeclaration } from "../../core/plan/artifact.ts";
import { type DeclaredRecord, recordedRecipe } from "../../core/plan/declared.ts";
import type { Requirement } from "../../core/plan/plan.ts";
import type { Catalogue, Recipe } from "../../core/recipe.ts";
import { linkTarget } from "../../io/files.ts";
import type { SkillFolder } from "../../io/inputs/dependency-files.ts";

/** A selected skill's folder. */
export interface FolderOfSkill extends SkillFolder {
  readonly name: string;
  /** Absolute. */
  readonly dir: string;
}

/** A declared set, and its tools: one for each interpreter line; none if something in it is refused. */
export interface SetWithTools extends DeclaredSet {
  readonly tools: readonly string[];
}

/** What the dependency files of one selected skill declare. */
export interface SkillWithLibraries {
  readonly name: string;
  readonly sets: readonly SetWithTools[];
}

/** What the dependency files in these folders declare. */
export function declaredIn(
  folders: readonly FolderOfSkill[],
  lines: readonly LibraryLine[],
): SkillWithLibraries[] {
  return folders.flatMap((folder) => {
    const sets = declaredSets(folder).map((set) => {
      return { ...set, tools: librarySets(set, lines).map(librariesTool) };
    });
    return sets.length > 0 ? [{ name: folder.name, sets }] : [];
  });
}

/** The sandbox image of OpenClaw has this Python. */
const sandboxLine = "cpython-311";

/**
 * The interpreter lines for which sets are installed: the sandbox image's Python, the volume's (`python`: its version
 * after this run), this machine's.
 */
export async function linesFor(
  python: string | undefined,
  isNative: boolean,
): Promise<LibraryLine[]> {
  // Nothing is started: distributions link the name to the version.
  const target = isNative ? await linkTarget("/usr/bin/python3") : undefined;
  const versions = [python, /^python(3\.\d+)$/.exec(basename(target ?? ""))?.[1]?.concat(".0")];
  const others = versions.flatMap((version) => minorOf(version ?? "")?.slice(2) ?? []);
  const lines = others.map((minor): LibraryLine => `cpython-3${Number(minor)}` as LibraryLine);
  return [...new Set<LibraryLine>([sandboxLine, ...lines, "node"])];
}

/** What adds library sets to a plan. */
interface View {
  readonly skills: readonly SkillWithLibraries[];
  readonly lines: readonly LibraryLine[];
  readonly catalogue: Catalogue;
  readonly manifest: Pick<Manifest, "tools">;
  readonly damaged: ReadonlyMap<string, unknown>;
  readonly seed: Readonly<Record<string, VerifiedRecord>>;
  /** Sets may be resolved and installed. */
  readonly isAllowed: boolean;
  /** What is pinned; undefined if that is damaged, so that nothing new may be pinned. */
  readonly record: DeclaredRecord | undefined;
  /** Sets that are resolved again, because the user says so. */
  readonly accepted: ReadonlySet<string>;
}

/** The catalogue with recipes of library sets, and what requires them. */
export interface WithLibraries {
  readonly catalogue: Catalogue;
  readonly requirements: readonly Requirement[];
  /** Why sets cannot be installed, by their tools. */
  readonly refused: ReadonlyMap<string, string>;
  /** Names of sets by skill, for the manifest. */
  readonly bySkill: ReadonlyMap<string, readonly string[]>;
  /** A set is to be resolved by the volume's Python. */
  readonly needsPython: boolean;
}

/**
 * Adds the library sets of skills: what is allowed or pinned in `record` by its recipe, and otherwise only what the
 * volume or its seed has already, which stays.
 */
export function addLibraries(view: View): WithLibraries {
  const recipes = new Map(view.catalogue.recipes);
  const refused = new Map<string, string>();
  const bySkill = new Map<string, string[]>();
  for (const { name, sets } of view.skills) {
    for (const set of sets.flatMap((it) => librarySets(it, view.lines))) {
      const tool = librariesTool(set);
      const recipe = recipeOf(set, tool, name, view);
      if (typeof recipe === "string") refused.set(tool, recipe);
      else if (recipe !== undefined && !isKept(tool, recipe, view)) recipes.set(tool, recipe);
      const isThere = view.manifest.tools[tool] !== undefined || view.seed[tool] !== undefined;
      if (recipe === undefined && !isThere) continue;
      bySkill.set(name, [...new Set([...(bySkill.get(name) ?? []), tool])]);
    }
  }
  const requirements = [...bySkill].map(([name, libraries]) => ({
    ...{ for: name, bins: [], anyBins: [] },
    libraries: [...libraries],
  }));
  const needsPython = [...bySkill.values()]
    .flat()
    .some((tool) => recipes.get(tool)?.needs.includes("python3"));
  const catalogue = { ...view.catalogue, recipes };
  return { catalogue, requirements, refused, bySkill, needsPython };
}

/** Undefined if nothing allows it; a text says why it cannot be installed. */
function recipeOf(
  set: LibrarySet,
  tool: string,
  skill: string,
  { isAllowed, record, accepted }: View,
): Recipe | string | undefined {
  const recorded = record?.tools[tool];
  if (isAllowed && accepted.has(tool)) return asAccepted(openLibraries(set, skill));
  if (recorded) return recordedRecipe(tool, recorded);
  if (!isAllowed) return undefined;
  if (!record) return "it cannot be compared with what was pinned at its first use";
  return openLibraries(set, skill);
}

/** An intact installation stays if what pinned it is lost. */
function isKept(tool: string, recipe: Recipe, { manifest, damaged }: View): boolean {
  const open = openDeclaration(recipe.artifacts.any);
  if (open === undefined || open.accepted) return false;
  return manifest.tools[tool] !== undefined && !damaged.has(tool);
}

/** Selected skills with their library sets; those without any stay as they are. */
export function withLibraries(
  selected: readonly SelectedSkill[] | undefined,
  bySkill: WithLibraries["bySkill"],
): readonly SelectedSkill[] | undefined {
  return selected?.map((skill) => {
    const libraries = bySkill.get(skill.name);
    return libraries ? { ...skill, libraries: [...libraries] } : skill;
  });
}
