import { expect, test } from "vitest";
import { emptyManifest, type VerifiedRecord } from "../../src/core/manifest.ts";
import { previousOf, rollbackProblems } from "../../src/core/plan/rollback.ts";

function record(tool: string, version: string, more: Partial<VerifiedRecord> = {}): VerifiedRecord {
  const dir = `lib/${tool}/${version}-0123456789ab`;
  return {
    tool,
    version,
    key: "0123456789ab",
    dir,
    source: { kind: "archive", from: "https://example.test", digest: "sha256:00", size: 1 },
    bins: { [tool]: { path: `${dir}/${tool}`, size: 1 } },
    needs: [],
    license: "MIT",
    recipe: "bundled",
    installedAt: "2026-01-01T00:00:00.000Z",
    contents: "ab".repeat(32),
    sealed: "0",
    ...more,
  };
}

const python = (tool: string, version: string, line: string) =>
  record(tool, version, { source: { ...record(tool, version).source, python: line } });

function volume(installed: VerifiedRecord[], previous: VerifiedRecord[]) {
  const byTool = (records: VerifiedRecord[]) =>
    Object.fromEntries(records.map((one) => [one.tool, one]));
  return {
    ...emptyManifest("linux-x64-glibc"),
    tools: byTool(installed),
    previous: byTool(previous),
  };
}

test("the previous trees of installed tools only, and of those that are named", () => {
  const manifest = volume(
    [record("gog", "2.0.0"), record("jq", "2.0.0")],
    [record("gog", "1.0.0"), record("gone", "1.0.0")],
  );
  expect(previousOf(manifest, []).map(({ tool }) => tool)).toEqual(["gog"]);
  expect(previousOf(manifest, ["jq"])).toEqual([]);
});

const python3 = [record("python3", "3.13.1"), record("python3", "3.12.9")] as const;
test.each([
  ["alone", volume([record("gog", "2.0.0")], [record("gog", "1.0.0")]), []],
  [
    "needs what is gone",
    volume([record("gog", "2.0.0")], [record("gog", "1.0.0", { needs: ["node"] })]),
    [/gog 1\.0\.0 needs node/],
  ],
  [
    "its Python is of another line by now",
    volume([python3[0], python("black", "2.0.0", "3.13")], [python("black", "1.0.0", "3.12")]),
    [/black 1\.0\.0 runs with Python 3\.12 only/],
  ],
  [
    "Python alone, whose programs would not run",
    volume([python3[0], python("black", "2.0.0", "3.13")], [python3[1]]),
    [/black 2\.0\.0 runs with Python 3\.13 only/],
  ],
  [
    "Python with its programs",
    volume(
      [python3[0], python("black", "2.0.0", "3.13")],
      [python3[1], python("black", "1.0.0", "3.12")],
    ),
    [],
  ],
])("%s", (_, manifest, problems) => {
  const found = rollbackProblems(manifest, previousOf(manifest, []));
  expect(found).toEqual(problems.map((problem) => expect.stringMatching(problem)));
});
