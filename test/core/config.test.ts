import { relative } from "node:path";
import JSON5 from "json5";
import { describe, expect, it } from "vitest";
import type { Env } from "../../src/core/platform.ts";
import {
  configFile,
  defaultLimits,
  parseOpenClawConfig,
  stateDir,
} from "../../src/core/skills/config.ts";
import { withDotenv } from "../../src/core/skills/config-env.ts";
import type { ReadIncluded } from "../../src/core/skills/config-include.ts";

const env = { HOME: "/home/node", TEAM: "ops", EMPTY: "" };
const parse = (text: string) => parseOpenClawConfig(text, "/o.json", env);
const problems = (text: string) => parse(text).problems;

describe("where openclaw.json lies", () => {
  it.each([
    [{}, "/h/.openclaw/openclaw.json"],
    [{ OPENCLAW_STATE_DIR: "/state" }, "/state/openclaw.json"],
    [{ OPENCLAW_STATE_DIR: " ~/s " }, "/h/s/openclaw.json"],
    [{ OPENCLAW_STATE_DIR: "/state", OPENCLAW_CONFIG_PATH: "~/c.json" }, "/h/c.json"],
    [{ OPENCLAW_CONFIG_PATH: "c.json", PWD: "/app" }, "/app/c.json"],
    [{ OPENCLAW_HOME: "/other" }, "/other/.openclaw/openclaw.json"],
    [{ OPENCLAW_HOME: "~/o", OPENCLAW_STATE_DIR: "" }, "/h/o/.openclaw/openclaw.json"],
  ])("%j", (place, file) => expect(configFile(place, "/h")).toBe(file));

  it("is in the state directory", () => expect(stateDir({}, "/h")).toBe("/h/.openclaw"));
});

describe("what is used", () => {
  it("is nothing of an empty object", () => {
    expect(parse("{}")).toMatchObject({
      config: {
        enabled: new Map(),
        allowBundled: [],
        extraDirs: [],
        limits: defaultLimits,
        defaults: {},
        agents: new Map(),
      },
      problems: [],
    });
  });

  it("is read from JSON5, with variables", () => {
    const { config, problems } = parse(`{
      // a note
      gateway: { anything: "\${NOT_SET}" },
      skills: {
        entries: { gog: { enabled: true, apiKey: "\${NOT_SET}" }, 'a b': { enabled: false }, x: {} },
        allowBundled: [" weather ", "", "\${TEAM}-tools", "$\${TEAM}", "$5", "\${lower}"],
        load: { extraDirs: ["~/skills"], allowSymlinkTargets: ["~/src"], watch: true },
        limits: { maxCandidatesPerRoot: 3, maxSkillFileBytes: 0 },
      },
      agents: {
        defaults: { skills: ["tmux"], workspace: "/w", model: "x" },
        entries: { Main: { workspace: "~/main", skills: [] } },
        list: [{ id: "two", skills: ["gh"] }, { id: "Main", skills: ["no"] }],
      },
    }`);
    expect(problems).toEqual([]);
    expect(config).toEqual({
      enabled: new Map([
        ["gog", true],
        ["a b", false],
      ]),
      allowBundled: ["weather", "ops-tools", `\${TEAM}`, "$5", `\${lower}`],
      extraDirs: ["~/skills"],
      limits: {
        maxCandidatesPerRoot: 3,
        maxSkillsLoadedPerSource: 200,
        maxSkillFileBytes: 0,
        allowSymlinkTargets: ["/home/node/src"],
      },
      defaults: { skills: ["tmux"], workspace: "/w" },
      agents: new Map([
        ["Main", { workspace: "~/main", skills: [] }],
        ["two", { skills: ["gh"] }],
      ]),
      mcpServers: new Map(),
      plugins: { enabled: true, allow: [], deny: [], paths: [], entries: new Map() },
    });
  });
});

