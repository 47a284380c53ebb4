/** The command in the volume: put there by every run that may write, and run from there. */
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { join, relative } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { absolute, hasShell, shells } from "../entrypoint/place.ts";
import { archive, program } from "../support/archives.ts";
import { commandName, isOfCommand } from "../support/own-command.ts";
import { copyAs, copyPackage, replacing } from "../support/package.ts";
import { type Finished, started } from "../support/started.ts";
import { pathWithoutNode } from "../support/without-node.ts";
import { bundle, openWorkplace, snapshotOf, type Workplace } from "../support/workplace.ts";

const { version } = JSON.parse(readFileSync("package.json", "utf8")) as { version: string };
const isRoot = process.getuid?.() === 0;

let place: Workplace;
beforeEach(async () => {
  place = await openWorkplace();
  place.skill("mail", { bins: ["zog"] });
  const source = place.serve("zog.tar.gz", archive("tar.gz", { "bin/zog": program("zog 1.0.0") }));
  place.recipe("zog", { artifacts: { "linux-x64": source, "linux-arm64": source } });
});
afterEach(() => place.close());

interface Document {
  readonly installed: { tool: string }[];
  readonly kept: string[];
  readonly failed: unknown[];
  readonly unmet: unknown[];
}
interface Installed {
  readonly version: string;
  readonly dir: string;
  readonly key: string;
}
const manifest = (): { tools: Record<string, Installed> } =>
  JSON.parse(readFileSync(join(place.prefix, "manifest.json"), "utf8"));
const ownPath = (): string => join(place.prefix, "bin", commandName);
const ownRecord = () => manifest().tools[commandName];
const nodeless = (): Record<string, string> => ({
  PATH: pathWithoutNode(),
  OPENCLAW_SKILL_DEPS_NODE: "/nonexistent",
});

/** Runs a command as a place does that names no volume. */
function runFrom(
  words: readonly [string, ...string[]],
  env: Readonly<Record<string, string>> = {},
  cwd = place.home,
): Promise<Finished> {
  const { OPENCLAW_SKILL_PREFIX: _, ...rest } = place.env;
  const node = { OPENCLAW_SKILL_DEPS_NODE: process.execPath };
  return started(words, { env: { ...rest, ...node, ...env }, cwd });
}

/** Runs another package's command on the workplace's volume. */
const runPackage = (dir: string, ...args: string[]): Promise<Finished> =>
  runFrom([join(dir, "entrypoint", commandName), "--prefix", place.prefix, ...args]);

