import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { parse } from "yaml";
import { goLine, goModules } from "../../src/author/lock-go.ts";
import { pinnableSources, writePins } from "../../src/author/pin-text.ts";
import { describeTool, renderDraft } from "../../src/author/recipe-text.ts";
import { readReleaseName } from "../../src/author/release-name.ts";

const recipes = join(import.meta.dirname, "../../recipes");
const texts = readdirSync(recipes)
  .filter((name) => name.endsWith(".yaml"))
  .map((name) => [name, readFileSync(join(recipes, name), "utf8")] as const);

describe("a release's address", () => {
  test.each([
    ["cli/cli/releases/download/v2.97.0/gh_2.97.0_linux_amd64.tar.gz", "gh", "2.97.0", "x64"],
    [
      "FiloSottile/age/releases/download/v1.3.1/age-v1.3.1-linux-arm64.tar.gz",
      "age",
      "1.3.1",
      "arm64",
    ],
    ["jqlang/jq/releases/download/jq-1.8.1/jq-linux-amd64", "jq", "1.8.1", "x64"],
    [
      "o/rg/releases/download/15.0.0/rg-15.0.0-x86_64-unknown-linux-musl.tar.gz",
      "rg",
      "15.0.0",
      "x64",
    ],
    ["o/zog/releases/download/v1/zog", "zog", undefined, undefined],
  ])("%s", (path, name, version, arch) => {
    const [owner, repository] = path.split("/");
    const found = readReleaseName(`https://github.com/${path}`);
    expect(found).toEqual({
      name,
      homepage: `https://github.com/${owner}/${repository}`,
      ...(version && { version }),
      ...(arch && { arch }),
    });
  });
});

describe("a recipe's text", () => {
  test.each(texts)("%s says the same when it is written again", (_, text) => {
    const document = parse(text);
    const written = renderDraft(document);
    expect(parse(written)).toEqual(document);
    expect(renderDraft(parse(written))).toBe(written);
  });

  test("what a registry says is taken where it can be used", () => {
    expect(
      describeTool({
        description: "Zogs.\nMore",
        homepage: "javascript:x",
        license: "SEE LICENSE",
      }),
    ).toEqual({
      description: "Zogs",
      homepage: "TODO: the project's website, an https:// URL",
      license: "TODO: its SPDX expression, such as MIT",
    });
  });
});

describe("pins", () => {
  test.each(texts)("%s is left as it is where they have not changed", (_, text) => {
    const raw = parse(text);
    const pins = pinnableSources(raw).map(({ path }) => {
      const at = path.reduce((value, part) => value[part], raw);
      const { sha256, integrity, size } = at;
      const known = {
        ...(sha256 && { sha256 }),
        ...(integrity && { integrity }),
        ...(size && { size }),
      };
      return { path, fields: known };
    });
    expect(pins.length).toBeGreaterThan(0);
    expect(writePins(text, pins)).toEqual({ text, changes: [] });
  });

  test("are written where they stand, or behind the source's first line", () => {
    const text =
      "artifacts:\n  linux-x64:\n    url: https://a.test/a # mine\n    sha256: TODO\n    strip: 1\n  linux-arm64: { url: https://a.test/b }\n";
    expect(pinnableSources(parse(text)).map(({ key }) => key)).toEqual([
      "linux-x64",
      "linux-arm64",
    ]);
    const written = writePins(text, [
      { path: ["artifacts", "linux-x64"], fields: { sha256: "ab", size: 7 } },
      { path: ["artifacts", "linux-arm64"], fields: { sha256: "cd" } },
    ]);
    expect(parse(written.text).artifacts).toEqual({
      "linux-x64": { url: "https://a.test/a", sha256: "ab", size: 7, strip: 1 },
      "linux-arm64": { url: "https://a.test/b", sha256: "cd" },
    });
    expect(written.text).toContain("# mine");
  });
});

test("where a package of Go may lie, and the Go that it needs", () => {
  expect(goModules("a.test/b/c")).toEqual([
    { module: "a.test/b/c", directory: "." },
    { module: "a.test/b", directory: "c" },
  ]);
  expect(goLine("module x\n\ngo 1.21.3\n")).toBe("1.21.3");
});
