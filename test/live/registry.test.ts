/** Against the machine's own npm registry: what the README promises, and every recipe that npm serves. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { $ } from "zx";
import type { Recipe } from "../../src/core/recipe.ts";
import { loadCatalogue } from "../../src/io/inputs/catalogue.ts";
import { withoutCommand } from "../support/own-command.ts";
import { repository } from "../support/workplace.ts";

const { catalogue } = await loadCatalogue({ dirs: [join(repository, "recipes")] });
const minutes = (count: number): number => count * 60_000;

let dir: string;
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), "live-"));
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

function shell(prefix: string) {
  return $({
    cwd: repository,
    quiet: true,
    nothrow: true,
    env: { ...process.env, OPENCLAW_SKILL_PREFIX: prefix, OPENCLAW_SKILL_PROFILE_DIR: "" },
  });
}

describe("npm start", () => {
  test("installs what the sample skills need; the second run has nothing to do", async () => {
    const prefix = join(dir, "start");
    const first = await shell(prefix)`npm start`;
    expect(first.stderr).toMatch(/4 installed; 4 in /);
    expect(first.exitCode).toBe(0);
    const second = await shell(prefix)`npm start`;
    expect(second.stderr).toMatch(/nothing to do; programs present: 5/); // said without Node
    expect(second.exitCode).toBe(0);
    writeFileSync(join(dir, ".profile"), `export PATH="${prefix}/bin:$PATH"\n`);
    const login = $({ quiet: true, env: { PATH: "/usr/bin:/bin", HOME: dir } });
    const ask = async (command: string) => (await login`sh -lc ${command}`).stdout;
    expect(await ask("rg --version")).toMatch(/^ripgrep 15\.0\.0/);
    expect(await ask("ast-grep --version")).toMatch(/^ast-grep 0\.51\.1/);
    expect(await ask("clawhub --cli-version")).toMatch(/0\.23\.3/);
    expect(await ask("node --version")).toMatch(/^v24\./);
  });
});

/** With LIVE_SAMPLE, some of each kind: all of them are gigabytes. */
const sample = ["ast-grep", "clawhub", "node", "ntn", "pnpm", "rg", "stripe", "tsx", "yutu"];
const isWanted = ({ name }: Recipe): boolean =>
  process.env.LIVE_SAMPLE === undefined || sample.includes(name);

describe("recipes that npm serves", () => {
  const served = [...catalogue.recipes.values()].filter(isWanted).filter(({ artifacts }) => {
    const [first] = artifacts["linux-x64-glibc"] ?? artifacts["linux-x64"] ?? artifacts.any ?? [];
    return first?.kind === "npm-package" || first?.kind === "npm-closure";
  });

  test("are installed, verified and run", { timeout: minutes(15) }, async () => {
    const prefix = join(dir, "npm");
    const names = served.map(({ name }) => name);
    const { exitCode, stderr } = await shell(
      prefix,
    )`entrypoint/openclaw-install-skill-deps --ignore-system ${names}`;
    expect(stderr).toMatch(`${names.length} installed`);
    expect(exitCode).toBe(0);
    const manifest = JSON.parse(readFileSync(join(prefix, "manifest.json"), "utf8"));
    expect(Object.keys(withoutCommand(manifest.tools)).sort()).toEqual(names.sort());
    // Not in this repository: summarize takes the package.json that it finds there for its own.
    const run = $({ cwd: dir, quiet: true, env: { PATH: "/usr/bin:/bin", HOME: dir } });
    for (const { version, test: smoke, testFiles = {}, testOutput = version } of served) {
      for (const [path, text] of Object.entries(testFiles)) {
        mkdirSync(dirname(join(dir, path)), { recursive: true });
        writeFileSync(join(dir, path), text);
      }
      const [name = "", ...args] = smoke;
      const { stdout, stderr } = await run`${join(prefix, "bin", name)} ${args}`;
      expect(stdout + stderr).toContain(testOutput);
    }
  });

  test("are provisioned for arm64 from here", { timeout: minutes(15) }, async () => {
    const prefix = join(dir, "arm64");
    const both = served.filter(({ artifacts }) =>
      Object.keys(artifacts).some((key) => key === "any" || key.includes("arm64")),
    );
    const names = both.map(({ name }) => name);
    const { exitCode } = await shell(
      prefix,
    )`entrypoint/openclaw-install-skill-deps --ignore-system --platform linux-arm64 ${names}`;
    expect(exitCode).toBe(0);
    const native = both.filter(({ artifacts }) => artifacts.any === undefined);
    expect(native.length).toBeGreaterThan(4);
    for (const bin of native.flatMap(({ bins }) => Object.keys(bins))) {
      const header = readFileSync(join(prefix, "bin", bin)).subarray(0, 20);
      expect(header.toString("latin1", 1, 4)).toBe("ELF");
      expect(header.readUInt16LE(18)).toBe(183); // EM_AARCH64
    }
  });
});
