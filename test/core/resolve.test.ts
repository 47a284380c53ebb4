import { describe, expect, test } from "vitest";
import type { Digest } from "../../src/core/digest.ts";
import { emptyManifest, type VerifiedRecord } from "../../src/core/manifest.ts";
import { artifactsFor } from "../../src/core/plan/artifact.ts";
import { installationKey, type PlanRequest, type Requirement } from "../../src/core/plan/plan.ts";
import { resolvePlan } from "../../src/core/plan/resolve.ts";
import type { Platform, PlatformKey } from "../../src/core/platform.ts";
import type { ArchiveArtifact, Artifact, Catalogue, Recipe } from "../../src/core/recipe.ts";
import { compareVersions } from "../../src/core/versions.ts";

const digest = (letter: string): Digest => ({ algorithm: "sha256", hex: letter.repeat(64) });
const platform: Platform = { os: "linux", arch: "x64", libc: "glibc", libcVersion: "2.36" };

function archive(over: Partial<ArchiveArtifact> = {}): Artifact {
  const url = "https://example.test/a.tar.gz";
  return { kind: "archive", url, digest: digest("a"), format: "tar.gz", strip: 0, ...over };
}

function recipe(name: string, over: Partial<Recipe> = {}): Recipe {
  return {
    name,
    description: name,
    homepage: "https://example.test",
    license: "MIT",
    version: "1.0.0",
    bins: { [name]: name },
    test: [name, "--version"],
    needs: [],
    artifacts: { "linux-x64": [archive()] },
    origin: "bundled",
    ...over,
  };
}

function catalogueOf(...recipes: Recipe[]): Catalogue {
  return {
    recipes: new Map(recipes.map((each) => [each.name, each])),
    providers: new Map(
      recipes.flatMap(({ name, bins }) => Object.keys(bins).map((b) => [b, name])),
    ),
  };
}

function installed(from: Recipe, over: Partial<VerifiedRecord> = {}): VerifiedRecord {
  const artifact = from.artifacts["linux-x64"]?.[0] ?? archive();
  const key = installationKey(from, artifact);
  const dir = `lib/${from.name}/${from.version}-${key}`;
  return {
    tool: from.name,
    version: from.version,
    key,
    dir,
    source: { kind: "archive", from: "x", digest: "sha256:x", size: 1 },
    bins: Object.fromEntries(
      Object.entries(from.bins).map(([bin, path]) => [bin, { path: `${dir}/${path}`, size: 1 }]),
    ),
    needs: [...from.needs],
    license: "MIT",
    recipe: "bundled",
    installedAt: "2026-01-01T00:00:00.000Z",
    contents: "ab".repeat(32),
    sealed: "1767225600000000000",
    ...over,
  };
}

interface World {
  requirements?: Requirement[];
  recipes?: Recipe[];
  records?: VerifiedRecord[];
  damaged?: string[];
  unlinked?: string[];
  system?: Record<string, string>;
  seed?: VerifiedRecord[];
  offline?: boolean;
  ignoreSystem?: boolean;
  force?: "all" | string[];
  update?: boolean;
  platform?: Platform;
}

function planOf(world: World) {
  const manifest = emptyManifest("linux-x64-glibc");
  for (const record of world.records ?? []) manifest.tools[record.tool] = record;
  const request: PlanRequest = {
    requirements: world.requirements ?? [],
    catalogue: catalogueOf(...(world.recipes ?? [])),
    platform: world.platform ?? platform,
    present: {
      manifest,
      damaged: new Set(world.damaged),
      unlinked: new Set(world.unlinked),
      system: new Map(Object.entries(world.system ?? {})),
    },
    seed: Object.fromEntries((world.seed ?? []).map((record) => [record.tool, record])),
    offline: world.offline ?? false,
    ignoreSystem: world.ignoreSystem ?? false,
    force: world.force === "all" ? "all" : new Set(world.force),
    update: world.update ?? false,
  };
  return resolvePlan(request);
}

const need = (...bins: string[]): Requirement => ({ for: "skill", bins, anyBins: [] });
const oneOf = (...anyBins: string[]): Requirement => ({ for: "skill", bins: [], anyBins });
const gog = recipe("gog");

