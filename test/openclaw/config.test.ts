/**
 * What `config` prints, before the real OpenClaw: its `config validate`, and the check that it makes of
 * a sandbox's binds. OpenClaw comes from the machine's npm registry and is kept in the cache directory.
 */
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { homedir, tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { pathToFileURL } from "node:url";
import JSON5 from "json5";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { $ } from "zx";
import {
  type Host,
  openclawFragment,
  refusedSource,
  type Topology,
  topologies,
} from "../../src/core/topology.ts";
import { bundle } from "../support/workplace.ts";

const version = "2026.9.6";
const host = $({ quiet: true, nothrow: true });
const names = Object.keys(topologies) as Topology[];

let dir: string;
/** OpenClaw's package directory; undefined where it is not available. */
let openclaw: string | undefined;

beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), "openclaw-config-"));
  openclaw = await fetchOpenClaw().catch((error: unknown) => {
    process.stderr.write(`\nNOT TESTED with the real OpenClaw: ${error}\n\n`);
    return undefined;
  });
}, 900_000);
afterAll(() => rmSync(dir, { recursive: true, force: true }));

async function fetchOpenClaw(): Promise<string> {
  const cache = process.env.XDG_CACHE_HOME || join(homedir(), ".cache");
  const kept = join(cache, "openclaw-install-skill-deps", `openclaw-${version}`);
  const found = join(kept, "node_modules/openclaw");
  if (existsSync(found)) return found;
  const staging = `${kept}.${process.pid}`;
  mkdirSync(dirname(kept), { recursive: true });
  mkdirSync(staging);
  try {
    // Without this file npm would install into a project further up.
    writeFileSync(join(staging, "package.json"), '{ "private": true }\n');
    const quiet = ["--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"];
    const { exitCode, stderr } =
      await host`npm install --prefix ${staging} ${quiet} openclaw@${version}`;
    if (exitCode !== 0) throw new Error(`npm install openclaw@${version}: ${stderr.slice(-1000)}`);
    if (!existsSync(kept)) renameSync(staging, kept);
  } finally {
    rmSync(staging, { recursive: true, force: true });
  }
  return found;
}

/** `openclaw config validate --json` of a configuration. */
async function validate(text: string): Promise<{ valid: boolean; output: string }> {
  const home = mkdtempSync(join(dir, "home-"));
  const file = join(home, "openclaw.json");
  writeFileSync(file, text);
  const run = $({
    quiet: true,
    nothrow: true,
    env: { PATH: process.env.PATH, HOME: home, OPENCLAW_CONFIG_PATH: file },
  });
  const { exitCode, stdout, stderr } =
    await run`${process.execPath} ${openclaw}/openclaw.mjs config validate --json`;
  return { valid: exitCode === 0, output: stdout + stderr };
}