describe("publishing", () => {
  test("a run that may write publishes what the command needs to run, once, and does not count it", async () => {
    const first = await place.run("--json");
    expect(first.status, first.stderr).toBe(0);
    const { installed, kept, unmet } = JSON.parse(first.stdout) as Document;
    expect([installed.map(({ tool }) => tool), kept, unmet]).toEqual([["zog"], [], []]);
    expect(first.stderr.match(/^openclaw-install-skill-deps .*$/gm)).toEqual([
      expect.stringMatching(/: installed openclaw-install-skill-deps \(a copy of this command, /),
    ]);
    const { dir = "", key } = ownRecord() ?? {};
    expect(dir).toBe(`lib/${commandName}/${version}-${key}`);
    const files = Object.keys(snapshotOf(join(place.prefix, dir)));
    expect(files).toEqual(
      expect.arrayContaining(["LICENSE", "dist/THIRD-PARTY-LICENSES.txt", "dist/program.cjs"]),
    );
    expect(files.filter((path) => /\.test\.|\.ts$|recipes|README/.test(path))).toEqual([]);

    const second = await place.run();
    expect(second.stderr).toMatch(/nothing to do; 1 in /);
    expect(second.stderr).not.toContain(`${commandName} ${version}`);
    expect((await place.start({}, "--all")).stderr).toMatch(/nothing to do; 1 in /);
    expect((await place.start({}, "--all")).stderr).toMatch(/programs present: 1\n/);
  });

  test("a volume without anything else gets it; a directory that is not there is not made for it", async () => {
    rmSync(join(place.skills, "mail"), { recursive: true });
    const none = { OPENCLAW_SKILL_DIRS: "" };
    expect((await place.runWith(none)).status).toBe(0);
    expect(existsSync(join(place.prefix, "lib"))).toBe(false);
    mkdirSync(place.prefix, { recursive: true });
    const { status, stderr } = await place.runWith(none);
    expect([status, stderr]).toEqual([0, expect.stringMatching(/nothing to do; 0 in /)]);
    expect(ownRecord()?.version).toBe(version);
  });

  test("--dry-run, list, requirements, outdated and doctor publish nothing", async () => {
    mkdirSync(place.prefix);
    for (const words of ["--dry-run", "list", "requirements", "outdated", "doctor", "gc --dry-run"])
      await place.run(...words.split(" "));
    expect(readdirSync(place.prefix)).toEqual([]);
  });

  test("requirements and --dry-run do not speak of it; list shows it", async () => {
    const before = await place.run("--dry-run", "--json");
    expect(before.stdout).not.toContain(`"${commandName}"`);
    await place.run();
    for (const words of [["requirements", "--json"], ["--dry-run"], ["outdated"]])
      expect((await place.run(...words)).stdout).not.toContain(commandName);
    const { stdout } = await place.run("list");
    expect(stdout).toMatch(new RegExp(`^${commandName} +${version} `, "m"));
    expect((await place.run("doctor")).stdout).toMatch(/intact: zog 1\.0\.0 \(/);
  });

  test("a skill, and a person, may ask for it by name", async () => {
    place.skill("self", { bins: [commandName] });
    const { status, stderr } = await place.run("--strict");
    expect(status, stderr).toBe(0);
    expect((await place.run("--strict", commandName)).status).toBe(0);
    expect((await place.run("gc")).status).toBe(0);
    expect(existsSync(ownPath())).toBe(true);
  });

  test("gc keeps it, remove refuses it", async () => {
    await place.run();
    rmSync(join(place.skills, "mail"), { recursive: true });
    place.skill("other", {});
    await place.run();
    const collected = await place.run("gc");
    expect(collected.stderr).toMatch(/zog 1\.0\.0: removed/);
    expect(existsSync(ownPath())).toBe(true);
    const before = snapshotOf(place.prefix);
    const { status, stderr } = await place.run("remove", commandName);
    expect([status, stderr]).toEqual([2, expect.stringContaining("stays in the volume")]);
    expect(snapshotOf(place.prefix)).toEqual(before);
  });

  test("damage is repaired by a plain run, from the package that runs", async () => {
    await place.run();
    const before = snapshotOf(place.prefix);
    const { dir = "" } = ownRecord() ?? {};
    truncateSync(join(place.prefix, dir, "dist/program.cjs"), 10);
    rmSync(ownPath());
    const diagnosis = await place.run("doctor");
    expect([diagnosis.status, diagnosis.stdout]).toEqual([
      4,
      expect.stringContaining("dist/program.cjs"),
    ]);
    const { status, stderr } = await place.run();
    expect([status, stderr]).toEqual([0, expect.stringContaining("nothing to do; 1 in ")]);
    expect((await place.run("doctor", "--deep")).status).toBe(0);
    const now = ownRecord()?.dir ?? "";
    expect(now).toBe(`${dir}.2`);
    const inTree = (found: Record<string, string>, tree: string) =>
      Object.entries(found).flatMap(([path, what]) =>
        path.startsWith(`${tree}/dist/`) ? [[relative(tree, path), what]] : [],
      );
    expect(inTree(snapshotOf(place.prefix), now)).toEqual(inTree(before, dir));
  });

  test("a copy of a package that is not complete is a warning", async () => {
    const dir = copyPackage(join(place.dir, "package"));
    rmSync(join(dir, "entrypoint/compare-contents.sh"));
    const { status, stderr } = await runPackage(dir);
    expect(status, stderr).toBe(0);
    expect(stderr).toMatch(
      /warning: .*does not get a copy of this command: .*compare-contents.sh is missing.*\[E_PACKAGE_DAMAGED\]/,
    );
    expect(stderr).toMatch(/1 installed; 1 in /);
    expect(Object.keys(manifest().tools)).toEqual(["zog"]);
  });

  test("a package that another build replaces meanwhile is not copied in part; the next run copies that one", async () => {
    const own = copyAs(join(place.dir, "own"), undefined);
    const newer = copyAs(join(place.dir, "newer"), undefined);
    const build = readFileSync(join(newer, "dist/build.txt"), "utf8");
    const source = place.serve(
      "zog.tar.gz",
      archive("tar.gz", { "bin/zog": replacing(own, newer) }),
    );
    place.recipe("zog", { artifacts: { "linux-x64": source, "linux-arm64": source } });

    const env = { ...place.env, OPENCLAW_SKILL_DEPS_NODE: process.execPath };
    const script = join(own, "entrypoint/openclaw-install-skill-deps");
    const start = () => started(["sh", script, "--jobs", "1"], { env, cwd: place.home });
    const { status, stderr } = await start();
    expect(status, stderr).toBe(0);
    expect(stderr).toMatch(
      /warning: .*does not get a copy of this command: another build has replaced .*own \[E_PACKAGE_REPLACED\]\n {2}hint: Run the command again\./,
    );
    expect(Object.keys(manifest().tools)).toEqual(["zog"]);
    expect((await start()).status).toBe(0);
    expect(ownRecord()?.key).toBe(build.slice(0, 12));
    expect((await start()).stderr).toMatch(/programs present: 1/);
  });

  test.skipIf(!isRoot)(
    "a read-only volume without it is no failure, and answered without Node",
    async () => {
      await place.run();
      const document = manifest();
      const { [commandName]: _, ...tools } = document.tools;
      writeFileSync(join(place.prefix, "manifest.json"), JSON.stringify({ ...document, tools }));
      for (const dir of ["bin", "lib"])
        rmSync(join(place.prefix, dir, commandName), { recursive: true });
      const incomplete = copyPackage(join(place.dir, "package"));
      rmSync(join(incomplete, "dist/build.txt"));
      expect((await runPackage(incomplete)).stderr).toMatch(/nothing to do; 1 in /);
      expect((await runPackage(incomplete)).stderr).toMatch(/programs present: 1\n$/);
      expect(manifest().tools).toEqual(tools);

      const script = 'mount --bind "$0" "$0" && mount -o remount,bind,ro "$0" && exec "$@"';
      const mounted = ["unshare", "--mount", "sh", "-c", script, place.prefix] as const;
      const node = await started([...mounted, process.execPath, bundle, "--strict"], {
        env: place.env,
        cwd: place.home,
      });
      expect([node.status, node.stderr]).toEqual([
        0,
        expect.stringMatching(/^(login shells [^\n]*\n[^\n]*\n)?nothing to do; 1 in /),
      ]);
      const own = join(incomplete, "entrypoint", commandName);
      const alone = await runFrom([...mounted, own, "--prefix", place.prefix], nodeless());
      expect([alone.status, alone.stderr]).toEqual([0, expect.stringMatching(/present: 1\n$/)]);
    },
  );

  test("what cannot be written is a warning too, and the skills' programs are there", async () => {
    await place.run();
    rmSync(join(place.prefix, "lib", commandName), { recursive: true });
    writeFileSync(join(place.prefix, "lib", commandName), ""); // in the way
    const { status, stderr } = await place.run("--strict");
    expect([status, stderr]).toEqual([0, expect.stringContaining("nothing to do; 1 in ")]);
    expect(existsSync(join(place.prefix, "bin/zog"))).toBe(true);
  });
});

describe("versions", () => {
  const other = (name: string, version?: string): string => copyAs(join(place.dir, name), version);

  test("a newer command replaces it; an older one leaves it, and list, doctor and -v say so", async () => {
    await place.run();
    const newer = other("newer", "99.1.0");
    expect((await runPackage(newer)).status).toBe(0);
    expect(ownRecord()?.version).toBe("99.1.0");
    expect(manifest()).not.toHaveProperty("previous");
    const told = await runFrom([ownPath(), "version"]);
    expect(told.stdout).toBe("99.1.0\n");

    const before = snapshotOf(place.prefix);
    const quiet = await place.run();
    expect(quiet.stderr).not.toMatch(/99\.1\.0/);
    expect(snapshotOf(place.prefix)).toEqual(before);
    const says = new RegExp(`this command is ${version}; the volume's own is 99\\.1\\.0`);
    expect((await place.run("list")).stdout).toMatch(says);
    const diagnosis = await place.run("doctor");
    expect([diagnosis.status, diagnosis.stdout]).toEqual([0, expect.stringMatching(says)]);
    expect((await place.run("-v")).stderr).toMatch(/is 99\.1\.0, newer than this .*, and stays/);
  });

  test("hold, unhold and rollback are not for it", async () => {
    await place.run();
    for (const verb of ["hold", "unhold", "rollback"]) {
      const { status, stderr } = await place.run(verb, commandName);
      expect([status, stderr], verb).toEqual([2, expect.stringContaining("is for other tools")]);
    }
  });

  test("an older command still installs what is missing beside it", async () => {
    await runPackage(other("newer", "99.1.0"));
    rmSync(join(place.prefix, "lib/zog"), { recursive: true });
    const { status, stderr } = await place.run();
    expect([status, stderr]).toEqual([0, expect.stringContaining("1 installed; 1 in ")]);
    expect(ownRecord()?.version).toBe("99.1.0");
  });

  test("another build of the same version replaces it, but the volume's own copy never itself", async () => {
    await place.run();
    const { key } = ownRecord() ?? {};
    await runPackage(other("build"));
    expect(ownRecord()?.key).not.toBe(key);
    const before = ownRecord();
    for (const args of [[], ["update"], ["--force-reinstall"]])
      expect((await runFrom([ownPath(), ...args])).status).toBe(0);
    expect(ownRecord()).toEqual(before);
  });

  test("--force-reinstall installs it again, also over a newer one", async () => {
    await runPackage(other("newer", "99.1.0"));
    expect((await place.run("--force-reinstall", "zog")).status).toBe(0);
    expect(ownRecord()?.version).toBe("99.1.0");
    expect((await place.run("--force-reinstall")).status).toBe(0);
    expect(ownRecord()?.version).toBe(version);
  });

  test("a manifest of a newer form: the error names the command that knows it", async () => {
    await place.run();
    const file = join(place.prefix, "manifest.json");
    writeFileSync(file, JSON.stringify({ ...manifest(), schema: 2 }));
    const before = snapshotOf(place.prefix);
    const { status, stderr } = await place.run();
    expect([status, stderr]).toEqual([2, expect.stringContaining("[E_MANIFEST_NEWER]")]);
    expect(stderr).toContain(`hint: Run the volume's own command, which is newer: ${ownPath()}`);
    expect(snapshotOf(place.prefix)).toEqual(before);
  });

  test("a manifest with fields of a later version, at any depth, is used and keeps them", async () => {
    await place.run("zog");
    expect((await place.run("hold", "zog")).status).toBe(0);
    const file = join(place.prefix, "manifest.json");
    const { zog, ...others } = manifest().tools;
    const later = { ...zog, later: { added: 1 } };
    writeFileSync(file, JSON.stringify({ ...manifest(), tools: { ...others, zog: later } }));
    const { status, stderr } = await place.run();
    expect([status, stderr]).toEqual([0, expect.not.stringContaining("warning")]);
    const after = manifest() as { held?: string[]; requested?: string[]; tools: object };
    expect(after).toMatchObject({ held: ["zog"], requested: ["zog"] });
    expect(after.tools).toMatchObject({ zog: { later: { added: 1 } } });
  });

  test("damaged and run from there, it cannot repair itself and says so; another one can", async () => {
    await place.run();
    const { dir = "" } = ownRecord() ?? {};
    writeFileSync(join(place.prefix, dir, "dist/help.txt"), "other\n");
    const { status, stderr } = await runFrom([ownPath()]);
    expect(status).toBe(0);
    expect(stderr).toMatch(/warning: .* is damaged, .*cannot repair itself \[E_TREE_CHANGED\]/);
    expect((await place.run()).status).toBe(0);
    expect((await place.run("doctor", "--deep")).status).toBe(0);
  });
});

describe("elsewhere", () => {
  test("a bundle carries it; a newer one is not replaced by that of a bundle", async () => {
    await place.run();
    const file = join(place.dir, "volume.tar.gz");
    expect((await place.run("bundle", "export", file)).stderr).toMatch(/^1 tool, /m);
    const target = join(place.dir, "other");
    const imported = await place.run("--prefix", target, "bundle", "import", file);
    expect(imported.stderr).toMatch(/1 imported, 0 kept/);
    const { status, stderr } = await runFrom([join(target, "bin", commandName), "--strict"]);
    expect([status, stderr]).toEqual([0, expect.stringMatching(/nothing to do; 1 in .*other\n$/)]);

    await runPackage(copyAs(join(place.dir, "newer"), "99.1.0"));
    expect((await place.run("bundle", "import", file)).status).toBe(0);
    expect(ownRecord()?.version).toBe("99.1.0");
  });

  test("a volume that a seed fills has it", async () => {
    await place.run();
    const { prefix } = place;
    const target = join(place.dir, "seeded");
    const { status, stderr } = await place.run("--prefix", target, "--seed", prefix, "--offline");
    expect(status, stderr).toBe(0);
    expect((await runFrom([join(target, "bin", commandName), "list"])).stdout).toMatch(/^zog +1/m);
  });
});

describe("run from the volume", () => {
  beforeEach(async () => {
    const { status, stderr } = await place.run();
    expect(status, stderr).toBe(0);
    // The record for a place without words of its own, and without these variables.
    expect((await runFrom([ownPath()])).status).toBe(0);
  });

  const prefixOf = async (words: readonly [string, ...string[]], env = {}, cwd = place.home) => {
    const { stdout, stderr } = await runFrom([...words, "list", "--json"], env, cwd);
    return stdout === "" ? stderr : (JSON.parse(stdout) as { prefix: string }).prefix;
  };

  test("it serves the volume that it lies in, unless another one is named", async () => {
    expect(await prefixOf([ownPath()])).toBe(place.prefix);
    expect(await prefixOf([ownPath(), "--prefix", "/a"])).toBe("/a");
    expect(await prefixOf([ownPath()], { OPENCLAW_SKILL_PREFIX: "/b" })).toBe("/b");
    expect(await prefixOf([`bin/${commandName}`], {}, place.prefix)).toBe(place.prefix);
    expect(await prefixOf([`../volume/./bin//${commandName}`])).toBe(place.prefix);
    const tree = join(place.prefix, ownRecord()?.dir ?? "", "entrypoint", commandName);
    expect(await prefixOf([tree])).toBe(place.prefix);
    symlinkSync(ownPath(), join(place.dir, "linked"));
    expect(await prefixOf([join(place.dir, "linked")])).toBe(place.prefix);
  });

  test("through another mount point it serves the volume there", async () => {
    const mount = join(place.dir, "mount");
    symlinkSync(place.prefix, mount);
    expect(await prefixOf([join(mount, "bin", commandName)])).toBe(mount);
    const copy = join(place.dir, "copy");
    cpSync(place.prefix, copy, { recursive: true, verbatimSymlinks: true });
    expect(await prefixOf([join(copy, "bin", commandName)])).toBe(copy);
    const env = { ...nodeless(), OPENCLAW_SKILL_DIRS: "", HOME: "/nonexistent" };
    const { status, stderr } = await runFrom([join(copy, "bin", commandName), "--strict"], env);
    expect([status, stderr]).toEqual([0, expect.stringMatching(/programs present: 1\n$/)]);
  });

  test("another package's run leaves a record with which it answers by metadata alone", async () => {
    expect((await place.start({}, "--all")).status).toBe(0);
    const few = join(place.dir, "few");
    mkdirSync(few);
    for (const name of ["find", "cmp", "stat"]) symlinkSync(absolute(name), join(few, name));
    const env = { ...place.env, PATH: few, OPENCLAW_SKILL_DEPS_NODE: "/nonexistent" };
    const words = [ownPath(), "--strict", "--all"] as const;
    const { status, stderr } = await started(words, { env, cwd: place.home });
    expect([status, stderr]).toEqual([
      0,
      "openclaw-install-skill-deps: nothing to do; programs present: 1\n",
    ]);
  });

  test("the command answers alone where the skills lie in its package's own directory, as in a clone", async () => {
    const dir = copyAs(join(place.dir, "clone"), version);
    cpSync(place.skills, join(dir, "skills"), { recursive: true });
    const words = ["--skills-dir", join(dir, "skills")];
    expect((await runPackage(dir, ...words)).status).toBe(0);
    const { stderr } = await runPackage(dir, ...words);
    expect(stderr).toBe("openclaw-install-skill-deps: nothing to do; programs present: 1\n");
  });

  test("with a former version's tree beside it, the linked one runs", async () => {
    await runPackage(copyAs(join(place.dir, "newer"), "99.1.0"));
    expect(readdirSync(join(place.prefix, "lib", commandName)).length).toBe(2);
    const { stderr } = await runFrom([ownPath(), "list", "--json"]);
    expect(stderr).toBe("");
    expect((await runFrom([ownPath(), "doctor"])).stdout).not.toContain("the volume's own is");
  });

  for (const [name, ...shell] of shells) {
    test.skipIf(!hasShell([name, ...shell]))(`${name}: without Node, it verifies`, async () => {
      const { status, stderr } = await runFrom(
        ["env", ...shell, ownPath(), "--strict"],
        nodeless(),
      );
      expect([status, stderr]).toEqual([0, expect.stringMatching(/programs present: 1\n$/)]);
      chmodSync(join(place.prefix, "bin/zog"), 0o600);
      const damaged = await runFrom(["env", ...shell, ownPath()], nodeless());
      expect([damaged.status, damaged.stderr]).toEqual([
        0,
        expect.stringContaining("E_NOT_VERIFIED"),
      ]);
    });
  }

  test.skipIf(!isRoot)("read-only, as another user, without HOME, without Node", async () => {
    chmodSync(place.dir, 0o755);
    const script =
      'mount --bind "$0" "$0" && mount -o remount,bind,ro "$0" && exec setpriv --reuid=1000 --regid=1000 --clear-groups env -u HOME "$@"';
    const words = [script, place.prefix, ownPath(), "--strict"];
    const env = { ...nodeless(), OPENCLAW_SKILL_DIRS: "" };
    const { status, stderr } = await runFrom(
      ["unshare", "--mount", "sh", "-c", ...words],
      env,
      "/",
    );
    expect([status, stderr]).toEqual([0, expect.stringMatching(/programs present: 1\n$/)]);
  });

  test("it becomes CMD, which finds the volume's programs", async () => {
    const { status, stdout } = await runFrom([ownPath(), "--", "zog", "--version"], nodeless());
    expect([status, stdout]).toEqual([0, "zog 1.0.0\n"]);
  });

  test("with the volume's own Node it installs", async () => {
    const starter = { body: `#!/bin/sh\nexec ${process.execPath} "$@"\n`, mode: 0o755 };
    const source = place.serve("node.tar.gz", archive("tar.gz", { "bin/node": starter }));
    const test = ["node", "--version"];
    place.recipe("node", { test, artifacts: { "linux-x64": source, "linux-arm64": source } });
    expect((await place.run("node")).status).toBe(0);
    const more = place.serve("yak.tar.gz", archive("tar.gz", { "bin/yak": program("yak 1.0.0") }));
    place.recipe("yak", { artifacts: { "linux-x64": more, "linux-arm64": more } });
    place.skill("more", { bins: ["yak"] });
    const { status, stderr } = await runFrom([ownPath()], nodeless());
    expect([status, stderr]).toEqual([0, expect.stringContaining("1 installed; 3 in ")]);
    expect(existsSync(join(place.prefix, "bin/yak"))).toBe(true);
  });
});

test("nobody but this command may have its name", async () => {
  const source = place.serve("x.tar.gz", archive("tar.gz", { "bin/x": program("x") }));
  place.recipe("x", { bins: { x: "bin/x", [commandName]: "bin/x" }, artifacts: { any: source } });
  place.skill("x", { bins: ["x"] });
  const { stderr } = await place.run();
  expect(stderr).toMatch(/the name of this command itself/);
  expect(Object.keys(snapshotOf(place.prefix)).filter(isOfCommand).length).toBeGreaterThan(5);
  expect(existsSync(join(place.prefix, "bin/x"))).toBe(false);
});