/** `action tool reason` per step, `unmet bin` per unmet program. */
function summary(world: World): string[] {
  const { steps, unmet } = planOf(world);
  return [
    ...steps.map((step) =>
      step.action === "install"
        ? `install ${step.tool} ${step.reason}`
        : `${step.action} ${step.tool}`,
    ),
    ...unmet.map(({ bin }) => `unmet ${bin}`),
  ];
}

describe("what is done for a requirement", () => {
  const table: [string, World, string[]][] = [
    ["nothing is required", {}, []],
    ["missing", { requirements: [need("gog")], recipes: [gog] }, ["install gog missing"]],
    [
      "present and valid",
      { requirements: [need("gog")], recipes: [gog], records: [installed(gog)] },
      ["keep gog"],
    ],
    [
      "installed, and the recipe is gone",
      { requirements: [need("gog")], records: [installed(gog)] },
      ["keep gog"],
    ],
    [
      "installed but not required",
      { requirements: [], recipes: [gog], records: [installed(gog)] },
      [],
    ],
    [
      "damaged",
      { requirements: [need("gog")], recipes: [gog], records: [installed(gog)], damaged: ["gog"] },
      ["install gog damaged"],
    ],
    [
      "damaged, and the recipe is gone",
      { requirements: [need("gog")], records: [installed(gog)], damaged: ["gog"] },
      ["unmet gog"],
    ],
    [
      "whole but not linked",
      { requirements: [need("gog")], recipes: [gog], records: [installed(gog)], unlinked: ["gog"] },
      ["link gog"],
    ],
    [
      "the recipe's digest changed at the same version",
      {
        requirements: [need("gog")],
        recipes: [
          recipe("gog", { artifacts: { "linux-x64": [archive({ digest: digest("b") })] } }),
        ],
        records: [installed(gog)],
      },
      ["install gog recipe changed"],
    ],
    [
      "the recipe's strip changed at the same version",
      {
        requirements: [need("gog")],
        recipes: [recipe("gog", { artifacts: { "linux-x64": [archive({ strip: 1 })] } })],
        records: [installed(gog)],
      },
      ["install gog recipe changed"],
    ],
    [
      "installed from the recipe's second source",
      {
        requirements: [need("gog")],
        recipes: [
          recipe("gog", {
            artifacts: { "linux-x64": [archive({ digest: digest("b") }), archive()] },
          }),
        ],
        records: [installed(gog)],
      },
      ["keep gog"],
    ],
    [
      "the catalogue is newer",
      {
        requirements: [need("gog")],
        recipes: [recipe("gog", { version: "1.10.0" })],
        records: [installed(recipe("gog", { version: "1.9.0" }))],
      },
      ["keep gog"],
    ],
    [
      "the catalogue is newer, update",
      {
        requirements: [need("gog")],
        recipes: [recipe("gog", { version: "1.10.0" })],
        records: [installed(recipe("gog", { version: "1.9.0" }))],
        update: true,
      },
      ["install gog newer version"],
    ],
    [
      "the volume is newer, update",
      {
        requirements: [need("gog")],
        recipes: [recipe("gog", { version: "1.9.0" })],
        records: [installed(recipe("gog", { version: "1.10.0" }))],
        update: true,
      },
      ["keep gog"],
    ],
    [
      "forced",
      { requirements: [need("gog")], recipes: [gog], records: [installed(gog)], force: "all" },
      ["install gog forced"],
    ],
    [
      "another one is forced",
      { requirements: [need("gog")], recipes: [gog], records: [installed(gog)], force: ["jq"] },
      ["keep gog"],
    ],
    [
      "on the system",
      { requirements: [need("gog")], recipes: [gog], system: { gog: "/bin/gog" } },
      [],
    ],
    [
      "on the system, forced by name",
      { requirements: [need("gog")], recipes: [gog], system: { gog: "/bin/gog" }, force: ["gog"] },
      ["install gog missing"],
    ],
    [
      "on the system, which is ignored",
      {
        requirements: [need("gog", "git")],
        recipes: [gog],
        system: { gog: "/bin/gog", git: "/bin/git" },
        ignoreSystem: true,
      },
      ["install gog missing", "unmet git"],
    ],
    ["no recipe", { requirements: [need("nope")], recipes: [gog] }, ["unmet nope"]],
    [
      "one of two is not available, the other is installed",
      { requirements: [need("nope", "gog")], recipes: [gog] },
      ["install gog missing", "unmet nope"],
    ],
    [
      "anyBins: one is on the system",
      { requirements: [oneOf("gog", "curl")], recipes: [gog], system: { curl: "/bin/curl" } },
      [],
    ],
    [
      "anyBins: the first that a recipe provides",
      { requirements: [oneOf("nope", "gog", "jq")], recipes: [gog, recipe("jq")] },
      ["install gog missing"],
    ],
    [
      "anyBins: none can be installed",
      { requirements: [oneOf("nope", "neither")] },
      ["unmet neither", "unmet nope"],
    ],
    [
      "what it needs comes first, from the volume even where the system has it",
      {
        requirements: [need("mcporter")],
        recipes: [recipe("mcporter", { needs: ["node"] }), recipe("node")],
        system: { node: "/usr/bin/node" },
      },
      ["install node missing", "install mcporter missing"],
    ],
    [
      "what it needs is not available",
      { requirements: [need("mcporter")], recipes: [recipe("mcporter", { needs: ["node"] })] },
      ["unmet mcporter"],
    ],
    [
      "what it needs is damaged",
      {
        requirements: [need("mcporter")],
        recipes: [recipe("mcporter", { needs: ["node"] }), recipe("node")],
        records: [installed(recipe("mcporter", { needs: ["node"] })), installed(recipe("node"))],
        damaged: ["node"],
      },
      ["install node damaged", "keep mcporter"],
    ],
    [
      "the largest first",
      {
        requirements: [need("a", "b", "c")],
        recipes: ["a", "b", "c"].map((name, i) =>
          recipe(name, { artifacts: { "linux-x64": [archive({ size: [10, 30, 20][i] ?? 0 })] } }),
        ),
      },
      ["install b missing", "install c missing", "install a missing"],
    ],
  ];
  test.each(table)("%s", (_, world, expected) => {
    expect(summary(world)).toEqual(expected);
  });

  test("a newer version of the catalogue is told", () => {
    const [step] = planOf({
      requirements: [need("gog")],
      recipes: [recipe("gog", { version: "1.10.0" })],
      records: [installed(recipe("gog", { version: "1.9.0" }))],
    }).steps;
    expect(step).toMatchObject({ action: "keep", version: "1.9.0", newer: "1.10.0" });
  });

  test("unmet says for whom and why", () => {
    const { unmet } = planOf({
      requirements: [need("gog")],
      recipes: [gog],
      platform: { os: "linux", arch: "arm64", libc: "musl" },
    });
    expect(unmet).toEqual([
      {
        bin: "gog",
        for: ["skill"],
        reason: "the recipe gog has nothing for linux-arm64-musl (linux-x64)",
        problem: "E_NO_BUILD",
      },
    ]);
  });
});

