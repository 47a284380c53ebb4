import {
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { afterEach, describe, expect, test } from "vitest";
import { forgetSteady, recordSteady } from "../../src/io/steady.ts";
import { factsOf, makePlace, type Place, writeSkill } from "./place.ts";
import { hash } from "./rows.ts";

let place: Place;
afterEach(() => place.remove());

const steadyOf = (it: Place): string => join(it.prefix, "share/openclaw-skill-deps/steady");
const namesOf = (it: Place): string[] =>
  existsSync(steadyOf(it)) ? readdirSync(steadyOf(it)) : [];
const viewOf = (n: number): string => `1 x64-glibc view ${n}`;

describe("what differs from what the run saw is not recorded", () => {
  test.each<[string, (it: Place) => void]>([
    ["a program", (it) => truncateSync(join(it.prefix, "bin/gog"))],
    ["a program is gone", (it) => rmSync(join(it.prefix, "bin/gog"))],
    ["a SKILL.md", (it) => writeFileSync(join(it.skillsDir, "skill-0/SKILL.md"), "new")],
    ["a SKILL.md is gone", (it) => rmSync(join(it.skillsDir, "skill-0/SKILL.md"))],
    ["a new skill", (it) => writeSkill(it.skillsDir, "new")],
    ["the catalogue", (it) => writeFileSync(it.catalogue, "{}")],
    ["no manifest", (it) => rmSync(join(it.prefix, "manifest.json"))],
  ])("%s", async (_what, change) => {
    place = makePlace(["", ""]);
    const facts = { ...factsOf(place), view: viewOf(1) };
    change(place);
    await recordSteady(facts);
    expect(namesOf(place)).toEqual([]);
  });
});

test("a SKILL.md that nobody reads, below another, does not stand in the way", async () => {
  place = makePlace(["", ""]);
  writeSkill(join(place.skillsDir, "skill-0"), "example");
  await recordSteady({ ...factsOf(place), view: viewOf(1) });
  expect(namesOf(place)).toHaveLength(2);
});

test("metadata proves nothing about a file that another file system's clock calls new", async () => {
  place = makePlace(["", ""]);
  const memory = "/dev/shm";
  if (!existsSync(memory) || statSync(memory).dev === statSync(place.dir).dev) return;
  const dir = mkdtempSync(join(memory, "skills-"));
  try {
    const path = writeSkill(dir, "fresh");
    const { inputs, ...facts } = factsOf(place);
    const more = [...inputs, { path, sha256: hash(path), skill: true }];
    await recordSteady({ ...facts, inputs: more, roots: [place.skillsDir, dir], view: viewOf(1) });
    const [record = ""] = namesOf(place).filter((name) => /^\d/.test(name));
    expect(readdirSync(join(steadyOf(place), record))).toContain("content");
    expect(statSync(join(steadyOf(place), record, "seen")).size).toBe(0);
  } finally {
    rmSync(dir, { recursive: true });
  }
});

test("two launchers that start one program are no obstacle", async () => {
  place = makePlace(["", ""]);
  const { programs, ...facts } = factsOf(place);
  await recordSteady({ ...facts, programs: [...programs, ...programs.slice(-1)], view: viewOf(1) });
  expect(namesOf(place)).toHaveLength(2);
});

test("one record per view, at most eight, and one for any", async () => {
  place = makePlace(["", ""]);
  for (let n = 10; n < 22; n += 1) {
    await recordSteady({ ...factsOf(place), view: viewOf(n) });
    await recordSteady({ ...factsOf(place), view: viewOf(n) });
  }
  const names = namesOf(place);
  expect(names.filter((name) => name.startsWith("any-"))).toHaveLength(1);
  const views = names
    .filter((name) => /^\d/.test(name))
    .map((name) => readFileSync(join(steadyOf(place), name, "content"), "utf8").split("\n")[0]);
  expect(views.sort()).toEqual([14, 15, 16, 17, 18, 19, 20, 21].map(viewOf));
  expect(names).toHaveLength(9);
});

test("no view, no record", async () => {
  place = makePlace(["", ""]);
  await recordSteady({ ...factsOf(place), view: "" });
  expect(namesOf(place)).toEqual([]);
});

test("a volume that cannot be written to is no error", async () => {
  place = makePlace(["", ""]);
  symlinkSync("/proc/nowhere", join(place.prefix, "share"));
  await recordSteady({ ...factsOf(place), view: viewOf(1) });
});

test("forgetting leaves no record, and what was settled is known afterwards", async () => {
  place = makePlace(["", ""]);
  await forgetSteady(place.prefix);
  await recordSteady({ ...factsOf(place), view: viewOf(1) });
  expect(namesOf(place)).toHaveLength(2);
  await forgetSteady(place.prefix);
  expect(readdirSync(join(place.prefix, "share/openclaw-skill-deps"))).toEqual(["settled.json"]);
  await recordSteady({ ...factsOf(place), settled: [], view: viewOf(1) });
  const [any = ""] = namesOf(place).filter((name) => name.startsWith("any-"));
  const settled = readFileSync(join(steadyOf(place), any, "settled"), "utf8")
    .trim()
    .split("\n");
  expect(settled).toHaveLength(2 + factsOf(place).settled.length);
});
