import * as z from "zod";
import type { InstallSpec } from "../installspec.ts";
import { recordedLibraries } from "../libraries/recorded.ts";
import { lineOfTool } from "../library-set.ts";
import { isBinName, isToolName } from "../names.ts";
import type { Catalogue, Declaration, Recipe } from "../recipe.ts";
import { parseRecipe } from "../recipes/file.ts";
import { splitPackage } from "../recipes/rules.ts";

/*
 * What skills themselves say about installing their programs. It is untrusted text: it is used only
 * if allowed, and the result of its first use is pinned for later uses.
 */

/** A skill that requires programs, and how it declares their installation. */
export interface Declaring {
  readonly name: string;
  /** Absolute path of its SKILL.md. */
  readonly file: string;
  /** Programs that it requires. */
  readonly bins: readonly string[];
  readonly install: readonly InstallSpec[];
}

/** The results of declarations, by tool; stored in the volume as declared.json. */
export interface DeclaredRecord {
  readonly schema: 1;
  readonly tools: Readonly<Record<string, DeclaredTool>>;
}

/** Fields that a later version adds are kept: without its record a declaration would be resolved again. */
const declaredTool = z.looseObject({
  /** The declaration in one word: `npm:zog@1`. */
  from: z.string(),
  /** The skill. */
  by: z.string(),
  /** RFC 3339, UTC: when it was first used. */
  at: z.string(),
  /** A pinned recipe like any other, and the lock files that it names. */
  recipe: z.record(z.string(), z.unknown()),
  locks: z.record(z.string(), z.string()),
});
export type DeclaredTool = z.infer<typeof declaredTool>;

const declaredRecord = z.looseObject({
  schema: z.literal(1),
  tools: z.record(z.string().refine(isToolName), declaredTool),
});

/** Reads declared.json; undefined if the text is not valid. */
export function parseDeclared(text: string): DeclaredRecord | undefined {
  try {
    return declaredRecord.safeParse(JSON.parse(text)).data;
  } catch {
    return undefined;
  }
}

/** Both records; where both have a tool, that of the first counts. */
export function mergeDeclared(first: DeclaredRecord, second: DeclaredRecord): DeclaredRecord {
  return { schema: 1, tools: { ...second.tools, ...first.tools } };
}

/** Two-space JSON with a final newline, sorted by name. */
export function renderDeclared({ tools }: DeclaredRecord): string {
  const sorted = Object.entries(tools).sort(([a], [b]) => (a < b ? -1 : 1));
  return `${JSON.stringify({ schema: 1, tools: Object.fromEntries(sorted) }, null, 2)}\n`;
}

/** The recipe in a record, checked like any other; or the first problem in it. */
export function recordedRecipe(tool: string, record: DeclaredTool): Recipe | string {
  const { from, by, recipe, locks } = record;
  if (lineOfTool(tool) !== undefined) return recordedLibraries(tool, record);
  const text = JSON.stringify({ ...recipe, name: tool });
  const lock = (name: string): string | undefined => locks[name];
  const parsed = parseRecipe({ text, file: `${tool}.yaml`, lock });
  if (!parsed.ok) return parsed.problems[0]?.message ?? "it is not a recipe";
  return { ...parsed.recipe, origin: `declared by ${by}`, declared: { from, by } };
}

/** The recipe of a program that only its skill declares; or why there is none. */
export function declaredRecipe(
  bin: string,
  skills: readonly Declaring[],
  catalogue: Catalogue,
  record: DeclaredRecord,
): Recipe | string | undefined {
  const asking = skills.filter(({ bins }) => bins.includes(bin));
  const specs = asking.flatMap((skill) =>
    skill.install.filter((spec) => isFor(spec, bin, skill)).map((spec) => ({ skill, spec })),
  );
  const recorded = Object.entries(record.tools).find(([, { recipe }]) => hasBin(recipe, bin));
  const usable = specs.flatMap(({ skill, spec }) => {
    const from = ways[spec.kind].sourceOf(spec);
    return from === undefined ? [] : [{ skill, spec, from }];
  });
  if (recorded) {
    const [tool, held] = recorded;
    const isSame = usable.length === 0 || usable.some(({ from }) => from === held.from);
    if (isSame) return recordedRecipe(tool, held);
  }
  const [chosen] = usable;
  if (!chosen) return specs.map(({ spec }) => ways[spec.kind].whyNot?.(spec, bin, catalogue))[0];
  const { spec, skill, from } = chosen;
  const tool = bin.toLowerCase();
  if (catalogue.recipes.has(tool)) return `a recipe is called ${tool}, and has no program ${bin}`;
  return openRecipe(tool, bin, spec, { from, by: skill.name, recorded: recorded?.[1].from });
}

