import { isAlias, isMap, isScalar, LineCounter, type Pair } from "yaml";
import { describeError } from "../errors.ts";
import { explainYaml } from "../yaml-words.ts";
import { jsonOf, type ParsedYaml, parseYaml } from "./frontmatter-yaml.ts";
import { parsePlainYaml } from "./plain-yaml.ts";

/**
 * The front matter of a SKILL.md as flat text: scalars trimmed, structures as JSON. A file without
 * front matter has no values and is not rejected here.
 */
export type Frontmatter =
  | { readonly ok: true; readonly values: ReadonlyMap<string, string> }
  | { readonly ok: false; readonly error: string };

const fence = "---";
/** Prose fields, in which an unquoted colon is tolerated. */
const prose = new Set(["description", "read_when", "summary"]);
const fieldStart = /^([\w-]+):\s*/;
const fieldAt = /([\w-]+):\s*/y;
/** The line terminators at which `.` in a regular expression stops, except the line feed. */
const terminator = /[\u2028\u2029]/;

/**
 * Reads the front matter as OpenClaw 2026.9.6 does. Never throws; the error is a phrase that names
 * the line of the file if possible.
 */
export function parseFrontmatter(text: string): Frontmatter {
  const normal = normalise(text);
  if (!normal.startsWith(`${fence}\n`)) return { ok: true, values: new Map() };
  const whole = `${normal}\n`;
  // A closing fence is a whole line: `---x` is not one.
  const end = whole.indexOf(`\n${fence}\n`, fence.length);
  if (end === -1) {
    return reject("the front matter that line 1 opens has no closing --- line", 0);
  }
  const block = whole.slice(fence.length + 1, end);
  return readPlainBlock(block) ?? readYamlBlock(block);
}

/** Most front matter, without a YAML parser; undefined where it is not certain that the two agree. */
export function readPlainBlock(block: string): Frontmatter | undefined {
  const fields = parsePlainYaml(block);
  if (!fields) return undefined;
  const inlineColon = block.split("\n").flatMap((line) => {
    const field = inlineField(line);
    return field?.value.includes(":") ? [field.key] : [];
  });
  return { ok: true, values: flatten(fields, rawValues(block), new Set(inlineColon)) };
}

/** Characters of a wrong line that are read and shown. */
const maxShown = 500;

/** Removes the BOM and blanks after fences, and makes all line ends line feeds. */
function normalise(text: string): string {
  return text
    .replace(/^\uFEFF/, "")
    .replace(/\r\n?/g, "\n")
    .replace(/(^|\n)---[^\S\n]+(?=\n|$)/g, `$1${fence}`);
}

/** Any front matter, with a YAML parser. */
export function readYamlBlock(block: string): Frontmatter {
  if (block === "") return { ok: true, values: new Map() };
  try {
    return readForgiving(block, rawValues(block));
  } catch (thrown) {
    return reject(describeError(thrown), 0); // nested too deeply for the stack
  }
}

function readForgiving(block: string, raw: ReadonlyMap<string, string>): Frontmatter {
  let current = block;
  for (let round = 0; ; round += 1) {
    const lines = new LineCounter();
    const document = parseYaml(current, lines);
    const read = readYaml(current, raw, document, lines);
    if (read.ok || round === prose.size) return read;
    const quoted = quoteProse(current, document);
    if (quoted === current) return read;
    current = quoted;
  }
}

function readYaml(
  block: string,
  raw: ReadonlyMap<string, string>,
  document: ParsedYaml,
  lines: LineCounter,
): Frontmatter {
  // The opening fence is line 1.
  const line = (offset: number) => (offset < 0 ? 0 : lines.linePos(offset).line + 1);
  const [error] = document.errors;
  if (error) {
    const start = block.lastIndexOf("\n", error.pos[0] - 1) + 1;
    const wrongLine = lineAt(block, start).slice(0, maxShown);
    const { message, example } = explainYaml(error, wrongLine);
    const right = example === undefined ? "" : ` (right: ${example})`;
    return reject(`not YAML: ${message}${right}`, line(error.pos[0]));
  }
  if (!isMap(document.contents)) return reject("the front matter is not a YAML mapping", 0);
  let fields: Record<string, unknown>;
  try {
    fields = document.toJS();
  } catch (thrown) {
    const message = describeError(thrown);
    const alias = /^Unresolved alias.*: (.+)$/.exec(message)?.[1];
    return reject(message, line(alias === undefined ? -1 : block.indexOf(`*${alias}`)));
  }
  return { ok: true, values: flatten(fields, raw, inlineColonKeys(block, document)) };
}

function reject(error: string, line: number): Frontmatter {
  return { ok: false, error: line > 0 ? `line ${line}: ${error}` : error };
}

function flatten(
  fields: Readonly<Record<string, unknown>>,
  raw: ReadonlyMap<string, string>,
  inlineColon: ReadonlySet<string>,
): Map<string, string> {
  const values = new Map<string, string>();
  for (const [rawKey, value] of Object.entries(fields)) {
    const key = rawKey.trim();
    const text = key === "" ? undefined : asText(value);
    if (text === undefined) continue;
    const rawText = typeof value === "object" && inlineColon.has(key) ? raw.get(key) : undefined;
    values.set(key, rawText ?? text);
  }
  for (const [key, value] of raw) {
    if (!values.has(key)) values.set(key, value);
  }
  return values;
}

