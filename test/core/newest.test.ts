/** Which version `recipe outdated` and `recipe bump` choose from what origins list. */
import { describe, expect, test } from "vitest";
import { moveText } from "../../src/author/bump.ts";
import { type Answer, isBehind, majorNote, newestOf } from "../../src/author/newest.ts";
import { namedOrigin, nameOfOrigin, type Origin, versionsIn } from "../../src/author/versions.ts";

const answer = (versions: Answer["versions"], origin: Partial<Origin> = {}): Answer => ({
  origin: { kind: "git", name: "github.com/o/zog", tag: "v1.0.0", ...origin },
  versions,
});
const newest = (...answers: Answer[]) => newestOf({ version: "1.0.0" }, answers);

describe("newestOf", () => {
  test.each<[string, string, string[], string]>([
    ["numbers, not texts", "v1.0.0", ["v1.9.0", "v1.10.0"], "1.10.0"],
    ["tags with the same words only", "zog-1.0.0", ["zog-1.1.0", "zig-2.0.0", "v3.0.0"], "1.1.0"],
    [
      "a word behind the version",
      "1.0.0-linux-x64",
      ["1.2.0-linux-x64", "1.3.0-darwin", "1.4.0"],
      "1.2.0",
    ],
    [
      "no versions before a release",
      "v1.0.0",
      ["v1.1.0-rc.1", "v1.1.0b2", "v2.0.0-alpha"],
      "1.0.0",
    ],
    ["no older one", "v1.0.0", ["v0.9.0"], "1.0.0"],
  ])("%s", (_, tag, versions, expected) => {
    expect(newest(answer(versions, { tag })).version).toBe(expected);
  });

  test.each<[string, string, string[], string]>([
    ["four numbers", "156.0.8078.114", ["156.0.8078.99", "156.0.8078.200"], "156.0.8078.200"],
    ["years and months", "2024.09", ["2024.08", "2024.10", "2025.01"], "2025.01"],
    ["a release of a version", "7.1.1-40", ["7.1.1-41", "7.1.2-1", "7.1.3-beta"], "7.1.2-1"],
    ["a letter", "1.1.1a", ["1.1.1b", "1.1.1w", "1.1.2-alpha1"], "1.1.1w"],
    ["a build", "21.0.5+9", ["21.0.5+11", "21.0.5+10"], "21.0.5+11"],
    ["a word before the number", "r29", ["r30", "31", "nightly"], "r30"],
    ["no patch that looks like one before a release", "1.0.0", ["1.0.1-1"], "1.0.0"],
  ])("follows %s", (_, version, listed, expected) => {
    const tags = [version, ...listed].map((each) => `v${each}`);
    const found = newestOf({ version }, [answer(tags, { tag: `v${version}` })]);
    expect(found).toMatchObject({ version: expected, notes: [] });
  });

  test("a range is held where no version is one of semver", () => {
    const listed = answer(["v2024.09", "v2024.10", "v2025.01"], { tag: "v2024.09" });
    const held = newestOf({ version: "2024.09", hold: ">=2025" }, [listed]);
    expect(held).toMatchObject({ version: "2024.10", notes: ["held: >=2025 is not followed"] });
    expect(majorNote("2024.09", "2025.01")).toBe("a new major version");
    expect(majorNote("2024.09", "2024.10")).toBeUndefined();
  });

  test("a version that its origin no longer has is said", () => {
    const npm = { kind: "npm", name: "zog", tag: "1.0.0" } as const;
    const notes = (origin: Partial<Origin>, versions: string[]) =>
      newest(answer(versions, origin)).notes;
    expect(notes(npm, ["0.9.0"])).toEqual(["npm:zog no longer offers 1.0.0"]);
    expect(notes(npm, ["0.9.0", "1.0.0"])).toEqual([]);
    expect(notes({ ...npm, kind: "pypi" }, ["1.0"])).toEqual([]);
    expect(notes({ ...npm, kind: "go" }, ["0.9.0"])).toEqual([]);
  });

  test("an origin that lists nothing to follow is said", () => {
    const notes = (origin: Partial<Origin>, versions: string[]) =>
      newest(answer(versions, origin)).notes;
    const nothing = "so nothing is followed";
    expect(notes({ kind: "go" }, [])).toEqual([`go:github.com/o/zog lists no version, ${nothing}`]);
    const deb = { kind: "deb", name: "zog", tag: "1.0.0-1" } as const;
    expect(notes(deb, [])).toEqual([`deb:zog lists no version, ${nothing}`]);
    const page = { kind: "page", name: "https://zog.test/stable.txt" } as const;
    expect(notes(page, ["2.0"])).toEqual([
      `zog.test/stable.txt names no version like 1.0.0, ${nothing}`,
    ]);
    expect(notes(page, ["2.0", "0.9.0"])).toEqual([]);
    const withNpm = newest(
      answer([], deb),
      answer(["1.0.0", "1.1.0"], { kind: "npm", tag: "1.0.0" }),
    );
    expect(withNpm.version).toBe("1.1.0");
  });

  test("what each origin has; one that does not answer is named", () => {
    const npm = { kind: "npm", name: "zog", tag: "1.0.0" } as const;
    const both = newest(answer(["v1.1.0", "v1.2.0"]), answer(["1.1.0"], npm));
    expect(both).toMatchObject({ version: "1.1.0", unasked: [] });
    const one = newest(answer({ why: "no such repository" }), answer(["1.0.0", "1.1.0"], npm));
    expect(one).toMatchObject({
      version: "1.1.0",
      unasked: ["github.com/o/zog"],
      notes: ["no such repository"],
      sharedCauses: [],
    });
    const down = newest(answer({ why: "no address of o", shared: "o cannot be reached" }));
    expect(down).toMatchObject({ notes: [], sharedCauses: ["o cannot be reached"] });
  });

  test("a tag that does not name the version is said", () => {
    const { version, notes } = newest(answer(["20260101", "20260201"], { tag: "20260101" }));
    const why = "20260101 of github.com/o/zog does not name the version, so nothing is followed";
    expect([version, notes]).toEqual(["1.0.0", [why]]);
  });

  test("of a repository that only the recipe names, tags like that of its version", () => {
    const named = namedOrigin("git+https://github.com/o/zog.git");
    const of = (versions: string[]) =>
      newestOf({ version: "1.0.0" }, [{ origin: named, versions }]);
    expect(nameOfOrigin(named)).toBe("github.com/o/zog");
    expect(of(["w3.0.0", "zog-v1.0.0", "zog-v1.1.0", "v2.0.0"]).version).toBe("1.1.0");
    expect(of(["v2.0.0"])).toMatchObject({
      version: "1.0.0",
      notes: ["github.com/o/zog does not list 1.0.0, so nothing is followed"],
    });
  });

  test("of a page, versions with as many parts as the recipe's", () => {
    const page = namedOrigin("https://zog.test/stable/?mode=json");
    const text =
      '{"Format":"2.0","Tarballs":{"amd64":"zog_1.98.4_amd64.tgz"},"beta":"v3.0.0-rc.1","host":"10.0.0.1"}';
    const versions = versionsIn(text);
    expect(versions).toEqual(["2.0", "1.98.4", "3.0.0-rc.1", "10.0.0.1"]);
    expect(newestOf({ version: "1.0.0" }, [{ origin: page, versions }]).version).toBe("1.98.4");
    expect(nameOfOrigin(page)).toBe("zog.test/stable/");
  });

  test("Debian's version is its own, and packages of a lock can be newer alone", () => {
    const deb = { kind: "deb", name: "zog", tag: "1.0.0-1" } as const;
    const rebuilt = newest(answer(["1.0.0-1+b1"], deb));
    expect(rebuilt).toMatchObject({ version: "1.0.0", deb: { from: "1.0.0-1", to: "1.0.0-1+b1" } });
    const same = newestOf({ version: "1.0.0" }, [answer(["1.0.0-1"], deb)], 2);
    expect(same.deb).toBeUndefined();
    expect([isBehind(same, "1.0.0"), isBehind({ ...same, staleDebs: 0 }, "1.0.0")]).toEqual([
      true,
      false,
    ]);
    expect(same.notes).toEqual(["2 packages of the Debian lock have a newer version"]);
  });
});

