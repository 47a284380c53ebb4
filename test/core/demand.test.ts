import { expect, test } from "vitest";
import { emptyManifest, type Manifest, type VerifiedRecord } from "../../src/core/manifest.ts";
import {
  requestedTools,
  skillsThatAsk,
  toolsThatNeed,
  unusedTools,
} from "../../src/core/plan/required-by.ts";

/** Each tool has one program of its name. */
function volume(tools: Record<string, string[]>, requested?: string[]): Manifest {
  const records = Object.entries(tools).map(([tool, needs]): [string, VerifiedRecord] => {
    const dir = `lib/${tool}/1-0123456789ab`;
    const bins = { [tool]: { path: `${dir}/${tool}`, size: 1 } };
    const source = { kind: "archive", from: "", digest: "", size: 0 };
    const rest = { license: "MIT", recipe: "bundled", installedAt: "", contents: "", sealed: "0" };
    return [tool, { tool, version: "1", key: "0123456789ab", dir, source, bins, needs, ...rest }];
  });
  const { requested: _, ...unknown } = emptyManifest("linux-x64-glibc");
  const manifest = { ...unknown, tools: Object.fromEntries(records) };
  return requested === undefined ? manifest : { ...manifest, requested };
}

const skill = (name: string, bins: string[], anyBins: string[] = []) => ({
  name,
  sha256: "0".repeat(64),
  bins,
  anyBins,
});

test("unused is what no skill, nobody by name and no used tool asks for", () => {
  const manifest = volume({ hub: ["node"], node: [], gog: [], rg: [], old: ["lib"], lib: [] }, [
    "gog",
  ]);
  const skills = [skill("a", ["hub"]), skill("b", [], ["grep", "rg"])];
  expect(unusedTools(manifest, skills)).toEqual(["lib", "old"]);
  expect(unusedTools(manifest, [])).toEqual(["hub", "lib", "node", "old", "rg"]);
});

test("where nobody knows who asked, what no skill explains counts as requested", () => {
  const manifest = volume({ hub: ["node"], node: [], gog: [] });
  expect(requestedTools(manifest)).toEqual(["gog", "hub"]);
  expect(unusedTools(manifest, [])).toEqual([]);
  expect(requestedTools(manifest, [skill("a", ["hub"])])).toEqual(["gog"]);
});

test("who asks for a tool, and who needs it", () => {
  const manifest = volume({ hub: ["node"], pak: ["node"], node: [] }, []);
  const skills = [skill("a", ["hub"]), skill("b", [], ["hub", "x"]), skill("c", ["pak"])];
  expect(skillsThatAsk(manifest.tools.hub as VerifiedRecord, skills)).toEqual(["a", "b"]);
  expect(toolsThatNeed("node", manifest)).toEqual(["hub", "pak"]);
  expect(toolsThatNeed("node", manifest, new Set(["hub"]))).toEqual(["pak"]);
});
