/** Runs on one volume, with witnesses in the place of Node and of sha256sum that tell who answered. */
import { chmodSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathWithoutNode } from "../../support/without-node.ts";
import type { Catalogue, Finished, Volume } from "./stand.ts";

/** sh alone by what metadata say, sh alone that read the volume's files, or Node. */
export type Answer = "sh" | "sh, reads all" | "Node";

type WatchedRun = Finished & { readonly answer: Answer };

export interface Watched {
  run(...args: readonly string[]): Promise<WatchedRun>;
  /** The same in a container without Node. */
  runWithoutNode(...args: readonly string[]): Promise<WatchedRun>;
}

/** A run that takes longer (ms) hangs. */
const limit = 20_000;

interface Watch {
  readonly volume: Volume;
  readonly catalogue: Catalogue;
  /** For the witnesses. */
  readonly dir: string;
  /** Words that lead to where it runs. */
  readonly before: readonly string[];
}

export function watch({ volume, catalogue, dir, before }: Watch): Watched {
  const path = pathWithoutNode();
  const asked = witness(join(dir, "node"), process.execPath, "*");
  // Of the files that it is asked for, one that only the volume's trees have.
  const read = witness(join(dir, "sha256sum"), join(path, "sha256sum"), "*part-1*");
  const watched = async (node: string, args: readonly string[]): Promise<WatchedRun> => {
    const [asks, reads] = [asked(), read()];
    const env = { OPENCLAW_SKILL_DEPS_NODE: node, PATH: `${dir}:${path}` };
    const ran = await volume.run({ catalogue, args, env, before, limit });
    const alone = read() > reads ? "sh, reads all" : "sh";
    return { ...ran, answer: asked() > asks ? "Node" : alone };
  };
  return {
    run: (...args) => watched(join(dir, "node"), args),
    runWithoutNode: (...args) => watched("/nonexistent", args),
  };
}

/** Writes a program that does what another one does; gives how often its words were like a pattern. */
function witness(path: string, program: string, pattern: string): () => number {
  const log = `${path}.log`;
  writeFileSync(log, "");
  chmodSync(log, 0o666); // whoever runs
  const lines = [`case "$*" in ${pattern}) echo >>'${log}' ;; esac`, `exec '${program}' "$@"`];
  writeFileSync(path, `#!/bin/sh\n${lines.join("\n")}\n`);
  chmodSync(path, 0o755);
  return () => statSync(log).size;
}
