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
exec "$root"/${quote(`bin/${bin.runtime}`)} "$root"/${quote(bin.path)} "$@"
`;
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
