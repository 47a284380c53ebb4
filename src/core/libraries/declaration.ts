import { shownText } from "../shown-url.ts";

/**
 * The Python or Node packages that a skill's scripts import, as its dependency files declare them. Foreign text:
 * it is used only if the operator allows it.
 */
export interface LibraryDeclaration {
  readonly language: "python" | "node";
  /** The file that declares them, relative to the skill's directory: `requirements.txt`, `scripts/x.py`. */
  readonly file: string;
  /** Normalized names of what it requires directly, sorted. */
  readonly names: readonly string[];
  /** What the language's own resolver is given, one per line: `requests[socks]>=2; python_version < "3.13"`. */
  readonly requirements: readonly string[];
  /** The same for versions that are only limited (`-c`). */
  readonly constraints: readonly string[];
  /** Lines that are not used, and why. Nothing of the declaration is installed while there are any. */
  readonly refused: readonly Refusal[];
  /** Options that change nothing, and why: the rest is installed all the same. */
  readonly ignored?: readonly Refusal[];
}

/** A line of a dependency file that cannot be used. */
export interface Refusal {
  readonly file: string;
  /** 1-based; absent in files whose entries have no line. */
  readonly line?: number;
  readonly text: string;
  readonly reason: string;
}

/** One that declares nothing. */
export function emptyDeclaration<Language extends "python" | "node">(
  language: Language,
  file: string,
) {
  const none = { names: [], requirements: [], constraints: [], refused: [] };
  return { language, file, ...none } satisfies LibraryDeclaration;
}

/** `requirements.txt:3: git+https://…: it is an address, …`; without a password or a query, which may be a token. */
export function describeRefusal({ file, line, text, reason }: Refusal): string {
  const place = line === undefined ? file : `${file}:${line}`;
  return text === ""
    ? `${place}: ${reason}`
    : `${place}: ${JSON.stringify(shownText(text))}: ${reason}`;
}

/** The dependency files of one skill, and its Python scripts. */
export interface DependencyFiles {
  /** By path relative to the skill, with `/`: only beside SKILL.md and in `scripts/`. */
  readonly files: ReadonlyMap<string, Uint8Array>;
  /** Files with such names that may not be read: links, other things than files, too large ones. */
  readonly refused: readonly Refusal[];
}
