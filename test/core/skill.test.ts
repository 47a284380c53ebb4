import { describe, expect, it } from "vitest";
import { hostileBins, parseSkill, type Skill } from "../../src/core/skills/skill.ts";

function skill(block: string): Skill {
  const verdict = parseSkill(`---\nname: a\ndescription: d\n${block}\n---\n`, "dir");
  if (!verdict.ok) throw new Error(verdict.error);
  return verdict.skill;
}

const withInstall = (spec: unknown) =>
  skill(`metadata: '${JSON.stringify({ openclaw: { install: [spec] } })}'`).install[0];

describe("name and description", () => {
  it.each([
    ["---\nname: ' b '\ndescription: d\n---\n", "b"],
    ["---\ndescription: d\n---\n", "dir"],
    ["---\nname: ''\ndescription: d\n---\n", "dir"],
    ["---\nname: 7\ndescription: d\n---\n", "7"],
  ])("%j is called %s", (text, name) => {
    expect(parseSkill(text, "dir")).toMatchObject({ ok: true, skill: { name, description: "d" } });
  });

  it.each([
    ["---\nname: b\n---\n", "the front matter has no description"],
    ["---\nname: b\ndescription: ' '\n---\n", "the front matter has no description"],
    ["# Title\n", "line 1 is not ---, so there is no front matter and no description"],
    ["---\nname: b\nname: c\n---\n", "line 3: not YAML: this key appears twice"],
  ])("%j is rejected", (text, error) => {
    expect(parseSkill(text, "dir")).toEqual({ ok: false, name: "dir", error });
  });
});

describe("metadata", () => {
  const gog = '{"requires": {"bins": ["gog"]}}';
  it.each([
    ["JSON", `metadata: {"openclaw": ${gog}}`, ["gog"]],
    ["JSON5 in a text", `metadata: '{openclaw: {requires: {bins: ["gog"],},},} // c'`, ["gog"]],
    ["block form with trailing commas", `metadata:\n  {\n    "openclaw": ${gog},\n  }`, ["gog"]],
    ["block form", "metadata:\n  openclaw:\n    requires:\n      bins: [gog]", ["gog"]],
    ["bare words in line", "metadata: {openclaw: {requires: {bins: [gog]}}}", []],
    ["a trailing note", `metadata: {"openclaw": ${gog}} # note`, []],
    ["the old key", `metadata: {"clawdbot": ${gog}}`, ["gog"]],
    ["an object before the old key", `metadata: {"openclaw": {}, "clawdbot": ${gog}}`, []],
    ["a text before the old key", `metadata: {"openclaw": "x", "clawdbot": ${gog}}`, ["gog"]],
    ["keys that never counted", `metadata: {"moltbot": ${gog}, "clawdis": ${gog}}`, []],
    ["the top level", `requires: {bins: [gog]}\nopenclaw: ${gog}`, []],
    ["none", "x: y", []],
  ])("%s", (_case, block, bins) => expect(skill(block).bins).toEqual(bins));

  it.each([
    ['["a", " b ", "", 7, true, null]', ["a", "b", "7", "true", "null"]],
    ['"a, b ,,c"', ["a", "b", "c"]],
    ['{"a": 1}', []],
    ["7", []],
    ['["../../bin/sh", "a b", "-rf"]', ["../../bin/sh", "a b", "-rf"]],
    ['[{"toString": 1}]', []],
  ])("a list may be %s", (list, expected) => {
    const read = skill(
      `metadata: {"openclaw": {"requires": {"bins": ${list}, "anyBins": ${list}}, "os": ${list}}}`,
    );
    expect([read.bins, read.anyBins, read.os]).toEqual([expected, expected, expected]);
  });

  it("takes real booleans and texts only", () => {
    const read = (fields: string) => skill(`metadata: {"openclaw": {${fields}}}`);
    expect(read('"always": true, "skillKey": " k "')).toMatchObject({
      always: true,
      skillKey: " k ",
    });
    expect(read('"always": "true", "skillKey": ""')).toMatchObject({
      always: false,
      skillKey: null,
    });
    expect(read('"always": 1, "skillKey": 7')).toMatchObject({ always: false, skillKey: null });
  });

  it("lists the names that are never used", () => {
    const list = '["gog", "../x", "a b"]';
    const read = skill(
      `metadata: {"openclaw": {"requires": {"bins": ${list}, "anyBins": "-rf,../x"}}}`,
    );
    expect(hostileBins(read)).toEqual(["../x", "a b", "-rf"]);
  });
});

