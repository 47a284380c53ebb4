import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import parseLicense from "spdx-expression-parse";
import { describe, expect, test } from "vitest";
import { parse } from "yaml";
import { parseDebLock, renderDebLock } from "../src/core/locks/deb-lock.ts";
import { compactLock } from "../src/core/locks/npm-lock.ts";
import { selectPackages } from "../src/core/locks/npm-packages.ts";
import { renderPypiLock } from "../src/core/locks/pypi-lock.ts";
import { selectWheels } from "../src/core/locks/wheels.ts";
import { unavailable } from "../src/core/plan/unavailable.ts";
import { parsePlatform, platformKeys } from "../src/core/platform.ts";
import { renderProblem } from "../src/core/recipe.ts";
import { placedSources } from "../src/core/recipes/findings.ts";
import { splitPackage } from "../src/core/recipes/rules.ts";
import { recipeJsonSchema, recipeSchema } from "../src/core/recipes/schema.ts";
import { loadCatalogue } from "../src/io/inputs/catalogue.ts";
import { readRows, renderPage } from "./recipes/results.ts";

const dir = join(import.meta.dirname, "..", "recipes");
const names = readdirSync(dir);
const files = names.filter((name) => name.endsWith(".yaml"));
const locksOf = (pattern: RegExp): string[] => names.filter((name) => pattern.test(name));
const locks = locksOf(/^[^.]+\.lock\.json$/);
const debLocks = locksOf(/\.deb\.lock\.json$/);
const wheelLocks = locksOf(/\.pypi\.lock\.json$/);
const { catalogue, problems } = await loadCatalogue({ dirs: [dir] });

/** Words of release file names that name a processor. */
const spellings = { x64: /x86_64|amd64|x64/, arm64: /aarch64|arm64/ } as const;

function read(name: string): string {
  return readFileSync(join(dir, name), "utf8");
}

/** The order of the keys that are there is the order of the form. */
function expectOrder(keys: readonly string[], form: readonly string[]): void {
  expect(keys).toEqual(form.filter((key) => keys.includes(key)));
}

test("every recipe is valid, and the directory holds nothing else", () => {
  expect(problems.map(renderProblem)).toEqual([]);
  expect(files.length).toBe(catalogue.recipes.size);
  const others = [...locks, ...debLocks, ...wheelLocks];
  const beside = ["README.md", "recipe.schema.json", "seen.md"];
  expect(names.length).toBe(files.length + others.length + beside.length);
  expect(names).toEqual(expect.arrayContaining(beside));
});

test("a program comes from one recipe", () => {
  const bins = [...catalogue.recipes.values()].flatMap(({ bins }) => Object.keys(bins));
  const twice = bins.filter((bin, index) => bins.indexOf(bin) !== index);
  expect(twice).toEqual([]);
  const aliases = [...catalogue.recipes.values()].flatMap(({ aliases = [] }) => aliases);
  expect(catalogue.providers.size).toBe(bins.length + aliases.length);
});

test("no recipe has a program that is said to be impossible", () => {
  expect(unavailable.filter((name) => catalogue.providers.has(name))).toEqual([]);
});

test("recipe.schema.json is what the code says", () => {
  expect(read("recipe.schema.json")).toBe(recipeJsonSchema());
});

test("seen.md is the page of what was seen", () => {
  expect(read("seen.md")).toBe(renderPage(readRows()));
});

