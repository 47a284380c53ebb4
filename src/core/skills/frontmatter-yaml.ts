import {
  isAlias,
  isCollection,
  isMap,
  isPair,
  isScalar,
  type LineCounter,
  parseDocument,
} from "yaml";

export type ParsedYaml = ReturnType<typeof parseDocument>;

/** Reading an alias searches all others, so their number is limited. Real files have few. */
const maxAliases = 1000;
/** Brackets open at once. Real files have few; the parser's stack holds fewer. */
const maxOpen = 10_000;
/** Characters of a value as JSON, with aliases expanded. */
const maxJson = 16 * 1024 * 1024;

/**
 * Parses YAML as OpenClaw does, in time linear to its length: the parser's own check for duplicate
 * keys compares each key with every other.
 */
export function parseYaml(block: string, lineCounter?: LineCounter): ParsedYaml {
  // The parser would take a second until its stack overflows.
  if (openBrackets(block) > maxOpen) throw new Error("it is nested too deeply");
  const document = parseDocument(block, {
    schema: "core",
    prettyErrors: false,
    logLevel: "error",
    uniqueKeys: false,
    ...(lineCounter && { lineCounter }),
  });
  const { repeated, aliases } = state(document.contents);
  if (aliases > maxAliases) throw new Error(`it has more than ${maxAliases} aliases (*NAME)`);
  const first = document.errors[0]?.pos[0] ?? Number.POSITIVE_INFINITY;
  if (repeated < first) {
    const error = { code: "DUPLICATE_KEY", message: "Map keys must be unique" };
    document.errors.unshift({ ...error, pos: [repeated, repeated + 1] } as never);
  }
  return document;
}

function openBrackets(block: string): number {
  let open = 0;
  let most = 0;
  for (let i = 0; i < block.length; i += 1) {
    const code = block.charCodeAt(i) | 0x20; // [ and { differ in this bit, and so do ] and }
    if (code === 0x7b) open += 1;
    else if (code === 0x7d) open -= 1;
    if (open > most) most = open;
  }
  return most;
}

interface Seen {
  /** The offset of the first duplicate key; infinite if there is none. */
  repeated: number;
  aliases: number;
}

/** Visits every node once, without recursion. */
function state(root: unknown): Seen {
  const seen: Seen = { repeated: Number.POSITIVE_INFINITY, aliases: 0 };
  const ahead: unknown[] = [root];
  while (ahead.length > 0) {
    const node = ahead.pop();
    if (isAlias(node)) seen.aliases += 1;
    else if (isPair(node)) ahead.push(node.key, node.value);
    else if (isCollection(node)) {
      if (isMap(node)) seen.repeated = Math.min(seen.repeated, firstRepeated(node.items));
      for (const item of node.items) ahead.push(item);
    }
  }
  return seen;
}

function firstRepeated(pairs: readonly { readonly key: unknown }[]): number {
  const keys = new Set<unknown>();
  for (const { key } of pairs) {
    // Only scalars can be equal keys; NaN does not even equal itself.
    if (!isScalar(key) || Number.isNaN(key.value)) continue;
    if (keys.has(key.value)) return key.range?.[0] ?? 0;
    keys.add(key.value);
  }
  return Number.POSITIVE_INFINITY;
}

/** A structure as JSON; undefined if it is infinite or too long. */
export function jsonOf(value: object): string | undefined {
  try {
    return lengthOf(value, new Map()) > maxJson ? undefined : JSON.stringify(value);
  } catch {
    return undefined; // nested too deeply for the stack
  }
}

/** The approximate length of a structure as JSON. Shared parts are measured once. */
function lengthOf(value: unknown, known: Map<object, number>): number {
  if (typeof value === "string") return value.length + 3;
  if (typeof value !== "object" || value === null) return 5;
  const before = known.get(value);
  if (before !== undefined) return before;
  known.set(value, Number.POSITIVE_INFINITY); // a structure that contains itself has infinite length
  let length = 2;
  for (const [key, item] of Object.entries(value)) length += key.length + 4 + lengthOf(item, known);
  known.set(value, length);
  return length;
}
