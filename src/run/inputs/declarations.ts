import { dirname, join } from "node:path";
import { type Context, isNative } from "../../context.ts";
import { sha256Hex } from "../../core/digest.ts";
import { describeRefusal } from "../../core/libraries/declaration.ts";
import type { Manifest, SelectedSkill, VerifiedRecord } from "../../core/manifest.ts";
import type { Plan, Requirement } from "../../core/plan/plan.ts";
import type { Catalogue } from "../../core/recipe.ts";
import { nameSome } from "../../core/wording.ts";
import type { ReadFile } from "../../io/input.ts";
import { readDependencyFiles } from "../../io/inputs/dependency-files.ts";
import type { Pins, WithDeclared } from "./declared.ts";
import type { FolderOfSkill, SkillWithLibraries } from "./libraries.ts";
import type { LoadedSkill } from "./skills.ts";

/** What skills declare themselves, as far as it is allowed: untrusted text. */
export interface Declarations extends WithDeclared {
  /** Of library sets. */
  readonly requirements: readonly Requirement[];
  /** The selected skills with their library sets. */
  readonly selected: readonly SelectedSkill[] | undefined;
  /** What dependency files declare, whether or not it is allowed. */
  readonly libraries: readonly SkillWithLibraries[];
  /** Files that the result depends on, besides dependency files. */
  readonly inputs: readonly ReadFile[];
  /** Dependency files, scripts, and the directories in which more would count; none where nothing allows them. */
  readonly dependencies: {
    readonly files: readonly ReadFile[];
    readonly directories: readonly string[];
  };
}

interface Known {
  readonly prefix: string;
  readonly catalogue: Catalogue;
  readonly requirements: readonly Requirement[];
  readonly skills: readonly LoadedSkill[];
  readonly selected: readonly SelectedSkill[] | undefined;
  readonly manifest: Manifest;
  /** Tools whose tree is damaged. */
  readonly damaged: ReadonlyMap<string, unknown>;
  readonly seed: Readonly<Record<string, VerifiedRecord>>;
  /** The plan for these requirements, with the recipes of skills' programs. */
  readonly planWith: (programs: WithDeclared) => Plan;
}

/** Adds what skills declare: programs that no recipe provides, and libraries of their scripts. */
export async function addDeclarations(known: Known, context: Context): Promise<Declarations> {
  const { options } = context;
  const { catalogue, selected } = known;
  const folders = foldersOf(known.skills);
  if (options.verb === "requirements") {
    const { sayImports } = await import("./undeclared.ts");
    sayImports(folders, context);
  }
  const declaring = folders.filter(({ files, refused }) => files.size + refused.length > 0);
  const isReviewed = options.declaredFile !== undefined;
  const mayDeclare = options.allowDeclared || isReviewed;
  const isTold = !mayDeclare && options.verb !== "policy" && isOffered(known);
  const none = {
    catalogue,
    accepted: [],
    notDeclared: isTold ? (await import("./declared.ts")).offerDeclared(known) : new Map(),
    requirements: [],
    selected,
    libraries: [],
    inputs: [],
    dependencies:
      options.allowLibraries || isReviewed
        ? dependenciesOf(folders)
        : { files: [], directories: [] },
  };
  if (!mayDeclare && declaring.length === 0) return none;
  const { addDeclared, loadPins } = await import("./declared.ts");
  const pins = await loadPins(known.prefix, context);
  const accepted = new Set(options.force || options.verb === "update" ? options.names : []);
  const programs = mayDeclare ? addDeclared({ ...known, pins, accepted }, context) : none;
  const withPrograms = { ...none, ...programs, inputs: pins.files };
  if (declaring.length === 0) return withPrograms;
  return {
    ...withPrograms,
    ...(await addSets(known, { declaring, programs, pins, accepted }, context)),
  };
}

/** True if a skill declares anything, and no recipe provides some program: few runs have to look further. */
function isOffered({ catalogue: { providers }, requirements, skills }: Known): boolean {
  return (
    skills.some(({ found: { verdict } }) => verdict.ok && verdict.skill.install.length > 0) &&
    requirements.some(({ bins, anyBins }) => [...bins, ...anyBins].some((it) => !providers.has(it)))
  );
}