describe("artifacts for a platform", () => {
  const keys = (...names: PlatformKey[]) =>
    recipe("gog", {
      artifacts: Object.fromEntries(
        names.map((key) => [key, [archive({ url: `https://x/${key}` })]]),
      ),
    });
  const table: [string, Recipe, Platform, string][] = [
    ["static", keys("linux-x64"), platform, "linux-x64"],
    ["the more specific wins", keys("linux-x64", "linux-x64-glibc"), platform, "linux-x64-glibc"],
    ["any", keys("any"), platform, "any"],
    [
      "musl takes static",
      keys("linux-x64"),
      { os: "linux", arch: "x64", libc: "musl" },
      "linux-x64",
    ],
    [
      "musl refuses glibc",
      keys("linux-x64-glibc"),
      { os: "linux", arch: "x64", libc: "musl" },
      "none",
    ],
    ["arm64 refuses x64", keys("linux-x64"), { os: "linux", arch: "arm64", libc: "glibc" }, "none"],
  ];
  test.each(table)("%s", (_, from, where, expected) => {
    const found = artifactsFor(from, where);
    const first = "artifacts" in found ? found.artifacts[0] : undefined;
    expect(first?.kind === "archive" ? first.url.slice("https://x/".length) : "none").toBe(
      expected,
    );
  });

  test("a glibc that is too old is told", () => {
    const from = recipe("gog", { artifacts: { "linux-x64-glibc": [archive({ glibc: "2.40" })] } });
    expect(artifactsFor(from, platform)).toEqual({
      reason: "the recipe gog needs glibc 2.40; here it is 2.36",
    });
  });
});

