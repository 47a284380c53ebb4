import { describe, expect, test } from "vitest";
import { emptyManifest, type Manifest, type VerifiedRecord } from "../../src/core/manifest.ts";
import { type ImportRequest, planImport } from "../../src/core/plan/import.ts";

const key = "0123456789ab";

function record(tool: string, over: Partial<VerifiedRecord> = {}): VerifiedRecord {
  const version = over.version ?? "1.0.0";
  const dir = `lib/${tool}/${version}-${key}`;
  return {
    tool,
    version,
    key,
    dir,
    source: { kind: "archive", from: "https://x.test/a", digest: "sha256:00", size: 1 },
    bins: { [tool]: { path: `${dir}/bin/${tool}`, size: 1 } },
    needs: [],
    license: "MIT",
    recipe: "bundled",
    installedAt: "2026-01-01T00:00:00.000Z",
    contents: "a".repeat(64),
    sealed: "0",
    ...over,
  };
}

function volume(...records: VerifiedRecord[]): Manifest {
  const tools = Object.fromEntries(records.map((each) => [each.tool, each]));
  return { ...emptyManifest("linux-x64-glibc"), tools };
}

function plan(own: Manifest, theirs: Manifest, over: Partial<ImportRequest> = {}): string[] {
  return planImport({ own, theirs, damaged: new Set(), force: false, ...over }).map(
    ({ action, tool, why }) => `${action} ${tool}: ${why}`,
  );
}

const other = "b".repeat(64);

describe("what is taken from another volume", () => {
  test("what is missing, newer or damaged here", () => {
    const own = volume(record("owl"), record("zog"), record("yak"));
    const theirs = volume(
      record("elk"),
      record("owl", { version: "1.10.0", contents: other }),
      record("yak"),
    );
    expect(plan(own, theirs, { damaged: new Set(["yak"]) })).toEqual([
      "take elk: missing",
      "take owl: newer",
      "take yak: damaged",
    ]);
  });
  test("never what is the same, or newer here; of one version, ours stays", () => {
    const own = volume(record("owl"), record("zog", { version: "1.10.0" }), record("yak"));
    const theirs = volume(
      record("owl"),
      record("zog", { version: "1.9.0", contents: other }),
      record("yak", { contents: other }),
    );
    expect(plan(own, theirs)).toEqual([
      "keep owl: the same",
      "keep yak: this version is here, from another source",
      "keep zog: 1.10.0 here is newer",
    ]);
    expect(plan(own, theirs, { force: true })).toEqual([
      "take owl: forced",
      "take yak: forced",
      "take zog: forced",
    ]);
  });
  test("a tool follows what it needs, and is refused without it", () => {
    const theirs = volume(record("hub", { needs: ["node"] }), record("node"));
    expect(plan(volume(), theirs)).toEqual(["take node: missing", "take hub: missing"]);
    const alone = volume(record("hub", { needs: ["node"] }), record("all", { needs: ["hub"] }));
    expect(plan(volume(), alone)).toEqual([
      "refuse hub: it needs node, which is in neither of the two",
      "refuse all: it needs hub, which is in neither of the two",
    ]);
    expect(plan(volume(record("node")), alone)).toEqual(["take hub: missing", "take all: missing"]);
  });
  test("needs that go in a circle end", () => {
    const theirs = volume(record("a", { needs: ["b"] }), record("b", { needs: ["a"] }));
    expect(plan(volume(), theirs).sort()).toEqual(["take a: missing", "take b: missing"]);
  });
  test("no program of another tool is taken over", () => {
    const bins = { owl: { path: `lib/elk/1.0.0-${key}/bin/owl`, size: 1 } };
    expect(plan(volume(record("owl")), volume(record("elk", { bins })))).toEqual([
      "refuse elk: its program owl already belongs to owl",
    ]);
  });
});
