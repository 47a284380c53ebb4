/**
 * Reads the plain kind of YAML: mappings and lists by indentation, JSON, texts in one line, and block texts.
 * Whatever might mean something else in YAML is not read. A YAML parser takes longer to load than all else
 * that an answer to OpenClaw's install policy needs, and ten times as long for a file.
 */
import { orNothing } from "../or-nothing.ts";

type Value = unknown;
/** Lines that are not read yet. */
interface Ahead {
  readonly lines: readonly { readonly indent: number; readonly text: string }[];
  at: number;
}

const field = /^([A-Za-z][\w-]*):(?: +(.*))?$/;
/** A plain scalar that YAML takes literally: no indicator at its start, no `: `, no ` #`. */
const plain = /^[A-Za-z0-9(/\u00c0-\uffff](?:[^\s:#]|[ ]+(?![ #]|$)|:(?=[^\s])|(?<=\S)#)*$/;
const singleQuoted = /^'(?:[^'\t]|'')*'$/;
/** What YAML takes for a number or nothing, or what a newer or older version does. */
const special = /^(null|[-+.]?\d[\d._:eExXoO+-]*|[\d.]+[eE].*|0[xo].*)$/i;
/** Three numbers are none: a version. */
const version = /^\d+\.\d+\.\d+$/;
const word = /^[A-Za-z][\w.+-]*$/;
const maxKey = 200;
const maxText = 1000;
const maxDepth = 50;

/** Not one of YAML's documents, or not of the plain kind. */
class NotPlain extends Error {}

/** The mapping in a block of YAML; undefined if it is not of the plain kind. */
export function parsePlainYaml(block: string): Readonly<Record<string, Value>> | undefined {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: what is not certain in YAML
  const odd = /[\u0000-\u0008\u000e-\u001f\u007f-\u009f\ufffd]|[^\S \n]|^---|^\.\.\.| $/m;
  if (odd.test(block)) return undefined;
  const lines = block
    .split("\n")
    .map((text) => ({ indent: text.search(/[^ ]|$/), text: text.trimStart() }));
  return orNothing(() => {
    const ahead: Ahead = { lines, at: 0 };
    const map = readMap(ahead, 0, 0);
    return ahead.at === lines.length ? map : undefined;
  });
}

function readMap(ahead: Ahead, indent: number, depth: number): Record<string, Value> {
  if (depth > maxDepth) throw new NotPlain();
  const map: Record<string, Value> = {};
  for (let line = ahead.lines[ahead.at]; line?.indent === indent; line = ahead.lines[ahead.at]) {
    const [, key = "", rest = ""] = field.exec(line.text) ?? [];
    if (key === "" || key.length > maxKey || special.test(key) || Object.hasOwn(map, key))
      throw new NotPlain();
    ahead.at += 1;
    map[key] = rest === "" ? readBelow(ahead, indent, depth) : readInline(rest, ahead, indent);
  }
  return map;
}

/** The value of a key that has none on its line: a list may be as far to the left as the key. */
function readBelow(ahead: Ahead, indent: number, depth: number): Value {
  const next = ahead.lines[ahead.at];
  if (next?.text.startsWith("- ") && next.indent >= indent)
    return readList(ahead, next.indent, depth + 1);
  if (!next || next.text === "" || next.indent <= indent) throw new NotPlain();
  if (next.text.startsWith("{")) return readJsonBelow(ahead, next.indent, indent);
  return readMap(ahead, next.indent, depth + 1);
}

function readList(ahead: Ahead, indent: number, depth: number): Value[] {
  if (depth > maxDepth) throw new NotPlain();
  const items: Value[] = [];
  for (let line = ahead.lines[ahead.at]; line?.indent === indent; line = ahead.lines[ahead.at]) {
    if (!/^- [^ -]/.test(line.text)) break;
    const text = line.text.slice(2);
    if (field.test(text)) {
      const lines = [...ahead.lines];
      lines[ahead.at] = { indent: indent + 2, text };
      const inner: Ahead = { lines, at: ahead.at };
      items.push(readMap(inner, indent + 2, depth + 1));
      ahead.at = inner.at;
    } else {
      ahead.at += 1;
      items.push(readFlow(text));
    }
  }
  return items;
}

function readInline(rest: string, ahead: Ahead, indent: number): Value {
  return /^[>|]-?$/.test(rest) ? readBlockText(rest, ahead, indent) : readFlow(rest);
}

/** `>` joins lines by a blank, or by line feeds where lines are empty; `-` removes the last line feed. */
function readBlockText(header: string, ahead: Ahead, indent: number): string {
  const first = ahead.lines[ahead.at];
  if (!first || first.text === "" || first.indent <= indent) throw new NotPlain();
  const texts: string[] = [];
  for (let line = ahead.lines[ahead.at]; line; line = ahead.lines[ahead.at]) {
    if (line.text !== "" && line.indent <= indent) break;
    if (line.text !== "" && line.indent !== first.indent) throw new NotPlain();
    texts.push(line.text);
    ahead.at += 1;
  }
  while (texts.at(-1) === "") texts.pop();
  const text = texts.join("\n");
  const joined = header.startsWith(">") ? text.replace(/\n+/g, fold) : text;
  return header.endsWith("-") ? joined : `${joined}\n`;
}

const fold = (feeds: string): string => (feeds.length === 1 ? " " : feeds.slice(1));

function readJsonBelow(ahead: Ahead, indent: number, outer: number): Value {
  const texts: string[] = [];
  for (
    let line = ahead.lines[ahead.at];
    line && line.indent > outer;
    line = ahead.lines[ahead.at]
  ) {
    if (line.text === "" || line.indent < indent) throw new NotPlain();
    texts.push(line.text);
    ahead.at += 1;
  }
  return readJson(texts.join("\n"));
}

/** A value in one line. */
function readFlow(text: string): Value {
  if (text.startsWith("{")) return readJson(text);
  if (text.startsWith("[")) return readFlowList(text);
  return readScalar(text);
}

function readScalar(text: string): Value {
  if (text.length > maxText) throw new NotPlain();
  if (text.startsWith('"')) return textOf(JSON.parse(text));
  if (singleQuoted.test(text)) return text.slice(1, -1).replaceAll("''", "'");
  if (text === "true" || text === "false") return text === "true";
  if (version.test(text)) return text;
  if (!plain.test(text) || special.test(text) || /^(true|false)$/i.test(text)) throw new NotPlain();
  return text;
}

function textOf(value: unknown): string {
  if (typeof value !== "string") throw new NotPlain();
  return value;
}

function readFlowList(text: string): Value[] {
  const inside = text.slice(1, -1).trim();
  if (!text.endsWith("]") || /[[\]{}#]/.test(inside)) throw new NotPlain();
  if (inside === "") return [];
  return inside.split(",").map((part) => {
    const item = part.trim();
    if (item.startsWith('"')) return textOf(JSON.parse(item));
    if (!word.test(item) || special.test(item) || /^(true|false)$/i.test(item))
      throw new NotPlain();
    return item;
  });
}

/** A string of JSON, or a comma between a value and a closing bracket, which YAML allows. */
const stringOrComma = /"(?:[^"\\]|\\.)*"|(?<=["\w}\]]\s*),(?=\s*[}\]])/g;
/** Strings of JSON; those before a colon are keys. */
const strings = /"(?:[^"\\]|\\.)*"(\s*:)?/g;

/** An object in JSON, in which no key comes twice. */
function readJson(text: string): Value {
  const strict = text.replace(stringOrComma, (part) => (part === "," ? "" : part));
  const value: unknown = JSON.parse(strict);
  const keys = [...strict.matchAll(strings)].filter(([, colon]) => colon !== undefined);
  if (keys.some(([key]) => key.length > maxKey) || countKeys(value) !== keys.length)
    throw new NotPlain();
  return value;
}

function countKeys(value: unknown): number {
  if (typeof value !== "object" || value === null) return 0;
  const items = Object.values(value);
  const own = Array.isArray(value) ? 0 : items.length;
  return items.reduce((sum: number, item) => sum + countKeys(item), own);
}
