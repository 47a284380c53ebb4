/** A volume whose modes, owners or directories others have changed: repaired, and nothing fetched again. */
import { execFileSync, spawnSync } from "node:child_process";
import {
  chmodSync,
  chownSync,
  cpSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { archive, program } from "../support/archives.ts";
import { perTest } from "../support/per-test.ts";
import { started } from "../support/started.ts";
import { entrypoint, openWorkplace, type Workplace } from "../support/workplace.ts";

const isRoot = process.getuid?.() === 0;

let place: Workplace;
const share = perTest(open, (opened) => {
  place = opened;
});

async function open(): Promise<Workplace> {
  const place = await openWorkplace();
  place.skill("mail", { bins: ["zog"] });
  const tree = {
    "bin/zog": program("1.0.0"),
    "lib/helper": { body: "#!/bin/sh\n", mode: 0o755 },
    "lib/data": "x".repeat(1000),
  };
  const source = place.serve("zog.tar.gz", archive("tar.gz", tree));
  place.recipe("zog", { artifacts: { "linux-x64": source } });
  return place;
}

const at = (path: string): string => join(place.prefix, path);
const inTree = (path: string): string => at(join(place.manifest().tools.zog?.dir ?? "", path));
const modeOf = (path: string): number => lstatSync(path).mode & 0o7777;
const downloads = (): number => place.server.hits("/zog.tar.gz");
const works = (): boolean => spawnSync(at("bin/zog"), ["--version"]).status === 0;

const start = (env: Record<string, string> = {}, ...args: string[]) => place.start(env, ...args);

function each(root: string, change: (path: string, isDirectory: boolean) => void): void {
  const stats = lstatSync(root);
  if (stats.isSymbolicLink()) return;
  if (stats.isDirectory()) for (const name of readdirSync(root)) each(join(root, name), change);
  change(root, stats.isDirectory());
}

/** What Kubernetes does with a pod's volume at each start, where the pod has an fsGroup. */
function walkAsKubelet(group: number): void {
  each(place.prefix, (path, isDirectory) => {
    if (isRoot) chownSync(path, -1, group);
    chmodSync(path, modeOf(path) | 0o660 | (isDirectory ? 0o2110 : 0));
  });
}

describe("where the bytes are the same, nothing is fetched", () => {
  const readOnly: [string, () => void] = [
    "everything read-only",
    () => each(place.prefix, (path) => chmodSync(path, 0o555)),
  ];
  const changes: [string, () => void][] = [
    ["a program that is not executable", () => chmodSync(inTree("bin/zog"), 0o644)],
    ["a helper that is not executable", () => chmodSync(inTree("lib/helper"), 0o600)],
    ["a file that can be executed", () => chmodSync(inTree("lib/data"), 0o777)],
    ["set-user-id", () => chmodSync(inTree("bin/zog"), 0o6755)],
    ["a file without any right", () => chmodSync(inTree("lib/data"), 0)],
    [
      "the list of its files without any right",
      () => chmodSync(inTree(".openclaw-skill-deps.json"), 0),
    ],
    ["a directory without any right", () => chmodSync(inTree("lib"), 0)],
    ["everything open to all", () => each(place.prefix, (path) => chmodSync(path, 0o777))],
    ["everything for the owner", () => each(place.prefix, (path) => chmodSync(path, 0o700))],
    ["everything as files have it", () => each(place.prefix, (path) => chmodSync(path, 0o644))],
    // For anybody but root that is a read-only volume, on which sh alone verifies.
    ...(isRoot ? [readOnly] : []),
    [
      "a copy under another umask",
      () => {
        execFileSync("sh", ["-c", 'umask 077 && cp -r "$0" "$0.new"', place.prefix]);
        rmSync(place.prefix, { recursive: true });
        renameSync(`${place.prefix}.new`, place.prefix);
      },
    ],
  ];
  describe("after", () => {
    share(async () => void (await start()));
    test.each(changes)("%s", async (_, change) => {
      change();
      const ran = await start({}, "--strict");
      expect(ran.status, ran.stderr).toBe(0);
      expect(ran.alone).toBe(false);
      expect(works()).toBe(true);
      expect(downloads()).toBe(1);
      expect(modeOf(inTree("bin/zog")) & 0o7755).toBe(0o755);
      expect(modeOf(inTree("lib/helper")) & 0o7755).toBe(0o755);
      expect(modeOf(inTree("lib/data")) & 0o7755).toBe(0o644);
      expect(modeOf(inTree("lib")) & 0o7755).toBe(0o755);
      expect(await start()).toMatchObject({ status: 0, alone: true });
    });
  });

  test("the walk of Kubernetes at each start of a pod; offline, too", async () => {
    mkdirSync(place.prefix);
    walkAsKubelet(isRoot ? 2000 : (process.getgid?.() ?? 0));
    await start();
    for (const args of [[], ["--offline", "--strict"]]) {
      walkAsKubelet(isRoot ? 2000 : (process.getgid?.() ?? 0));
      const ran = await start({}, ...args);
      expect(ran.status, ran.stderr).toBe(0);
      expect(ran.stderr).not.toMatch(/restored/); // or the two would go on for ever
      expect(await start({}, ...args)).toMatchObject({ status: 0, alone: true });
    }
    expect(downloads()).toBe(1);
    expect(modeOf(inTree("lib"))).toBe(0o2775);
    expect(readdirSync(at("lib/zog"))).toHaveLength(1);
  });

  test("a dry run and a list change no mode", async () => {
    await start();
    chmodSync(inTree("bin/zog"), 0o644);
    for (const args of [["--dry-run"], ["list"], ["doctor"]]) await place.run(...args);
    expect(modeOf(inTree("bin/zog"))).toBe(0o644);
    expect((await place.run("doctor", "--repair")).status).toBe(0);
    expect(modeOf(inTree("bin/zog"))).toBe(0o755);
    expect(downloads()).toBe(1);
  });

  test("a seed with other modes is taken, with the right ones", async () => {
    await start();
    const seed = join(place.dir, "seed");
    cpSync(place.prefix, seed, { recursive: true, verbatimSymlinks: true });
    each(seed, (path, isDirectory) => chmodSync(path, isDirectory ? 0o775 : 0o664));
    chmodSync(join(seed, place.manifest().tools.zog?.dir ?? "", "lib/helper"), 0o6775);
    rmSync(place.prefix, { recursive: true });
    const ran = await place.run("--seed", seed, "--offline");
    expect(ran.status, ran.stderr).toBe(0);
    expect(works()).toBe(true);
    expect([modeOf(inTree("lib/helper")), modeOf(inTree("lib/data"))]).toEqual([0o755, 0o644]);
    expect(downloads()).toBe(1);
  });

  test("nothing outside of the tree is touched, whatever stands in its place", async () => {
    await start();
    const outside = join(place.dir, "outside");
    mkdirSync(outside);
    writeFileSync(join(outside, "data"), "x".repeat(1000), { mode: 0o600 });
    writeFileSync(join(outside, "helper"), "#!/bin/sh\n", { mode: 0o600 });
    rmSync(inTree("lib"), { recursive: true });
    symlinkSync(outside, inTree("lib"));
    await start();
    expect(readdirSync(outside).map((name) => modeOf(join(outside, name)))).toEqual([0o600, 0o600]);
    expect(lstatSync(inTree("lib")).isDirectory()).toBe(true);
  });
});

describe("without Node", () => {
  const bare = { OPENCLAW_SKILL_DEPS_NODE: "/nowhere", PATH: "/usr/bin:/bin" };
  const hasNode = existsSync("/usr/bin/node") || existsSync("/bin/node");

  test.skipIf(hasNode)(
    "touched files are no damage; what is cut or cannot be executed is",
    async () => {
      const env = { HOME: join(place.dir, "elsewhere"), PATH: "/usr/bin:/bin" };
      mkdirSync(env.HOME);
      await start(env);
      each(at("lib/zog"), (path) => chmodSync(path, modeOf(path) | 0o020));
      const touched = await start({ ...env, ...bare }, "--strict");
      expect(touched.status, touched.stderr).toBe(0);
      expect(touched.stderr).not.toMatch(/damaged/);
      chmodSync(inTree("bin/zog"), 0o644);
      const closed = await start({ ...env, ...bare }, "--strict");
      expect(closed.status).toBe(3);
      expect(closed.stderr).toMatch(/zog/);
    },
  );
});

describe("the volume's own directories", () => {
  const directories = ["bin", "lib", "share", "etc"];

  test.each(directories)("%s: removed, or a file in its place", async (dir) => {
    await start();
    rmSync(at(dir), { recursive: true });
    expect((await start()).status).toBe(0);
    expect(works()).toBe(true);
    rmSync(at(dir), { recursive: true });
    writeFileSync(at(dir), "somebody's");
    const ran = await start();
    expect(ran.status, ran.stderr).toBe(0);
    expect(works()).toBe(true);
    const aside = readdirSync(place.prefix).filter((name) => name.startsWith(`${dir}.broken-`));
    expect(aside.map((name) => readFileSync(at(name), "utf8"))).toEqual(["somebody's"]);
    expect(await start()).toMatchObject({ status: 0 });
    expect((await start()).alone).toBe(true);
    expect(readdirSync(place.prefix).filter((name) => name.includes(".broken-"))).toEqual(aside);
  });

  test("bin is a link to another place of the volume: a directory again", async () => {
    await start();
    rmSync(at("bin"), { recursive: true });
    symlinkSync("lib/zog", at("bin"));
    expect((await start()).status).toBe(0);
    expect(lstatSync(at("bin")).isDirectory()).toBe(true);
    expect(works()).toBe(true);
    expect(downloads()).toBe(1);
  });

  test.each(["bin", "lib"])("%s is a link out of the volume: refused, and left", async (dir) => {
    await start();
    const outside = join(place.dir, "outside");
    mkdirSync(outside);
    rmSync(at(dir), { recursive: true });
    symlinkSync(outside, at(dir));
    const { status, stderr } = await start();
    expect(stderr).toContain(`${at(dir)} is a link out of the volume, to ${outside}`);
    expect(stderr).toMatch(/hint: Remove the link/);
    expect(status).toBe(2);
    expect(readdirSync(outside)).toEqual([]);
    expect(lstatSync(at(dir)).isSymbolicLink()).toBe(true);
  });

  test("the prefix may be a link to a directory", async () => {
    const real = join(place.dir, "real");
    mkdirSync(real);
    symlinkSync(real, place.prefix);
    expect((await start()).status).toBe(0);
    expect(works()).toBe(true);
    expect((await start()).alone).toBe(true);
    chmodSync(inTree("bin/zog"), 0o644);
    expect((await start()).status).toBe(0);
    expect(works()).toBe(true);
    expect(downloads()).toBe(1);
  });
});

describe("a group that may write to the prefix", () => {
  test("may write to all that is made in it; another may not", async () => {
    mkdirSync(place.prefix);
    chmodSync(place.prefix, 0o775);
    await start();
    const notShared: string[] = [];
    each(place.prefix, (path) => {
      if ((modeOf(path) & 0o022) !== 0o020) notShared.push(`${path} ${modeOf(path).toString(8)}`);
    });
    expect(notShared).toEqual([]);
  });

  test.runIf(isRoot)("each of its users repairs what another has installed", async () => {
    for (const dir of [place.dir, place.home]) chmodSync(dir, 0o777);
    mkdirSync(place.prefix);
    chmodSync(place.prefix, 0o775); // of group 0, as OpenShift has it
    const as = async (uid: number, ...args: string[]) => {
      const words = [`--reuid=${uid}`, "--regid=0", "--clear-groups", "--"];
      const env = { ...place.env, OPENCLAW_SKILL_DEPS_NODE: process.execPath };
      return await started(["setpriv", ...words, "sh", entrypoint, ...args], {
        env,
        cwd: place.dir,
      });
    };
    expect((await as(1_000_720_000)).status).toBe(0);
    expect(statSync(inTree("bin/zog")).uid).toBe(1_000_720_000);
    const repaired = async (change: () => void, fetched: number) => {
      change();
      const ran = await as(1_000_730_000);
      expect(ran.status, ran.stderr).toBe(0);
      expect(works()).toBe(true);
      expect(downloads()).toBe(fetched);
      expect((await as(1_000_730_000)).stderr).toMatch(/programs present/);
      expect((await as(1_000_720_000)).stderr).toMatch(/programs present/);
    };
    await repaired(() => undefined, 1);
    await repaired(() => rmSync(at("bin/zog")), 1);
    await repaired(() => rmSync(inTree("bin/zog")), 2);
    // What is another's can be replaced where its mode cannot be set.
    await repaired(() => chmodSync(inTree("lib/helper"), 0o644), 2);
    await repaired(() => chownSync(inTree("bin/zog"), 1_000_720_000, 0), 2);
    await repaired(() => chmodSync(inTree("bin/zog"), 0o644), 3);
    const removed = await as(1_000_720_000, "remove", "zog");
    expect(removed.status, removed.stderr).toBe(0);
    expect(existsSync(at("lib/zog"))).toBe(false);
  });
});
