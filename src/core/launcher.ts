import type { InstalledBin } from "./manifest.ts";

/**
 * The sh text of `bin/NAME` for a program that a runtime of the volume starts. It finds the volume
 * from its own place, so that a volume works wherever it is mounted, and it uses the volume's own
 * runtime because a sandbox image may have none. `path` and `runtime` are plain relative paths
 * (checked when recipes and manifests are parsed); they are quoted all the same.
 */
export function renderLauncher(bin: InstalledBin & { runtime: string }): string {
  return `${head}[ ! -h "$self" ] || self=$(readlink -f -- "$self")
case $self in */*) root=\${self%/*}/.. ;; *) root=.. ;; esac
exec ${[`"$root"/${quote(`bin/${bin.runtime}`)}`, ...runtimeFlags(bin)].join(" ")} "$root"/${quote(bin.path)} "$@"
`;
}

/**
 * What a runtime is told before the program's path. Python must take modules from nowhere else:
 * neither PYTHONPATH nor packages of the user, who is an agent, nor the program's own directory. And
 * it must write no bytecode into a published tree.
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

/** One word of sh, whatever it holds. */
export function quote(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

/** As one word of a command line that a person types: quoted only where it must be. */
export function shellWord(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : quote(text);
}