describe("what is wrong is said and left out", () => {
  it.each([
    ["{ skills: }", "/o.json:1:11: not JSON5 (invalid character '}'); the whole file is ignored"],
    ["", "/o.json:1:1: not JSON5 (invalid end of input); the whole file is ignored"],
    ["[]", "/o.json: the file is a list; expected an object { ... }"],
    ["{skills: null}", "/o.json: skills is null; expected an object { ... }"],
    [
      "{skills: {entries: {gog: {enabled: 'yes'}}}}",
      "/o.json: skills.entries.gog.enabled is a text; expected true or false",
    ],
    [
      "{skills: {entries: {gog: true}}}",
      "/o.json: skills.entries.gog is true; expected an object { ... }",
    ],
    [
      "{skills: {allowBundled: 'gog'}}",
      "/o.json: skills.allowBundled is a text; expected a list [ ... ]",
    ],
    [
      "{skills: {allowBundled: [{}]}}",
      "/o.json: skills.allowBundled[0] is an object; expected a text",
    ],
    [
      "{skills: {limits: {maxCandidatesPerRoot: 0}}}",
      "/o.json: skills.limits.maxCandidatesPerRoot is 0; expected a whole number from 1",
    ],
    [
      "{agents: {defaults: {workspace: 1}}}",
      "/o.json: agents.defaults.workspace is 1; expected a text",
    ],
    ["{agents: {list: {}}}", "/o.json: agents.list is an object; expected a list [ ... ]"],
    ["{agents: {list: ['x']}}", "/o.json: agents.list[0] is a text; expected an object { ... }"],
    [
      `{skills: {load: {extraDirs: ['\${NOT_SET}/x']}}}`,
      "/o.json: skills.load.extraDirs[0] needs NOT_SET, which is not set",
    ],
    [
      `{agents: {defaults: {workspace: '\${EMPTY}'}}}`,
      "/o.json: agents.defaults.workspace needs EMPTY, which is not set",
    ],
    ["{env: {A: 'b'}}", "/o.json: env.A is unknown to OpenClaw; env has shellEnv, vars"],
  ])("%s", (text, problem) => expect(problems(text)).toEqual([problem]));

  it("names unknown keys of skills, and those that there are", () => {
    expect(problems("{other: 1, skills: {entrys: {}, entries: {gog: {enable: true}}}}")).toEqual([
      "/o.json: skills.entrys is unknown to OpenClaw; skills has allowBundled, load, install, limits, workshop, entries",
      "/o.json: skills.entries.gog.enable is unknown to OpenClaw; skills.entries.gog has enabled, apiKey, env, config",
    ]);
  });

  it("and the rest still counts", () => {
    const { config } = parse(
      "{skills: {allowBundled: [1, 'gog'], entries: 7, load: {extraDirs: ['/x']}}}",
    );
    expect(config).toMatchObject({ allowBundled: ["gog"], extraDirs: ["/x"] });
  });

  it("shows no value, which may be a secret", () => {
    expect(problems("{skills: {entries: {gog: 'sk-secret'}}}").join()).not.toContain("secret");
  });
});

/** The configuration of /c/o.json, where these files lie, by their paths from there. */
function included(files: Record<string, string>, given: Env = env) {
  const read: ReadIncluded = (path) => {
    const text = files[relative("/c", path)];
    return text === undefined ? { why: "it does not exist" } : { document: JSON5.parse(text) };
  };
  return parseOpenClawConfig(files["o.json"] ?? "", "/c/o.json", given, read);
}

describe("$include", () => {
  const dirs = (...names: string[]) =>
    `{ skills: { load: { extraDirs: ${JSON.stringify(names)} } } }`;
  const load = (...names: string[]) => `{ extraDirs: ${JSON.stringify(names)} }`;

  it.each<[string, Record<string, string>, string[]]>([
    ["at the top", { "o.json": "{ $include: './a.json5' }", "a.json5": dirs("a") }, ["a"]],
    [
      "in a section, and from there relative to the including file",
      {
        "o.json": "{ skills: { load: { $include: 'sub/a.json5' } } }",
        "sub/a.json5": "{ $include: 'b.json5' }",
        "sub/b.json5": load("b"),
      },
      ["b"],
    ],
    [
      "several: lists are joined, and what stands beside it comes last",
      {
        "o.json": `{ $include: ['a.json5', 'b.json5'], skills: { load: ${load("c")} } }`,
        "a.json5": dirs("a"),
        "b.json5": dirs("b"),
      },
      ["a", "b", "c"],
    ],
    [
      "a list instead of an object",
      {
        "o.json": "{ skills: { load: { extraDirs: { $include: 'a.json' } } } }",
        "a.json": "['a']",
      },
      ["a"],
    ],
    ["by its whole path", { "o.json": "{ $include: '/c/a.json5' }", "a.json5": dirs("a") }, ["a"]],
    [
      "in another section is not read",
      { "o.json": `{ channels: { $include: 'x' }, skills: { load: ${load("a")} } }` },
      ["a"],
    ],
    [
      "twice is no circle",
      { "o.json": "{ $include: ['a.json5', 'a.json5'] }", "a.json5": dirs("a") },
      ["a", "a"],
    ],
  ])("%s", (_, files, extraDirs) => {
    expect(included(files)).toMatchObject({ config: { extraDirs }, problems: [] });
  });

  it("of values that are no objects or lists, the last one counts", () => {
    const entries = (enabled: boolean) =>
      `{ skills: { entries: { gog: { enabled: ${enabled} } } } }`;
    const own = "skills: { entries: { gog: { enabled: false }, x: { enabled: true } } }";
    const { config } = included({
      "o.json": `{ $include: 'a.json5', ${own} }`,
      "a.json5": entries(true),
    });
    expect([...config.enabled]).toEqual([
      ["gog", false],
      ["x", true],
    ]);
  });

  it.each<[string, Record<string, string>, string]>([
    [
      "that does not exist",
      { "o.json": "{ $include: 'none.json5' }" },
      "$include in the file is not followed: /c/none.json5: it does not exist",
    ],
    [
      "a circle",
      { "o.json": "{ $include: 'a.json5' }", "a.json5": "{ skills: { $include: 'o.json' } }" },
      "$include in skills is not followed: /c/o.json: it includes itself (/c/o.json -> /c/a.json5 -> /c/o.json)",
    ],
    [
      "of no text",
      { "o.json": "{ $include: 5 }" },
      "$include in the file must be a file's name, or a list of names",
    ],
    [
      "of a list of no texts",
      { "o.json": "{ skills: { $include: [{}] } }" },
      "$include in skills must be a file's name, or a list of names",
    ],
    [
      "of a list, with keys beside it",
      { "o.json": "{ skills: { load: { $include: 'a.json', watch: true } } }", "a.json": "[]" },
      "$include in skills.load needs an object",
    ],
    ["with a NUL", { "o.json": "{ $include: 'a\\0b' }" }, "its name has a NUL character"],
    [
      "of a long name",
      { "o.json": `{ $include: '${"x".repeat(5000)}' }` },
      "its name has 5003 characters",
    ],
  ])("%s is told, and the rest counts", (_, files, problem) => {
    const whole = {
      ...files,
      "o.json": (files["o.json"] ?? "").replace(
        / }$/,
        ", agents: { defaults: { workspace: '/w' } } }",
      ),
    };
    const { config, problems: found } = included(whole);
    expect(found).toEqual([expect.stringContaining(problem)]);
    expect(config.defaults.workspace).toBe("/w");
  });

  it("ten files deep is followed, eleven are not", () => {
    const chain = (length: number): Record<string, string> =>
      Object.fromEntries(
        Array.from({ length: length + 1 }, (_, i) => [
          i === 0 ? "o.json" : `${i}.json`,
          i === length ? dirs("deep") : `{ $include: '${i + 1}.json' }`,
        ]),
      );
    expect(included(chain(10)).config.extraDirs).toEqual(["deep"]);
    expect(included(chain(11)).problems.join()).toContain("it is more than 10 files deep");
  });

  it("changes no object's kind", () => {
    const { problems } = included({
      "o.json": "{ $include: 'a.json', skills: {} }",
      "a.json": "{ skills: { __proto__: { load: 1 }, constructor: 1 } }",
    });
    expect(problems).toEqual([]);
    expect(({} as { load?: unknown }).load).toBeUndefined();
  });
});

