/**
 * Every parser of what others wrote, on mutations of real input. FUZZ_SECONDS makes it longer,
 * FUZZ_SEED repeats a failure.
 */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { parseOptions } from "../../src/cli.ts";
import { UserError } from "../../src/core/errors.ts";
import { parseLock } from "../../src/core/locks/npm-lock.ts";
import { parseManifest, parseTreeRecord, renderManifest } from "../../src/core/manifest.ts";
import { isBinName, isRelativePath, isToolName, isVersion } from "../../src/core/names.ts";
import type { Recipe } from "../../src/core/recipe.ts";
import { renderProblem } from "../../src/core/recipe.ts";
import { parseRecipe } from "../../src/core/recipes/file.ts";
import { parseOpenClawConfig } from "../../src/core/skills/config.ts";
import { hostileBins, parseSkill } from "../../src/core/skills/skill.ts";
import { parseNpmrc } from "../../src/net/npmrc.ts";
import { type Chance, chance, mutate } from "../support/random.ts";
import { repository } from "../support/workplace.ts";
import { maxSkillBytes, worstSkills } from "../support/worst-skills.ts";

const seed = Number(process.env.FUZZ_SEED ?? Date.now() % 1_000_000_000);
const seconds = Number(process.env.FUZZ_SECONDS ?? 0);
const rounds = 100;

const recipes = join(repository, "recipes");
const texts = (ending: string): string[] =>
  readdirSync(recipes)
    .filter((name) => name.endsWith(ending))
    .map((name) => readFileSync(join(recipes, name), "utf8"));
const yamls = texts(".yaml");
const locks = texts(".lock.json").map((text) => text.slice(0, 6000).replace(/,\n[^\n]*$/, "\n}}"));
const skills = readdirSync(join(repository, "test/fixtures/sample-skills")).map((name) =>
  readFileSync(join(repository, "test/fixtures/sample-skills", name, "SKILL.md"), "utf8"),
);
const pieces = [
  ..."\n{}[]\"':,#&*!|>%@`$-?~\\/.;=<()\t\0",
  ..."\u2028\ufeff\ud800",
  "../",
  "/etc/passwd",
  "__proto__",
  "constructor",
  "$(touch evil)",
  "null",
  "true",
  "1e999",
  "-0",
  "0x10",
  "<<: *a",
  "&a [*a]",
  "---\n",
  "...\n",
  "metadata:",
  "latest",
  "${HOME}",
  "\r\n",
  "  ",
  "[[[[",
  '{"a":',
];

/** Tries mutations of the texts, and says which seed found what. */
function fuzz(originals: readonly string[], attempt: (text: string, any: Chance) => void): void {
  const end = performance.now() + seconds * 1000;
  for (let round = 0; round < rounds || performance.now() < end; round += 1) {
    const any = chance(seed + round);
    const text = mutate(any.one(originals), pieces, any);
    try {
      attempt(text, any);
    } catch (error) {
      const shown = JSON.stringify(text.slice(0, 2000));
      throw new Error(`FUZZ_SEED=${seed + round}: ${shown}`, { cause: error });
    }
  }
}

function expectUserError(work: () => void): void {
  try {
    work();
  } catch (error) {
    expect(error).toBeInstanceOf(UserError);
  }
}

