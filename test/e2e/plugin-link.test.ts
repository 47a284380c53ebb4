/** The path of the OpenClaw plugin in the volume: kept, repaired and removed like the links in `bin`. */
import {
  existsSync,
  lstatSync,
  lutimesSync,
  mkdirSync,
  readFileSync,
  readlinkSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import JSON5 from "json5";
import { afterEach, beforeEach, expect, test } from "vitest";
import { hasShell, shells } from "../entrypoint/place.ts";
import { commandName } from "../support/own-command.ts";
import { copyAs, copyPackage } from "../support/package.ts";
import { started } from "../support/started.ts";
import { entrypoint, openWorkplace, snapshotOf, type Workplace } from "../support/workplace.ts";

let place: Workplace;
beforeEach(async () => {
  place = await openWorkplace();
  place.skill("notes", {});
  mkdirSync(place.prefix);
});
afterEach(() => place.close());

const linkIn = (prefix: string): string => join(prefix, "share/openclaw-skill-deps/plugin");
const link = (): string => linkIn(place.prefix);
const tree = (): string =>
  JSON.parse(readFileSync(join(place.prefix, "manifest.json"), "utf8")).tools[commandName].dir;

function expectLinked(): void {
  expect(readlinkSync(link())).toBe(`../../${tree()}/dist/plugin`);
  expect(existsSync(join(link(), "openclaw.plugin.json"))).toBe(true);
}

test("the run that publishes the command links its plugin; the next has nothing to do", async () => {
  await place.run();
  expectLinked();
  const before = snapshotOf(place.prefix);
  expect((await place.run()).stderr).toMatch(/nothing to do/);
  expect(snapshotOf(place.prefix)).toEqual(before);
});

/** Starts the sh script in a shell; `alone`: it answered without Node. */
async function look(shell: readonly string[]): Promise<boolean> {
  const [name = "sh", ...flags] = shell;
  const said = await started([name, ...flags, entrypoint, "--all"], {
    env: { ...place.env, OPENCLAW_SKILL_DEPS_NODE: process.execPath },
    cwd: place.home,
  });
  expect(said.status, said.stderr).toBe(0);
  return /programs present/.test(said.stderr);
}

test.each(shells.filter(hasShell))(
  "%s: a changed link is noticed, and repaired",
  async (_, ...shell) => {
    await look(shell);
    expect(await look(shell)).toBe(true);
    for (const damage of [
      () => rmSync(link()),
      () => {
        const other = join(place.dir, "other");
        mkdirSync(other, { recursive: true });
        writeFileSync(join(other, "index.js"), readFileSync(join(link(), "index.js")));
        rmSync(link());
        symlinkSync(other, link());
      },
    ]) {
      damage();
      const diagnosis = await place.run("doctor");
      expect(diagnosis.stdout).toMatch(/share\/openclaw-skill-deps\/plugin[^:]*: not our link/);
      expect(await look(shell)).toBe(false);
      expectLinked();
      expect(await look(shell)).toBe(true);
    }
  },
);

test("a newer command moves it; gc, bundles and seeds have it", async () => {
  await place.run();
  const former = realpathSync(link());
  const newer = copyAs(join(place.dir, "newer"), "99.1.0");
  const run = [join(newer, "entrypoint", commandName), "--prefix", place.prefix] as const;
  await started(run, { env: { ...place.env, OPENCLAW_SKILL_DEPS_NODE: process.execPath } });
  expectLinked();
  expect(realpathSync(link())).not.toBe(former);
  await place.run("gc");
  expectLinked();
  const file = join(place.dir, "volume.tar.gz");
  await place.run("bundle", "export", file);
  const targets = ["imported", "seeded"].map((name) => join(place.dir, name)) as [string, string];
  for (const target of targets) mkdirSync(target);
  await place.run("--prefix", targets[0], "bundle", "import", file);
  await place.run("--prefix", targets[1], "--seed", place.prefix, "--offline");
  for (const target of targets) {
    expect(existsSync(join(linkIn(target), "index.js")), target).toBe(true);
    expect(realpathSync(linkIn(target))).toContain(target);
  }
});

test("without the command its link is stale, and removed like others", async () => {
  await place.run();
  const file = join(place.prefix, "manifest.json");
  const { tools: _, ...document } = JSON.parse(readFileSync(file, "utf8"));
  writeFileSync(file, JSON.stringify({ ...document, tools: {} }));
  for (const dir of ["bin", "lib"])
    rmSync(join(place.prefix, dir, commandName), { recursive: true });
  const incomplete = copyPackage(join(place.dir, "package")); // it publishes nothing
  rmSync(join(incomplete, "dist/build.txt"));
  const run = () =>
    started([join(incomplete, "entrypoint", commandName), "--prefix", place.prefix, "--all"], {
      env: { ...place.env, OPENCLAW_SKILL_DEPS_NODE: process.execPath },
    });
  await run();
  expect(lstatSync(link()).isSymbolicLink()).toBe(true); // another run may be about to list it
  const old = new Date(Date.now() - 3_600_000);
  lutimesSync(link(), old, old);
  place.skill("other", {});
  await run();
  expect(lstatSync(link(), { throwIfNoEntry: false })).toBeUndefined();
});

test("config plugin prints the lines, with this volume's path", async () => {
  const { stdout } = await place.run("config", "plugin");
  expect(stdout).toContain(`# note: ${link()} is not there yet`);
  const lines = stdout.slice(stdout.indexOf("plugins: {"), stdout.indexOf("\n# ---- or"));
  const { openclaw, notes } = JSON.parse((await place.run("config", "plugin", "--json")).stdout);
  expect(JSON5.parse(`{${lines}}`)).toEqual(openclaw);
  expect(openclaw).toEqual({
    plugins: { load: { paths: [link()] }, entries: { "skill-deps": { enabled: true } } },
  });
  expect(notes).toHaveLength(1);
  await place.run();
  expect((await place.run("config", "plugin")).stdout).not.toContain("note:");
  expect((await place.run("config", "plugin", "more")).status).toBe(2);
});
