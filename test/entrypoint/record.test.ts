import { execFileSync } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, test } from "vitest";
import { forgetFreshness, recordFreshness } from "../../src/io/freshness/record.ts";
import {
  absolute,
  factsOf,
  hasShell,
  makePlace,
  type Place,
  shells,
  write,
  writeSkill,
} from "./place.ts";
import { hash } from "./rows.ts";

let place: Place;
afterEach(() => place.remove());

const steadyOf = (it: Place): string => join(it.prefix, "share/openclaw-skill-deps/freshness");
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
    await recordFreshness(facts);
    expect(namesOf(place)).toEqual([]);
  });
});

test("a SKILL.md that nobody reads, below another, does not stand in the way", async () => {
  place = makePlace(["", ""]);
  writeSkill(join(place.skillsDir, "skill-0"), "example");
  await recordFreshness({ ...factsOf(place), view: viewOf(1) });
  expect(namesOf(place)).toHaveLength(2);
});

test("the metadata of all records are listed before the contents, which are the same", async () => {
  place = makePlace(["", ""]);
  const searches = join(place.dir, "searches");
  const find = `#!/bin/sh\nprintf '%s ' "$1" >>'${searches}'\nexec '${absolute("find")}' "$@"\n`;
  write(join(place.systemBin, "find"), find, 0o755);
  const facts = factsOf(place);
  const { inputs, path } = facts;
  await recordFreshness({
    ...facts,
    path: `${place.systemBin}:${path}`,
    view: viewOf(1),
    others: [{ view: viewOf(2), inputs }],
  });
  expect(readFileSync(searches, "utf8")).toMatch(/^(-H -H -L )+$/); // again if the clock has not ticked
  const views = namesOf(place).filter((name) => /^\d/.test(name));
  const lists = views.map((name) => readFileSync(join(steadyOf(place), name, "content"), "utf8"));
  const [[first, ...some] = [], [second, ...others] = []] = lists.map((text) => text.split("\n"));
  expect([first, second].sort()).toEqual([viewOf(1), viewOf(2)]);
  expect(some).toEqual(others);
  expect(some.join("\n")).toMatch(/^[0-9a-f]{64} {2}roots\/0\/skill-0\/SKILL\.md$/m);
});

test("where only the second record's metadata cannot be listed, find is still the way", async () => {
  place = makePlace(["", ""]);
  const searches = join(place.dir, "searches");
  const count = `echo >>'${searches}' && [ $(($(wc -l <'${searches}') % 2)) -eq 0 ] && exit 1`;
  const find = `#!/bin/sh\n[ "$1" = -H ] && ${count}\nexec '${absolute("find")}' "$@"\n`;
  write(join(place.systemBin, "find"), find, 0o755);
  const facts = factsOf(place);
  const path = `${place.systemBin}:${facts.path}`;
  const others = [{ view: viewOf(2), inputs: facts.inputs }];
  await recordFreshness({ ...facts, path, view: viewOf(1), others });
  const records = namesOf(place).map((name) => readdirSync(join(steadyOf(place), name)));
  expect(records).toHaveLength(3);
  for (const files of records) expect(files).not.toContain("by-stat");
});

const memory = "/dev/shm";
const isOther = existsSync(memory) && statSync(memory).dev !== statSync(tmpdir()).dev;

test.runIf(isOther)(
  "metadata proves nothing about a file that another file system's clock calls new",
  async () => {
    place = makePlace(["", ""]);
    const dir = mkdtempSync(join(memory, "skills-"));
    try {
      const path = writeSkill(dir, "fresh");
      const { inputs, ...facts } = factsOf(place);
      const more = [...inputs, { path, sha256: hash(path), skill: true }];
      await recordFreshness({
        ...facts,
        inputs: more,
        roots: [place.skillsDir, dir],
        view: viewOf(1),
      });
      const [record = ""] = namesOf(place).filter((name) => /^\d/.test(name));
      const lists = readdirSync(join(steadyOf(place), record));
      expect(lists).toEqual(expect.arrayContaining(["content", "volume"]));
      expect(lists).not.toContain("seen");
      expect(lists).not.toContain("all");
    } finally {
      rmSync(dir, { recursive: true });
    }
  },
);