/** The recipe of an unused declaration: its contents are resolved at install. */
function openRecipe(tool: string, bin: string, spec: InstallSpec, declared: Declaration): Recipe {
  const { needs = [] } = ways[spec.kind];
  return {
    name: tool,
    description: `what the skill ${declared.by} declares`,
    homepage: "",
    license: "unknown",
    version: "latest",
    bins: { [bin]: bin },
    test: [],
    needs,
    artifacts: { any: [{ kind: "declared", spec, ...declared }] },
    origin: `declared by ${declared.by}`,
    declared,
  };
}

function hasBin(recipe: DeclaredTool["recipe"], bin: string): boolean {
  return Object.hasOwn((recipe.bins ?? {}) as object, bin);
}

/** A spec without program names applies to those of the skill, if that is unambiguous. */
function isFor({ bins, os, kind }: InstallSpec, bin: string, skill: Declaring): boolean {
  if (!isBinName(bin) || (os !== undefined && !os.includes("linux"))) return false;
  if (bins !== undefined) return bins.includes(bin);
  return skill.bins.length === 1 || skill.install.filter((each) => each.kind === kind).length === 1;
}

/** How one kind of a skill's own `install` is used. */
interface Way {
  /** Recipes that the result needs. */
  readonly needs?: readonly string[];
  /** `npm:zog@1`, `go:host/module@v1`, `pypi:zog`, or a URL; undefined if it cannot be used. */
  sourceOf(spec: InstallSpec): string | undefined;
  /** Why it cannot be used. */
  whyNot?(spec: InstallSpec, bin: string, catalogue: Catalogue): string | undefined;
}

const ways: Readonly<Record<InstallSpec["kind"], Way>> = {
  node: { needs: ["node"], sourceOf: (spec) => `npm:${spec.package}` },
  uv: { needs: ["python3"], sourceOf: (spec) => `pypi:${spec.package}` },
  go: {
    sourceOf: ({ module = "" }) =>
      splitPackage(module).version === "" ? undefined : `go:${module}`,
    whyNot: ({ module }) => `its skill declares go:${module} without a version`,
  },
  download: {
    sourceOf: (spec) => (whyNotUrl(spec) === undefined ? urlSource(spec) : undefined),
    whyNot: whyNotUrl,
  },
  brew: { sourceOf: () => undefined, whyNot: whyNotFormula },
};

function urlSource({ url = "", sha256 }: InstallSpec): string {
  return sha256 === undefined ? url : `${url}#sha256=${sha256}`;
}

function whyNotUrl({ url = "", sha256 }: InstallSpec): string | undefined {
  const { protocol, username, password, hostname } = new URL(url);
  if (username !== "" || password !== "") return "its download holds a name or password";
  const isNear = /^(127\.\d+\.\d+\.\d+|localhost|\[::1\])$/.test(hostname);
  if (protocol === "http:" && sha256 === undefined && !isNear) {
    return `${url} is neither encrypted nor pinned`;
  }
  return undefined;
}

function whyNotFormula({ formula = "" }: InstallSpec, bin: string, catalogue: Catalogue): string {
  const why = `its skill declares the Homebrew formula ${formula}`;
  const recipe = catalogue.recipes.get(recipeOfFormula(formula, catalogue));
  if (!recipe) return `${why} only, which has no recipe`;
  const programs = Object.keys(recipe.bins).join(", ");
  return `${why}; the recipe ${recipe.name} has ${programs} and no ${bin}`;
}

/** Formulas whose names differ from their recipes and the recipes' aliases. */
const formulas: Readonly<Record<string, string>> = {
  kubernetes: "kubectl",
  "poppler-utils": "poppler",
  python: "python3",
  "codex-cli": "codex",
  "bitwarden-cli": "bw",
};

/** `steipete/tap/gogcli` and `python@3.12` are `gog` and `python3`. */
export function recipeOfFormula(formula: string, { recipes, providers }: Catalogue): string {
  const name = (formula.split("/").at(-1) ?? "").replace(/@.*$/, "").toLowerCase();
  return formulas[name] ?? (recipes.has(name) ? name : (providers.get(name) ?? name));
}
