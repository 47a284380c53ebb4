/**
 * A place to run the built command in: a home, a volume, skills, recipes and a loopback server, all
 * below one temporary directory.
 *
 *   const place = await openWorkplace();
 *   place.skill("mail", { bins: ["gog"] });
 *   place.recipe("gog", { artifacts: { "linux-x64": place.serve("gog.tar.gz", bytes) } });
 *   const { status, stderr } = await place.run("--json");
 *   await place.close();
 */
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { stringify } from "yaml";
import { describe } from "./archives.ts";
import { type Loopback, type ServeOptions, startLoopback } from "./loopback.ts";
import { withoutCommand } from "./own-command.ts";
import { type Finished, started } from "./started.ts";

export const repository = join(import.meta.dirname, "..", "..");
export const bundle = join(repository, "dist", "openclaw-install-skill-deps.cjs");

/** The sh script, which answers alone or asks Node. */
export const entrypoint = join(repository, "entrypoint", "openclaw-install-skill-deps");

export interface Workplace {
  readonly dir: string;
  readonly prefix: string;
  readonly home: string;
  readonly recipes: string;
  readonly skills: string;
  readonly server: Loopback;
  /** What the command gets: the workplace's prefix, skills and recipes. */
  readonly env: Readonly<Record<string, string>>;
  /** Writes a SKILL.md that requires programs. */
  skill(name: string, requires: { bins?: string[]; anyBins?: string[] }, more?: object): void;
  /** Writes a recipe; what is left out gets a plain value. */
  recipe(name: string, over: Readonly<Record<string, unknown>>, lock?: unknown): void;
  /** Serves bytes and gives the source of a recipe that pins them. */
  serve(
    file: string,
    bytes: Buffer,
    options?: ServeOptions,
  ): { url: string; sha256: string; size: number };
  /** Runs the built command with the workplace's prefix, skills and recipes. */
  run(...args: string[]): Promise<Finished>;
  /** The same, with changes to the environment. */
  runWith(env: Readonly<Record<string, string>>, ...args: string[]): Promise<Finished>;
  /** Starts the sh script, as a container does; `alone`: it answered without Node. */
  start(
    env: Readonly<Record<string, string>>,
    ...args: string[]
  ): Promise<Finished & { readonly alone: boolean }>;
  /** Without the volume's own command, which every run adds. */
  manifest(): {
    tools: Record<string, { version: string; dir: string; bins: Record<string, { path: string }> }>;
    skills: unknown[];
  };
  /** What lies in the volume, without its own command: path to kind, mode, and content's digest or link's target. */
  snapshot(): Record<string, string>;
  /**
   * Gives what makes all as it is now, files and server: what several tests begin with is installed
   * once. Change times are then new, as in a volume that was copied.
   */
  keep(): () => void;
  close(): Promise<void>;
}

export async function openWorkplace(): Promise<Workplace> {
  const dir = realpathSync(mkdtempSync(join(tmpdir(), "skill-deps-")));
  const [prefix, home, recipes, skills] = ["volume", "home", "recipes", "skills"].map((name) =>
    join(dir, name),
  ) as [string, string, string, string];
  for (const made of [home, recipes, skills]) mkdirSync(made);
  const server = await startLoopback();
  const kept: string[] = [];
  const env = {
    PATH: process.env.PATH ?? "",
    HOME: home,
    OPENCLAW_SKILL_PREFIX: prefix,
    OPENCLAW_SKILL_DIRS: skills,
    OPENCLAW_SKILL_RECIPES: recipes,
    OPENCLAW_SKILL_PROFILE_DIR: "",
    npm_config_registry: server.registry,
    npm_config_userconfig: join(home, ".npmrc"),
    npm_config_globalconfig: join(home, "global-npmrc"),
  };
  const runWith: Workplace["runWith"] = (more, ...args) =>
    started([process.execPath, bundle, ...args], { env: { ...env, ...more }, cwd: home });
  return {
    dir,
    prefix,
    home,
    recipes,
    skills,
    server,
    env,
    skill(name, requires, more = {}) {
      const metadata = JSON.stringify({ openclaw: { requires, ...more } });
      mkdirSync(join(skills, name), { recursive: true });
      const text = `---\nname: ${name}\ndescription: The ${name} skill.\nmetadata: ${metadata}\n---\n\n# ${name}\n`;
      writeFileSync(join(skills, name, "SKILL.md"), text);
    },
    recipe(name, over, lock) {
      const document = {
        name,
        description: `The ${name} program`,
        homepage: "https://example.test",
        license: "MIT",
        version: "1.0.0",
        provenance: "made by a test",
        bins: { [name]: `bin/${name}` },
        test: [name, "--version"],
        ...over,
      };
      writeFileSync(
        join(recipes, `${name}.yaml`),
        stringify(document, { aliasDuplicateObjects: false }),
      );
      if (lock !== undefined)
        writeFileSync(join(recipes, `${name}.lock.json`), JSON.stringify(lock));
    },
    serve(file, bytes, options) {
      const { sha256, size } = describe(bytes);
      return { url: server.serve(`/${file}`, bytes, options), sha256, size };
    },
    run: (...args) => runWith({}, ...args),
    runWith,
    async start(more, ...args) {
      const given = { ...env, OPENCLAW_SKILL_DEPS_NODE: process.execPath, ...more };
      const ran = await started(["sh", entrypoint, ...args], { env: given, cwd: home });
      return { ...ran, alone: /programs present: \d/.test(ran.stderr) };
    },
    manifest() {
      const document = JSON.parse(readFileSync(join(prefix, "manifest.json"), "utf8"));
      return { ...document, tools: withoutCommand(document.tools) };
    },
    snapshot: () => withoutCommand(snapshotOf(prefix)),
    keep() {
      const copy = `${dir}.kept-${kept.length}`;
      kept.push(copy);
      copyTree(dir, copy);
      const serveAgain = server.keep();
      return () => {
        copyTree(copy, dir);
        serveAgain();
      };
    },
    async close() {
      await server.close();
      for (const made of [dir, ...kept]) rmSync(made, { recursive: true, force: true });
    },
  };
}

function copyTree(from: string, to: string): void {
  rmSync(to, { recursive: true, force: true });
  execFileSync("cp", ["-a", from, to]);
}

/** Everything below a directory; empty where it does not exist. */
export function snapshotOf(root: string): Record<string, string> {
  const found: Record<string, string> = {};
  const visit = (path: string): void => {
    const stats = lstatSync(path, { throwIfNoEntry: false });
    if (!stats) return;
    const name = relative(root, path) || ".";
    const mode = (stats.mode & 0o7777).toString(8);
    if (stats.isSymbolicLink()) found[name] = `link to ${readlinkSync(path)}`;
    else if (stats.isFile())
      found[name] = `file ${mode} ${createHash("sha256").update(readFileSync(path)).digest("hex")}`;
    else if (!stats.isDirectory()) found[name] = "neither file, directory nor link";
    else {
      found[name] = `directory ${mode}`;
      for (const entry of readdirSync(path).sort()) visit(join(path, entry));
    }
  };
  visit(root);
  return found;
}