/** The object of the text form: from its heading to the next one. */
function fragmentOf(text: string): string {
  const [, after = ""] = text.split(/^\/\/ ---- openclaw\.json.*$/m);
  return after.split(/^# ----/m)[0] ?? "";
}

/** Every combination of what a place can be. */
function sites(): Host[] {
  const agent = { uid: 1000, gid: 1000 };
  const common = {
    state: "/home/u/.openclaw",
    packageDir: "/srv/package",
    npmPackage: "x",
    isPacked: false,
    agent,
  };
  return [true, false].flatMap((isExternal) =>
    [undefined, "registry.example/own:1"].flatMap((image) =>
      [true, false].flatMap((hasProfile) =>
        [true, false].map((isHost): Host => {
          const source = isExternal ? "/srv/volume" : "/home/u/.openclaw/workspace/volume";
          const named = image === undefined ? {} : { image };
          const hasLibraries = isHost;
          return { ...common, ...named, source, isExternal, hasProfile, hasLibraries, isHost };
        }),
      ),
    ),
  );
}

function variants(): string[] {
  const all = names.flatMap((topology) =>
    sites().map((site) => JSON5.stringify(openclawFragment(topology, site), null, 2)),
  );
  return [...new Set(all)];
}

describe("config", () => {
  test("every fragment that it can print is valid", async ({ skip }) => {
    if (openclaw === undefined) return skip("OpenClaw is not available here");
    const texts = variants();
    expect(texts.length).toBeGreaterThan(30);
    const invalid: string[] = [];
    for (let i = 0; i < texts.length; i += 2) {
      const pair = texts.slice(i, i + 2);
      const results = await Promise.all(pair.map(validate));
      results.forEach(({ valid, output }, n) => {
        if (!valid) invalid.push(`${pair[n]}\n${output}`);
      });
    }
    expect(invalid).toEqual([]);
  });

  test.each(names)("%s, as printed here, as text and as a document", async (topology) => {
    const run = $({ quiet: true, nothrow: true, env: { ...process.env, HOME: dir } });
    const words = ["config", topology, "--prefix", "/srv/volume"];
    const { stdout, exitCode } = await run`${process.execPath} ${bundle} ${words}`;
    expect(exitCode).toBe(0);
    const json = await run`${process.execPath} ${bundle} ${words} --json`;
    const document = JSON.parse(json.stdout);
    expect(JSON5.parse(fragmentOf(stdout))).toEqual(document.openclaw);
    expect(document).toMatchObject({ schema: 1, topology });
    expect(stdout).toContain(topology === "stock" ? "npx -y " : "/Dockerfile.example --target ");
    if (openclaw === undefined) return;
    const { valid, output } = await validate(fragmentOf(stdout));
    expect(valid, output).toBe(true);
  });

  test("what it does not print is refused: named volumes, unknown keys", async ({ skip }) => {
    if (openclaw === undefined) return skip("OpenClaw is not available here");
    const docker = (more: object) =>
      JSON.stringify({ agents: { defaults: { sandbox: { docker: more } } } });
    expect((await validate(docker({ binds: ["named:/opt/openclaw:ro"] }))).output).toMatch(
      /non-absolute source/,
    );
    const asked = { volumes: ["skills:/opt/openclaw"], persistentBinaries: true };
    expect((await validate(docker(asked))).valid).toBe(false);
  });
});

describe("a bind's source, before OpenClaw's own check", () => {
  const workspace = "/home/u/.openclaw/workspace";
  type Check = (cfg: object) => void;

  async function security(): Promise<Check | undefined> {
    if (openclaw === undefined) return undefined;
    const dist = join(openclaw, "dist");
    const file = readdirSync(dist).find((name) => name.startsWith("validate-sandbox-security-"));
    const module = await import(pathToFileURL(join(dist, file ?? "")).href);
    return Object.values(module).find(
      (value): value is Check =>
        typeof value === "function" && value.name === "validateSandboxSecurity",
    );
  }
  const refuses = (check: Check, cfg: object): boolean => {
    try {
      check(cfg);
      return false;
    } catch {
      return true;
    }
  };

  test("is refused by both or by neither", async ({ skip }) => {
    const check = await security();
    if (check === undefined) return skip("OpenClaw is not available here");
    const home = homedir();
    const own = [".config/x", ".npm", ".local/share/openclaw", ".openclaw/workspace/volume"];
    const sources = [
      ...["/srv/volume", "/opt/openclaw", "/var/lib/docker/volumes/skills/_data", "/", "/home/x"],
      ...["/etc", "/etc/x", "/root/volume", "/run/x", "/var/run/volume", "/dev/shm/x", "/boot"],
      ...own.map((name) => join(home, name)),
    ];
    const said = sources.map((source) => [source, refusedSource(source, home) !== undefined]);
    const binds = (source: string) => ({ binds: [`${source}:/opt/openclaw:ro`] });
    const really = sources.map((source) => [
      source,
      refuses(check, { ...binds(source), allowSourcesOutsideAllowedRoots: true }),
    ]);
    expect(said).toEqual(really);
  });

  test("outside the workspace it needs the flag that is printed, inside it needs none", async ({
    skip,
  }) => {
    const check = await security();
    if (check === undefined) return skip("OpenClaw is not available here");
    for (const site of sites()) {
      const { docker } = openclawFragment("provisioner", site).agents.defaults.sandbox;
      const allowSourcesOutsideAllowedRoots = docker.dangerouslyAllowExternalBindSources === true;
      const cfg = { ...docker, allowedSourceRoots: [workspace] };
      expect(refuses(check, { ...cfg, allowSourcesOutsideAllowedRoots })).toBe(false);
      expect(refuses(check, cfg)).toBe(site.isExternal);
    }
  });
});
