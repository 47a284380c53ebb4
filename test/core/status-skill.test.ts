import { describe, expect, test } from "vitest";
import { availabilityOf } from "../../src/core/plan/availability.ts";
import { parseSkill } from "../../src/core/skills/skill.ts";
import {
  isStatusSkill,
  keyInStatus,
  keyOfStatus,
  type ProgramStatus,
  plainText,
  renderStatusSkill,
  type SkillStatus,
  statusSkill,
} from "../../src/core/status-skill.ts";

const prefix = "/opt/openclaw";
const gog: ProgramStatus = { name: "gog", state: "installed", version: "1.2.3" };
const git: ProgramStatus = { name: "git", state: "on PATH" };
const yak: ProgramStatus = {
  name: "yak",
  state: "missing",
  reason: "no recipe provides it",
  problem: "E_NO_RECIPE",
};
const textOf = (...skills: SkillStatus[]): string => renderStatusSkill({ prefix, skills });
const keyOf = (...programs: ProgramStatus[]): string =>
  keyOfStatus({ prefix, skills: [{ skill: "mail", programs }] });

describe("the text", () => {
  test("is a SKILL.md that requires nothing and stays out of prompts", () => {
    const text = textOf({ skill: "mail", programs: [gog] });
    const { verdict } = { verdict: parseSkill(text, "x") };
    expect(verdict).toMatchObject({
      ok: true,
      skill: { name: statusSkill.name, bins: [], anyBins: [], install: [], hints: [] },
    });
    expect(text).toMatch(/^disable-model-invocation: true\nuser-invocable: false\n---$/m);
    expect(isStatusSkill(text)).toBe(true);
    expect(isStatusSkill(text.replace("---\n\n", 'metadata: {"openclaw":{}}\n---\n\n'))).toBe(
      false,
    );
  });

  test("names what is there and what is missing, why, and how to get it", () => {
    const text = textOf(
      { skill: "mail", programs: [gog, git] },
      { skill: "farm", programs: [git, yak] },
    );
    expect(text.slice(text.indexOf("# "))).toMatchInlineSnapshot(`
      "# Programs of the skills

      Skills and MCP servers with all programs that they require: 1 of 2. The programs are in /opt/openclaw/bin.

      ## Missing

      - **farm**: yak is missing: no recipe provides it (E\\_NO\\_RECIPE); git (outside the volume)

      ## How to get what is missing

      - **The operator** runs \`openclaw-install-skill-deps doctor\` where /opt/openclaw can be written: it says why a program is missing, and what to do. \`openclaw-install-skill-deps\` installs what can be installed.
      - **An agent** cannot install programs by itself, and need not try. Tell your user what is missing and who can add it, such as: "farm needs the program yak, which is not installed. The operator of this gateway can run openclaw-install-skill-deps doctor, which says why."

      ## Available

      - **mail**: gog 1.2.3; git (outside the volume)

      openclaw-install-skill-deps writes this file when a program became available or unavailable, so that running sessions see it. Changes to it are lost.

      <!-- availability ${keyInStatus(text)} -->
      "
    `);
    expect(textOf({ skill: "mail", programs: [gog] })).not.toMatch(/is missing|how to get what/i);
  });

  test("tells agents how to ask where they may", () => {
    const skills = [{ skill: "mail", programs: [gog] }];
    expect(textOf(...skills)).not.toMatch(/ask for a tool/);
    const text = renderStatusSkill({ prefix, requests: "/srv/requests_1", skills });
    expect(text).toMatch(/^## How an agent can ask for a tool$/m);
    expect(text).toContain("The directory is /srv/requests\\_1 for the operator;");
    expect(keyInStatus(text)).not.toBe(keyInStatus(textOf(...skills)));
  });

  test("keeps its size, whatever there is, and what is missing comes first", () => {
    const named = (kind: string, programs: ProgramStatus[]) =>
      Array.from({ length: 2000 }, (_, i) => ({ skill: `${kind}-${i}`, programs }));
    const many = Array.from({ length: 5000 }, (_, i) => ({ ...yak, name: `yak-${i}` }));
    for (const skills of [
      [...named("whole", [gog]), ...named("lacking", [yak])],
      named("wide", many).slice(0, 20),
      [{ skill: "\u{1F600}".repeat(300_000), programs: many }],
    ]) {
      const text = textOf(...skills);
      expect(Buffer.byteLength(text)).toBeLessThan(statusSkill.maxBytes);
      expect(keyInStatus(text)).toBe(keyOfStatus({ prefix, skills }));
      expect(text).toMatch(/is missing/);
    }
    const text = textOf(...named("whole", [gog]), ...named("lacking", [yak]));
    expect(text).toMatch(
      /^- and \d+ more skills: run `openclaw-install-skill-deps requirements`$/m,
    );
  });
});

describe("a foreign text", () => {
  test.each([
    ["a\nb\r\n\tc", "a b c"],
    ["---\nname: other", "--- name: other"],
    ["\u202Eevil\u200B\u0007\u2028x", "evil x"],
    ["<script>`rm`</script>", "\\<script\\>\\`rm\\`\\</script\\>"],
    ["[a](http://b) # *c* _d_", "\\[a\\](http://b) \\# \\*c\\* \\_d\\_"],
    ["<!-- availability 0123456789abcdef -->", "\\<\\!-- availability 0123456789abcdef --\\>"],
    ["get https://me:secret@host.test/a?token=b#c now", "get https://host.test/a now"],
    ["é日本", "é日本"],
    ["x".repeat(100), `${"x".repeat(37)}...`],
  ])("%j becomes plain text of one line", (text, plain) => {
    expect(plainText(text, 40)).toBe(plain);
  });

  test("cannot end the front matter, nor forge the key", () => {
    const skill = "x\n---\nmetadata: {}\n<!-- availability 0123456789abcdef -->\n";
    const text = textOf({ skill, programs: [yak] });
    expect(text.match(/^---$/gm)).toHaveLength(2);
    expect(keyInStatus(text)).not.toBe("0123456789abcdef");
    expect(keyInStatus(`${text.slice(0, -30)}`)).toBeUndefined();
  });

  test("gives away nobody's home", () => {
    const reason = "/home/alice/bin/yak does not count, nor /root/yak";
    const text = textOf({ skill: "farm", programs: [{ ...yak, reason }] });
    expect(text).toContain("(a path) does not count, nor (a path)");
  });
});

describe("the key", () => {
  test("is the same for the same availability, whatever the order and the words", () => {
    expect(keyOf(gog, yak)).toBe(keyOf({ ...yak, reason: "another" } as ProgramStatus, gog));
  });

  test.each<[string, ProgramStatus[]]>([
    ["a program became available", [gog, { ...gog, name: "yak" }]],
    ["another version", [{ ...gog, version: "2.0.0" } as ProgramStatus, yak]],
    ["another reason", [gog, { ...yak, problem: "E_NO_BUILD" } as ProgramStatus]],
    ["one that is not required any more", [gog]],
  ])("differs: %s", (_, programs) => {
    expect(keyOf(...programs)).not.toBe(keyOf(gog, yak));
  });
});

describe("availability", () => {
  const known = {
    bins: {
      gog: { state: "present", path: "bin/gog", tool: "gog" },
      git: { state: "present", path: "/usr/bin/git" },
      owl: { state: "install", tool: "owl", version: "1.0.0" },
      yak: { state: "unmet", reason: "offline", problem: "E_NO_RECIPE" },
    },
    tools: { gog: { version: "1.2.3" } },
    failed: new Map([["owl", "The host is down."]]),
    unmet: new Map(),
  } as unknown as Parameters<typeof availabilityOf>[1];
  const ask = (bins: string[], anyBins: string[] = []) =>
    availabilityOf([{ name: "mail", sha256: "", bins, anyBins }], known)[0]?.programs;

  test("of installed ones, of those on PATH, of failed and of unmet ones", () => {
    expect(ask(["gog", "git", "owl", "yak", "gog"])).toEqual([
      gog,
      git,
      { name: "owl", state: "missing", reason: "The host is down.", problem: "failed" },
      { name: "yak", state: "missing", reason: "offline", problem: "E_NO_RECIPE" },
    ]);
  });

  test("of alternatives: the one that is there, else all as one", () => {
    expect(ask([], ["yak", "gog"])).toEqual([gog]);
    expect(ask([], ["yak", "owl"])).toMatchObject([{ name: "yak or owl", state: "missing" }]);
  });

  test("a skill that requires none is left out; what an earlier plan knew better counts", () => {
    expect(ask([])).toBeUndefined();
    const better = { reason: "its registry is down", problem: "E_DECLARED" as never };
    const unmet = new Map([["yak", better]]);
    const skill = { name: "farm", sha256: "", bins: ["yak"], anyBins: [] };
    expect(availabilityOf([skill], { ...known, unmet })[0]?.programs).toEqual([
      { name: "yak", state: "missing", ...better },
    ]);
  });
});
