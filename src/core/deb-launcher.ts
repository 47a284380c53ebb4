import { quote } from "./launcher.ts";

/** The data of a launcher in a tree of Debian packages. Every path is relative to the tree. */
export interface DebLauncher {
  /** The launcher's own path. */
  readonly place: string;
  /** Absent: the system's own starts the program, so that /proc/self/exe names the program. */
  readonly loader?: string | undefined;
  /** The directory of libraries that is searched first; absent: the command is a launcher itself. */
  readonly libraries?: string;
  /** The program and the arguments before the user's own; `{root}` is the tree. */
  readonly command: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly fallbacks: readonly Fallback[];
}

/** A directory of data for the C library, used only if the image has none of its own. */
export interface Fallback {
  readonly variable: string;
  /** Absolute: where the library looks by default. */
  readonly system: string;
  readonly own: string;
}

/**
 * The sh text of a launcher. It finds the tree relative to itself, so that a volume works at any
 * mount point. The library path is an option of the loader, so that child processes do not inherit
 * it; with the system's loader it is a variable, which they do.
 */
export function renderDebLauncher(launcher: DebLauncher): string {
  const { place, loader, libraries, command, env, fallbacks } = launcher;
  const end = quote(`/${place}`);
  const own = word(`{root}/${libraries ?? ""}`);
  const options = `--inhibit-cache --library-path ${own} --argv0 "$0"`;
  const start = loader === undefined ? [] : [word(`{root}/${loader}`), options];
  const isInherited = loader === undefined && libraries !== undefined;
  const lines = [
    "#!/bin/sh",
    "self=$0",
    '[ ! -h "$self" ] || self=$(readlink -f -- "$self")',
    `case $self in /*${end}) ;; *) self=$(readlink -f -- "$self") ;; esac`,
    `root=\${self%${end}}`,
    ...Object.entries(env).map(
      ([name, value]) => `[ -n "\${${name}+x}" ] || export ${name}=${word(value)}`,
    ),
    ...fallbacks.map(fallbackLine),
    ...(isInherited
      ? [`export LD_LIBRARY_PATH=${own}"\${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}"`]
      : []),
    `exec ${[...start, ...command.map(word)].join(" ")} "$@"`,
  ];
  return `${lines.join("\n")}\n`;
}

function fallbackLine({ variable, system, own }: Fallback): string {
  const value = word(`{root}/${own}`);
  return `[ -n "\${${variable}+x}" ] || [ -d ${quote(system)} ] || export ${variable}=${value}`;
}

/** One word of sh, with `{root}` replaced by the tree. */
function word(text: string): string {
  const parts = text.split("{root}").map((part) => (part === "" ? "" : quote(part)));
  return parts.join('"$root"') || "''";
}