describe("variables", () => {
  const dir = (text: string, given: Env = {}) =>
    included({ "o.json": `{ ${text}, skills: { load: { extraDirs: ['$\{DIR}'] } } }` }, given)
      .config.extraDirs;

  it.each<[string, string, Env, string[]]>([
    ["env.vars", "env: { vars: { DIR: '/a' } }", {}, ["/a"]],
    ["its name is trimmed", "env: { vars: { ' DIR ': '/a' } }", {}, ["/a"]],
    ["directly in env, as older versions have it", "env: { DIR: '/a' }", {}, ["/a"]],
    ["the process counts more", "env: { vars: { DIR: '/a' } }", { DIR: "/b" }, ["/b"]],
    ["but not where it is empty", "env: { vars: { DIR: '/a' } }", { DIR: " " }, ["/a"]],
    ["what is no text is nothing", "env: { vars: { DIR: 5 } }", {}, []],
    ["a variable in a variable is not replaced", "env: { vars: { A: '/a', DIR: '${A}' } }", {}, []],
    ["an included one", "env: { $include: 'none' }", { DIR: "/b" }, ["/b"]],
  ])("%s", (_, text, given, expected) => expect(dir(text, given)).toEqual(expected));

  it("what may not be set is not: the home", () => {
    const text = "{ env: { vars: { HOME: '/x', XDG_DATA_HOME: '/x' } } }";
    expect(included({ "o.json": text }, { HOME: "/h" }).env).toEqual({ HOME: "/h" });
  });

  it("are said to have a say only in what is used", () => {
    const has = (text: string) => included({ "o.json": text }).hasVariables;
    expect(
      has("{ gateway: { token: '${T}' }, skills: { entries: { a: { apiKey: '${T}' } } } }"),
    ).toBe(false);
    expect(has("{ agents: { defaults: { workspace: '${T}' } } }")).toBe(true);
    expect(has("{ skills: { allowBundled: ['$${T}'] } }")).toBe(false);
  });

  it(".env: what is set stays, also where it is empty", () => {
    const given = { A: "1", B: "" };
    expect(withDotenv(given, { A: "2", B: "2", C: "2", "C.D": "2" })).toEqual({
      A: "1",
      B: "",
      C: "2",
    });
  });

  it(".env where agents write sets nothing of OpenClaw's own", () => {
    const text = { OPENCLAW_WORKSPACE_DIR: "/w", PATH: "/p", HOME: "/h", DIR: "/d" };
    expect(withDotenv({}, text, false)).toEqual({ DIR: "/d" });
  });
});
