import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { sha256Hex } from "../../src/core/digest.ts";
import { loadCatalogue } from "../../src/io/inputs/catalogue.ts";
import { compileCatalogue } from "../../src/io/inputs/recipe-dir.ts";

const hex = "a".repeat(64);
let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "catalogue-"));
});
afterEach(() => rmSync(root, { recursive: true }));

function recipe(name: string, { version = "1.0.0", bin = name } = {}): string {
  return `name: ${name}
description: A tool
homepage: https://example.com
license: MIT
version: "${version}"
provenance: a test
bins: { ${bin}: bin/${bin} }
test: [${bin}]
artifacts:
  linux-x64: { url: https://example.com/${name}-${version}.tar.gz, sha256: ${hex} }
`;
}

const closure =
  `${recipe("js").replace(/ {2}linux-x64.*/, "  any: { npm: js@1.0.0, lock: js.lock.json }")}needs: [node]
`.replace("bin/js", "node_modules/js/cli.js");

const lock = JSON.stringify({
  lockfileVersion: 3,
  packages: {
    "node_modules/js": { version: "1.0.0", integrity: `sha512-${"A".repeat(86)}==`, os: ["linux"] },
  },
});

function directory(files: Record<string, string>): string {
  const dir = mkdtempSync(join(root, "recipes-"));
  for (const [name, text] of Object.entries(files)) writeFileSync(join(dir, name), text);
  return dir;
}

function write(file: string, text: string): string {
  writeFileSync(file, text);
  return file;
}

describe("directories", () => {
  test("an earlier one hides recipes and programs of a later one", async () => {
    const first = directory({
      "gh.yaml": recipe("gh", { version: "2.0.0" }),
      "my-jq.yaml": recipe("my-jq", { bin: "jq" }),
    });
    const second = directory({ "gh.yaml": recipe("gh"), "jq.yaml": recipe("jq") });
    const { catalogue, problems } = await loadCatalogue({ dirs: [first, second] });
    expect(problems).toEqual([]);
    expect(catalogue.recipes.get("gh")?.version).toBe("2.0.0");
    expect([...catalogue.recipes.keys()]).toEqual(["gh", "my-jq", "jq"]);
    expect(catalogue.providers.get("jq")).toBe("my-jq");
  });

  test("a bad recipe hides neither its neighbours nor a good one of the same name", async () => {
    const bad = recipe("gh").replace('"1.0.0"', "1.0");
    const first = directory({ "gh.yaml": bad, "jq.yaml": recipe("jq"), "x.yml": recipe("x") });
    const second = directory({ "gh.yaml": recipe("gh") });
    const { catalogue, problems } = await loadCatalogue({ dirs: [first, second] });
    expect([...catalogue.recipes.keys()].sort()).toEqual(["gh", "jq"]);
    expect(catalogue.recipes.get("gh")?.origin).toBe(join(second, "gh.yaml"));
    expect(problems).toMatchObject([
      { file: join(first, "gh.yaml"), line: 5 },
      { file: join(first, "x.yml"), message: expect.stringContaining("NAME.yaml") },
    ]);
  });

  test("two recipes for one program in a directory are a problem; both stay", async () => {
    const dir = directory({ "a.yaml": recipe("a"), "b.yaml": recipe("b", { bin: "a" }) });
    const { catalogue, problems } = await loadCatalogue({ dirs: [dir] });
    expect(problems).toMatchObject([{ file: join(dir, "b.yaml") }]);
    expect(catalogue.providers.get("a")).toBe("a");
    expect(catalogue.recipes.size).toBe(2);
  });

  test("an alias leads to its recipe where no recipe has that name or program", async () => {
    const aliased = (name: string, aliases: string) => `${recipe(name)}aliases: [${aliases}]\n`;
    const own = directory({ "gh.yaml": recipe("gh"), "x.yaml": recipe("x", { bin: "jay" }) });
    const bundled = directory({
      "gh.yaml": aliased("gh", "github"),
      "jq.yaml": aliased("jq", "jay, x, jayq"),
    });
    const { catalogue, problems } = await loadCatalogue({ dirs: [own, bundled] });
    expect(problems).toEqual([]);
    expect(Object.fromEntries(catalogue.providers)).toEqual({
      ...{ gh: "gh", jay: "x", jq: "jq", jayq: "jq" },
      github: "gh", // also of a recipe of one's own, which hides the one that says so
    });
  });

  test("an alias that is another recipe's name, program or alias is a problem", async () => {
    const aliased = (name: string, aliases: string) => `${recipe(name)}aliases: [${aliases}]\n`;
    const dir = directory({
      "a.yaml": aliased("a", "b, z"),
      "b.yaml": aliased("b", "z"),
    });
    const { problems } = await loadCatalogue({ dirs: [dir] });
    expect(problems.map(({ message }) => message.replace(/ in .*/, ""))).toEqual([
      "has the alias b, which is a name",
      "has the alias z, which is a name",
      "has the alias z, which is a name",
    ]);
  });

  test("every file that was read is listed with its digest", async () => {
    const dir = directory({ "js.yaml": closure, "js.lock.json": lock, "README.md": "x" });
    const { files, problems } = await loadCatalogue({ dirs: [dir] });
    expect(problems).toEqual([]);
    expect(files).toEqual([
      { path: join(dir, "js.yaml"), sha256: sha256Hex(closure) },
      { path: join(dir, "js.lock.json"), sha256: sha256Hex(lock) },
    ]);
  });

  test("one that is not there is the operator's mistake", async () => {
    const load = loadCatalogue({ dirs: [join(root, "absent")] });
    await expect(load).rejects.toMatchObject({ kind: "config" });
  });
});

