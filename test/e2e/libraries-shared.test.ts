/** Packages that several skills have take their space once, and each skill's tree stands alone. */
import { createHash } from "node:crypto";
import { lstatSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { findManifest } from "../../src/io/volume/manifest-file.ts";
import { isUnchanged } from "../../src/io/volume/store.ts";
import { lockOf, type MadeWheel, makeWheel, serveIndex } from "../support/wheels.ts";
import { openWorkplace, type Workplace } from "../support/workplace.ts";

const big = makeWheel("big", "1.0", { "big.py": `text = "${"x".repeat(200_000)}"\n` });
const small = makeWheel("small", "1.0", { "small.py": "" });

let place: Workplace;
let env: Record<string, string>;
beforeEach(async () => {
  place = await openWorkplace();
  env = { PIP_INDEX_URL: serveIndex(place.server, [big, small]), PIP_CONFIG_FILE: "/dev/null" };
});
afterEach(() => place.close());

const run = (...args: string[]) => place.runWith(env, ...args);

/** A skill whose packages an operator has pinned. */
function skillWith(name: string, wheels: readonly MadeWheel[]): readonly [string, object] {
  const text = `${wheels.map((wheel) => wheel.name).join("\n")}\n`;
  place.skill(name, {});
  writeFileSync(join(place.skills, name, "requirements.txt"), text);
  const digest = createHash("sha256")
    .update(`openclaw-libraries 1 python\nrequirements.txt\n${text.length}\n${text}\n`)
    .digest("hex");
  const recipe = { libraries: digest, names: wheels.map((wheel) => wheel.name) };
  const locks = { "libraries.lock.json": lockOf(wheels) };
  const pins = { from: "requirements.txt", by: name, at: "2026-01-01T00:00:00Z", recipe, locks };
  return [`libraries-${digest.slice(0, 16)}-cpython-311`, pins];
}

function review(...pinned: readonly (readonly [string, object])[]): void {
  const file = join(place.dir, "declared.json");
  writeFileSync(file, JSON.stringify({ schema: 1, tools: Object.fromEntries(pinned) }));
  env = { ...env, OPENCLAW_SKILL_DECLARED: file };
}

/** True if the times of all sets are those in the manifest. */
async function isSealed(): Promise<boolean> {
  const found = await findManifest(place.prefix);
  if (!found || !("tools" in found)) throw new Error("there is no manifest");
  const sets = Object.values(found.tools).filter(({ tool }) => tool.startsWith("libraries-"));
  return sets.length > 0 && sets.every((record) => isUnchanged(place.prefix, record));
}

const treesDir = () => join(place.prefix, "lib/skills");
const inodeOf = (tree: string): number =>
  lstatSync(join(treesDir(), tree, "site-packages/big.py")).ino;

/** Files of trees that somebody may write to, but for the trees' own records. */
const writable = (): string[] =>
  readdirSync(treesDir(), { recursive: true, withFileTypes: true })
    .filter((file) => file.isFile() && file.name !== ".openclaw-skill-deps.json")
    .map(({ parentPath, name }) => join(parentPath, name))
    .filter((file) => (lstatSync(file).mode & 0o222) !== 0);

test("two sets with a package in common have its files once; nothing is left to do, whichever goes", async () => {
  const one = skillWith("one", [big]);
  review(one);
  expect((await run()).status).toBe(0);
  const [first = ""] = readdirSync(treesDir());
  review(one, skillWith("two", [big, small]));
  expect((await run()).stderr).toMatch(/1 installed/);
  const [second = ""] = readdirSync(treesDir()).filter((name) => name !== first);
  expect(inodeOf(second)).toBe(inodeOf(first));
  expect(writable()).toEqual([]); // a write would damage both
  expect(await isSealed()).toBe(true); // else the next run would have to hash every file
  expect((await run()).stderr).toMatch(/nothing to do/);
  rmSync(join(place.skills, "one"), { recursive: true });
  review(skillWith("two", [big, small]));
  await run();
  expect((await run("gc")).status).toBe(0);
  expect(readdirSync(treesDir())).toEqual([second]);
  expect((await run("doctor", "--deep")).status).toBe(0);
  expect((await run()).stderr).toMatch(/nothing to do/);
});

test("a damaged tree gives nothing to another one", async () => {
  const one = skillWith("one", [big]);
  review(one);
  await run();
  const [first = ""] = readdirSync(treesDir());
  writeFileSync(join(treesDir(), first, "site-packages/big.py"), "planted = True\n");
  review(one, skillWith("two", [big, small]));
  expect((await run()).status).toBe(0);
  const trees = readdirSync(treesDir()).filter((name) => name !== first);
  expect(trees.length).toBeGreaterThan(0);
  for (const tree of trees) expect(inodeOf(tree)).not.toBe(inodeOf(first));
  expect((await run("doctor", "--deep")).status).toBe(0);
});

test("a run's own sets share files, too; a write into one damages each set that has it: doctor names them, and a run replaces all", async () => {
  review(skillWith("one", [big]), skillWith("two", [big, small]));
  await run();
  expect(await isSealed()).toBe(true);
  expect((await run()).stderr).toMatch(/nothing to do/);
  const trees = readdirSync(treesDir());
  expect(new Set(trees.map(inodeOf)).size).toBe(1);
  writeFileSync(join(treesDir(), trees[0] ?? "", "site-packages/big.py"), "planted = True\n");
  const { stdout } = await run("doctor");
  expect(stdout.match(/not as published: site-packages\/big\.py/g)).toHaveLength(2);
  expect((await run()).stderr).toMatch(/2 installed/);
  expect((await run("doctor", "--deep")).status).toBe(0);
  expect((await run("gc")).status).toBe(0);
  for (const tree of readdirSync(treesDir())) {
    const text = readFileSync(join(treesDir(), tree, "site-packages/big.py"), "utf8");
    expect(text).toMatch(/^text = "x/);
  }
});