describe("install", () => {
  it.each([
    [{ kind: "brew", formula: "steipete/tap/gog", tap: "x" }, { formula: "steipete/tap/gog" }],
    [
      { kind: " BREW ", cask: "foo" },
      { kind: "brew", formula: "foo" },
    ],
    [
      { type: "brew", formula: "../x", cask: "y@1" },
      { kind: "brew", formula: "y@1" },
    ],
    [{ kind: "node", package: " @s/p@1.2.3 " }, { package: "@s/p@1.2.3" }],
    [{ kind: "node", package: "p@1.2.3+b1" }, { package: "p@1.2.3+b1" }],
    [{ kind: "node", package: "p@latest" }, { package: "p@latest" }],
    [{ kind: "go", module: "github.com/x/y/cmd/z@v1.0.0" }, {}],
    [{ kind: "uv", package: "nano-pdf[extra]>=1.0,<2" }, {}],
    [{ kind: "uv", package: "x", id: "", label: "", bins: "a,b", os: [] }, { bins: ["a", "b"] }],
    [{ kind: "download", url: "https://E.com/x" }, { url: "https://e.com/x" }],
    [
      { kind: "download", url: "http://e.com/x", sha256: ` ${"A".repeat(64)}` },
      { sha256: "a".repeat(64) },
    ],
    [
      {
        kind: "download",
        url: "https://e.com/x",
        archive: "zip",
        extract: true,
        stripComponents: 1,
        targetDir: "r",
      },
      { archive: "zip", extract: true, stripComponents: 1, targetDir: "r" },
    ],
  ])("keeps %j", (spec, expected) => expect(withInstall(spec)).toMatchObject(expected));

  it("leaves out what is not said", () => {
    expect(
      withInstall({ kind: "uv", package: "x", id: "", os: [], extract: "yes", sha256: 1 }),
    ).toEqual({
      kind: "uv",
      package: "x",
    });
  });

  it.each([
    { kind: "npm", package: "x" },
    { kind: "", type: "brew", formula: "x" },
    { kind: "brew", formula: "a..b" },
    { kind: "brew" },
    { kind: "node", package: "p@^1.2.0" },
    { kind: "node", package: "p@npm:q" },
    { kind: "node", package: "P" },
    { kind: "node", package: "../p" },
    { kind: "node", package: "https://e.com/p.tgz" },
    { kind: "node", package: "-p" },
    { kind: "node", package: "p q" },
    { kind: "go", module: "x@" },
    { kind: "go", module: "https://x/y" },
    { kind: "uv", package: "git+https://x" },
    { kind: "uv", package: "a b" },
    { kind: "download", url: "ftp://e.com/x" },
    { kind: "download", url: "https://e.com/a b" },
    { kind: "download", url: "https://e.com/x", sha256: "12" },
    { kind: "download", url: "https://e.com/x", sha256: null },
    "brew",
    null,
  ])("drops %j", (spec) => expect(withInstall(spec)).toBeUndefined());
});

