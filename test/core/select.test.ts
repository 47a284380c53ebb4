import { describe, expect, it } from "vitest";
import { parseOpenClawConfig } from "../../src/core/skills/config.ts";
import {
  type FoundSkill,
  type SkillRoot,
  selectSkills,
  unknownSkills,
} from "../../src/core/skills/select.ts";
import { parseSkill } from "../../src/core/skills/skill.ts";

const nothing = { all: false, skills: [] };

function found(name: string, kind: SkillRoot["kind"], manifest = "{}", more = {}): FoundSkill {
  const text = `---\nname: ${name}\ndescription: d\nmetadata: {"openclaw": ${manifest}}\n---\n`;
  const file = `/r/${name}/SKILL.md`;
  const root = { dir: "/r", kind };
  return { name, file, root, sha256: "", verdict: parseSkill(text, name), ...more };
}

function selection(
  skill: FoundSkill,
  config = "{}",
  wish: { all: boolean; skills: string[] } = nothing,
) {
  return selectSkills([skill], parseOpenClawConfig(config, "f", {}).config, wish)[0];
}

describe("outside the bundled skills", () => {
  it.each([
    ["named", "in a directory that was named"],
    ["sandbox", "in the sandbox's workspace"],
    ["workspace", "in the workspace"],
    ["personal", "a personal skill"],
    ["managed", "installed with OpenClaw"],
    ["workshop", "from the skill workshop"],
    ["plugin", "from a plugin"],
    ["extra", "in skills.load.extraDirs"],
  ] as const)("everything counts: %s", (kind, reason) => {
    expect(selection(found("gog", kind))).toEqual({ selected: true, reason });
  });

  const rejected: FoundSkill["verdict"] = { ok: false, name: "gog", error: "line 3: x" };
  it.each([
    [found("gog", "workspace", "{}", { verdict: rejected }), "{}", "rejected: line 3: x"],
    [
      found("gog", "managed", "{}", { shadowedBy: "/w/gog/SKILL.md" }),
      "{}",
      "hidden by /w/gog/SKILL.md",
    ],
    [
      found("gog", "workspace", '{"os": ["darwin", "win32"], "always": true}'),
      "{}",
      "for darwin, win32, not for linux",
    ],
    [
      found("gog", "workspace"),
      "{skills: {entries: {gog: {enabled: false}}}}",
      "openclaw.json disables it (skills.entries.gog.enabled: false)",
    ],
    [
      found("gog", "named", '{"skillKey": "google"}'),
      "{skills: {entries: {google: {enabled: false}}}}",
      "openclaw.json disables it (skills.entries.google.enabled: false)",
    ],
  ])("but not %#", (skill, config, reason) => {
    const found = selection(skill, config, { all: true, skills: ["gog"] });
    expect(found).toMatchObject({ selected: false, reason });
  });

  it("a key of its own takes the name's place", () => {
    const skill = found("gog", "workspace", '{"skillKey": "google", "os": "linux, darwin"}');
    expect(selection(skill, "{skills: {entries: {gog: {enabled: false}}}}")?.selected).toBe(true);
  });
});

describe("a bundled skill counts where it is chosen", () => {
  const gog = found("gog", "bundled", '{"skillKey": "google"}');
  it.each([
    ["{skills: {entries: {google: {enabled: true}}}}", "skills.entries.google.enabled"],
    ["{skills: {allowBundled: ['google']}}", "skills.allowBundled"],
    ["{skills: {allowBundled: ['gog']}}", "skills.allowBundled"],
    ["{agents: {defaults: {skills: ['gog']}}}", "agents.defaults.skills"],
    ["{agents: {entries: {ops: {skills: ['gog']}}}}", "the skills of agent ops"],
    ["{agents: {list: [{id: 'ops', skills: ['gog']}]}}", "the skills of agent ops"],
  ])("%s", (config, choice) => {
    expect(selection(gog, config)).toEqual({
      selected: true,
      reason: `bundled, chosen by ${choice}`,
    });
  });

  it.each([
    [{ all: true, skills: [] }, "--all"],
    [{ all: false, skills: ["gog"] }, "--skill gog"],
    [{ all: false, skills: ["google"] }, "--skill google"],
  ])("%j", (wish, choice) => {
    expect(selection(gog, "{}", wish)).toEqual({
      selected: true,
      reason: `bundled, chosen by ${choice}`,
    });
  });

  it.each([
    "{}",
    "{skills: {entries: {gog: {enabled: true}}}}",
    "{skills: {entries: {google: {}}}}",
  ])("and only there: %s", (config) => {
    const reason =
      "bundled, and openclaw.json does not choose it (skills.entries.google.enabled: true, or --skill gog)";
    expect(selection(gog, config)).toEqual({ selected: false, reason });
  });
});

it("unknown skills are those without a name or key in view", () => {
  const view = [found("gog", "bundled", '{"skillKey": "google"}'), found("gh", "workspace")];
  const wish = { all: false, skills: ["gog", "google", "gh", "ghh"] };
  expect(unknownSkills(view, wish)).toEqual(["ghh"]);
});
