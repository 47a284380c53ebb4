import { describe, expect, test } from "vitest";
import type { VerifiedRecord } from "../../src/core/manifest.ts";
import { emptyManifest } from "../../src/core/manifest.ts";
import { installationKey, type PlanRequest } from "../../src/core/plan/plan.ts";
import { resolvePlan } from "../../src/core/plan/resolve.ts";
import type { Recipe } from "../../src/core/recipe.ts";

const digest = { algorithm: "sha256", hex: "a".repeat(64) } as const;

function recipeOf(version: string): Recipe {
  const artifact = {
    kind: "archive",
    url: `https://example.test/zog-${version}`,
    digest,
    format: "raw",
    strip: 0,
  } as const;
  const text = { description: "", homepage: "", license: "MIT", origin: "bundled" };
  const plain = { bins: { zog: "zog" }, test: ["zog"], needs: [] };
  return { ...text, ...plain, name: "zog", version, artifacts: { "linux-x64": [artifact] } };
}

function recordOf(version: string, key = "0".repeat(12)): VerifiedRecord {
  const dir = `lib/zog/${version}-${key}`;
  return {
    tool: "zog",
    version,
    key,
    dir,
    source: { kind: "archive", from: "x", digest: "x", size: 1 },
    bins: { zog: { path: `${dir}/zog`, size: 1 } },
    needs: [],
    license: "MIT",
    recipe: "bundled",
    installedAt: "2026-01-01T00:00:00Z",
    contents: "0".repeat(64),
    sealed: "0",
  };
}

/** The very tree that the recipe would give. */
function sameAs(recipe: Recipe): VerifiedRecord {
  const [artifact] = recipe.artifacts["linux-x64"] ?? [];
  if (!artifact) throw new Error("the recipe has no artifact");
  return recordOf(recipe.version, installationKey(recipe, artifact));
}

interface World {
  readonly volume?: VerifiedRecord;
  readonly seed?: VerifiedRecord;
  readonly recipe?: Recipe;
  readonly damaged?: boolean;
  readonly offline?: boolean;
  readonly force?: "all";
  /** The version of the volume's python3. */
  readonly python?: string;
}

/** A tree whose packages were chosen for a line of Python. */
function forPython(record: VerifiedRecord, python: string): VerifiedRecord {
  return { ...record, source: { ...record.source, python } };
}

function planOf({ volume, seed, recipe, damaged, offline = false, force, python }: World) {
  const tools = [
    ...(volume ? [volume] : []),
    ...(python === undefined ? [] : [{ ...recordOf(python), tool: "python3", bins: {} }]),
  ];
  const request: PlanRequest = {
    requirements: [{ for: "skill", bins: ["zog"], anyBins: [] }],
    catalogue: {
      recipes: new Map(recipe ? [["zog", recipe]] : []),
      providers: new Map(recipe ? [["zog", "zog"]] : []),
    },
    platform: { os: "linux", arch: "x64", libc: "glibc" },
    present: {
      manifest: {
        ...emptyManifest("linux-x64-glibc"),
        tools: Object.fromEntries(tools.map((record) => [record.tool, record])),
      },
      damaged: new Set(damaged ? ["zog"] : []),
      unlinked: new Set(),
      system: new Map(),
    },
    seed: seed ? { zog: seed } : {},
    offline,
    ignoreSystem: false,
    force: force ?? new Set(),
    update: false,
  };
  const { steps, unmet } = resolvePlan(request);
  const [step] = steps;
  if (!step) return unmet.length > 0 ? "unmet" : "nothing";
  if (step.action !== "install") return step.action;
  const seeded = step.seed ? `, ${step.seed.isFirst ? "seed first" : "seed last"}` : "";
  return `${step.reason}${seeded}`;
}

const [one, two, three] = ["1.0.0", "2.0.0", "3.0.0"].map(recipeOf) as [Recipe, Recipe, Recipe];

describe("a seed", () => {
  test.each<[string, World, string]>([
    ["of what is wanted", { seed: sameAs(two), recipe: two }, "missing, seed first"],
    ["of another version", { seed: sameAs(one), recipe: two }, "missing, seed last"],
    [
      "of another version, offline",
      { seed: sameAs(one), recipe: two, offline: true },
      "missing, seed first",
    ],
    ["without a recipe", { seed: recordOf("1.0.0") }, "missing, seed first"],
    [
      "of what is wanted, over an older tool",
      { volume: sameAs(one), seed: sameAs(two), recipe: two },
      "newer version, seed first",
    ],
    [
      "of something newer than the catalogue",
      { volume: sameAs(one), seed: sameAs(three), recipe: two },
      "keep",
    ],
    [
      "the same, offline",
      { volume: sameAs(one), seed: sameAs(three), recipe: two, offline: true },
      "newer version, seed first",
    ],
    ["older than the volume", { volume: sameAs(two), seed: sameAs(one), recipe: two }, "keep"],
    [
      "older than the volume, and what the catalogue wants",
      { volume: sameAs(two), seed: sameAs(one), recipe: one },
      "keep",
    ],
    [
      "older than the volume, offline",
      { volume: sameAs(two), seed: sameAs(one), recipe: three, offline: true },
      "keep",
    ],
    ["older than the volume, no recipe", { volume: sameAs(two), seed: sameAs(one) }, "keep"],
    [
      "newer than the volume, no recipe",
      { volume: sameAs(one), seed: sameAs(two) },
      "newer version, seed first",
    ],
    [
      "for a damaged tool, no recipe",
      { volume: sameAs(two), seed: sameAs(two), damaged: true },
      "damaged, seed first",
    ],
    [
      "older than a damaged tool, no recipe",
      { volume: sameAs(two), seed: sameAs(one), damaged: true },
      "unmet",
    ],
    [
      "older than what is forced",
      { volume: sameAs(two), seed: sameAs(one), recipe: two, force: "all" },
      "forced",
    ],
    [
      "of the version that is there",
      { volume: sameAs(two), seed: sameAs(two), recipe: two },
      "keep",
    ],
    [
      "for the volume's line of Python",
      { seed: forPython(sameAs(two), "3.12"), recipe: two, python: "3.12.9" },
      "missing, seed first",
    ],
    [
      "for another line of Python",
      { seed: forPython(sameAs(two), "3.12"), recipe: two, python: "3.13.0" },
      "missing",
    ],
    [
      "that is as useless as what is there, for another line of Python",
      {
        volume: forPython(sameAs(two), "3.12"),
        seed: forPython(sameAs(two), "3.12"),
        recipe: two,
        python: "3.13.0",
      },
      "other Python",
    ],
  ])("%s", (_what, world, expected) => {
    expect(planOf(world)).toBe(expected);
  });
});