describe("the order of versions", () => {
  test.each([
    ["1.10.0", "1.9.0", 1],
    ["1.9.0", "1.10.0", -1],
    ["2.0.0", "2.0.0", 0],
    ["2.0.0-rc.1", "2.0.0", -1],
    ["1.8", "1.8.0", 0],
    ["2026.9.6", "2026.10.1", -1],
    ["v1.2.3", "1.2.3", 0],
    ["zesty", "zippy", -1],
    ["156.0.8078.200", "156.0.8078.114", 1],
    ["1.0.0.0", "1.0.0", 0],
    ["9.01", "10.01", -1],
    ["2024.09", "2024.10", -1],
    ["1.09", "1.9", 0],
    ["9.2p1", "9.2p2", -1],
    ["3.3", "3.3a", -1],
    ["2.0rc1", "2.0", -1],
    ["2.0.0b2", "2.0.0", -1],
    ["2.0", "2.0.0-rc.1", 1],
    ["17.0.21+9", "17.0.21+10", -1],
    ["25.0.2.1+2", "25.0.2.1+10", -1],
    ["r30", "r29", 1],
    [`1.${"9".repeat(40)}`, `1.1${"0".repeat(40)}`, -1],
  ])("%s against %s is %i", (a, b, expected) => {
    expect(Math.sign(compareVersions(a, b))).toBe(expected);
  });
});

describe("Python programs", () => {
  const python = (version: string) => recipe("python3", { version });
  const black = recipe("black", { needs: ["python3"] });
  const source = { kind: "python", from: "x", digest: "sha256:x", size: 1, python: "3.12" };
  const records = [installed(python("3.12.1")), installed(black, { source })];
  const stepsOf = (version: string) =>
    planOf({
      requirements: [{ for: "x", bins: ["python3"], anyBins: [] }],
      recipes: [python(version), black],
      records,
      update: true,
    }).steps.map((step) => [step.tool, step.action === "install" ? step.reason : step.action]);

  test("are installed again for a Python of another line, also where nobody asked for them", () => {
    expect(stepsOf("3.13.0")).toEqual([
      ["python3", "newer version"],
      ["black", "other Python"],
    ]);
  });

  test("are installed again by a later run, where the first one could not", () => {
    const { steps } = planOf({
      requirements: [{ for: "x", bins: ["black"], anyBins: [] }],
      recipes: [python("3.13.0"), black],
      records: [installed(python("3.13.0")), installed(black, { source })],
    });
    expect(steps).toMatchObject([
      { tool: "python3", action: "keep" },
      { tool: "black", action: "install", reason: "other Python" },
    ]);
  });

  test("stay with a newer Python of the same line", () => {
    expect(stepsOf("3.12.9")).toEqual([["python3", "newer version"]]);
  });
});

test("what is built from source comes after every source that is fetched", () => {
  const build: Artifact = {
    kind: "go-build",
    module: "example.test/zog",
    version: "v1.0.0",
    package: ".",
    sum: "h1:x",
    toolchain: "1.26.0",
  };
  const kindsOf = (...sources: Artifact[]): string[] => {
    const found = artifactsFor(recipe("zog", { artifacts: { "linux-x64": sources } }), platform);
    return "artifacts" in found ? found.artifacts.map(({ kind }) => kind) : [];
  };
  expect(kindsOf(build, archive(), archive())).toEqual(["archive", "archive", "go-build"]);
  expect(kindsOf(archive(), build)).toEqual(["archive", "go-build"]);
  expect(kindsOf(build)).toEqual(["go-build"]);
});
