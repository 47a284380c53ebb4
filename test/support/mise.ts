/** mise, from the machine's npm registry, configured as its documentation says for plain URLs. */
import { execFileSync } from "node:child_process";
import { mkdirSync } from "node:fs";
import { join } from "node:path";

const miseVersion = "2026.9.15";

/** What one of its tools is fetched from. */
export interface MiseTool {
  readonly tool: string;
  readonly version: string;
  readonly url: string;
  readonly sha256: string;
  /** The directory of the programs, in the archive without its top directory; absent: its root. */
  readonly binPath?: string;
}

/** Brings the pinned version into an existing directory, and gives the program's path. */
export function fetchMise(into: string): string {
  const name = `@jdxcode/mise-linux-x64@${miseVersion}`;
  const shown = execFileSync("npm", ["pack", "--silent", name], {
    cwd: into,
    encoding: "utf8",
    stdio: ["ignore", "pipe", "pipe"],
  });
  const file = shown.trim().split("\n").at(-1) ?? "";
  execFileSync("tar", ["-xzf", file, "package/bin/mise"], { cwd: into });
  return join(into, "package", "bin", "mise");
}

/** The `[tools]` of its configuration: the http backend, with checksums. */
export function miseConfig(tools: readonly MiseTool[]): string {
  const lines = tools.map(({ tool, version, url, sha256, binPath }) => {
    const bin = binPath === undefined ? {} : { bin_path: binPath };
    const fields = { version, url, checksum: `sha256:${sha256}`, ...bin };
    const text = Object.entries(fields).map(([key, value]) => `${key} = "${value}"`);
    return `"http:${tool}" = { ${text.join(", ")}, strip_components = 1 }`;
  });
  return `[tools]\n${lines.join("\n")}\n`;
}

/** Its data in the volume; cache, state and configuration in the container's own directory. */
export function miseEnv(volume: string, outside: string, config: string): Record<string, string> {
  mkdirSync(outside, { recursive: true });
  return {
    PATH: process.env.PATH ?? "",
    HOME: outside,
    TMPDIR: outside,
    MISE_DATA_DIR: volume,
    MISE_CACHE_DIR: join(outside, "cache"),
    MISE_STATE_DIR: join(outside, "state"),
    MISE_CONFIG_DIR: join(outside, "config"),
    MISE_GLOBAL_CONFIG_FILE: config,
    MISE_YES: "1",
    MISE_JOBS: "8",
  };
}
