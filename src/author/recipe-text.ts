import { Document, isMap, isScalar, isSeq, type Node } from "yaml";
import { UserError } from "../core/errors.ts";
import { platformKeys } from "../core/platform.ts";
import { type Recipe, renderProblem } from "../core/recipe.ts";
import { parseRecipe } from "../core/recipes/file.ts";
import {
  type RecipeDocument,
  type RecipeSource,
  recipeSchema,
  sourceSchema,
} from "../core/recipes/schema.ts";

/** A generated recipe, with the lock files that it names. */
export interface Draft {
  readonly document: RecipeDocument;
  /** File name to text. */
  readonly locks: Readonly<Record<string, string>>;
}

/** Marks a value that the author must write; `recipe check` rejects it. */
export function placeholder(what: string): string {
  return `TODO: ${what}`;
}

/** Reads the text of a draft as an installation would. Throws a UserError that lists what is wrong with it. */
export function readDraft(name: string, text: string, locks: Draft["locks"]): Recipe {
  const read = parseRecipe({ text, file: `${name}.yaml`, lock: (lock) => locks[lock] });
  if (read.ok) return read.recipe;
  throw new UserError("E_DRAFT", read.problems.map(renderProblem).join("\n"));
}

/** The usual smoke test, by the first of the programs. */
export function versionTest(bins: RecipeDocument["bins"]): [string, string] {
  return [Object.keys(bins)[0] ?? "", "--version"];
}

/** The descriptive fields of a recipe; unknown ones become placeholders. */
export interface About {
  readonly description?: string | undefined;
  readonly homepage?: string | undefined;
  readonly license?: string | undefined;
}

/** Fills in what is known; invalid texts count as unknown. */
export function describeTool(about: About): Record<keyof About, string> {
  const line = about.description?.split("\n")[0]?.trim().replace(/\.$/, "");
  const home = about.homepage?.replace(/^git\+/, "").replace(/^http:/, "https:");
  const isAddress = home !== undefined && /^https:\/\/[^\s/]+/.test(home) && URL.canParse(home);
  const license = about.license?.trim();
  const isLicense = license && license.length < 80 && !/\n|^(unknown|see |none$)/i.test(license);
  return {
    description: line ? line.slice(0, 200) : placeholder("what it is, in one line"),
    homepage: isAddress
      ? home.replace(/#readme$/, "").replace(/\.git$/, "")
      : placeholder("the project's website, an https:// URL"),
    license: isLicense ? license : placeholder("its SPDX expression, such as MIT"),
  };
}

/** The text of NAME.yaml in the style of the catalogue: in the schema's order, in one line if possible. */
export function renderDraft(document: RecipeDocument): string {
  const artifacts = platformKeys.flatMap((key) => {
    const value = document.artifacts[key];
    if (!value) return [];
    const sorted = (source: RecipeSource) => inOrderOf(sourceSchema.shape, source);
    return [[key, "length" in value ? value.map(sorted) : sorted(value)] as const];
  });
  const bins = Object.entries(document.bins).sort(([a], [b]) => (a < b ? -1 : 1));
  const whole = {
    ...document,
    bins: Object.fromEntries(bins),
    artifacts: Object.fromEntries(artifacts),
  };
  const yaml = new Document(inOrderOf(recipeSchema.shape, whole), { version: "1.2" });
  yaml.commentBefore = " yaml-language-server: $schema=./recipe.schema.json";
  const version = yaml.get("version", true);
  if (isScalar(version)) version.type = "QUOTE_DOUBLE"; // YAML reads 1.10 as a number
  for (const name of ["bins", "aliases", "test", "needs", "data"]) inOneLine(yaml.get(name, true));
  for (const [key] of artifacts) {
    const at = yaml.getIn(["artifacts", key], true);
    for (const source of isSeq(at) ? at.items : [at]) shortenSource(source);
  }
  // Removes the empty line after a comment, and blanks in lists.
  return yaml
    .toString({ lineWidth: 0, minContentWidth: 0 })
    .replace(/^(#.*\n)\n/, "$1")
    .replace(/^( *)(aliases|test|needs|data): \[ (.*) \]$/gm, "$1$2: [$3]");
}

/** The fields that are set, in the order of their schema. */
function inOrderOf<T extends object>(shape: object, value: T): T {
  const names = Object.keys(shape) as (keyof T)[];
  const set = names.filter((name) => value[name] !== undefined);
  return Object.fromEntries(set.map((name) => [name, value[name]])) as T;
}

function shortenSource(source: unknown): void {
  if (!isMap(source)) return;
  for (const name of ["bins", "needs"]) inOneLine(source.get(name, true));
  const signed = source.get("signed", true);
  if (isSeq(signed)) for (const each of signed.items) inOneLine(each, 9);
}

function inOneLine(node: unknown, most = 4): void {
  if (!isMap(node) && !isSeq(node)) return;
  if (isMap(node) && node.items.length > most) return;
  (node as Node & { flow: boolean }).flow = true;
}
