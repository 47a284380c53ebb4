import { dirname, isAbsolute, resolve } from "node:path";
import { type Fields, plainFields } from "../values.ts";

/**
 * Reads a file that openclaw.json includes, by its absolute path. Returns its document, or the
 * reason why OpenClaw would reject it, as a clause.
 */
export type ReadIncluded = (
  path: string,
) => { readonly document: unknown; readonly why?: never } | { readonly why: string };

/** Maximum depth of `$include` (files). */
const maxDepth = 10;
const maxPathLength = 4096;
/** Keys that would change an object's prototype. */
const unsafeKeys = new Set(["__proto__", "prototype", "constructor"]);

interface Including {
  readonly read: ReadIncluded;
  /** The chain of including files, the main one first. */
  readonly chain: readonly string[];
  /** Reports a failed include: the including file, and what is wrong. */
  readonly problem: (file: string, text: string) => void;
}

/**
 * The document with every `$include: FILE` or `$include: [FILE, …]` below `keys` replaced by the
 * included contents, as OpenClaw 2026.9.6 does: paths are relative to the including file, later
 * files and the keys beside `$include` override earlier ones, lists are joined. If an include
 * fails, OpenClaw rejects the whole configuration; here only that include is ignored and reported.
 */
export function resolveIncludes(
  document: unknown,
  file: string,
  keys: readonly string[],
  { read, problem }: Pick<Including, "read" | "problem">,
): unknown {
  const only = (value: unknown): unknown => {
    const fields = plainFields(value);
    if (!fields) return value;
    const kept = Object.entries(fields).filter(([key]) => key === "$include" || keys.includes(key));
    return Object.fromEntries(kept);
  };
  return include(only(document), "the file", { read, chain: [file], problem }, only);
}

/** `part` leaves out the unused keys of an included document. */
function include(
  value: unknown,
  key: string,
  where: Including,
  part: (value: unknown) => unknown = (whole) => whole,
): unknown {
  if (Array.isArray(value)) return value.map((item, i) => include(item, `${key}[${i}]`, where));
  const fields = plainFields(value);
  if (!fields) return value;
  const { $include: named, ...others } = fields;
  const own = mapValues(others, (item, name) =>
    include(item, key === "the file" ? name : `${key}.${name}`, where),
  );
  if (!("$include" in fields)) return own;
  const included = includedValue(named, key, where, part);
  if (Object.keys(own).length === 0) return included;
  if (plainFields(included)) return merge(included, own);
  tell(where, key, "needs an object { ... } in that file, because other keys stand beside it");
  return own;
}

function includedValue(
  named: unknown,
  key: string,
  where: Including,
  part: (value: unknown) => unknown,
): unknown {
  const load = (item: unknown): unknown => {
    if (typeof item === "string") return loadFile(item, key, where, part);
    tell(where, key, "must be a file's name, or a list of names");
    return {};
  };
  return Array.isArray(named) ? named.map(load).reduce(merge, {}) : load(named);
}

function loadFile(
  name: string,
  key: string,
  where: Including,
  part: (value: unknown) => unknown,
): unknown {
  const { chain } = where;
  const path = isAbsolute(name) ? resolve(name) : resolve(dirname(chain.at(-1) ?? "/"), name);
  const refusal = whyNotFollowed(name, path, chain);
  const found = refusal === undefined ? where.read(path) : { why: refusal };
  if (found.why === undefined) {
    return include(part(found.document), key, { ...where, chain: [...chain, path] }, part);
  }
  tell(where, key, `is not followed: ${path.slice(0, 200)}: ${found.why}`);
  return {};
}

function whyNotFollowed(name: string, path: string, chain: readonly string[]): string | undefined {
  if (name.includes("\0")) return "its name has a NUL character";
  if (path.length >= maxPathLength) return `its name has ${path.length} characters`;
  if (chain.includes(path)) return `it includes itself (${[...chain, path].join(" -> ")})`;
  return chain.length > maxDepth ? `it is more than ${maxDepth} files deep` : undefined;
}

function tell({ chain, problem }: Including, key: string, what: string): void {
  problem(chain.at(-1) ?? "", `$include in ${key} ${what}`);
}

/** Objects and lists are joined; for other values the later one wins. */
function merge(base: unknown, over: unknown): unknown {
  if (Array.isArray(base) && Array.isArray(over)) return [...base, ...over];
  const [below, above] = [plainFields(base), plainFields(over)];
  if (!below || !above) return over;
  const added = mapValues(above, (value, key) =>
    Object.hasOwn(below, key) ? merge(below[key], value) : value,
  );
  return { ...below, ...added };
}

function mapValues(fields: Fields, change: (value: unknown, key: string) => unknown): Fields {
  const safe = Object.entries(fields).filter(([key]) => !unsafeKeys.has(key));
  return Object.fromEntries(safe.map(([key, value]) => [key, change(value, key)]));
}
