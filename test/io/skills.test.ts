import { chmod, link, mkdir, mkdtemp, rm, stat, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join, relative } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { sha256Hex } from "../../src/core/digest.ts";
import { defaultLimits, parseOpenClawConfig } from "../../src/core/skills/config.ts";
import type { SkillRoot } from "../../src/core/skills/select.ts";
import { candidateRoots, findSkills, skillRoots } from "../../src/io/inputs/skills.ts";

let top: string;
beforeEach(async () => {
  top = await mkdtemp(join(tmpdir(), "skills-"));
});
afterEach(async () => {
  await rm(top, { recursive: true, force: true });
});

async function put(path: string, text = `---\ndescription: d\n---\n`): Promise<string> {
  const file = join(top, path);
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, text);
  return file;
}

const named = (name: string) => `---\nname: ${name}\ndescription: d\n---\n`;

async function view(kinds: Record<string, SkillRoot["kind"]>, limits = defaultLimits) {
  const roots = Object.entries(kinds).map(([dir, kind]) => ({ dir: join(top, dir), kind }));
  const found = findSkills(roots, limits);
  const short = (text: string) => text.replaceAll(`${top}/`, "");
  const line = ({ name, file, verdict, shadowedBy }: (typeof found.skills)[number]) =>
    [
      name,
      short(relative(top, dirname(file))),
      verdict.ok ? (shadowedBy ? `hidden by ${short(shadowedBy)}` : "") : short(verdict.error),
    ]
      .filter(Boolean)
      .join(" | ");
  return {
    skills: found.skills.map(line),
    problems: found.problems.map(short),
    directories: found.directories.map((dir) => short(dir)),
  };
}

describe("discovery", () => {
  it("goes down to depth 6, stops at a SKILL.md, and skips hidden directories", async () => {
    for (const path of [
      "b",
      "a",
      "a/below",
      "g/one",
      ".x/y",
      "node_modules/z",
      "1/2/3/4/5/6",
      "1/2/3/4/5/7/8",
    ]) {
      await put(`r/${path}/SKILL.md`);
    }
    await put("r/g/skill.md");
    expect(await view({ r: "workspace" })).toEqual({
      skills: ["6 | r/1/2/3/4/5/6", "a | r/a", "b | r/b", "one | r/g/one"],
      problems: [],
      directories: ["r", "r/1", "r/g", "r/1/2", "r/1/2/3", "r/1/2/3/4", "r/1/2/3/4/5"],
    });
  });

  it("gives the skills of a root in localeCompare's order", async () => {
    const words = ["a", "ab", "a-b", "a-", "a1", "a10", "a2", "b", "0", "-", "z-9", "zz"];
    const names = [...words, ...words.map((word) => `g/${word}`), "B", "a_b", "a b", "é", "g-h"];
    for (const name of names) await put(`r/${name}/SKILL.md`);
    const { skills } = findSkills([{ dir: join(top, "r"), kind: "named" }]);
    const found = skills.map(({ file }) => relative(join(top, "r"), dirname(file)));
    expect(found).toEqual(names.sort((a, b) => a.localeCompare(b)));
  });

  it("goes down to depth 2 in extra directories, unless they are called skills", async () => {
    for (const root of ["e", "skills"]) await put(`${root}/1/2/SKILL.md`);
    for (const root of ["e", "skills"]) await put(`${root}/1/3/4/SKILL.md`);
    expect((await view({ e: "extra" })).skills).toEqual(["2 | e/1/2"]);
    expect((await view({ skills: "extra" })).skills).toEqual([
      "2 | skills/1/2",
      "4 | skills/1/3/4",
    ]);
  });

  it("takes a root that is a skill as that one", async () => {
    await put("r/SKILL.md");
    await put("r/a/SKILL.md");
    expect((await view({ r: "extra" })).skills).toEqual(["r | r"]);
    expect((await view({ r: "workshop" })).skills).toEqual(["a | r/a"]);
  });

  it("takes the directory skills below a root that holds none itself", async () => {
    await put("r/skills/a/SKILL.md");
    await put("r/docs/x.md");
    expect((await view({ r: "extra" })).skills).toEqual(["a | r/skills/a"]);
    await put("r/b/SKILL.md");
    expect((await view({ r: "extra" })).skills).toEqual(["b | r/b", "a | r/skills/a"]);
  });

  it("prefers a root's own SKILL.md to its directory skills, where it can be read", async () => {
    await put("r/skills/a/SKILL.md");
    await put("r/SKILL.md");
    expect((await view({ r: "extra" })).skills).toEqual(["r | r"]);
    await put("r/SKILL.md", "# none");
    expect((await view({ r: "extra" })).skills).toContain("a | r/skills/a");
  });

  it("keeps to OpenClaw's limits, and says so", async () => {
    for (const name of ["a", "b", "c", "d"]) await put(`r/${name}/SKILL.md`);
    await put("r/a/SKILL.md", "# none");
    expect(
      await view({ r: "workspace" }, { ...defaultLimits, maxCandidatesPerRoot: 3 }),
    ).toMatchObject({
      skills: [expect.stringMatching(/^a \| r\/a \| line 1/), "b | r/b", "c | r/c"],
      problems: ["r has 4 directories; OpenClaw searches the first 3"],
    });
    expect(
      await view({ r: "workspace" }, { ...defaultLimits, maxSkillsLoadedPerSource: 2 }),
    ).toMatchObject({
      skills: [expect.stringMatching(/^a /), "b | r/b", "c | r/c"],
      problems: ["r has more than 2 skills; OpenClaw reads no more of them"],
    });
  });
});