function expectSafe(recipe: Recipe): void {
  expect(isToolName(recipe.name)).toBe(true);
  expect(isVersion(recipe.version)).toBe(true);
  for (const list of Object.values(recipe.artifacts)) {
    for (const artifact of list) {
      for (const [bin, path] of Object.entries(artifact.bins ?? recipe.bins)) {
        expect(isBinName(bin)).toBe(true);
        expect(isRelativePath(path)).toBe(true);
      }
      if (artifact.kind === "archive") expect(artifact.url).toMatch(/^https?:\/\//);
      if (!("digest" in artifact)) continue;
      expect(artifact.digest.hex).toMatch(/^[0-9a-f]{64}([0-9a-f]{64})?$/);
    }
  }
}

const record = {
  tool: "gog",
  version: "1.0.0",
  key: "0123456789ab",
  dir: "lib/gog/1.0.0-0123456789ab",
  source: {
    kind: "archive",
    from: "https://x.test/gog",
    digest: `sha256:${"0".repeat(64)}`,
    size: 1,
  },
  bins: { gog: { path: "lib/gog/1.0.0-0123456789ab/bin/gog", size: 1 } },
  needs: [],
  license: "MIT",
  recipe: "bundled",
  installedAt: "2026-01-01T00:00:00.000Z",
  contents: "0".repeat(64),
};

describe("parsers of what others wrote", { timeout: 60_000 + seconds * 2000 }, () => {
  test("recipes", () => {
    fuzz(yamls, (text) => {
      const name = /^name: (\S+)/m.exec(text)?.[1] ?? "x";
      const parsed = parseRecipe({ text, file: `${name}.yaml`, lock: () => locks[0] });
      if (!parsed.ok) expect(parsed.problems.map(renderProblem).join("")).not.toBe("");
      else expectSafe(parsed.recipe);
    });
  });

  test("locks", () => {
    fuzz(locks, (text) => {
      const parsed = parseLock(text, "x.lock.json");
      if (!parsed.ok) {
        expect(parsed.problems.map(renderProblem).join("")).not.toBe("");
        return;
      }
      for (const { path, version } of parsed.held) {
        expect(isRelativePath(path) && path.startsWith("node_modules/")).toBe(true);
        expect(isVersion(version)).toBe(true);
      }
    });
  });

  test("SKILL.md", () => {
    fuzz(skills, (text) => {
      const verdict = parseSkill(text, "directory");
      if (!verdict.ok) {
        expect(verdict.error).not.toBe("");
        return;
      }
      expect(verdict.skill.name).not.toBe("");
      const hostile = new Set(hostileBins(verdict.skill));
      for (const bin of verdict.skill.bins) expect(isBinName(bin)).toBe(!hostile.has(bin));
    });
  });

  test("openclaw.json", () => {
    const text = `{ skills: { entries: { gog: { enabled: true } }, allowBundled: ["a", "\${B}"],
      load: { extraDirs: ["~/x"] }, limits: { maxSkillFileBytes: 1000 } }, // comment
      agents: { defaults: { skills: ["x"] }, list: [{ id: "a", workspace: "/w" }] } }`;
    fuzz([text], (mutated) => {
      const { config, problems } = parseOpenClawConfig(mutated, "openclaw.json", { HOME: "/h" });
      expect(config.limits.maxSkillFileBytes).toBeGreaterThanOrEqual(0);
      for (const problem of problems) expect(problem.startsWith("openclaw.json")).toBe(true);
    });
  });

  test("manifests and records", () => {
    const tools = { gog: { ...record, sealed: "1" } };
    const manifest = { schema: 1, platform: "linux-x64-glibc", tools, skills: [] } as const;
    fuzz([JSON.stringify(manifest), renderManifest({ ...manifest, skills: [] })], (text) => {
      const parsed = parseManifest(text, "manifest.json");
      if ("why" in parsed) {
        expect(parsed.message).toContain("manifest.json");
        return;
      }
      expect(parseManifest(renderManifest(parsed), "again")).toEqual(parsed);
      for (const { dir, bins } of Object.values(parsed.tools)) {
        expect(isRelativePath(dir)).toBe(true);
        for (const { path } of Object.values(bins)) expect(path.startsWith(`${dir}/`)).toBe(true);
      }
    });
    fuzz([JSON.stringify({ record, files: { "bin/gog": "755 abc" } })], (text) => {
      parseTreeRecord(text);
    });
  });

  test(".npmrc", () => {
    const text =
      "registry=https://r.test/\n@a:registry = https://${HOST}/\n//r.test/:_authToken='x'\n; c\n";
    fuzz([text], (mutated) => {
      for (const value of Object.values(parseNpmrc(mutated, { HOST: "h" }))) {
        expect(typeof value).toBe("string");
      }
    });
  });

  test("the command line", () => {
    const words = [
      "install",
      "--json",
      "--prefix",
      "--jobs=4",
      "-f",
      "--",
      "gog",
      "--skill=x",
      "-qv",
    ];
    fuzz(words, (text, any) => {
      const args = Array.from({ length: any.below(6) }, () => any.one([...words, text]));
      const env = { OPENCLAW_SKILL_MIRRORS: text, OPENCLAW_SKILL_DIRS: text };
      expectUserError(() => {
        const { jobs, mirrors } = parseOptions(args, any.below(2) ? env : {}, 2);
        expect(jobs).toBeGreaterThan(0);
        for (const { from, to } of mirrors())
          expect(`${from} ${to}`).toMatch(/^https?:.* https?:/s);
      });
    });
  });
});

test("the tried manifest is one", () => {
  const manifest = { schema: 1, platform: "p", tools: { gog: { ...record, sealed: "1" } } };
  expect(parseManifest(JSON.stringify({ ...manifest, skills: [] }), "f")).toHaveProperty("tools");
});

describe("the worst SKILL.md of the size that is read", { timeout: 60_000 }, () => {
  test.each(worstSkills)("%s", (_name, text) => {
    expect(Buffer.byteLength(text)).toBeLessThanOrEqual(maxSkillBytes);
    const verdict = parseSkill(text, "directory"); // how long it takes is the benchmark's
    if (verdict.ok) expect(verdict.skill.name).toBe("x");
    else expect(verdict.error).toMatch(/\S/);
  });
});
