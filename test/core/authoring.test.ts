import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { parse } from "yaml";
import { pinnableSources, writePins } from "../../src/author/pin-text.ts";
import { describeTool, renderDraft } from "../../src/author/recipe-text.ts";
import { readReleaseName } from "../../src/author/release-name.ts";
import { UserError } from "../../src/core/errors.ts";
import { goLine, goModules } from "../../src/core/locks/go-path.ts";
import { parseLock } from "../../src/core/locks/npm-lock.ts";
import {
  chooseVersion,
  type PublishedPackage,
  type PublishedVersion,
  resolveClosure,
} from "../../src/core/locks/npm-resolve.ts";

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
  test.each(texts)("%s says the same when it is written anew", (_, text) => {
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
      homepage: "TODO: where its people are, an https:// address",
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

describe("a closure", () => {
  const integrity = `sha512-${Buffer.alloc(64).toString("base64")}`;
  type Given = Omit<Partial<PublishedVersion>, "name" | "version">;
  const registry = new Map<string, PublishedPackage>();
  const publish = (name: string, versions: Record<string, Given>): void => {
    const all = Object.entries(versions).map(([version, given]) => [
      version,
      { name, version, dist: { integrity }, ...given },
    ]);
    const latest = Object.keys(versions).at(-1) ?? "";
    registry.set(name, { "dist-tags": { latest }, versions: Object.fromEntries(all) });
  };
  const ask = async (name: string): Promise<PublishedPackage> => {
    const found = registry.get(name);
    if (!found) throw new UserError("E_NPM_VERSION", `no ${name}`);
    return found;
  };
  const resolve = async (): Promise<Record<string, string>> => {
    const lock = await resolveClosure(chooseVersion("root", await ask("root"), ""), ask);
    const parsed = parseLock(lock, "lock");
    if (!parsed.ok) throw new Error(JSON.stringify(parsed.problems));
    return Object.fromEntries(
      parsed.packages.map(({ path, name, version, optional }) => [
        path.replaceAll("node_modules/", ""),
        `${name}@${version}${optional ? " optional" : ""}`,
      ]),
    );
  };

  test("one version lies on top, another below who needs it", async () => {
    publish("root", { "1.0.0": { dependencies: { a: "^1.0.0", b: "^1.0.0" } } });
    publish("a", { "1.0.0": { dependencies: { c: "^1.0.0" } } });
    publish("b", { "1.0.0": { dependencies: { c: "^2.0.0" } } });
    publish("c", { "1.0.0": {}, "1.5.0": {}, "2.0.0": {} });
    const found = {
      root: "root@1.0.0",
      a: "a@1.0.0",
      b: "b@1.0.0",
      c: "c@1.5.0",
      "b/c": "c@2.0.0",
    };
    expect(await resolve()).toEqual(found);
  });

  test("circles, aliases, peers, and what is optional or bundled", async () => {
    publish("root", {
      "1.0.0": {
        dependencies: { a: "*", other: "npm:c@^1.0.0", inner: "1" },
        optionalDependencies: { gone: "1", fast: "1" },
        bundleDependencies: ["inner"],
      },
    });
    publish("a", { "1.0.0": { dependencies: { a2: "1" }, peerDependencies: { host: ">=1" } } });
    publish("a2", { "1.0.0": { dependencies: { a: "1" } } });
    publish("host", { "1.0.0": {}, "3.0.0": {} });
    publish("fast", { "1.0.0": { os: ["linux"] } });
    expect(await resolve()).toEqual({
      ...{ root: "root@1.0.0", a: "a@1.0.0", a2: "a2@1.0.0", other: "c@1.5.0" },
      ...{ host: "host@3.0.0", fast: "fast@1.0.0 optional" },
    });
  });

  test.each(["git+https://a.test/a.git", "file:../a", "user/repository"])(
    "%s is refused",
    async (range) => {
      publish("root", { "1.0.0": { dependencies: { a: range } } });
      await expect(resolve()).rejects.toThrow(/which no registry has/);
    },
  );

  test("a version is chosen as npm does: what is latest, where it fits; nothing deprecated", () => {
    const versions = { "1.0.0": {}, "1.1.0": {}, "1.2.0": { deprecated: "no" }, "2.0.0": {} };
    publish("v", versions);
    const found = { ...registry.get("v"), "dist-tags": { latest: "1.0.0", next: "2.0.0" } };
    const version = (wanted: string) => chooseVersion("v", found, wanted).version;
    expect(["", "^1.0.0", "^1.1.0", "next", "1.2.0"].map(version)).toEqual([
      ...["1.0.0", "1.0.0", "1.1.0", "2.0.0", "1.2.0"],
    ]);
    expect(() => version("constructor")).toThrow(/has no v@constructor/);
    expect(() => version("^9")).toThrow(/has no v@\^9/);
  });
});

test("where a package of Go may lie, and the Go that it needs", () => {
  expect(goModules("a.test/b/c")).toEqual([
    { module: "a.test/b/c", directory: "." },
    { module: "a.test/b", directory: "c" },
  ]);
  expect(goLine("module x\n\ngo 1.21.3\n")).toBe("1.21.3");
});
