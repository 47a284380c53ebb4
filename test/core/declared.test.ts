import { describe, expect, test } from "vitest";
import { parseInstallSpec } from "../../src/core/installspec.ts";
import {
  type Declaring,
  declaredRecipe,
  parseDeclared,
  recipeOfFormula,
  renderDeclared,
} from "../../src/core/plan/declared.ts";
import type { Catalogue, Recipe } from "../../src/core/recipe.ts";

const rg: Recipe = {
  ...{ name: "rg", description: "x", homepage: "x", license: "x", version: "1", test: [] },
  ...{ bins: { rg: "rg" }, needs: [], artifacts: {}, origin: "bundled" },
};
const catalogue: Catalogue = {
  recipes: new Map([["rg", rg]]),
  providers: new Map([
    ["rg", "rg"],
    ["ripgrep", "rg"], // an alias
  ]),
};
const empty = { schema: 1, tools: {} } as const;

function skill(...specs: object[]): Declaring {
  const install = specs.map(parseInstallSpec).filter((spec) => spec !== undefined);
  return { name: "mail", file: "/skills/mail/SKILL.md", bins: ["zog"], install };
}
const open = (...specs: object[]) => declaredRecipe("zog", [skill(...specs)], catalogue, empty);

describe("a declaration becomes a recipe that is not pinned yet", () => {
  test.each([
    [{ kind: "node", package: "zog@1" }, "npm:zog@1", ["node"]],
    [{ kind: "uv", package: "zog>=1" }, "pypi:zog>=1", ["python3"]],
    [{ kind: "go", module: "example.test/zog@v1.0.0" }, "go:example.test/zog@v1.0.0", []],
    [{ kind: "download", url: "https://zog.test/zog" }, "https://zog.test/zog", []],
  ])("%j", (spec, from, needs) => {
    expect(open(spec)).toMatchObject({ name: "zog", needs, declared: { from, by: "mail" } });
  });

  test("the first that can be used is taken", () => {
    const recipe = open({ kind: "brew", formula: "zog" }, { kind: "node", package: "zog" });
    expect(recipe).toMatchObject({ declared: { from: "npm:zog" } });
  });
});

describe("is not used", () => {
  test.each([
    ["for another system", { kind: "node", package: "zog", os: ["darwin"] }, undefined],
    ["for another program", { kind: "node", package: "zog", bins: ["zig"] }, undefined],
    ["a module without a version", { kind: "go", module: "example.test/zog" }, /without a version/],
    ["an address with a password", { kind: "download", url: "https://a:b@zog.test/z" }, /password/],
    [
      "plain http without a digest",
      { kind: "download", url: "http://zog.test/z" },
      /neither encrypted/,
    ],
    [
      "a formula without a recipe",
      { kind: "brew", formula: "zog" },
      /formula zog only, which has no recipe/,
    ],
    [
      "a formula of another program",
      { kind: "brew", formula: "ripgrep" },
      /recipe rg has rg and no zog/,
    ],
  ])("%s", (_, spec, why) => {
    const found = open(spec);
    if (why === undefined) expect(found).toBeUndefined();
    else expect(found).toMatch(why);
  });

  test("where a recipe has the tool's name, which it must not hide", () => {
    const asking = { ...skill({ kind: "node", package: "rg" }), bins: ["RG"] };
    expect(declaredRecipe("RG", [asking], catalogue, empty)).toMatch(/a recipe is called rg/);
  });

  test("plain http with a digest is", () => {
    const spec = { kind: "download", url: "http://zog.test/z", sha256: "0".repeat(64) };
    expect(open(spec)).toMatchObject({
      declared: { from: `http://zog.test/z#sha256=${"0".repeat(64)}` },
    });
  });
});

describe("what was recorded", () => {
  const url = "https://zog.test/zog-1.0.0";
  const held = {
    ...{ from: url, by: "mail", at: "2026-01-01T00:00:00.000Z", locks: {} },
    recipe: {
      ...{ description: "x", homepage: "https://zog.test", license: "unknown", version: "1.0.0" },
      ...{ provenance: "x", bins: { zog: "zog" }, test: ["zog", "--version"] },
      artifacts: { "linux-x64": { url, sha256: "1".repeat(64) } },
    },
  };
  const record = { schema: 1, tools: { zog: held } } as const;
  const found = (spec: object, given = record) =>
    declaredRecipe("zog", [skill(spec)], catalogue, given);

  test("is the recipe", () => {
    expect(found({ kind: "download", url })).toMatchObject({
      version: "1.0.0",
      artifacts: { "linux-x64": [{ kind: "archive", digest: { hex: "1".repeat(64) } }] },
    });
  });

  test("is it also where no skill is in view", () => {
    expect(declaredRecipe("zog", [], catalogue, record)).toMatchObject({ version: "1.0.0" });
  });

  test("is named where a skill says another thing now", () => {
    const recipe = found({ kind: "download", url: "https://zog.test/other" });
    expect(recipe).toMatchObject({ declared: { from: "https://zog.test/other", recorded: url } });
  });

  test("is checked like any recipe", () => {
    const broken = { ...held, recipe: { ...held.recipe, bins: { zog: "../zog" } } };
    const given = { schema: 1, tools: { zog: broken } } as unknown as typeof record;
    expect(found({ kind: "download", url }, given)).toMatch(/a path stays in the unpacked tree/);
  });

  test("is written so that it is read again, and nothing else is", () => {
    expect(parseDeclared(renderDeclared(record))).toEqual(record);
    const later = { schema: 1, tools: { zog: { ...held, later: 1 } }, later: 1 };
    expect(parseDeclared(JSON.stringify(later))).toEqual(later);
    expect(parseDeclared("{}")).toBeUndefined();
    expect(parseDeclared(JSON.stringify({ schema: 1, tools: { "../zog": held } }))).toBeUndefined();
  });
});

const bundled = {
  recipes: new Map<string, Recipe>(),
  providers: new Map([["gogcli", "gog"]]), // an alias
};

test.each([
  ["steipete/tap/gogcli", "gog"],
  ["python@3.12", "python3"],
  ["jq", "jq"],
])("the formula %s is the recipe %s", (formula, recipe) => {
  expect(recipeOfFormula(formula, bundled)).toBe(recipe);
});
