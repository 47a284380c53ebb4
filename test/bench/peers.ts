import { execFileSync } from "node:child_process";
import { mkdirSync, realpathSync } from "node:fs";
import { join } from "node:path";
import { buildSync } from "esbuild";
import { fetchMise } from "../support/mise.ts";

/** Peers of pinned versions. */
export interface Peers {
  readonly mise: string;
  readonly dotslash: string;
  /** Scripts for Node, bundled as ours is. */
  readonly toolCache: string;
  readonly plain: string;
  /** Name to version. */
  readonly versions: Readonly<Record<string, string>>;
}

const dotslashVersion = "0.5.8";
const toolCacheVersion = "4.0.0";

/** Brings the peers from the machine's npm registry. Their install scripts are not run. */
export function fetchPeers(dir: string): Peers {
  mkdirSync(dir);
  const names = [`fb-dotslash@${dotslashVersion}`, `@actions/tool-cache@${toolCacheVersion}`];
  const quiet = ["--silent", "--no-audit", "--no-fund", "--ignore-scripts"];
  execFileSync("npm", ["install", ...quiet, "--prefix", dir, ...names], {
    stdio: ["ignore", "ignore", "inherit"],
  });
  const modules = join(dir, "node_modules");
  const mise = fetchMise(dir);
  const shown = execFileSync(mise, ["--version"], { encoding: "utf8" });
  return {
    mise,
    dotslash: realpathSync(join(modules, "fb-dotslash/bin/linux-musl.x86_64/dotslash")),
    toolCache: bundle("tool-cache.mjs", dir, modules),
    plain: bundle("plain.ts", dir, modules),
    versions: {
      mise: /\d+\.\d+\.\d+/.exec(shown)?.[0] ?? "",
      DotSlash: dotslashVersion,
      "@actions/tool-cache": toolCacheVersion,
    },
  };
}

function bundle(script: string, dir: string, modules: string): string {
  const outfile = join(dir, `${script}.cjs`);
  buildSync({
    entryPoints: [join(import.meta.dirname, script)],
    bundle: true,
    platform: "node",
    format: "cjs",
    nodePaths: [modules],
    external: ["@aws-sdk/client-s3"],
    minifySyntax: true,
    minifyWhitespace: true,
    logLevel: "error",
    outfile,
  });
  return outfile;
}
