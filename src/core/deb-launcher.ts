import { quote } from "./launcher.ts";

/** What a launcher in a tree of Debian packages starts. Every path is relative to the tree. */
export interface DebLauncher {
  /** Its own place. */
  readonly place: string;
  readonly loader: string;
  /** The directory of libraries, where no other is looked up first. */
  readonly libraries: string;
  /** The program and what goes before the user's arguments; `{root}` is the tree. */
  readonly command: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly fallbacks: readonly Fallback[];
}

/** A directory of the C library's for images that have none: ours must not hide what they have. */
export interface Fallback {
  readonly variable: string;
  /** Absolute: where the library looks by itself. */
  readonly system: string;
  readonly own: string;
}

/**
 * The sh text of a launcher. It finds the tree from its own place, so that a volume works wherever it
 * is mounted; the loader is told where the libraries are, and nothing of it reaches what the program
 * itself starts.
 */
export function renderDebLauncher(launcher: DebLauncher): string {
  const { place, loader, libraries, command, env, fallbacks } = launcher;
  const end = quote(`/${place}`);
  const variables = Object.entries(env).map(
    ([name, value]) => `[ -n "\${${name}+x}" ] || export ${name}=${word(value)}\n`,
  );
  const [program = "", ...args] = command.map(word);
  const options = `--inhibit-cache --library-path ${word(`{root}/${libraries}`)} --argv0 "$0"`;
  return `#!/bin/sh
self=$0
[ ! -h "$self" ] || self=$(readlink -f -- "$self")
case $self in /*${end}) ;; *) self=$(readlink -f -- "$self") ;; esac
root=\${self%${end}}
${[...variables, ...fallbacks.map(fallbackLine)].join("")}exec ${word(`{root}/${loader}`)} ${options} ${[program, ...args].join(" ")} "$@"
`;
}

function fallbackLine({ variable, system, own }: Fallback): string {
  const value = word(`{root}/${own}`);
  return `[ -n "\${${variable}+x}" ] || [ -d ${quote(system)} ] || export ${variable}=${value}\n`;
}

/** One word of sh, with the tree in the place of `{root}`. */
function word(text: string): string {
  const parts = text.split("{root}").map((part) => (part === "" ? "" : quote(part)));
  return parts.join('"$root"') || "''";
}