describe.each(files)("%s", (file) => {
  const text = read(file);
  const document = parse(text);

  test("is canonical", () => {
    expect(text.split("\n")[0]).toBe("# yaml-language-server: $schema=./recipe.schema.json");
    expect(text).toMatch(/[^\n]\n$/);
    expect(text).not.toMatch(/[ \t]\n|\t/);
    expectOrder(Object.keys(document), Object.keys(recipeSchema.shape));
    expectOrder(Object.keys(document.artifacts), platformKeys);
    expectOrder(Object.keys(document.bins), Object.keys(document.bins).sort());
    expect(text).toContain(`version: "${document.version}"`);
  });

  test("serves both processors or says why not, and needs what is in this catalogue", () => {
    const keys = Object.keys(document.artifacts);
    const serves = (arch: string) => keys.some((key) => key === "any" || key.includes(arch));
    expect(serves("x64")).toBe(true);
    if (!serves("arm64")) expect(text).toMatch(/^ *# .*linux-arm64/m);
    for (const need of document.needs ?? []) expect(catalogue.recipes.has(need)).toBe(true);
  });

  test("has a license that SPDX knows", () => {
    expect(() => parseLicense(document.license)).not.toThrow();
  });

  test("names its version in every source", () => {
    const others = placedSources(document).flatMap(({ source, path: [, , index = 0] }) => {
      if (source.deb !== undefined && index !== 0) return []; // what Debian has, where all others fail
      const named = source.deb ?? source.npm ?? source.pypi ?? source.go ?? "";
      const { version } = splitPackage(named);
      // A package that repacks another's program has its own version; provenance says so then.
      const isSaid = version !== "" && document.provenance.includes(` ${version})`);
      const where = source.url ?? version;
      return isSaid || where.includes(source.version ?? document.version) ? [] : [where];
    });
    expect(others).toEqual([]);
  });

  test("has other bytes for each processor, and what serves any is for none of them", () => {
    const programs = new Map<string, string>();
    for (const { key, source } of placedSources(document)) {
      const path = source.url ?? source.npm ?? "";
      if (key === "any") {
        for (const spelling of Object.values(spellings)) expect(path).not.toMatch(spelling);
        continue;
      }
      const [arch, other] = key.includes("arm64")
        ? (["arm64", "x64"] as const)
        : (["x64", "arm64"] as const);
      expect(path).not.toMatch(spellings[other]);
      const digest = source.sha256 ?? source.sha512 ?? source.integrity;
      if (digest === undefined) continue;
      const program = `${digest} ${Object.values(source.bins ?? document.bins)}`;
      expect(programs.get(program) ?? arch).toBe(arch);
      programs.set(program, arch);
    }
  });
});

describe.each(wheelLocks)("%s", (lock) => {
  const owner = lock.replace(".pypi.lock.json", "");
  const artifact = catalogue.recipes.get(owner)?.artifacts.any?.[0];
  const python = catalogue.recipes.get("python3")?.version ?? "";

  test("is used by its recipe, and as it is rendered", () => {
    expect(renderPypiLock(JSON.parse(read(lock)))).toBe(read(lock));
    expect(read(`${owner}.yaml`)).toContain(`lock: ${lock}`);
  });

  test.each(["linux-x64", "linux-arm64"])(
    "has what %s needs, for the catalogue's python3",
    (platform) => {
      if (artifact?.kind !== "python") throw new Error(`${owner} has no wheels`);
      const selected = selectWheels(artifact.wheels, python, parsePlatform(platform));
      expect(selected.map(({ name }) => name)).toContain(artifact.name);
    },
  );
});

describe.each(locks)("%s", (lock) => {
  const owner = lock.replace(".lock.json", "");

  test("is compact and used by its recipe", () => {
    expect(compactLock(read(lock))).toBe(read(lock));
    expect(read(`${owner}.yaml`)).toContain(`lock: ${lock}`);
  });

  test.each(["linux-x64", "linux-arm64", "linux-x64-musl", "linux-arm64-musl"])(
    "has what %s needs",
    (platform) => {
      const artifact = catalogue.recipes.get(owner)?.artifacts.any?.[0];
      if (artifact?.kind !== "npm-closure") throw new Error(`${owner} has no closure`);
      const selected = selectPackages(artifact.packages, parsePlatform(platform));
      expect(selected.map(({ path }) => path)).toContain(`node_modules/${artifact.name}`);
    },
  );
});

describe.each(debLocks)("%s", (name) => {
  test("is as it was written, and used by its recipe on both processors", () => {
    const parsed = parseDebLock(read(name), name);
    if (!parsed.ok) throw new Error(parsed.problems.map(renderProblem).join("\n"));
    expect(renderDebLock(parsed.held)).toBe(read(name));
    const owner = name.replace(".deb.lock.json", "");
    const { release } = parse(read(`${owner}.yaml`)) as { release?: string };
    expect(parsed.held.release, "recipe bump looks there").toBe(release ?? "bookworm");
    const { artifacts } = catalogue.recipes.get(owner) ?? {};
    for (const [key, arch] of [
      ["linux-x64", "amd64"],
      ["linux-arm64", "arm64"],
    ] as const) {
      const sources = artifacts?.[key] ?? artifacts?.[`${key}-glibc`];
      const artifact = sources?.find(({ kind }) => kind === "debian");
      if (artifact?.kind !== "debian") throw new Error(`${owner} has no package for ${arch}`);
      expect(artifact.packages).toEqual(parsed.held.packages[arch]);
      expect(artifact.packages.map((one) => one.name)).toContain("libc6");
    }
  });
});