describe("links", () => {
  beforeEach(async () => {
    await put("out/x/SKILL.md");
    await put("r/a/SKILL.md");
    await symlink(join(top, "out/x"), join(top, "r/x"));
    await symlink("a", join(top, "r/again"));
    await symlink("nowhere", join(top, "r/gone"));
  });

  const gone = "r/gone is a dangling link";
  it.each(["workspace", "bundled", "extra", "named", "sandbox"] as const)(
    "out of a root are refused: %s",
    async (kind) => {
      const { skills, problems } = await view({ r: kind });
      expect(skills).toEqual(["again | r/again"]);
      expect(problems).toEqual([
        gone,
        expect.stringMatching(/^r\/x is a link out of .*r, to out\/x; /),
      ]);
    },
  );

  it.each(["managed", "personal"] as const)("out of a root are followed: %s", async (kind) => {
    expect(await view({ r: kind })).toMatchObject({
      skills: ["again | r/again", "x | r/x"],
      problems: [gone],
    });
  });

  it("are followed to allowSymlinkTargets, but not from bundled skills", async () => {
    const limits = { ...defaultLimits, allowSymlinkTargets: [join(top, "out")] };
    expect((await view({ r: "workspace" }, limits)).skills).toContain("x | r/x");
    expect((await view({ r: "bundled" }, limits)).skills).not.toContain("x | r/x");
  });

  it("are all that counts among plugins' skills", async () => {
    expect((await view({ r: "plugin" })).skills).toEqual(["again | r/again", "x | r/x"]);
  });

  it("out of a skill's directory are refused for SKILL.md", async () => {
    await put("r/real.md");
    await mkdir(join(top, "r/l"));
    await symlink("../real.md", join(top, "r/l/SKILL.md"));
    expect((await view({ r: "managed" })).skills).toContain(
      "l | r/l | it is a link out of its directory, to r/real.md",
    );
  });

  it("to the SKILL.md of another skill are rejected, and that skill stays", async () => {
    await put("n/mail/SKILL.md");
    await mkdir(join(top, "n/zz"));
    await symlink("../mail/SKILL.md", join(top, "n/zz/SKILL.md"));
    expect((await view({ n: "workspace" })).skills).toEqual([
      "mail | n/mail",
      "zz | n/zz | it is a link out of its directory, to n/mail/SKILL.md",
    ]);
  });
});

