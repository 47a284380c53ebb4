import { posix } from "node:path";
import { parsePipRequirementsLine, RequirementsSyntaxError } from "pip-requirements-js";
import { normalName } from "../locks/wheel-tags.ts";
import type { LibraryDeclaration, Refusal } from "./declaration.ts";

/** Reads a file beside the one that names it; undefined if there is none. Paths are relative to the skill. */
export type ReadFile = (path: string) => string | undefined;

/** As deep as `-r` is followed. */
const maxDepth = 5;

interface Walk {
  readonly read: ReadFile;
  readonly names: Set<string>;
  readonly requirements: string[];
  readonly constraints: string[];
  readonly refused: Refusal[];
  readonly ignored: Refusal[];
  readonly seen: Set<string>;
}

/**
 * Reads a requirements.txt with what it includes (`-r`, `-c`), by pip's rules. Indexes are the machine's own, so
 * options that name others are ignored; addresses, paths, editable installs and source builds are refused.
 */
export function readRequirements(text: string, file: string, read: ReadFile): LibraryDeclaration {
  const walk: Walk = {
    read,
    names: new Set(),
    requirements: [],
    constraints: [],
    refused: [],
    ignored: [],
    seen: new Set([file]),
  };
  readLines(text, { file, kind: "requirements", depth: 0 }, walk);
  const { names, requirements, constraints, refused, ignored } = walk;
  return {
    language: "python",
    file,
    names: [...names].sort(),
    requirements,
    constraints,
    refused,
    ignored,
  };
}

/** Checks one requirement of PEP 508; its normalized name, or why it is refused. */
export function checkRequirement(text: string): { name: string } | { reason: string } {
  // The parser takes the rest for a comment, which pip does not without a space before it.
  if (text.includes("#")) return { reason: whyNoRequirement(text) };
  try {
    // The parser does not know arbitrary equality (PEP 440): `===` and any text.
    const parsed = parsePipRequirementsLine(text.replace(/===\s*[^\s;,)]+/g, "==0"));
    if (parsed?.type === "ProjectName") return { name: normalName(parsed.name) };
    return { reason: "it is an address, and only packages of an index can be pinned" };
  } catch (error) {
    if (!(error instanceof RequirementsSyntaxError)) throw error;
    return { reason: whyNoRequirement(text) };
  }
}

/** The file that is read, what its lines are, and how many files have included it. */
interface Location {
  readonly file: string;
  readonly kind: "requirements" | "constraints";
  readonly depth: number;
}

function readLines(text: string, location: Location, walk: Walk): void {
  const { file } = location;
  if (text.includes("\0")) {
    walk.refused.push({ file, text: "", reason: "it is not text in UTF-8" });
    return;
  }
  for (const { line, text: written } of logicalLines(text)) {
    const reason = readLine(written, location, walk);
    if (reason !== undefined) walk.refused.push({ file, line, text: written, reason });
    const [option = ""] = written.split(/[ =]/, 1);
    if (!addresses.includes(option)) continue;
    const why = "packages come from the indexes here";
    walk.ignored.push({ file, line, text: option, reason: why });
  }
}

/** Why the line is refused; undefined if it was used. */
function readLine(written: string, location: Location, walk: Walk): string | undefined {
  const option = /^(--?[a-z-]+)(?:[ =]\s*|(?<=^-[a-z]))(.*)$/i.exec(`${written} `);
  if (written.startsWith("-")) {
    const [, name = written, value = ""] = option ?? [];
    return readOption(name, value.trim(), location, walk);
  }
  // pip's own: `--hash` may follow, other options of one requirement concern source builds.
  const [requirement = "", ...options] = written.split(/\s+(?=--[a-z])/);
  const other = options.find((each) => !/^--hash[= ]sha(256|384|512):[0-9a-f]+$/.test(each));
  if (other !== undefined) return `${other.split(/[ =]/, 1)} concerns builds from source`;
  const checked = checkRequirement(requirement);
  if ("reason" in checked) return checked.reason;
  walk[location.kind].push([requirement.trim(), ...options].join(" "));
  if (location.kind === "requirements") walk.names.add(checked.name);
  return undefined;
}

/** Options that say where packages come from, which is the machine's business. */
const addresses = "-i --index-url --pypi-url --extra-index-url -f --find-links --no-index".split(
  " ",
);
/** And those that ask for what is the case anyway. */
const ignored =
  "--trusted-host --prefer-binary --only-binary --require-hashes --pre --use-feature".split(" ");

function readOption(
  name: string,
  value: string,
  location: Location,
  walk: Walk,
): string | undefined {
  if (name === "-r" || name === "--requirement") return include(value, location, walk);
  if (name === "-c" || name === "--constraint")
    return include(value, { ...location, kind: "constraints" }, walk);
  if (name === "-e" || name === "--editable")
    return "editable installs are not packages of an index";
  if (name === "--no-binary") return "packages are never built from source";
  return [...addresses, ...ignored].includes(name) ? undefined : `${name} is not known`;
}

function include(path: string, { file, kind, depth }: Location, walk: Walk): string | undefined {
  if (/^[a-z+]+:/i.test(path)) return "it is an address, and not a file of the skill";
  const target = posix.normalize(posix.join(posix.dirname(file), path));
  if (posix.isAbsolute(path) || target.startsWith("../")) return "it is outside the skill";
  if (walk.seen.has(target)) return undefined;
  if (depth >= maxDepth) return "files are nested too deeply";
  const text = walk.read(target);
  if (text === undefined) {
    return `${target} is not read; only requirements*.txt and constraints*.txt beside SKILL.md and in scripts/ are`;
  }
  walk.seen.add(target);
  readLines(text, { file: target, kind, depth: depth + 1 }, walk);
  return undefined;
}

function whyNoRequirement(text: string): string {
  if (/^[a-z+]+:\/\//i.test(text)) {
    return "it is an address, and only packages of an index can be pinned";
  }
  if (/^(\.{0,2}\/|file:)|\.(whl|zip|tar\.gz)\s*$/i.test(text)) {
    return "it is a path, and only packages of an index can be pinned";
  }
  return "it is not a requirement";
}

interface Line {
  /** 1-based: where it begins. */
  readonly line: number;
  readonly text: string;
}

/** Lines as pip joins them: continued by a backslash, without comments and empty ones. */
function logicalLines(text: string): Line[] {
  const lines: Line[] = [];
  let open: Line | undefined;
  for (const [i, physical] of text.split(/\r\n|\r|\n/).entries()) {
    const isComment = /^\s*#/.test(physical);
    const begun: Line = open ?? { line: i + 1, text: "" };
    const continues = physical.endsWith("\\") && !isComment;
    const joined = `${begun.text}${isComment ? "" : physical.replace(/\\$/, "")}`;
    open = continues ? { ...begun, text: joined } : undefined;
    if (!continues) lines.push({ ...begun, text: joined.replace(/(^|\s)#.*$/, "").trim() });
  }
  if (open) lines.push({ ...open, text: open.text.trim() });
  return lines.filter((each) => each.text !== "");
}