describe("the digests are what the entrypoint lists", () => {
  const treeOf = (it: Place): string => join(it.prefix, "lib/launched/1.0.0-abcdefabcdef");
  const anyOf = (it: Place): string => {
    const [any = ""] = namesOf(it).filter((name) => name.startsWith("any-"));
    return join(steadyOf(it), any);
  };
  const digests = (it: Place): string => join(anyOf(it), "digests");
  const listedIn = (it: Place, env: Place["env"]): string => {
    const words = [it.entrypoint, "--print-lists", "END", "digests", anyOf(it), ""];
    const printed = execFileSync("/bin/sh", words, { encoding: "utf8", env });
    expect(printed).toMatch(/\nEND\n$/);
    return printed.replace(/END\n$/, "");
  };

  test.each(shells.filter(hasShell))("%s", async (...shell) => {
    place = makePlace(shell);
    const tree = treeOf(place);
    mkdirSync(join(tree, "empty"));
    write(join(tree, "a b/ä $(x) 'y' \"z\""), "odd name\n");
    write(join(tree, "helper"), "", 0o700);
    write(join(tree, ".hidden/.more"), "");
    symlinkSync("a b", join(tree, "to a directory"));
    symlinkSync("../nowhere at all", join(tree, "dangling"));
    await recordFreshness({ ...factsOf(place), view: viewOf(1) });
    const recorded = readFileSync(digests(place), "utf8").split("\n").sort();
    const listed = listedIn(place, place.env);
    expect(recorded).toEqual(listed.split("\n").sort());
    for (const line of ["/helper", "/a b/", "/.hidden/.more", "'../nowhere at all'", "/empty"])
      expect(listed).toContain(line);
  });

  test.skipIf(!hasShell(["", "busybox"]))("busybox, and nothing else", async () => {
    place = makePlace(["ash", "busybox", "sh"]);
    const applets = ["find", "stat", "sha256sum", "printf", "head", "awk", "cmp", "cat"];
    for (const name of applets) symlinkSync(absolute("busybox"), join(place.systemBin, name));
    symlinkSync("app.js", join(treeOf(place), "link"));
    await recordFreshness({ ...factsOf(place), path: place.systemBin, view: viewOf(1) });
    expect(readdirSync(anyOf(place))).toContain("by-stat");
    const listed = listedIn(place, { PATH: place.systemBin });
    const recorded = readFileSync(digests(place), "utf8").split("\n").sort();
    expect(recorded).toEqual(listed.split("\n").sort());
    expect(listed).toContain("/link' -> 'app.js'");
  });

  test("as a tree was published, whatever it has become", async () => {
    place = makePlace(["", ""]);
    const [tree, sha256] = [treeOf(place), "ab".repeat(32)];
    const record = { ...installed, files: { "app.js": `644 ${sha256}`, README: `755 ${sha256}` } };
    writeFileSync(join(tree, ".openclaw-skill-deps.json"), JSON.stringify(record));
    await recordFreshness({ ...factsOf(place), view: viewOf(1) });
    const text = readFileSync(digests(place), "utf8");
    expect(text).toMatch(new RegExp(`^${sha256}  trees/\\d+%launched/app.js$`, "m"));
    expect(text).toMatch(/^x trees\/\d+%launched\/README$/m);
    expect(text).toMatch(/^[0-9a-f]{64} {2}trees\/\d+%launched\/\.openclaw-skill-deps\.json$/m);
  });

  test("none where programs print a name in ways of their own", async () => {
    place = makePlace(["", ""]);
    write(join(treeOf(place), "back\\slash"), "");
    await recordFreshness({ ...factsOf(place), view: viewOf(1) });
    expect(namesOf(place)).toHaveLength(2);
    expect(existsSync(digests(place))).toBe(false);
  });
});

const installed = {
  record: {
    tool: "launched",
    version: "1.0.0",
    key: "abcdefabcdef",
    dir: "lib/launched/1.0.0-abcdefabcdef",
    source: { kind: "archive", from: "https://x/y", digest: "sha256:00", size: 1 },
    bins: {},
    needs: [],
    license: "MIT",
    recipe: "bundled",
    installedAt: "2026-01-01T00:00:00.000Z",
    contents: "ab".repeat(32),
  },
};

test("two launchers that start one program are no obstacle", async () => {
  place = makePlace(["", ""]);
  const { programs, ...facts } = factsOf(place);
  await recordFreshness({
    ...facts,
    programs: [...programs, ...programs.slice(-1)],
    view: viewOf(1),
  });
  expect(namesOf(place)).toHaveLength(2);
});

test("one record per view, at most sixteen, and one for any", async () => {
  place = makePlace(["", ""]);
  for (let n = 10; n < 28; n += 2) {
    const { inputs, ...facts } = factsOf(place);
    const others = [{ view: viewOf(n + 1), inputs }];
    await recordFreshness({ ...facts, inputs, view: viewOf(n), others });
  }
  await recordFreshness({ ...factsOf(place), view: viewOf(27) });
  const names = namesOf(place);
  expect(names.filter((name) => name.startsWith("any-"))).toHaveLength(1);
  const views = names
    .filter((name) => /^\d/.test(name))
    .map((name) => readFileSync(join(steadyOf(place), name, "content"), "utf8").split("\n")[0]);
  expect(views.sort()).toEqual(Array.from({ length: 16 }, (_, i) => viewOf(12 + i)));
  expect(names).toHaveLength(17);
});

test("no view, no record", async () => {
  place = makePlace(["", ""]);
  await recordFreshness({ ...factsOf(place), view: "" });
  expect(namesOf(place)).toEqual([]);
});

test("a volume that cannot be written to is no error", async () => {
  place = makePlace(["", ""]);
  symlinkSync("/proc/nowhere", join(place.prefix, "share"));
  await expect(recordFreshness({ ...factsOf(place), view: viewOf(1) })).resolves.toBeUndefined();
  expect(readlinkSync(join(place.prefix, "share"))).toBe("/proc/nowhere");
});

test("forgetting leaves no record, and what was settled is known afterwards", async () => {
  place = makePlace(["", ""]);
  await forgetFreshness(place.prefix);
  await recordFreshness({ ...factsOf(place), view: viewOf(1) });
  expect(namesOf(place)).toHaveLength(2);
  await forgetFreshness(place.prefix);
  expect(readdirSync(join(place.prefix, "share/openclaw-skill-deps"))).toEqual(["satisfied.json"]);
  await recordFreshness({ ...factsOf(place), satisfied: [], view: viewOf(1) });
  const [any = ""] = namesOf(place).filter((name) => name.startsWith("any-"));
  const settled = readFileSync(join(steadyOf(place), any, "satisfied"), "utf8")
    .trim()
    .split("\n");
  expect(settled).toHaveLength(2 + factsOf(place).satisfied.length);
});