describe("the compiled catalogue", () => {
  test("says the same as its directory", async () => {
    const dir = directory({ "gh.yaml": recipe("gh"), "js.yaml": closure, "js.lock.json": lock });
    const compiled = join(root, "catalogue.json");
    const text = compileCatalogue(dir, "0.1.0");
    writeFileSync(compiled, text);
    expect(JSON.parse(text)).toMatchObject({
      version: "0.1.0",
      artifacts: [{}, {}],
      packages: [{}],
    });
    const fromDirectory = await loadCatalogue({ dirs: [dir] });
    const fromFile = await loadCatalogue({ dirs: [], compiled });
    expect(fromFile.files.map(({ path }) => path)).toEqual([compiled]);
    expect(fromFile.catalogue.providers).toEqual(fromDirectory.catalogue.providers);
    const names = [...fromDirectory.catalogue.recipes.keys()];
    expect([...fromFile.catalogue.recipes.keys()]).toEqual(names);
    for (const [name, original] of fromDirectory.catalogue.recipes) {
      expect(fromFile.catalogue.recipes.get(name)).toEqual({ ...original, origin: "bundled" });
    }
  });

  test("has a package once that several locks have, and reads only those of the recipe", async () => {
    const other = closure
      .replace("name: js", "name: ts")
      .replace("bins: { js:", "bins: { ts:")
      .replace("test: [js]", "test: [ts]");
    const files = { "js.yaml": closure, "js.lock.json": lock, "ts.yaml": other };
    const text = compileCatalogue(directory(files), "0.1.0");
    expect(text.match(/"node_modules\/js"/g)).toHaveLength(1);
    const compiled = write(join(root, "catalogue.json"), text);
    const read = async (name: string) =>
      (await loadCatalogue({ dirs: [], compiled })).catalogue.recipes.get(name)?.artifacts;
    const both = [await read("js"), await read("ts")];
    expect(both[0]).toEqual(both[1]);
    expect(both[0]).toMatchObject({ any: [{ packages: [{ path: "node_modules/js" }] }] });
    write(compiled, text.replace('"packages":[0]', '"packages":[7]'));
    await expect(read("js")).rejects.toThrow("cannot use the bundled catalogue");
    expect(await read("ts")).toEqual(both[1]);
  });

  test("is not made from a bad directory", () => {
    const dir = directory({ "gh.yaml": recipe("gh").replace(hex, "abc") });
    expect(() => compileCatalogue(dir, "0.1.0")).toThrow("gh.yaml:10");
  });

  test.each([
    ["cut short in its first line", (text: string) => text.slice(0, 40)],
    ["cut short behind that", (text: string) => text.slice(0, -40)],
    ["of another schema", (text: string) => text.replace('"schema":4', '"schema":3')],
    ["without recipes", () => '{"schema":4,"artifacts":[\n],"packages":[\n]}\n'],
    ["with half a recipe", (text: string) => text.replace('"bins"', '"bind"')],
  ])("%s is refused", async (_what, spoil) => {
    const compiled = join(root, "catalogue.json");
    const text = compileCatalogue(directory({ "gh.yaml": recipe("gh") }), "0.1.0");
    await expect(
      loadCatalogue({ dirs: [], compiled: write(compiled, text) }),
    ).resolves.toBeDefined();
    write(compiled, spoil(text));
    await expect(loadCatalogue({ dirs: [], compiled })).rejects.toMatchObject({ kind: "config" });
  });

  test.each([
    ["a malformed digest", (text: string) => text.replace(hex, "abc")],
    ["a closure's malformed digest", (text: string) => text.replace(/[0-9a-f]{128}/, "abc")],
    ["no JSON", (text: string) => text.replace('\n{"linux-x64"', "\n{linux-x64")],
  ])("artifacts with %s are refused to who asks for them", async (_what, spoil) => {
    const dir = directory({ "gh.yaml": recipe("gh"), "js.yaml": closure, "js.lock.json": lock });
    const compiled = write(join(root, "catalogue.json"), spoil(compileCatalogue(dir, "0.1.0")));
    const { catalogue } = await loadCatalogue({ dirs: [], compiled });
    const read = () => [...catalogue.recipes.values()].map(({ artifacts }) => artifacts);
    expect(read).toThrow("cannot use the bundled catalogue");
  });

  test("may be empty", async () => {
    const compiled = write(join(root, "catalogue.json"), compileCatalogue(directory({}), "0.1.0"));
    const { catalogue } = await loadCatalogue({ dirs: [], compiled });
    expect(catalogue.recipes.size).toBe(0);
  });
});