function asText(value: unknown): string | undefined {
  if (typeof value === "string") return value.trim();
  if (typeof value === "number" || typeof value === "boolean") return String(value);
  return typeof value === "object" && value !== null ? jsonOf(value) : undefined;
}

/** Top-level keys whose own line has a colon in the value: OpenClaw takes that line literally. */
function inlineColonKeys(block: string, document: ParsedYaml): Set<string> {
  const keys = new Set<string>();
  // A mapping in one line has all its keys there, so the line is parsed once.
  let line = { start: 0, text: "", lastTerminator: -1 };
  for (const pair of topLevel(document)) {
    const start = keyStart(pair);
    if (start === undefined) continue;
    if (line.text === "" || start >= line.start + line.text.length) {
      const text = lineAt(block, start);
      line = { start, text, lastTerminator: lastTerminator(text) };
    }
    const at = start - line.start;
    fieldAt.lastIndex = at;
    const match = fieldAt.exec(line.text);
    if (!match?.[1]) continue;
    const value = fieldAt.lastIndex;
    if (line.lastTerminator < value && line.text.includes(":", value)) keys.add(match[1]);
  }
  return keys;
}

function lastTerminator(text: string): number {
  return Math.max(text.lastIndexOf("\u2028"), text.lastIndexOf("\u2029"));
}

/** The key and value of a `key: value` line. Blanks are matched once, without backtracking. */
function inlineField(line: string): { key: string; value: string } | undefined {
  const match = fieldStart.exec(line);
  const value = line.slice(match?.[0].length ?? 0);
  return match?.[1] && !terminator.test(value) ? { key: match[1], value } : undefined;
}

/** `key: value` by lines, without YAML: the fallback for keys without a YAML value. */
function rawValues(block: string): Map<string, string> {
  const values = new Map<string, string>();
  const lines = block.split("\n");
  for (let i = 0; i < lines.length; i += 1) {
    const field = inlineField(lines[i] ?? "");
    if (!field) continue;
    const inline = field.value.trim();
    let value = unquote(inline);
    if (inline === "" && /^[ \t]/.test(lines[i + 1] ?? "")) {
      const first = i + 1;
      while (i + 1 < lines.length && /^([ \t]|$)/.test(lines[i + 1] ?? "")) i += 1;
      value = lines
        .slice(first, i + 1)
        .join("\n")
        .trim();
    }
    if (value !== "") values.set(field.key, value);
  }
  return values;
}

function unquote(text: string): string {
  const quote = text.at(0);
  return (quote === '"' || quote === "'") && text.at(-1) === quote ? text.slice(1, -1) : text;
}

/**
 * Quotes the prose field on the line of the first error; returns the same block if there is none.
 */
function quoteProse(block: string, document: ParsedYaml): string {
  if (!isMap(document.contents)) return block;
  const error = document.errors[0];
  const offset = error?.pos[0] ?? aliasedDescription(document);
  if (offset === undefined) return block;
  const start = block.lastIndexOf("\n", offset) + 1;
  const line = lineAt(block, start, offset);
  const quoted = /^(["'])([\w-]+)\1:/.exec(line);
  const field = inlineField(quoted ? `${quoted[2]}:${line.slice(quoted[0].length)}` : line);
  const key = field?.key;
  const value = field?.value.trim();
  if (!key || !value || !prose.has(key) || isBlockHeader(value)) return block;
  const colon = error?.code === "BLOCK_AS_IMPLICIT_KEY" && value.includes(": ");
  if (key !== "description" && !colon) return block;
  const owns = (pair: Pair) =>
    isScalar(pair.key) && pair.key.value === key && keyStart(pair) === start;
  if (!topLevel(document).some(owns)) return block;
  const repaired = `${key}: ${JSON.stringify(unquote(value))}`;
  return block.slice(0, start) + repaired + block.slice(start + line.length);
}

function isBlockHeader(value: string): boolean {
  return /^[|>]([1-9]?[+-]?|[+-][1-9])$/.test(value);
}

/** In `description: *text* …` YAML sees an alias. */
function aliasedDescription(document: ParsedYaml): number | undefined {
  const pair = topLevel(document).find(
    ({ key, value }) => isScalar(key) && key.value === "description" && isAlias(value),
  );
  return pair && keyStart(pair);
}

function topLevel(document: ParsedYaml): Pair[] {
  return isMap(document.contents) ? document.contents.items : [];
}

function keyStart({ key }: Pair): number | undefined {
  return (key as { range?: [number, number, number] | null } | null)?.range?.[0];
}

/** From `start` to the first line feed at or after `from`. */
function lineAt(block: string, start: number, from = start): string {
  const end = block.indexOf("\n", from);
  return block.slice(start, end === -1 ? block.length : end);
}
