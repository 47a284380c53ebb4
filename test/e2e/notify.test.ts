/** The status skill: when it is written, what it says, and that it changes nothing else. */
import {
  appendFileSync,
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { hasShell, shells } from "../entrypoint/place.ts";
import { archive, program } from "../support/archives.ts";
import { started } from "../support/started.ts";
import { bundle, entrypoint, openWorkplace, type Workplace } from "../support/workplace.ts";

let place: Workplace;
let state: string;
let file: string;
/** OpenClaw's own directories, those of its state among them. */
const roots = { OPENCLAW_SKILL_DIRS: "" };

beforeEach(async () => {
  place = await openWorkplace();
  state = join(place.home, ".openclaw");
  file = join(state, "skills/skill-deps-status/SKILL.md");
  mkdirSync(state);
  writeFileSync(join(state, "openclaw.json"), "{}");
  offer("zog");
  skill("mail", ["zog"]);
});
afterEach(() => place.close());

function offer(name: string, version = "1.0.0"): void {
  const bytes = archive("tar.gz", { [`bin/${name}`]: program(`${name} ${version}`) });
  const source = place.serve(`${name}-${version}.tar.gz`, bytes);
  place.recipe(name, { version, artifacts: { "linux-x64": source, "linux-arm64": source } });
}

/** In the workspace, as OpenClaw's own default is. */
function skill(name: string, bins: string[], dir = join(state, "workspace/skills")): void {
  const metadata = JSON.stringify({ openclaw: { requires: { bins } } });
  mkdirSync(join(dir, name), { recursive: true });
  const text = `---\nname: ${name}\ndescription: The ${name} skill.\nmetadata: ${metadata}\n---\n`;
  writeFileSync(join(dir, name, "SKILL.md"), text);
}

const run = (...args: string[]) => place.runWith(roots, ...args);
const told = (): string => readFileSync(file, "utf8");
const inode = (): string => `${statSync(file).ino} ${statSync(file).ctimeMs}`;

describe("is written", () => {
  test("when programs became available, once", async () => {
    expect((await run()).status).toBe(0);
    expect(told()).toMatch(/^- \*\*mail\*\*: zog 1\.0\.0$/m);
    expect(readdirSync(join(file, ".."))).toEqual(["SKILL.md"]);
    const written = inode();
    for (const words of [[], ["-f"], ["zog"], ["update"], ["doctor", "--repair"], ["gc"]]) {
      await run(...words);
      expect([words, inode()]).toEqual([words, written]);
    }
  });

  test("for a new skill, whose program is there or is not available", async () => {
    await run();
    skill("sheep", ["zog"]);
    skill("farm", ["yak"]);
    const { stderr } = await run();
    expect(stderr).toMatch(/yak.*no recipe provides it/);
    expect(told()).toMatch(/^- \*\*farm\*\*: yak is missing: no recipe provides it/m);
    expect(told()).toMatch(/^- \*\*sheep\*\*: zog 1\.0\.0$/m);
  });

  test("when a program could not be installed, and again when it could", async () => {
    const { stop, resume } = breakable();
    stop();
    expect((await run()).status).toBe(5);
    expect(told()).toMatch(/zog is missing: .*It is tried again\.$/m);
    const written = inode();
    expect((await run()).status).toBe(5);
    expect(inode()).toBe(written);
    resume();
    expect((await run()).status).toBe(0);
    expect(told()).not.toMatch(/is missing/);
  });

  test("by update, rollback, remove and bundle import", async () => {
    await run();
    await run("bundle", "export", join(place.dir, "all.tar.gz"));
    offer("zog", "2.0.0");
    await run("update");
    expect(told()).toMatch(/zog 2\.0\.0$/m);
    await run("rollback");
    expect(told()).toMatch(/zog 1\.0\.0$/m);
    await run("remove", "zog");
    expect(told()).toMatch(/zog is missing: it is not installed\./);
    expect((await run("bundle", "import", join(place.dir, "all.tar.gz"))).status).toBe(0);
    expect(told()).toMatch(/zog 1\.0\.0$/m);
  });

  test("by repair, and by gc", async () => {
    await run();
    await run("remove", "zog");
    await run("doctor", "--repair");
    expect(told()).toMatch(/zog 1\.0\.0$/m);
    // Of a skill that is gone, the last run's record alone keeps the tool.
    rmSync(join(state, "workspace/skills/mail"), { recursive: true });
    skill("notes", []);
    await run();
    await run("gc");
    expect(told()).toMatch(/require: 0 of 0\./);
  });

  test("by a run that only NAMEs something else, with all skills in view", async () => {
    offer("yak");
    skill("farm", ["yak"]);
    await run("yak");
    expect(told()).toMatch(/^- \*\*mail\*\*: zog is missing/m);
    expect(told()).toMatch(/^- \*\*farm\*\*: yak 1\.0\.0$/m);
  });

  test("with the directory where agents may ask, if there is one", async () => {
    mkdirSync(join(place.dir, "requests"));
    await run("--requests", join(place.dir, "requests"));
    expect(told()).toContain(`The directory is ${place.dir}/requests for the operator`);
  });

  test("once by several runs at once, and what killed runs have left goes", async () => {
    mkdirSync(join(file, ".."), { recursive: true });
    const left = join(file, "../.0123456789ab.tmp");
    writeFileSync(left, "cut sho");
    utimesSync(left, 1, 1);
    const statuses = await Promise.all([1, 2, 3, 4].map(async () => (await run()).status));
    expect(statuses).toEqual([0, 0, 0, 0]);
    expect(told()).toMatch(/^- \*\*mail\*\*: zog 1\.0\.0$/m);
    expect(readdirSync(join(file, ".."))).toEqual(["SKILL.md"]);
  });

  test("again where it was deleted or cut short", async () => {
    await run();
    const text = told();
    rmSync(join(file, ".."), { recursive: true });
    await run();
    expect(told()).toBe(text);
    writeFileSync(file, text.slice(0, -10));
    await run();
    expect(told()).toBe(text);
  });
});

/** A recipe of zog whose download fails at first. */
function breakable() {
  const bytes = archive("tar.gz", { "bin/zog": program("zog 1.0.0") });
  const serve = (options: object) => {
    const source = place.serve("zog-1.0.0.tar.gz", bytes, options);
    place.recipe("zog", { artifacts: { "linux-x64": source, "linux-arm64": source } });
  };
  return { stop: () => serve({ fault: "status", status: 403 }), resume: () => serve({}) };
}

describe("is not written", () => {
  test.each([
    ["with --no-notify", {}, ["--no-notify"]],
    ["with its variable", { OPENCLAW_SKILL_NO_NOTIFY: "1" }, []],
    ["by --dry-run", {}, ["--dry-run"]],
    ["for another platform", {}, ["--platform", "linux-x64-musl"]],
  ])("%s", async (_, env, words) => {
    const { status, stderr } = await place.runWith({ ...roots, ...env }, ...words);
    expect([status, stderr]).toEqual([0, expect.not.stringContaining("E_STATUS_SKILL")]);
    expect(existsSync(join(state, "skills"))).toBe(false);
  });

  test("where there is no state directory, nor into a sandbox's workspace", async () => {
    rmSync(join(state, "openclaw.json"));
    mkdirSync(join(state, "sandbox-skills"));
    expect((await run()).status).toBe(0);
    expect(existsSync(join(state, "skills"))).toBe(false);
    await place.run("remove", "zog");
    const elsewhere = join(place.dir, "elsewhere");
    place.skill("mail", { bins: ["zog"] });
    expect((await place.runWith({ OPENCLAW_STATE_DIR: elsewhere })).stderr).toMatch(/1 installed/);
    expect(existsSync(elsewhere)).toBe(false);
  });

  test("where all programs were always there", async () => {
    skill("mail", ["sh"]);
    expect((await run()).status).toBe(0);
    expect(existsSync(file)).toBe(false);
  });
});

describe("something else in its place stays, with one warning", () => {
  const warned = async () => {
    const { status, stderr } = await run();
    expect([status, stderr.match(/\[E_STATUS_SKILL\]/g)]).toEqual([0, ["[E_STATUS_SKILL]"]]);
    expect(stderr).toMatch(/1 installed|2 installed/);
  };

  test("a person's own skill of that name, which counts", async () => {
    offer("yak");
    skill("skill-deps-status", ["yak"], join(state, "skills"));
    const text = told();
    await warned();
    expect(told()).toBe(text);
    expect(Object.keys(place.manifest().tools).sort()).toEqual(["yak", "zog"]);
  });

  test("one that was made of ours by a person", async () => {
    offer("yak");
    await run("zog");
    const requires = 'metadata: {"openclaw":{"requires":{"bins":["yak"]}}}\n---\n\n#';
    const changed = told().replace("---\n\n#", requires);
    writeFileSync(file, changed);
    await warned();
    expect([told(), place.manifest().tools.yak?.version]).toEqual([changed, "1.0.0"]);
  });

  test("files in its directory, a file, links", async () => {
    const dir = join(file, "..");
    const elsewhere = join(place.dir, "elsewhere");
    mkdirSync(elsewhere);
    writeFileSync(join(elsewhere, "SKILL.md"), "somebody's");
    mkdirSync(join(state, "skills"));
    for (const put of [
      () => writeFileSync(dir, "a file"),
      () => symlinkSync(elsewhere, dir),
      () => symlinkSync(join(place.dir, "nowhere"), dir),
      () => mkdirSync(dir) ?? symlinkSync(join(elsewhere, "SKILL.md"), file),
      () => mkdirSync(dir) ?? mkdirSync(file),
      () => mkdirSync(dir) ?? writeFileSync(join(dir, "notes.txt"), ""),
    ]) {
      put();
      const before = readdirSync(state, { recursive: true }).sort();
      await warned();
      expect(readdirSync(state, { recursive: true }).sort()).toEqual(before);
      expect(readFileSync(join(elsewhere, "SKILL.md"), "utf8")).toBe("somebody's");
      rmSync(dir, { recursive: true });
      await run("remove", "zog", "--no-notify");
    }
    expect(existsSync(join(place.dir, "nowhere"))).toBe(false);
  });

  test.skipIf(process.getuid?.() !== 0)("a state directory that is read-only here", async () => {
    const script = 'mount --bind "$0" "$0" && mount -o remount,bind,ro "$0" && exec "$@"';
    const readOnly = async (...words: string[]) => {
      const mounted = ["unshare", "--mount", "sh", "-c", script, state] as const;
      return await started([...mounted, process.execPath, bundle, ...words], {
        env: { ...place.env, ...roots },
        cwd: place.home,
      });
    };
    // A gateway that has never run has no sessions.
    const first = await readOnly();
    expect([first.status, first.stderr]).toEqual([0, expect.not.stringContaining("warning")]);
    mkdirSync(join(state, "agents"));
    const { status, stderr } = await readOnly("-f");
    expect([status, stderr.match(/\[E_STATUS_SKILL\]/g)]).toEqual([0, ["[E_STATUS_SKILL]"]]);
    expect(stderr).toMatch(/running sessions of OpenClaw do not notice.*read-only here/);
    expect(existsSync(file)).toBe(false);
  });
});

describe("it is no skill for us", () => {
  test("requirements does not list it, wherever OpenClaw has copied it to", async () => {
    await run();
    mkdirSync(join(place.skills, "skill-deps-status"), { recursive: true });
    writeFileSync(join(place.skills, "skill-deps-status/SKILL.md"), told());
    place.skill("mail", { bins: ["zog"] });
    for (const env of [roots, {}]) {
      const { stdout } = await place.runWith(env, "requirements", "--json");
      expect(JSON.parse(stdout).skills.map(({ name }: { name: string }) => name)).toEqual(["mail"]);
    }
  });
});

const entry = (): string => join(state, "skill-deps.json");
const entryWithKey = (): string => {
  const [, key] = /availability ([0-9a-f]{16})/.exec(told()) ?? [];
  return `{"config":{"programs":"${key}"}}\n`;
};
function include(text: string): void {
  const entries = { "skill-deps-status": { $include: "./skill-deps.json" } };
  writeFileSync(join(state, "openclaw.json"), JSON.stringify({ skills: { entries } }));
  writeFileSync(entry(), text);
}

describe("the entry of openclaw.json", () => {
  test("is not made, and one of another kind stays", async () => {
    await run();
    expect(existsSync(entry())).toBe(false);
    for (const [i, text] of ['{ "enabled": false }', '{"config":{"other":1}}', "x"].entries()) {
      include(text);
      skill(`sheep-${i}`, ["zog"]);
      expect((await run()).status).toBe(0);
      expect(readFileSync(entry(), "utf8")).toBe(text);
    }
    rmSync(entry());
    writeFileSync(join(state, "target.json"), "{}");
    symlinkSync("target.json", entry());
    skill("goat", ["zog"]);
    await run();
    expect(told()).toContain("**goat**");
    expect(readFileSync(entry(), "utf8")).toBe("{}");
    if (process.getuid?.() !== 0) return;
    rmSync(entry());
    include("{}");
    chownSync(entry(), 1000, 1000);
    skill("gnu", ["zog"]);
    await run();
    expect(readFileSync(entry(), "utf8")).toBe("{}");
  });
});

for (const [name, command = "", ...flags] of shells) {
  describe.skipIf(!hasShell([name, command]))(`the sh script, ${name}`, () => {
    const look = async (...words: string[]) => {
      const env = { ...place.env, ...roots, OPENCLAW_SKILL_DEPS_NODE: process.execPath };
      const ran = await started([command, ...flags, entrypoint, ...words], {
        env,
        cwd: place.home,
      });
      return { ...ran, alone: /nothing to do; programs present: \d/.test(ran.stderr) };
    };
    /** Times of skills are new, so that only contents tell. */
    const touch = () => {
      for (const path of ["workspace/skills", "workspace/skills/mail/SKILL.md"])
        utimesSync(join(state, path), 1, 1);
    };

    test("answers alone after the run that wrote it, also where that made the directory", async () => {
      expect(existsSync(join(state, "skills"))).toBe(false);
      expect((await look()).stderr).toMatch(/1 installed/);
      expect(existsSync(file)).toBe(true);
      expect(await look()).toMatchObject({ alone: true, status: 0 });
      skill("sheep", ["zog"]);
      expect((await look()).alone).toBe(false);
      expect(await look()).toMatchObject({ alone: true, status: 0 });
      touch();
      expect(await look()).toMatchObject({ alone: true, status: 0 });
    });

    test("answers alone after it has written the entry that openclaw.json includes", async () => {
      include("{}");
      chmodSync(entry(), 0o604);
      await look();
      expect(readFileSync(entry(), "utf8")).toBe(entryWithKey());
      expect(statSync(entry()).mode & 0o777).toBe(0o604);
      expect(await look()).toMatchObject({ alone: true, status: 0 });
      skill("sheep", ["zog"]);
      await look();
      expect(readFileSync(entry(), "utf8")).toBe(entryWithKey());
      expect(await look()).toMatchObject({ alone: true, status: 0 });
    });

    test("answers alone when another run has written it again, or somebody deleted it", async () => {
      await look();
      appendFileSync(file, "another provisioner was here\n");
      expect((await look()).alone).toBe(true);
      touch();
      expect((await look()).alone).toBe(true);
      rmSync(join(file, ".."), { recursive: true });
      touch();
      expect((await look()).alone).toBe(true);
    });

    test("asks Node where a skill has changed as well, in whatever order they are listed", async () => {
      const late = join(state, "agents/main/agent/workshop-skills");
      skill("late", ["zog"], late);
      await look();
      for (const [name, dir] of [["late", late] as const, ["mail"] as const]) {
        appendFileSync(file, "another provisioner was here\n");
        skill(name, ["zog", "sh"], dir);
        expect([name, (await look()).alone]).toEqual([name, false]);
      }
    });

    test("asks Node for a person's skill in its place", async () => {
      await look();
      rmSync(file);
      skill("skill-deps-status", ["sh"], join(state, "skills"));
      touch();
      expect((await look()).alone).toBe(false);
      skill("skill-deps-status", ["no-such"], join(state, "skills"));
      const { stderr } = await look();
      expect(stderr).toMatch(/no-such/);
    });

    test("a sandbox that has a copy of it verifies without Node", async () => {
      await look();
      const home = join(place.dir, "sandbox");
      for (const copied of ["mail", "skill-deps-status"])
        mkdirSync(join(home, ".agents/skills", copied), { recursive: true });
      const from = join(state, "workspace/skills/mail/SKILL.md");
      writeFileSync(join(home, ".agents/skills/mail/SKILL.md"), readFileSync(from));
      const copy = join(home, ".agents/skills/skill-deps-status/SKILL.md");
      writeFileSync(copy, readFileSync(file));
      utimesSync(copy, 1, 1);
      const { OPENCLAW_SKILL_RECIPES: _, ...env } = place.env;
      const sandbox = { ...env, ...roots, HOME: home, OPENCLAW_SKILL_DEPS_NODE: "none" };
      const { status, stderr } = await started([command, ...flags, entrypoint], {
        env: sandbox,
        cwd: home,
      });
      expect([status, stderr]).toEqual([0, expect.stringMatching(/^[^\n]*nothing to do; .*\n$/)]);
    });
  });
}