interface Declaring {
  /** Folders with dependency files. */
  readonly declaring: readonly FolderOfSkill[];
  readonly programs: WithDeclared;
  readonly pins: Pins;
  /** Names whose changed declaration the user accepts. */
  readonly accepted: ReadonlySet<string>;
}

/** Adds the library sets that the files in these folders declare. */
async function addSets(
  known: Known,
  { declaring, programs, pins, accepted }: Declaring,
  context: Context,
): Promise<Omit<Declarations, "inputs" | "dependencies">> {
  const { addLibraries, declaredIn, linesFor, withLibraries } = await import("./libraries.ts");
  const { options } = context;
  const isAllowed = options.allowLibraries;
  const record = isAllowed ? pins.record : pins.reviewed;
  const addFor = async (python: string | undefined) => {
    const lines = await linesFor(python, isNative(context));
    const skills = declaredIn(declaring, lines);
    const { catalogue } = programs;
    const found = addLibraries({ ...known, catalogue, accepted, skills, lines, isAllowed, record });
    return { ...found, libraries: skills };
  };
  const python = pythonAfter(known, programs);
  const first = await addFor(python);
  // The Python that resolves them will be there, too.
  const isNewPython = python === undefined && first.needsPython;
  const found = isNewPython
    ? await addFor(programs.catalogue.recipes.get("python3")?.version)
    : first;
  sayLibraries(found.libraries, found.bySkill, context);
  const isSet = (name: string) => found.catalogue.recipes.get(name)?.libraries !== undefined;
  return {
    catalogue: found.catalogue,
    accepted: [...programs.accepted, ...[...accepted].filter(isSet)],
    notDeclared: new Map([...programs.notDeclared, ...found.refused]),
    requirements: options.names.length > 0 ? [] : found.requirements,
    selected: withLibraries(known.selected, found.bySkill),
    libraries: found.libraries,
  };
}

/** The version of the volume's Python after this run, as far as programs need one. */
function pythonAfter({ planWith, manifest }: Known, programs: WithDeclared): string | undefined {
  const step = planWith(programs).steps.find(({ tool }) => tool === "python3");
  return step?.version ?? manifest.tools.python3?.version;
}

/** One warning for all skills whose libraries are not allowed; else one for each line that is refused. */
function sayLibraries(
  libraries: readonly SkillWithLibraries[],
  bySkill: ReadonlyMap<string, readonly string[]>,
  { options, reporter: { emit } }: Context,
): void {
  if (options.verb !== "install" && options.verb !== "update") return;
  if (options.allowLibraries) {
    for (const { name, sets } of libraries) {
      for (const refusal of sets.flatMap(({ refused }) => refused)) {
        const message = `the skill ${name}: ${describeRefusal(refusal)}`;
        emit({ type: "warning", problem: "E_LIBRARIES_REFUSED", message });
      }
    }
    return;
  }
  const missing = libraries.filter(({ name, sets }) =>
    sets.some(({ tools }) => !tools.some((tool) => bySkill.get(name)?.includes(tool))),
  );
  if (missing.length === 0) return;
  const packages = missing.map(({ name, sets }) => {
    return `${name} (${nameSome([...new Set(sets.flatMap(({ names }) => names))], 3)})`;
  });
  const message = `packages that skills declare for their scripts are not installed: ${nameSome(packages, 10)}`;
  emit({ type: "warning", problem: "E_LIBRARIES_OFF", message });
}

function dependenciesOf(folders: readonly FolderOfSkill[]): Declarations["dependencies"] {
  const files = folders.flatMap(({ dir, files, plainScripts }) =>
    [...files, ...plainScripts].map(([path, bytes]) => ({
      path: join(dir, path),
      sha256: sha256Hex(bytes),
    })),
  );
  return { files, directories: folders.flatMap(({ directories }) => directories) };
}

/** The folders of the selected skills, with their dependency files. */
function foldersOf(skills: readonly LoadedSkill[]): FolderOfSkill[] {
  return skills.flatMap(({ found: { name, file, verdict }, selected }) => {
    if (!selected || !verdict.ok) return [];
    const dir = dirname(file);
    return [{ name, dir, ...readDependencyFiles(dir) }];
  });
}
