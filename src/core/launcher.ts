import type { InstalledBin } from "./manifest.ts";

/**
 * The sh text of `bin/NAME` for a program that a runtime of the volume starts. It finds the volume
 * relative to itself, so that a volume works at any mount point. It uses the volume's own runtime
 * because a sandbox image may have none. `path` and `runtime` are plain relative paths (checked
 * when recipes and manifests are parsed); they are quoted all the same.
 */
export function renderLauncher(bin: InstalledBin & { runtime: string }): string {
  return `${head}[ ! -h "$self" ] || self=$(readlink -f -- "$self")
case $self in */*) root=\${self%/*}/.. ;; *) root=.. ;; esac
exec ${[`"$root"/${quote(`bin/${bin.runtime}`)}`, ...runtimeFlags(bin)].join(" ")} "$root"/${quote(bin.path)} "$@"
`;
}

/**
 * The runtime's options before the program's path. Python must load modules only from the tree: not
 * from PYTHONPATH, the packages of the user (an agent), or the program's own directory. It must not
 * write bytecode into a published tree.
 */
export function runtimeFlags({ runtime }: Pick<InstalledBin, "runtime">): readonly string[] {
  return runtime === "python3" ? ["-I", "-B"] : [];
}

const head = `#!/bin/sh
self=$0
`;

/** True for the text of a launcher, of this or an earlier version. */
export function isLauncher(text: string): boolean {
  return text.startsWith(head);
}

/** Quotes any text as one word of sh. */
export function quote(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

/** One word of a shell command for users: quoted only if necessary. */
export function shellWord(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : quote(text);
}
