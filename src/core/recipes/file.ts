import { basename } from "node:path";
import {
  type Document,
  isMap,
  isNode,
  isPair,
  isScalar,
  isSeq,
  LineCounter,
  parseDocument,
  visit,
  type YAMLError,
} from "yaml";
import { UserError } from "../errors.ts";
import { type Recipe, type RecipeProblem, renderProblem } from "../recipe.ts";
import { explainYaml, type YamlMistake } from "../yaml-words.ts";
import { toRecipe } from "./artifacts.ts";
import { crossFindings } from "./checks.ts";
import { type Finding, fieldOf, finding } from "./findings.ts";
import { readLocks } from "./locks.ts";
import { recipeSchema } from "./schema.ts";
import { shapeFindings } from "./shape.ts";

/** A recipe's text, its file's path for messages, and a reader of files beside it. */
export interface RecipeText {
  readonly text: string;
  readonly file: string;
  /** The text of a lock file by its plain name; undefined if it cannot be read. */
  readonly lock?: (name: string) => string | undefined;
}

export type ParsedRecipe =
  | { readonly ok: true; readonly recipe: Recipe }
  | { readonly ok: false; readonly problems: readonly RecipeProblem[] };

/** A recipe's text as YAML. `problems`: what a recipe may not have, whatever its fields are. */
interface RecipeYaml {
  readonly document: Document;
  readonly problems: readonly RecipeProblem[];
  /** A finding with the line of its place. */
  readonly problemOf: (finding: Finding) => RecipeProblem;
  /** False if it has no value: later findings would be noise. */
  readonly isWhole: boolean;
}

/** Reads a text as the YAML of a recipe. */
export function readRecipeYaml({ text, file }: Pick<RecipeText, "text" | "file">): RecipeYaml {
  const counter = new LineCounter();
  const isText = !text.includes("\0"); // UTF-16 has many
  const document = parseDocument(isText ? text : "", {
    lineCounter: counter,
    version: "1.2",
    prettyErrors: false,
    stringKeys: true,
    logLevel: "error", // problems are reported here
  });
  const { problems, hasAlias } = isText
    ? yamlProblems(document, text, file, counter)
    : {
        problems: [{ file, line: 1, message: "the document is not text in UTF-8" }],
        hasAlias: false,
      };
  const isBroken = document.errors.some((error) => error.code !== "DUPLICATE_KEY");
  const problemOf = ({ path, ...said }: Finding): RecipeProblem => {
    const { line } = counter.linePos(offsetOf(document, path));
    return { file, line, ...said };
  };
  return { document, problems, problemOf, isWhole: isText && !isBroken && !hasAlias };
}

/**
 * The value of a recipe's text, whatever its fields are. Throws a UserError that lists what is not the YAML
 * of a recipe: to change such a text would make it worse.
 */
export function recipeValue(source: Pick<RecipeText, "text" | "file">): unknown {
  const { document, problems } = readRecipeYaml(source);
  if (problems.length === 0) return document.toJS();
  throw new UserError("E_RECIPE", inOrder(problems).map(renderProblem).join("\n"));
}

/** Reads a recipe file. Reports all problems at once, in order of their lines. */
export function parseRecipe(source: RecipeText): ParsedRecipe {
  const { file } = source;
  const { document, problemOf, isWhole, ...read } = readRecipeYaml(source);
  const problems = [...read.problems];
  if (!isWhole) return { ok: false, problems: inOrder(problems) };
  const value: unknown = document.toJS();
  const locks = readLocks(value, file, (name) => source.lock?.(name));
  const findings = [
    ...shapeFindings(value, (path) => writtenAt(document, path)),
    ...crossFindings(value),
    ...nameFindings(value, file),
  ];
  const ofLocks = [...locks.problems, ...locks.findings.map(problemOf)];
  problems.push(...findings.map(problemOf));
  problems.push(...ofLocks.map((each) => ({ ...each, isOfLock: true as const })));
  const parsed = recipeSchema.safeParse(value);
  if (problems.length > 0 || !parsed.success) return { ok: false, problems: inOrder(problems) };
  return { ok: true, recipe: toRecipe(parsed.data, file, locks.locked) };
}

function yamlProblems(
  document: Document,
  text: string,
  file: string,
  counter: LineCounter,
): { readonly problems: RecipeProblem[]; readonly hasAlias: boolean } {
  const at = (offset: number, message: string): RecipeProblem => ({
    file,
    line: counter.linePos(offset).line,
    message,
  });
  const lines = text.split("\n");
  const problems = document.errors.map((error) => {
    const problem = at(error.pos[0], "");
    return { ...problem, ...yamlMistake(error, text, lines[problem.line - 1] ?? "") };
  });
  if (document.directives?.yaml.explicit) problems.push(at(0, "has a %YAML line; remove it"));
  let hasAlias = false;
  visit(document, {
    Node: (_key, node) => {
      const offset = node.range?.[0] ?? 0;
      if ("anchor" in node && node.anchor) problems.push(at(offset, unshared("an anchor")));
      if ("tag" in node && node.tag)
        problems.push(at(offset, `has the tag ${node.tag}; quote the text instead`));
    },
    Alias: (_key, node) => {
      hasAlias = true;
      problems.push(at(node.range?.[0] ?? 0, unshared("an alias")));
    },
  });
  return { problems, hasAlias };
}

function unshared(what: string): string {
  return `has ${what}; write every value out, or quote a text that begins like this`;
}

function yamlMistake(error: YAMLError, text: string, line: string): YamlMistake {
  if (error.code === "DUPLICATE_KEY") {
    const key = /^[^\s:]*/.exec(text.slice(error.pos[0]))?.[0] ?? "";
    return { message: `${key} appears twice` };
  }
  if (error.code === "MULTIPLE_DOCS")
    return { message: "a second document starts here; one file is one recipe" };
  const { message, ...example } = explainYaml(error, line);
  return { message: `not YAML: ${message}`, ...example };
}

function nameFindings(value: unknown, file: string): Finding[] {
  const name = fieldOf(value, "name");
  const expected = basename(file).replace(/\.yaml$/, "");
  if (name === undefined || basename(file) === `${name}.yaml`) return [];
  return [finding(["name"], `is ${name}, but the file is ${basename(file)}`, `name: ${expected}`)];
}

/** Where a field stands in a document, or the innermost part of its path that is there. */
function offsetOf(document: Document, path: Finding["path"]): number {
  let offset = 0;
  let node: unknown = document.contents;
  for (const part of path) {
    if (isMap(node)) {
      const pair = node.items.find(({ key }) => isScalar(key) && key.value === part);
      if (!isPair(pair)) break;
      if (isScalar(pair.key)) offset = pair.key.range?.[0] ?? offset;
      node = pair.value;
    } else if (isSeq(node) && typeof part === "number") {
      node = node.items[part];
      if (isNode(node)) offset = node.range?.[0] ?? offset;
    } else break;
  }
  return offset;
}

function writtenAt(document: Document, path: Finding["path"]): string | undefined {
  const node = document.getIn(path, true);
  return isScalar(node) ? node.source : undefined;
}

/** Each once: the parser reports some mistakes at several places of their line. */
function inOrder(problems: readonly RecipeProblem[]): RecipeProblem[] {
  const each = new Map(problems.map((problem) => [renderProblem(problem), problem]));
  return [...each.values()].sort((a, b) => a.file.localeCompare(b.file) || a.line - b.line);
}
