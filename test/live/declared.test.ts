/** What skills declare, from the machine's own registries: nothing of it is in the catalogue. */
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { $ } from "zx";
import { repository } from "../support/workplace.ts";

let dir: string;
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), "live-declared-"));
});
afterAll(() => rmSync(dir, { recursive: true, force: true }), 60_000);

function skill(name: string, bin: string, spec: object): string {
  const skills = join(dir, name);
  mkdirSync(join(skills, name), { recursive: true });
  const metadata = JSON.stringify({ openclaw: { requires: { bins: [bin] }, install: [spec] } });
  const text = `---\nname: ${name}\ndescription: A skill.\nmetadata: ${metadata}\n---\n`;
  writeFileSync(join(skills, name, "SKILL.md"), text);
  return skills;
}

function install(prefix: string, skills: string, ...args: string[]) {
  const env = {
    ...process.env,
    OPENCLAW_SKILL_PREFIX: prefix,
    OPENCLAW_SKILL_PROFILE_DIR: "",
    OPENCLAW_SKILL_RECIPES: join(repository, "test/fixtures/recipes"), // a Python from the registry
  };
  const run = $({ cwd: repository, quiet: true, nothrow: true, env });
  return run`entrypoint/openclaw-install-skill-deps --skills-dir ${skills} --ignore-system ${args}`;
}

const ask = (prefix: string, name: string, ...args: string[]): string =>
  execFileSync(join(prefix, "bin", name), args, {
    encoding: "utf8",
    env: { PATH: "/usr/bin:/bin", HOME: dir },
  });

describe("declared", { timeout: 240_000 }, () => {
  test("npm: a program with what it needs, pinned at its first use", async () => {
    const prefix = join(dir, "node-volume");
    const skills = skill("npm-skill", "semver", { kind: "node", package: "semver@^7" });
    expect((await install(prefix, skills, "--allow-declared")).stderr).toMatch(
      /no recipe provides it/,
    );
    skill("npm-skill", "semver", { kind: "node", package: "semver" });
    const { exitCode, stderr } = await install(prefix, skills, "--allow-declared");
    expect(stderr).toMatch(/2 installed/);
    expect(exitCode).toBe(0);
    expect(ask(prefix, "semver", "1.2.3", "--range", "^1.0.0")).toBe("1.2.3\n");
    const again = await install(prefix, skills, "--allow-declared");
    expect(again.stderr).toMatch(/nothing to do/);
  });

  test("PyPI: wheels that the volume's own pip has chosen", async () => {
    const prefix = join(dir, "python-volume");
    const skills = skill("uv-skill", "pygmentize", { kind: "uv", package: "pygments" });
    const { exitCode, stderr } = await install(prefix, skills, "--allow-declared");
    expect(stderr).toMatch(/2 installed/);
    expect(exitCode).toBe(0);
    expect(ask(prefix, "pygmentize", "-V")).toMatch(/^Pygments version/);
    const file = join(prefix, "share/openclaw-skill-deps/declared.json");
    expect(readFileSync(file, "utf8")).toMatch(/-py3-none-any\.whl/);
  });
});