describe("reading", () => {
  it("hashes the bytes and parses the text", async () => {
    const text = "\uFEFF---\r\nname: gog\r\ndescription: d\r\n---\r\n";
    const file = await put("r/a/SKILL.md", text);
    const { skills } = findSkills([{ dir: join(top, "r"), kind: "named" }]);
    expect(skills).toMatchObject([
      { name: "gog", file, sha256: sha256Hex(text), verdict: { ok: true } },
    ]);
  });

  it("rejects what OpenClaw does not read", async () => {
    await put("r/big/SKILL.md", `---\ndescription: d\n---\n${"x".repeat(256_000)}`);
    const exact = "---\ndescription: d\n---\n";
    await put("r/exact/SKILL.md", exact + "x".repeat(256_000 - exact.length));
    await mkdir(join(top, "r/dir/SKILL.md"), { recursive: true });
    await put("r/linked/SKILL.md");
    await link(join(top, "r/linked/SKILL.md"), join(top, "r/linked/other"));
    expect((await view({ r: "workspace" })).skills).toEqual([
      "big | r/big | it has 256023 bytes; OpenClaw reads up to 256000",
      "dir | r/dir | it is a directory, not a regular file",
      "exact | r/exact",
      "linked | r/linked | it has more than one hard link, which OpenClaw does not allow",
    ]);
    expect((await view({ r: "bundled" })).skills).toContain("linked | r/linked");
  });

  it("reports what cannot be read, and goes on", async () => {
    await put("r/a/SKILL.md");
    await put("r/b/SKILL.md");
    await put("r/c/d/SKILL.md");
    await chmod(join(top, "r/a/SKILL.md"), 0);
    await chmod(join(top, "r/c"), 0);
    const asRoot = (await stat(top)).uid === 0;
    const { skills, problems } = await view({ r: "workspace" });
    await chmod(join(top, "r/c"), 0o755);
    expect(skills).toContain("b | r/b");
    if (asRoot) return;
    expect(skills[0]).toMatch(/^a \| r\/a \| it cannot be read \(EACCES/);
    expect([...skills, ...problems].join()).toMatch(/r\/c/);
  });

  it("reports what cannot be read once, by whatever links it is found", async () => {
    await put("r/b/SKILL.md");
    await mkdir(join(top, "r/a"));
    await symlink("SKILL.md", join(top, "r/a/SKILL.md"));
    await symlink(".", join(top, "r/loop"));
    await symlink(".", join(top, "r/loop2"));
    const { skills } = await view({ r: "named" });
    expect(skills.filter((line) => line.startsWith("a "))).toHaveLength(1);
  });
});

describe("the same name", () => {
  it("is hidden by the higher root, and by the later one within a root", async () => {
    await put("high/x/SKILL.md", named("gog"));
    await put("low/a/SKILL.md", named("gog"));
    await put("low/b/SKILL.md", named("gh"));
    await put("low/c/SKILL.md", named("gh"));
    expect((await view({ high: "workspace", low: "bundled" })).skills).toEqual([
      "gog | high/x",
      "gog | low/a | hidden by high/x/SKILL.md",
      "gh | low/b | hidden by low/c/SKILL.md",
      "gh | low/c",
    ]);
  });

  it("of a rejected skill hides nothing", async () => {
    await put("high/gog/SKILL.md", "# none");
    await put("low/gog/SKILL.md");
    expect((await view({ high: "workspace", low: "bundled" })).skills.at(-1)).toBe("gog | low/gog");
  });

  it("of the same file through two roots counts once", async () => {
    await put("r/a/SKILL.md");
    await symlink("r", join(top, "s"));
    expect((await view({ s: "workspace", r: "extra" })).skills).toEqual(["a | s/a"]);
  });
});

describe("links that lead in a circle", () => {
  const circles = async (...names: string[]) => {
    for (const name of names) {
      await put(`r/${name}/s/SKILL.md`);
      for (const link of ["a", "b", "c"]) await symlink("..", join(top, "r", name, link));
    }
  };

  it("are one problem, however many paths there are", async () => {
    await circles("g", "h", "i", "j", "k", "l");
    const { problems } = await view({ r: "workspace" });
    expect(problems).toEqual([
      expect.stringMatching(
        /^r has too many directories, or links that lead in a circle; r\/\S+ and/,
      ),
      expect.stringMatching(/^r has more than 200 skills/),
    ]);
  });

  it("and so are links that lead out, each named once", async () => {
    await circles("g", "h");
    for (const name of ["g", "h"]) await symlink("../..", join(top, "r", name, "out"));
    const { problems } = await view({ r: "workspace" });
    const out = problems.filter((problem) => problem.includes("out of"));
    expect(out).toEqual([
      expect.stringMatching(
        /^r\/g\/out, r\/h\/out are links out of \S*r; OpenClaw does not follow them/,
      ),
    ]);
  });
});

describe("roots", () => {
  async function roots(config = "{}", env: Record<string, string> = {}, dirs: string[] = []) {
    const home = join(top, "home");
    const candidates = candidateRoots({
      env,
      home,
      config: parseOpenClawConfig(config.replaceAll("TOP", top), "f", env).config,
      skillsDirs: dirs,
      fsRoot: top,
    });
    return skillRoots(candidates).map(({ dir, kind }) => `${kind} ${relative(top, dir)}`);
  }
  const make = async (...dirs: string[]) => {
    for (const dir of dirs) await mkdir(join(top, dir), { recursive: true });
  };

  it("are those that exist, the highest first", async () => {
    expect(await roots()).toEqual([]);
    const state = "home/.openclaw";
    await make("workspace/skills", "workspace/.openclaw/sandbox-skills/skills", "agent/skills");
    await make(
      `${state}/workspace/skills`,
      `${state}/workspace/.agents/skills`,
      "home/.agents/skills",
    );
    await make(`${state}/skills`, `${state}/agents/b/agent/workshop-skills`);
    await make(`${state}/agents/a/agent/workshop-skills`, "app/skills", `${state}/plugin-skills`);
    await make("x", "y");
    expect(await roots("{skills: {load: {extraDirs: ['TOP/x', 'TOP/y', 'TOP/z']}}}")).toEqual([
      "sandbox workspace/skills",
      "sandbox workspace/.openclaw/sandbox-skills/skills",
      "sandbox agent/skills",
      "workspace home/.openclaw/workspace/skills",
      "workspace home/.openclaw/workspace/.agents/skills",
      "personal home/.agents/skills",
      "managed home/.openclaw/skills",
      "workshop home/.openclaw/agents/a/agent/workshop-skills",
      "workshop home/.openclaw/agents/b/agent/workshop-skills",
      "bundled app/skills",
      "plugin home/.openclaw/plugin-skills",
      "extra y",
      "extra x",
    ]);
  });

  it("follow the environment and the agents' workspaces", async () => {
    await make(
      "s/skills",
      "s/workspace/skills",
      "s/workspace-ops/skills",
      "w/skills",
      "w/ops/skills",
      "own/skills",
    );
    const env = { OPENCLAW_STATE_DIR: join(top, "s") };
    const managed = "managed s/skills";
    expect(await roots("{}", env)).toEqual(["workspace s/workspace/skills", managed]);
    expect(await roots("{agents: {entries: {Ops: {}, two: {workspace: 'TOP/own'}}}}", env)).toEqual(
      [
        "workspace s/workspace/skills",
        "workspace s/workspace-ops/skills",
        "workspace own/skills",
        managed,
      ],
    );
    expect(
      await roots("{agents: {defaults: {workspace: 'TOP/w'}, list: [{id: 'ops'}]}}", env),
    ).toEqual(["workspace w/skills", "workspace w/ops/skills", managed]);
  });

  it("find the bundled skills beside the openclaw command", async () => {
    await make("lib/openclaw/skills", "lib/openclaw/dist", "bin", "own");
    await put("lib/openclaw/package.json", '{"name": "openclaw"}');
    await put("lib/openclaw/dist/cli.mjs", "");
    await symlink("../lib/openclaw/dist/cli.mjs", join(top, "bin/openclaw"));
    const PATH = `/nowhere::relative:${join(top, "bin")}`;
    expect(await roots("{}", { PATH })).toEqual(["bundled lib/openclaw/skills"]);
    const named = { PATH, OPENCLAW_BUNDLED_SKILLS_DIR: join(top, "own") };
    expect(await roots("{}", named)).toEqual(["bundled own"]);
    await make("app/skills");
    expect(await roots("{}", { PATH })).toEqual(["bundled app/skills"]);
  });

  it("are the named ones alone, in order, where there are any", async () => {
    await make("b", "a", "app/skills");
    const dirs = [join(top, "b"), join(top, "a"), join(top, "b/")];
    expect(await roots("{}", {}, dirs)).toEqual(["named b", "named a"]);
  });

  it("that are named must be directories", async () => {
    await put("file");
    await expect(roots("{}", {}, [join(top, "none")])).rejects.toMatchObject({ kind: "config" });
    await expect(roots("{}", {}, [join(top, "file")])).rejects.toThrow(/file is not a directory/);
  });
});
