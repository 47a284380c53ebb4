import { sha256Hex } from "./digest.ts";
import { librariesPrefix } from "./layout.ts";
import { nameSome } from "./wording.ts";

/*
 * A library set: what the dependency files of one skill need in one language on one interpreter line. It is
 * installed as a tool without programs. Scripts find its tree by the digest of the dependency files, so the rules
 * for these files are the same in entrypoint/libraries/.
 */

/** Of Python the `sys.implementation.cache_tag`; packages of Node fit every Node. */
export type LibraryLine = `cpython-${number}` | "node";

/** What the resolver of a language is given, and the identity of the result. */
export interface LibrarySet {
  readonly kind: "libraries";
  readonly language: "python" | "node";
  readonly line: LibraryLine;
  /** Of the dependency files: 64 hexadecimal digits. */
  readonly digest: string;
  /** The first of the files that declare it, relative to the skill: `requirements.txt`, `scripts/x.py`. */
  readonly file: string;
  /** Normalized names of what it requires directly, sorted. */
  readonly names: readonly string[];
  /** Python: lines of pip's own syntax, with `--hash`. Node: `name@range`. */
  readonly requirements: readonly string[];
  readonly constraints: readonly string[];
  /** Node: the texts of package.json and of the lock files beside it, by name. Python: none. */
  readonly files: Readonly<Record<string, string>>;
}

/** The tool's name, which has one installation: another content of the files is another set. */
export function librariesTool({ digest, line }: Pick<LibrarySet, "digest" | "line">): string {
  return `${librariesPrefix}${digest.slice(0, 16)}-${line}`;
}

/** The line of a library set's tool; undefined for any other name. */
export function lineOfTool(tool: string): LibraryLine | undefined {
  const [, line] = /^libraries-[0-9a-f]{16}-(cpython-3\d{1,2}|node)$/.exec(tool) ?? [];
  return line as LibraryLine | undefined;
}

/** A tool's name, or what people read in place of it for a library set. */
export function titleOfTool(tool: string): string {
  return lineOfTool(tool) === undefined ? tool : titleOfSet(tool);
}

/** What people read in place of a library set's name: `Python 3.11 packages of mail`, `Node packages`. */
export function titleOfSet(tool: string, skills: readonly string[] = []): string {
  const python = pythonOfLine(lineOfTool(tool) ?? "node");
  const what = python === undefined ? "Node packages" : `Python ${python} packages`;
  return skills.length === 0 ? what : `${what} of ${nameSome(skills, 3)}`;
}

/** `3.11` of `cpython-311`. */
export function pythonOfLine(line: LibraryLine): string | undefined {
  const [, minor] = /^cpython-3(\d+)$/.exec(line) ?? [];
  return minor && `3.${minor}`;
}

/** Where dependency files count, relative to the skill; the empty one is the skill's own directory. */
export const dependencyDirs = ["", "scripts/"] as const;

/**
 * Which files beside SKILL.md and in `scripts/` are dependency files of Python. They are regular files, no links;
 * with more files or a larger one there is no set.
 */
export const pythonFile = /^(?:(?:requirements|constraints)[A-Za-z0-9._-]*\.txt|pyproject\.toml)$/;
export const maxPythonFiles = 16;
/** Of Node, in each of the two directories on its own. */
export const nodeFiles = [
  "package.json",
  "package-lock.json",
  "npm-shrinkwrap.json",
  "yarn.lock",
  "pnpm-lock.yaml",
] as const;
/** Of a file (bytes). */
export const maxFileBytes = 64 * 1024;
/** Of a lock file beside package.json (bytes). */
export const maxLockBytes = 4 * 1024 * 1024;
/** Of a script whose inline metadata counts (bytes). */
export const maxScriptBytes = 1024 * 1024;

/** A part of what a digest covers: its name and its bytes. */
export interface DigestPart {
  readonly name: string;
  readonly bytes: Uint8Array;
}

/** The digest of dependency files. */
export function digestOfFiles(language: "python" | "node", parts: readonly DigestPart[]): string {
  return sha256Hex(digestedBytes(language, parts));
}

/** What the digest of dependency files covers: they, in the order of their names' bytes. */
export function digestedBytes(language: "python" | "node", parts: readonly DigestPart[]): Buffer {
  const sorted = [...parts].sort((a, b) =>
    Buffer.compare(Buffer.from(a.name), Buffer.from(b.name)),
  );
  const bytes = sorted.flatMap((part) => [
    Buffer.from(`${part.name}\n${part.bytes.length}\n`),
    part.bytes,
    Buffer.from("\n"),
  ]);
  return Buffer.concat([Buffer.from(`openclaw-libraries 1 ${language}\n`), ...bytes]);
}

/** The digest of a script's inline metadata; `block` is from `# /// script` to `# ///`, with LF, without the last. */
export function digestOfScript(block: string): string {
  return sha256Hex(`openclaw-libraries 1 script\n${block}\n`);
}
