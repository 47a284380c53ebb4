import { stringify } from "yaml";
import * as z from "zod";
import { platformKeys } from "../platform.ts";
import { nearest } from "../wording.ts";
import { type Finding, finding } from "./findings.ts";
import { recipeSchema, sourceSchema, testSchema } from "./schema.ts";

type Issue = z.core.$ZodIssue;
type Path = Finding["path"];

const fields: Readonly<Record<string, z.ZodType>> = {
  ...sourceSchema.shape,
  ...testSchema.shape,
  ...recipeSchema.shape,
};

/**
 * Errors in single fields of a document, in terms of the recipe. `written` returns a scalar's text
 * in the file (`1.10`, which YAML reads as 1.1).
 */
export function shapeFindings(
  document: unknown,
  written: (path: Path) => string | undefined,
): Finding[] {
  const result = recipeSchema.safeParse(document, { reportInput: true });
  const issues = result.error?.issues ?? [];
  return issues.flatMap((issue) => explain(issue, issue.path as Path, written));
}

function explain(issue: Issue, path: Path, written: (path: Path) => string | undefined): Finding[] {
  switch (issue.code) {
    case "unrecognized_keys":
      return issue.keys.map((key) => unknownKey(path, key));
    case "invalid_key":
      return issue.issues.map(({ message }) =>
        finding(path.slice(0, -1), message, exampleFor(path)),
      );
    case "invalid_type":
      return [wrongType(issue.expected, issue.input, path, written(path))];
    case "invalid_union": {
      const meant = meantBranch(issue.errors);
      if (!meant) return [noBranch(path)];
      return meant.flatMap((inner) => explain(inner, [...path, ...(inner.path as Path)], written));
    }
    default:
      return [finding(path, describe(issue), exampleFor(path))];
  }
}

/** What none of a union's outer forms fits. */
function noBranch(path: Path): Finding {
  if (path[0] === "test") return finding(path, "must be a list", exampleFor(path));
  return finding(path, "must be one source or a list of sources");
}

/** The union branch whose outer form matches: its errors are the relevant ones. */
function meantBranch(branches: readonly (readonly Issue[])[]): readonly Issue[] | undefined {
  return branches.find(
    (issues) => !issues.some(({ code, path }) => code === "invalid_type" && path.length === 0),
  );
}

function describe(issue: Issue): string {
  switch (issue.code) {
    case "custom":
      return issue.message;
    case "invalid_value":
      return `must be one of ${issue.values.join(", ")}`;
    case "too_small":
      return issue.origin === "array" ? "is empty" : `must be at least ${issue.minimum}`;
    case "too_big":
      return `must be at most ${issue.maximum}`;
    default:
      return issue.message;
  }
}

function wrongType(
  expected: string,
  input: unknown,
  path: Path,
  written: string | undefined,
): Finding {
  const example = exampleFor(path);
  if (input === undefined) return finding(path, "is missing", example);
  if (input === null) return finding(path, "is empty", example);
  if (expected === "string" && typeof input !== "object") {
    const key = path.findLast((part) => typeof part === "string");
    const quoted = JSON.stringify(written ?? String(input));
    return finding(path, `is a ${typeof input} to YAML; quote it`, `${key}: ${quoted}`);
  }
  const kind = kinds[expected] ?? "text";
  return finding(path, `must be ${kind}`, example);
}

const kinds: Readonly<Record<string, string>> = {
  array: "a list",
  object: "a mapping of keys to values",
  record: "a mapping of names to paths",
  number: "a whole number",
  int: "a whole number",
};

/** The example of the innermost field on a path, as YAML. */
function exampleFor(path: Path): string | undefined {
  const name = path.findLast((part) => typeof part === "string" && Object.hasOwn(fields, part));
  const field = fields[name ?? ""];
  const schema = field instanceof z.ZodOptional ? (field.unwrap() as z.ZodType) : field;
  const example = schema?.meta()?.examples;
  if (!Array.isArray(example) || example.length === 0) return undefined;
  const value = stringify(example[0], { collectionStyle: "flow", lineWidth: 0 }).trim();
  return `${name}: ${value}`;
}

function unknownKey(path: Path, key: string): Finding {
  const isArtifacts = path.length === 1 && path[0] === "artifacts";
  const known = (path.length === 0 ? recipeSchema : path[0] === "test" ? testSchema : sourceSchema)
    .shape;
  const candidates = isArtifacts ? platformKeys : Object.keys(known);
  const near = nearest(isArtifacts ? platformSpelling(key) : key, candidates);
  const what = isArtifacts ? `"${key}" is not a platform` : `unknown key "${key}"`;
  const instead = near ? `; did you mean "${near}"?` : `; known are ${candidates.join(", ")}`;
  const example = near === undefined || isArtifacts ? undefined : exampleFor([near]);
  return {
    path: [...path, key],
    message: `${what}${instead}`,
    ...(example !== undefined && { example }),
  };
}

/** Common names of our platforms; by edit distance `amd64` would be nearest to `arm64`. */
function platformSpelling(key: string): string {
  return key
    .replace(/amd64|x86[_-]64/, "x64")
    .replace("aarch64", "arm64")
    .replace(/-gnu$/, "-glibc");
}
