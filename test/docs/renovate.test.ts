/** The preset for Renovate: what its expressions find in the recipes here, and what Renovate would write. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { parse } from "yaml";
import { moveText } from "../../src/author/bump.ts";
import { originOf } from "../../src/author/versions.ts";
import { placedSources } from "../../src/core/recipes/findings.ts";
import { splitPackage } from "../../src/core/recipes/rules.ts";
import { repository } from "../support/workplace.ts";

interface Manager {
  readonly managerFilePatterns: readonly string[];
  readonly matchStrings: readonly string[];
  readonly datasourceTemplate: string;
  readonly depNameTemplate?: string;
  readonly extractVersionTemplate?: string;
}
interface Rule {
  readonly matchFileNames: readonly string[];
  readonly allowedVersions?: string;
  readonly enabled?: boolean;
}
const preset = JSON.parse(readFileSync(join(repository, ".github/renovate/recipes.json"), "utf8"));
const managers: readonly Manager[] = preset.customManagers;
const rules: readonly Rule[] = preset.packageRules;
const recipes = readdirSync(join(repository, "recipes")).filter((name) => name.endsWith(".yaml"));
const textOf = (file: string): string => readFileSync(join(repository, "recipes", file), "utf8");

/** What Renovate extracts from a file: `datasource name version`. */
function found(text: string): string[] {
  return managers.flatMap(({ matchStrings, datasourceTemplate, depNameTemplate }) =>
    matchStrings.flatMap((each) =>
      [...text.matchAll(new RegExp(each, "g"))].map(({ groups = {} }) =>
        [datasourceTemplate, groups.depName ?? depNameTemplate, groups.currentValue].join(" "),
      ),
    ),
  );
}

/** What it should: by the recipe's first source, or by the repository that it names. */
function expected(text: string): string[] {
  const document = parse(text);
  const { version, versions = "" } = document;
  const [, named] = /^git\+https:\/\/github\.com\/(.*)$/.exec(versions) ?? [];
  if (named !== undefined) return [`github-tags ${named} ${version}`];
  const key = Object.keys(document.artifacts)[0];
  const first = placedSources(document).find((placed) => placed.key === key);
  const origin = first && originOf(first);
  if (!first || !origin) return [];
  const { source } = first;
  if (source.go?.startsWith("golang.org/toolchain@")) return [`golang-version go ${version}`];
  const name = origin.name.replace("github.com/", "");
  const sources: Record<string, string[]> = {
    npm: [`npm ${origin.name} ${version}`],
    pypi: [`pypi ${origin.name} ${version}`],
    git: [`github-releases ${name} ${version}`],
    go: [`go ${splitPackage(source.go ?? "").name} ${version}`],
    deb: [],
  };
  return sources[origin.kind] ?? [];
}

test.each(recipes)("%s: its first source, and its version everywhere", (file) => {
  const text = textOf(file);
  const dependencies = found(text);
  expect(dependencies).toEqual(expected(text));
  if (dependencies.length === 0) return;
  const { version } = parse(text);
  const written = text.replaceAll(version, "9876.54.3");
  const none = { older: [], staleDebs: 0, notes: [], unasked: [], sharedCauses: [] };
  const moved = moveText(text, { version: "9876.54.3", ...none }, "2026-01-02");
  const { provenance: _, ...own } = parse(written);
  expect(own).toEqual({ ...parse(moved), provenance: undefined });
});

test("each kind is found, of Debian's packages none", () => {
  const all = recipes.flatMap((file) => found(textOf(file)).map((each) => each.split(" ")[0]));
  expect(new Set(all)).toEqual(
    new Set(["npm", "pypi", "github-releases", "github-tags", "golang-version"]),
  );
  const module = 'version: "1.2.0"\nartifacts:\n  linux-x64:\n    go: example.test/zog@v1.2.0\n';
  expect(found(module)).toEqual(["go example.test/zog 1.2.0"]);
  expect(found(module.replace("go:", "deb:"))).toEqual([]);
});

test("files of recipes, in any directory of that name", () => {
  for (const { managerFilePatterns } of managers) {
    expect(managerFilePatterns).toHaveLength(1);
    const pattern = new RegExp(managerFilePatterns[0]?.slice(1, -1) ?? "");
    for (const file of ["recipes/jq.yaml", "tools/recipes/jq.yaml"]) expect(file).toMatch(pattern);
    for (const file of ["recipes/jq.lock.json", "my-recipes/jq.yaml", "recipes/a/jq.yaml"])
      expect(file).not.toMatch(pattern);
  }
});

describe("a version in a tag", () => {
  test.each([
    ["v1.2.3", "1.2.3"],
    ["jq-1.8.2", "1.8.2"],
    ["2026.8.2", "2026.8.2"],
  ])("%s", (tag, version) => {
    const extract = managers.flatMap(
      ({ datasourceTemplate: source, extractVersionTemplate: it }) =>
        source.startsWith("github") && it ? [it] : [],
    );
    expect(extract).toHaveLength(2);
    for (const each of extract)
      expect(new RegExp(each).exec(tag)?.groups).toMatchObject({ version });
  });
});

test("what a recipe holds, or what has no version in its tag, is not moved", () => {
  const ruleFor = (file: string) =>
    rules.find((rule) => rule.matchFileNames.includes(`**/recipes/${file}`));
  const holding = recipes.filter((file) => parse(textOf(file)).hold !== undefined);
  expect(holding).not.toEqual([]);
  for (const file of holding) {
    const held = parse(textOf(file)).hold.replace(">=", "<");
    expect([file, ruleFor(file)?.allowedVersions]).toEqual([file, held]);
  }
  expect(ruleFor("python3.yaml")?.enabled).toBe(false);
});
