import { dirname, join } from "node:path";
import type { Context } from "../../context.ts";
import { sha256Hex } from "../../core/digest.ts";
import { describeRefusal } from "../../core/libraries/declaration.ts";
import { listNames } from "../../core/list-names.ts";
import type { Manifest, SelectedSkill, VerifiedRecord } from "../../core/manifest.ts";
import type { Plan, Requirement } from "../../core/plan/plan.ts";
import { platformId } from "../../core/platform.ts";
import type { Catalogue } from "../../core/recipe.ts";
import { readDependencyFiles } from "../../io/inputs/dependency-files.ts";
import type { FolderOfSkill, SkillWithLibraries } from "./libraries.ts";
import type { LoadedSkill } from "./requirements.ts";

/** What skills declare themselves, as far as it is allowed: untrusted text. */
export interface Declarations {
  /** With the recipes that come from declarations. */
  readonly catalogue: Catalogue;
  /** Tools whose changed declaration the user accepts: to be reinstalled. */
  readonly accepted: readonly string[];
  /** Why a skill's own declaration does not provide a program or a library set. */
  readonly notDeclared: ReadonlyMap<string, string>;
  /** Of library sets. */
  readonly requirements: readonly Requirement[];
  /** The selected skills with their library sets. */
  readonly selected: readonly SelectedSkill[] | undefined;
  /** What dependency files declare, whether or not it is allowed. */
  readonly libraries: readonly SkillWithLibraries[];
  /** Files that the result depends on, besides dependency files. */
  readonly inputs: readonly Input[];
  /** Dependency files, scripts, and the directories in which more would count; none where nothing allows them. */
  readonly dependencies: {
    readonly files: readonly Input[];
    readonly directories: readonly string[];
  };
}

interface Input {
  readonly path: string;
  readonly sha256: string;
}

interface View {
  readonly prefix: string;
  readonly catalogue: Catalogue;
  readonly requirements: readonly Requirement[];
  readonly skills: readonly LoadedSkill[];
  readonly selected: readonly SelectedSkill[] | undefined;
  readonly manifest: Manifest;
  /** Tools whose tree is damaged. */
  readonly damaged: ReadonlyMap<string, unknown>;
  readonly seed: Readonly<Record<string, VerifiedRecord>>;
  /** The plan for these requirements. */
  readonly planFor: (found: Pick<Declarations, "catalogue" | "notDeclared">) => Plan;
}

/** Adds what skills declare: programs that no recipe provides, and libraries of their scripts. */
export async function addDeclarations(view: View, context: Context): Promise<Declarations> {
  const { options } = context;
  const { catalogue, selected } = view;
  const folders = foldersOf(view.skills);
  if (options.verb === "requirements") {
    const { sayImports } = await import("./undeclared.ts");
    sayImports(folders, context);
  }
  const declaring = folders.filter(({ files, refused }) => files.size + refused.length > 0);
  const isReviewed = options.declaredFile !== undefined;
  const isAllowed = options.allowLibraries || isReviewed;
  const none = {
    ...{ catalogue, accepted: [], notDeclared: new Map<string, string>() },
    ...{ requirements: [], selected, libraries: [], inputs: [] },
    dependencies: isAllowed ? dependenciesOf(folders) : { files: [], directories: [] },
  };
  if (!options.allowDeclared && !isReviewed && declaring.length === 0) return none;
  const { addDeclared, loadPins } = await import("./declared.ts");
  const pins = await loadPins(view.prefix, context);
  const programs =
    options.allowDeclared || isReviewed ? await addDeclared({ ...view, pins }, context) : none;
  const inputs = [...pins.files];
  if (declaring.length === 0) return { ...none, ...programs, inputs };
  const { addLibraries, declaredIn, linesFor, withLibraries } = await import("./libraries.ts");
  const isNative =
    options.platform === undefined || view.manifest.platform === platformId(context.machine);
  const isUpdate = options.force || options.verb === "update";
  const accepted = new Set(isUpdate ? options.names : []);
  const addFor = async (python: string | undefined) => {
    const lines = await linesFor(python, isNative);
    const libraries = declaredIn(declaring, lines);
    const isAllowed = options.allowLibraries;
    const record = isAllowed ? pins.record : pins.reviewed;
    const added = { ...view, catalogue: programs.catalogue, accepted, skills: libraries };
    return { libraries, found: addLibraries({ ...added, lines, isAllowed, record }) };
  };
  const python = pythonAfter(view, programs);
  let { libraries, found } = await addFor(python);
  // The Python that resolves them will be there, too.
  if (python === undefined && found.needsPython) {
    const { version } = programs.catalogue.recipes.get("python3") ?? {};
    ({ libraries, found } = await addFor(version));
  }
  sayLibraries(libraries, found.bySkill, context);
  return {
    ...none,
    catalogue: found.catalogue,
    accepted: [
      ...programs.accepted,
      ...[...accepted].filter((it) => found.catalogue.recipes.get(it)?.libraries),
    ],
    notDeclared: new Map([...programs.notDeclared, ...found.refused]),
    requirements: options.names.length > 0 ? [] : found.requirements,
    selected: withLibraries(selected, found.bySkill),
    libraries,
    inputs,
  };
}

/** The version of the volume's Python after this run, as far as programs need one. */
function pythonAfter(
  { planFor, manifest }: View,
  found: Pick<Declarations, "catalogue" | "notDeclared">,
): string | undefined {
  const step = planFor(found).steps.find(({ tool }) => tool === "python3");
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
    return `${name} (${listNames([...new Set(sets.flatMap(({ names }) => names))], 3)})`;
  });
  const message = `packages that skills declare for their scripts are not installed: ${listNames(packages, 10)}`;
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
