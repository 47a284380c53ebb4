import matter from "gray-matter";
import { isAlias, isMap, isScalar, LineCounter, type Pair, parseDocument } from "yaml";
import { describeError } from "./errors.ts";

/**
 * The front matter of a SKILL.md as flat text: scalars trimmed, structures as JSON. A file without
 * front matter has no values and is not rejected here.
 */
export type Frontmatter =
  | { readonly ok: true; readonly values: ReadonlyMap<string, string> }
  | { readonly ok: false; readonly error: string };

type ParsedYaml = ReturnType<typeof parseDocument>;

const fence = "---";
/** Fields of prose, in which an unquoted colon is forgiven. */
const prose = new Set(["description", "read_when", "summary"]);
const inlineField = /^([\w-]+):\s*(.*)$/;

/**
 * Reads the front matter as OpenClaw 2026.9.6 does. Never throws; the error is a phrase that names
 * the line of the file where one can be named.
 */
export function parseFrontmatter(text: string): Frontmatter {
  const normal = normalise(text);
  if (!normal.startsWith(`${fence}\n`)) return { ok: true, values: new Map() };
  const whole = `${normal}\n`;
  if (!whole.includes(`\n${fence}\n`)) {
    return reject("the front matter that line 1 opens has no closing --- line", 0);
  }
  const { data: answer, matter: block } = matter(whole, {
    language: "yaml",
    // A closing fence is a whole line: `---x` is not one.
    delimiters: [fence, `${fence}\n`],
    // A skill is untrusted text, and gray-matter's own JavaScript engine evaluates it.
    engines: {
      yaml: (inside) => ({ read: readBlock(inside.slice(1)) }),
      json: refuseEngine,
      javascript: refuseEngine,
    },
  });
  // gray-matter asks no engine about a block of comments alone.
  return (answer.read as Frontmatter | undefined) ?? readBlock(block.slice(1));
}

/** No BOM, line feeds only, and fences without the blanks behind them. */
function normalise(text: string): string {
  return text
    .replace(/^\uFEFF/, "")
    .replace(/\r\n?/g, "\n")
    .replace(/(^|\n)---[^\S\n]+(?=\n|$)/g, `$1${fence}`);
}

function refuseEngine(): never {
  throw new Error("front matter is YAML and nothing else");
}

function readBlock(block: string): Frontmatter {
  if (block === "") return { ok: true, values: new Map() };
  try {
    return readForgiving(block, rawValues(block));
  } catch (thrown) {
    return reject(describeError(thrown), 0); // nested deeper than the stack
  }
}

function readForgiving(block: string, raw: ReadonlyMap<string, string>): Frontmatter {
  let current = block;
  let read = readYaml(current, raw);
  for (let round = 0; round < prose.size && !read.ok; round += 1) {
    const quoted = quoteProse(current);
    if (quoted === current) break;
    current = quoted;
    read = readYaml(current, raw);
  }
  return read;
}

function readYaml(block: string, raw: ReadonlyMap<string, string>): Frontmatter {
  const lines = new LineCounter();
  // The opening fence is line 1.
  const line = (offset: number) => (offset < 0 ? 0 : lines.linePos(offset).line + 1);
  const document = parse(block, lines);
  const [error] = document.errors;
  if (error) return reject(error.message, line(error.pos[0]));
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

function parse(block: string, lineCounter?: LineCounter): ParsedYaml {
  return parseDocument(block, {
    schema: "core",
    prettyErrors: false,
    logLevel: "error",
    ...(lineCounter && { lineCounter }),
  });
}

function reject(error: string, line: number): Frontmatter {
  return { ok: false, error: line > 0 ? `line ${line}: ${error}` : error };
}

function flatten(
  fields: Record<string, unknown>,
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
  if (typeof value !== "object" || value === null) return undefined;
  try {
    return JSON.stringify(value);
  } catch {
    return undefined; // an anchor that contains its own alias
  }
}

/** Top-level keys whose own line has a colon in the value: OpenClaw takes that line as it stands. */
function inlineColonKeys(block: string, document: ParsedYaml): Set<string> {
  const keys = new Set<string>();
  for (const pair of topLevel(document)) {
    const start = keyStart(pair);
    if (start === undefined) continue;
    const match = inlineField.exec(lineAt(block, start));
    if (match?.[1] && match[2]?.includes(":")) keys.add(match[1]);
  }
  return keys;
}

/** `key: value` by lines alone, without YAML: what a value is where YAML has none for the key. */
function rawValues(block: string): Map<string, string> {
  const values = new Map<string, string>();
  const lines = block.split("\n");
  for (let i = 0; i < lines.length; i += 1) {
    const match = inlineField.exec(lines[i] ?? "");
    if (!match?.[1]) continue;
    const inline = (match[2] ?? "").trim();
    let value = unquote(inline);
    if (inline === "" && /^[ \t]/.test(lines[i + 1] ?? "")) {
      const first = i + 1;
      while (i + 1 < lines.length && /^([ \t]|$)/.test(lines[i + 1] ?? "")) i += 1;
      value = lines
        .slice(first, i + 1)
        .join("\n")
        .trim();
    }
    if (value !== "") values.set(match[1], value);
  }
  return values;
}

function unquote(text: string): string {
  const quote = text.at(0);
  return (quote === '"' || quote === "'") && text.at(-1) === quote ? text.slice(1, -1) : text;
}

/** Quotes the prose field on whose line the first error lies; the same block where there is none. */
function quoteProse(block: string): string {
  const document = parse(block);
  if (!isMap(document.contents)) return block;
  const error = document.errors[0];
  const offset = error?.pos[0] ?? aliasedDescription(document);
  if (offset === undefined) return block;
  const start = block.lastIndexOf("\n", offset) + 1;
  const line = lineAt(block, start, offset);
  const match = /^(["']?)([\w-]+)\1:\s*(.*)$/.exec(line);
  const key = match?.[2];
  const value = match?.[3]?.trim();
  if (!key || !value || !prose.has(key) || isBlockHeader(value)) return block;
  const colon = error?.code === "BLOCK_AS_IMPLICIT_KEY" && value.includes(": ");
  if (key !== "description" && !colon) return block;
  const owns = (pair: Pair) =>
    isScalar(pair.key) && pair.key.value === key && keyStart(pair) === start;
  if (!topLevel(document).some(owns)) return block;
  const quoted = `${key}: ${JSON.stringify(unquote(value))}`;
  return block.slice(0, start) + quoted + block.slice(start + line.length);
}

function isBlockHeader(value: string): boolean {
  return /^[|>]([1-9]?[+-]?|[+-][1-9])$/.test(value);
}

/** `description: *text* …` is an alias to YAML. */
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
