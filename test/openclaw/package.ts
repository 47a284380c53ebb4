/**
 * The real OpenClaw, from the machine's npm registry. It is kept in the user's cache directory (650 MB),
 * and is no dependency of ours.
 */
import { existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { dirname, join } from "node:path";
import { isAtLeast } from "../../src/core/platform.ts";
import { host } from "../containers/host.ts";

const version = "2026.9.6";

/** The path of OpenClaw's command. Throws with the reason where it is not available. */
export async function fetchOpenClaw(): Promise<string> {
  if (!isAtLeast(process.versions.node, "24.16")) {
    throw new Error(`OpenClaw ${version} needs Node 24.16, this is ${process.version}`);
  }
  const cache = process.env.XDG_CACHE_HOME || join(homedir(), ".cache");
  const kept = join(cache, "openclaw-install-skill-deps", `openclaw-${version}`);
  const command = join(kept, "node_modules/openclaw/openclaw.mjs");
  if (existsSync(command)) return command;
  mkdirSync(dirname(kept), { recursive: true });
  const staging = `${kept}.${process.pid}`;
  mkdirSync(staging);
  try {
    // Without this file npm would install into a project further up.
    writeFileSync(join(staging, "package.json"), '{ "private": true }\n');
    const quiet = ["--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"];
    const brief = ["--fetch-retry-mintimeout=1000", "--fetch-retry-maxtimeout=5000"];
    const { exitCode, stderr } =
      await host`npm install --prefix ${staging} ${[...quiet, ...brief]} openclaw@${version}`;
    if (exitCode !== 0) throw new Error(`npm install openclaw@${version}: ${stderr.slice(-1000)}`);
    renameSync(staging, kept);
  } finally {
    rmSync(staging, { recursive: true, force: true });
  }
  return command;
}