describe("moveText", () => {
  const none = { older: [], staleDebs: 0, notes: [], unasked: [], sharedCauses: [] };
  const text = `name: zog # 1.0.0 is the first
version: '1.0.0'
provenance: SHA256SUMS of the release
bins: { zog: zog-1.0.0/zog }
artifacts:
  linux-x64:
    - url: https://example.test/v1.0.0/zog-1.0.0.tgz # 1.0.0
      sha256: ${"a".repeat(64)}
      bins: { zog: zog-1.0.0/zog }
    - { deb: zog@1.0.0-1, lock: zog.deb.lock.json }
`;

  test("version, address, paths and provenance; comments and Debian's version stay", () => {
    expect(moveText(text, { version: "1.1.0", ...none }, "2026-01-02")).toBe(
      text
        .replace("'1.0.0'", '"1.1.0"')
        .replace("SHA256SUMS of the release", "digests computed from what was served on 2026-01-02")
        .replaceAll("zog-1.0.0/zog", "zog-1.1.0/zog")
        .replace("v1.0.0/zog-1.0.0.tgz", "v1.1.0/zog-1.1.0.tgz"),
    );
  });

  test("Debian's version alone", () => {
    const deb = { name: "zog", from: "1.0.0-1", to: "1.0.0-2" };
    expect(moveText(text, { version: "1.0.0", deb, ...none }, "2026-01-02")).toBe(
      text.replace("zog@1.0.0-1", "zog@1.0.0-2"),
    );
  });

  test("of a recipe that has only Debian's package", () => {
    const only =
      "name: zog\nversion: 1.0.0\nbins: { zog: usr/bin/zog }\nartifacts:\n  linux-x64:\n    deb: zog@1.0.0-1\n    lock: zog.deb.lock.json\n";
    const deb = { name: "zog", from: "1.0.0-1", to: "1.1.0-1" };
    expect(moveText(only, { version: "1.0.0", deb, ...none }, "2026-01-02")).toBe(
      only.replaceAll("1.0.0", "1.1.0"),
    );
  });
});
