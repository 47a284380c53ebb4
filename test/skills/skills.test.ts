/**
 * Packages that real skills declare, and those that scripts import most, from the machine's registries, in a
 * hardened sandbox without a network. `SKILLS=NAME,NAME` tries only these.
 */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { foreignTree } from "./foreign.ts";
import { note } from "./results.ts";
import { readSkills, setsOf, type TriedSkill } from "./skills.ts";
import { type Installed, openTrial, outcomeOf, type Trial } from "./trial.ts";

const named = process.env.SKILLS?.split(",");
const some = (list: string): readonly TriedSkill[] =>
  readSkills(list).filter(({ name }) => named?.includes(name) ?? true);
const real = some("real-skills.yaml");
const common = some("common-packages.yaml");
const installed = new Map<string, Installed>();

let trial: Trial;
beforeAll(async () => {
  trial = await openTrial();
  for (const skill of [...real, ...common]) installed.set(skill.name, await trial.install([skill]));
  await trial.start();
}, 7_200_000);
afterAll(() => trial.close(), 120_000);

describe("real skills", () => {
  test.each(real)("$name is whole, or it is said why not", async (skill) => {
    const outcome = await outcomeOf(skill, installedFor(skill), trial);
    const { sets, result, why, bytes, seconds } = outcome;
    note("skills", skill.name, {
      declaredIn: sets.map(({ file }) => file),
      packages: sets.reduce((sum, { imports }) => sum + imports.length, 0),
      megabytes: Math.round(bytes / 1e5) / 10,
      seconds: Math.round(seconds),
      ...{ result, why },
    });
    expect(result, why).not.toBe("failed");
    expect(installedFor(skill).status).toBe(0);
  });
});

describe("what scripts import most", () => {
  test.each(common)("$name", async (skill) => {
    const { status, stderr } = installedFor(skill);
    expect(status, stderr).toBe(0);
    for (const set of setsOf(skill)) {
      const found = Object.entries(await trial.probe(skill, set));
      expect(found.map(([name]) => name)).toEqual(set.imports);
      for (const [name, { version = "", ways = ["import"], error = "" }] of found) {
        note("imports", `${name} (${set.language === "node" ? "Node" : "Python"})`, {
          version,
          ways,
          error,
        });
        expect(error, name).toBe("");
      }
    }
  });
});

describe("the same pins for arm64", () => {
  test.each(common)("$name", async (skill) => {
    const { compiled, wrong } = await foreignTree(skill, trial);
    note("foreign", skill.name, { compiled, wrong });
    expect(wrong).toEqual([]);
  });
});

function installedFor({ name }: TriedSkill): Installed {
  const found = installed.get(name);
  if (!found) throw new Error(`${name} was not installed`);
  return found;
}
