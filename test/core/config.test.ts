import { describe, expect, it } from "vitest";
import { configFile, defaultLimits, parseOpenClawConfig, stateDir } from "../../src/core/config.ts";

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
    expect(parse("{}")).toEqual({
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
    });
  });
});

describe("what is wrong is said and left out", () => {
  it.each([
    ["{ skills: }", "/o.json:1:11: not JSON5 (invalid character '}'); nothing of it counts"],
    ["", "/o.json:1:1: not JSON5 (invalid end of input); nothing of it counts"],
    ["[]", "/o.json: the file is a list; expected an object { … }"],
    ["{skills: null}", "/o.json: skills is null; expected an object { … }"],
    [
      "{skills: {entries: {gog: {enabled: 'yes'}}}}",
      "/o.json: skills.entries.gog.enabled is a text; expected true or false",
    ],
    [
      "{skills: {entries: {gog: true}}}",
      "/o.json: skills.entries.gog is true; expected an object { … }",
    ],
    [
      "{skills: {allowBundled: 'gog'}}",
      "/o.json: skills.allowBundled is a text; expected a list [ … ]",
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
    ["{agents: {list: {}}}", "/o.json: agents.list is an object; expected a list [ … ]"],
    ["{agents: {list: ['x']}}", "/o.json: agents.list[0] is a text; expected an object { … }"],
    [
      `{skills: {load: {extraDirs: ['\${NOT_SET}/x']}}}`,
      "/o.json: skills.load.extraDirs[0] needs NOT_SET, which is not set",
    ],
    [
      `{agents: {defaults: {workspace: '\${EMPTY}'}}}`,
      "/o.json: agents.defaults.workspace needs EMPTY, which is not set",
    ],
    ["{$include: './x.json'}", "/o.json: $include in the file is not followed"],
    ["{skills: {$include: './x.json'}}", "/o.json: $include in skills is not followed"],
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