describe("hints", () => {
  const ignored = (said: string) =>
    `says ${said}, which OpenClaw ignores: move it to metadata.openclaw`;
  it.each([
    [
      'metadata: {"moltbot": {"requires": {"bins": ["gog"]}}}',
      ignored("requires.bins in metadata.moltbot"),
    ],
    [
      'metadata: {"clawdis": {"requires": {"anyBins": "a"}}}',
      ignored("requires.anyBins in metadata.clawdis"),
    ],
    [
      'metadata: {"requires": {"bins": ["gog"], "anyBins": ["x"]}}',
      ignored("requires.bins and requires.anyBins directly in metadata"),
    ],
    ["requires: {bins: [gog]}", ""],
    ["requires:\n  bins: [gog]", ignored("requires.bins at the top level")],
    [
      "openclaw:\n  requires:\n    bins: [gog]",
      ignored("requires.bins in openclaw at the top level"),
    ],
    ["requires:\n  env: [X]", ""],
    [
      'metadata: {"openclaw": {"requires": {"bins": ["gog"]}}, "clawdbot": {"requires": {"bins": ["gog"]}}}',
      "",
    ],
  ])("%s", (block, hint) => {
    expect(skill(block).hints).toEqual(hint === "" ? [] : [hint]);
  });

  const inManifest = (key: string, instead: string) =>
    `says ${key} in metadata.openclaw, which OpenClaw ignores: write metadata.openclaw.${instead}`;
  const kinds = "it has brew, node, go, uv, download";
  it.each<[object, string[]]>([
    [{ require: { bins: ["gog"] } }, [inManifest("require", "requires")]],
    [{ reqiures: { bins: ["gog"] } }, [inManifest("reqiures", "requires")]],
    [{ requirements: { binaries: ["gog"] } }, [inManifest("requirements", "requires")]],
    [{ bin: "gog" }, [inManifest("bin", "requires.bins")]],
    [{ bins: ["gog"] }, [inManifest("bins", "requires.bins")]],
    [
      { requires: ["gog"] },
      [inManifest("requires", "requires.bins").replace("write", "write it as")],
    ],
    [{ requires: { binaries: ["gog"] } }, [inManifest("requires.binaries", "requires.bins")]],
    [{ requires: { Commands: ["gog"] } }, [inManifest("requires.Commands", "requires.bins")]],
    [{ requires: { any_bins: ["a"] } }, [inManifest("requires.any_bins", "requires.anyBins")]],
    [{ requires: { python: ">=3.8" } }, [inManifest("requires.python", "requires.bins")]],
    [{ instal: [{ kind: "uv", package: "x" }] }, [inManifest("instal", "install")]],
    [
      { python_packages: ["x"], requires: { npm: ["y"] } },
      ["python_packages", "requires.npm"].map(
        (key) =>
          `says ${key} in metadata.openclaw, which OpenClaw ignores: write what it installs in metadata.openclaw.install (uv, node, go, brew or download)`,
      ),
    ],
    [
      {
        install: [
          { kind: "pip", package: "x" },
          { kind: "apt", package: "y" },
        ],
      },
      [`has an install of the kind pip, apt, which OpenClaw drops: ${kinds} (pip is uv)`],
    ],
    [
      { install: [{ kind: "shell" }] },
      [`has an install of the kind shell, which OpenClaw drops: ${kinds}`],
    ],
    [
      { install: [{ kind: "node", package: "x@^1" }] },
      [
        "has an install of the kind node, which OpenClaw drops: its package is missing or not valid for OpenClaw",
      ],
    ],
    [{ install: "brew install x" }, ["has an install that is not a list, which OpenClaw ignores"]],
    [
      {
        requires: { bins: ["gog"], env: ["A"] },
        emoji: "x",
        primaryEnv: "A",
        os: "linux",
        always: true,
      },
      [],
    ],
    [{ requires: { bins: ["gog"] }, bins: ["gog"], install: [{ kind: "go", module: "x" }] }, []],
    [{ requires: { config: ["a"], other: ["x"] }, description: "x", tags: ["bin"] }, []],
  ])("one line for each mistake: %j", (openclaw, expected) => {
    expect(skill(`metadata: ${JSON.stringify({ openclaw })}`).hints).toEqual(expected);
  });

  it.each([
    ["binaries: [mclaw]", "binaries at the top level"],
    ["bins: gog, jq", "bins at the top level"],
    ["requires:\n  binaries:\n    - gog", "requires.binaries at the top level"],
    ["requirements:\n  commands: [gog]\n", "requirements.commands at the top level"],
    ["python_packages:\n  - x", "python_packages at the top level"],
    ['metadata: {"bins": ["gog"]}', "bins directly in metadata"],
    [
      'metadata: {"opencalw": {"requires": {"bins": ["gog"]}}}',
      "requires.bins in metadata.opencalw",
    ],
  ])("of a place that is not looked at: %s", (block, said) => {
    expect(skill(block).hints).toEqual([
      expect.stringContaining(`says ${said}, which OpenClaw ignores`),
    ]);
  });

  it.each([
    "tools: Read",
    "dependencies: [cellcog]",
    "commands:\n  - x",
    "requires: []",
    "install: npm i x",
  ])("what other agents read is no mistake: %s", (block) => expect(skill(block).hints).toEqual([]));

  it("say why metadata cannot be read", () => {
    const [hint] = skill("metadata: {openclaw: {requires: {bins: [gog]}}}").hints;
    expect(hint).toMatch(
      /^says requires in metadata that OpenClaw cannot read as JSON5 \(.* at 1:\d+\)$/,
    );
  });
});
